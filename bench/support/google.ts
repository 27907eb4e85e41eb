// A fake Google in a process of its own, so that what it costs is not the engine's. Prints its port.
import { make } from "@tributary/destination-adwords/sandbox"
import { serve } from "@tributary/core/testing"
import { Effect } from "effect"

await Effect.runPromise(
  Effect.scoped(
    Effect.gen(function* () {
      const { baseUrl } = yield* serve(make({ quota: "unlimited" }))
      console.log(new URL(baseUrl).port)
      return yield* Effect.never
    })
  )
)
