import { assert, describe, it } from "@effect/vitest"
import { RateLimit } from "@tributary/core"
import { Activation } from "@tributary/core/runtime"
import { Effect } from "effect"
import { everyStore } from "../support/stores.ts"
import { makeEcho } from "../support/echo.ts"
import { audience, inNewYear, inWorld, whileTimePasses } from "../support/world.ts"

const everybody = audience("Everybody")

for (const store of everyStore) {
  describe(`on ${store.name}`, () => {
    it.effect("R40 requests that wait while another process takes over never leave", () =>
      inNewYear(store, { batch: 1, limits: [RateLimit.requests(1, "1 second")] })((world) =>
        Effect.gen(function* () {
          const ids = Array.from({ length: 20 }, (_, i) => `u${i}`)
          yield* world.customers(ids.map((id) => ({ id })))
          yield* world.members("Everybody", ids)
          world.vendor.answerWith(() => ({ status: 429, headers: { "retry-after": "60" } }))
          const overtake = Effect.gen(function* () {
            while (world.vendor.state.requests.length === 0) yield* Effect.sleep("1 second")
            yield* Effect.sleep("20 seconds")
            yield* world.sql`update tributary.destination set epoch = epoch + 1`
            world.vendor.answerWith(() => undefined)
          })
          const sync = Effect.result(world.sync([Activation.events(everybody, world.destination)]))
          const [result] = yield* whileTimePasses(Effect.all([sync, overtake], { concurrency: 2 }), "1 second")
          assert.strictEqual(result._tag, "Failure")
          assert.deepStrictEqual(world.sent(), [])
          assert.strictEqual(world.vendor.state.requests.length, 1)
        })
      )
    )

    it.live("R40 more destinations than the store has connections are owned and told", () =>
      inWorld(store)((world) =>
        Effect.gen(function* () {
          yield* world.customers([{ id: "u1" }])
          yield* world.members("Everybody", ["u1"])
          const echo = makeEcho()
          const activations = Array.from({ length: 20 }, (_, i) =>
            Activation.events(everybody, echo.destination(`echo${i}`, { baseUrl: world.baseUrl }))
          )
          yield* world.sync(activations)
          assert.strictEqual(world.sent().length, 20)
        })
      )
    )
  })
}
