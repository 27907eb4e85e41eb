import { Activation } from "@tributary/core"
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { describeStores } from "../support/stores.ts"
import { audience, inWorld, trait } from "../support/world.ts"

describeStores("calls", (store) => {
  it.effect("R4 a user trait is told by identify", () =>
    inWorld(store)((world) =>
      Effect.gen(function* () {
        yield* world.customers([{ id: "u123" }])
        yield* world.values("Total revenue 180 days", { u123: 450.0 })
        const report = yield* world.sync([Activation.events(trait("Total revenue 180 days"), world.destination)])
        assert.deepStrictEqual(report.failures, [])
        const [message] = world.told()
        assert.strictEqual(message?.["type"], "identify")
        assert.strictEqual(message?.["userId"], "u123")
        assert.deepStrictEqual(message?.["traits"], { total_revenue_180_days: 450 })
      })
    )
  )
  it.effect("R7 audience", () =>
    inWorld(store)((world) =>
      Effect.gen(function* () {
        yield* world.customers([{ id: "u1" }, { id: "u2" }])
        yield* world.members("First time shopper", ["u1", "u2"])
        const activations = [Activation.events(audience("First time shopper"), world.destination)]
        yield* world.sync(activations)
        assert.deepStrictEqual(
          world.told().map((m) => [m["userId"], m["traits"]]),
          [
            ["u1", { first_time_shopper: true }],
            ["u2", { first_time_shopper: true }]
          ]
        )
        yield* world.members("First time shopper", ["u2"])
        yield* world.sync(activations)
        assert.deepStrictEqual(
          world.told().map((m) => [m["userId"], m["traits"]]),
          [["u1", { first_time_shopper: false }]]
        )
        yield* world.sync(activations)
        assert.deepStrictEqual(world.told(), [])
      })
    )
  )
})
