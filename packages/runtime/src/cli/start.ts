/**
 * `tributary start`.
 *
 * @since 0.1.0
 */
import { Wording } from "@tributary/core/runtime"
import { Duration, Effect, Logger } from "effect"
import { open } from "../engine/Space.ts"
import { type Event, start as run } from "../engine/Start.ts"
import { exitCode, type Run } from "./Exit.ts"
import { gracefully } from "./Graceful.ts"
import { type SessionFlags, withSession } from "./Session.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface StartFlags extends SessionFlags {
  readonly json: boolean
}

/**
 * @category commands
 * @since 0.1.0
 */
export const start = (flags: StartFlags): Run =>
  withSession(flags, ({ folder, resolved }) =>
    Effect.scoped(
      Effect.gen(function* () {
        const space = yield* open(resolved)
        const { activations, computations, destinations } = resolved
        yield* Effect.logInfo(
          `Started: ${Wording.plural(computations.length, "computation")}, ${Wording.plural(activations.length, "activation")}, ${Wording.plural(destinations.length, "destination")}.`
        )
        yield* gracefully((stop) =>
          Effect.andThen(
            run(space, { folder, stop, patience: 5, waitForPostponed: Duration.zero, onEvent: log }),
            Effect.logInfo("Stopped.")
          )
        )
        return exitCode.done
      })
    )
  ).pipe(Effect.provide(Logger.layer([flags.json ? Logger.consoleJson : Logger.consoleLogFmt])))

const log = (event: Event): Effect.Effect<void> => {
  switch (event._tag) {
    case "Refreshed":
      return Effect.logInfo(`Refreshed ${event.what}: ${event.detail}`)
    case "RefreshFailed":
    case "StoreFailed":
      return Effect.logError(event.error.message)
    case "Synced": {
      const { activation, counts, ending } = event.synced
      const sent = Object.entries(counts).flatMap(([label, count]) => (count === 0 ? [] : [`${count} ${label}`]))
      const detail = sent.length === 0 ? "nothing to send" : sent.join(", ")
      return ending._tag === "Synced"
        ? Effect.logInfo(`Synced ${activation}: ${detail}`)
        : Effect.logWarning(`Synced ${activation}: ${detail}. ${ending._tag}: ${ending.reason}`)
    }
  }
}
