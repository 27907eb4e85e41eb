import { Activation } from "@tributary/core/runtime"
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import { describeStores } from "../support/stores.ts"
import { audience, inWorld, trait } from "../support/world.ts"

const shoppers = "First time shopper"

describeStores("R24 required properties", (store) => {
  it.effect("R24 a property is filled from its trait, else from the declared fallback", () =>
    inWorld(store, { requiresName: true })((world) =>
      Effect.gen(function* () {
        yield* world.customers([
          { id: "u1", name: "Ada", first_name: "Augusta" },
          { id: "u2", first_name: "Grace", last_name: "Hopper" }
        ])
        yield* world.members(shoppers, ["u1", "u2"])
        yield* world.sync([Activation.events(audience(shoppers), world.destination)])
        assert.deepStrictEqual(
          world.sent().map((m) => [m["userId"], m["required"]]),
          [
            ["u1", { name: "Ada" }],
            ["u2", { name: "Grace Hopper" }]
          ]
        )
      })
    )
  )

  it.effect(
    "R24 what cannot be filled is a rejection that names the property; nothing is sent, and neighbours are",
    () =>
      inWorld(store, { requiresName: true })((world) =>
        Effect.gen(function* () {
          yield* TestClock.adjust("90 seconds")
          yield* world.customers([
            { id: "u1", city: "Bonn" },
            { id: "u2", name: "Grace" }
          ])
          yield* world.members(shoppers, ["u1", "u2"])
          const [synced] = (yield* world.sync([Activation.events(audience(shoppers), world.destination)])).synced
          assert.deepStrictEqual(
            world.sent().map((m) => m["userId"]),
            ["u2"]
          )
          assert.deepInclude(synced?.counts, { identify: 1, rejected: 1 })
          const [rejection, ...others] = yield* world.rejections
          assert.deepStrictEqual(others, [])
          assert.deepInclude(rejection, { identifier: "user_id:u1", kind: "identify", payload: null })
          assert.match(rejection?.reason ?? "", /Missing property "name" \(filled from trait name, else first_name/)
          assert.strictEqual(rejection?.at.getTime(), 90_000)
        })
      )
  )

  it.effect("R24 it heals by itself when the profile gets the property, and says so no longer", () =>
    inWorld(store, { requiresName: true })((world) =>
      Effect.gen(function* () {
        const activations = [Activation.events(audience(shoppers), world.destination, { calls: ["identify", "track"] })]
        yield* world.customers([{ id: "u1" }, { id: "u2", name: "Grace" }])
        yield* world.members(shoppers, ["u1", "u2"])
        yield* world.sync(activations)
        world.sent()
        yield* world.customers([
          { id: "u1", city: "Bonn" },
          { id: "u2", name: "Grace" }
        ])
        const [unhealed] = (yield* world.sync(activations)).synced
        assert.deepStrictEqual(world.sent(), [], "another trait does not help")
        assert.strictEqual(unhealed?.counts.rejected, 0, "and it is not rejected anew")
        yield* world.customers([
          { id: "u1", last_name: "Lovelace" },
          { id: "u2", name: "Grace" }
        ])
        yield* world.sync(activations)
        assert.deepStrictEqual(
          world.sent().map((m) => [m["userId"], m["type"], m["required"]]),
          [
            ["u1", "identify", { name: "Lovelace" }],
            ["u1", "track", { name: "Lovelace" }]
          ]
        )
        assert.deepStrictEqual(yield* world.rejections, [])
        yield* world.sync(activations)
        assert.deepStrictEqual(world.sent(), [])
      })
    )
  )

  it.effect("R24 a list takes a member once it has the property", () =>
    inWorld(store, { requiresName: true })((world) =>
      Effect.gen(function* () {
        const activations = [Activation.list(audience(shoppers), world.destination)]
        yield* world.customers([{ id: "u1" }, { id: "u2", name: "Grace" }])
        yield* world.members(shoppers, ["u1", "u2"])
        yield* world.sync(activations)
        const members = () => [...(world.vendor.state.lists.get("list1")?.members ?? [])]
        assert.deepStrictEqual(members(), ["user_id:u2"])
        assert.match((yield* world.rejections)[0]?.reason ?? "", /Missing property "name"/)
        yield* TestClock.adjust("1 hour")
        yield* world.customers([
          { id: "u1", name: "Ada" },
          { id: "u2", name: "Grace" }
        ])
        yield* world.sync(activations)
        assert.deepStrictEqual(members(), ["user_id:u2", "user_id:u1"])
        assert.deepStrictEqual(yield* world.rejections, [])
      })
    )
  )
})

describeStores("R25 mapped traits", (store) => {
  it.effect("R25 extra traits travel under the names that the operator chose, in identify and in track", () =>
    inWorld(store)((world) =>
      Effect.gen(function* () {
        yield* world.customers([{ id: "u1", city: "Bonn", first_name: "Ada" }, { id: "u2" }])
        yield* world.members(shoppers, ["u1", "u2"])
        const activation = Activation.events(audience(shoppers), world.destination, {
          calls: ["identify", "track"],
          traits: { town: "city", "First Name": "first_name" }
        })
        yield* world.sync([activation])
        const [identify, track, ...bare] = world.sent()
        assert.deepStrictEqual(identify?.["traits"], { town: "Bonn", "First Name": "Ada", first_time_shopper: true })
        assert.deepStrictEqual(track?.["properties"], {
          town: "Bonn",
          "First Name": "Ada",
          audience_key: "first_time_shopper",
          first_time_shopper: true
        })
        assert.deepStrictEqual(bare[0]?.["traits"], { first_time_shopper: true })
      })
    )
  )

  it.effect("R25 a mapped trait never hides the computation's own value", () =>
    inWorld(store)((world) =>
      Effect.gen(function* () {
        yield* world.customers([{ id: "u1", city: "Bonn" }])
        yield* world.values("Revenue", { u1: 450 })
        const traits = { revenue: "city", trait_key: "city" }
        yield* world.sync([
          Activation.events(trait("Revenue"), world.destination, { calls: ["identify", "track"], traits })
        ])
        const [identify, track] = world.sent()
        assert.strictEqual(identify?.["traits"]["revenue"], 450)
        assert.deepStrictEqual(track?.["properties"], { trait_key: "revenue", revenue: 450 })
      })
    )
  )

  it.effect("R25 a mapped trait that changes is no news of its own, and travels with the next", () =>
    inWorld(store)((world) =>
      Effect.gen(function* () {
        const activations = [Activation.events(trait("Revenue"), world.destination, { traits: { town: "city" } })]
        yield* world.customers([{ id: "u1", city: "Bonn" }])
        yield* world.values("Revenue", { u1: 450 })
        yield* world.sync(activations)
        world.sent()
        yield* world.customers([{ id: "u1", city: "Köln" }])
        yield* world.sync(activations)
        assert.deepStrictEqual(world.sent(), [])
        yield* world.values("Revenue", { u1: 451 })
        yield* world.sync(activations)
        assert.deepStrictEqual(world.sent()[0]?.["traits"], { town: "Köln", revenue: 451 })
      })
    )
  )
})
