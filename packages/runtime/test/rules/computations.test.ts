import { Activation } from "@tributary/core/runtime"
import { assert, it } from "@effect/vitest"
import { Effect, Result } from "effect"
import type { SourcedActivation } from "../../src/config/defineConfig.ts"
import { resolve } from "../../src/config/Resolved.ts"
import { describeStores } from "../support/stores.ts"
import { accounts, audience, inWorld, trait, users, type World } from "../support/world.ts"

/** What the vendor was told, without the envelope. */
const sent = (world: World) =>
  world.sent().map(({ groupId, traits, type, userId }) => [type, userId ?? groupId, traits] as const)

/** What is wrong with a configuration that is refused before the store is asked. */
const mistakes = (world: World, ...activations: ReadonlyArray<SourcedActivation>) =>
  Result.match(resolve(world.config(...activations)), { onSuccess: () => "nothing", onFailure: (bad) => bad.message })

/** What is wrong with a configuration that the store refuses. */
const refusal = (world: World, ...activations: ReadonlyArray<SourcedActivation>) =>
  Effect.map(Effect.flip(world.sync(activations)), (error) => error.message)

describeStores("computations", (store) => {
  it.effect("R1 a computation is a trait or an audience, over users or over accounts", () =>
    inWorld(store)((world) =>
      Effect.gen(function* () {
        yield* world.companies([{ id: "acme-inc" }])
        yield* world.customers([{ id: "u1" }])
        yield* world.values("Orders", { u1: 3 })
        yield* world.members("Buyers", ["u1"])
        yield* world.values("Seats", { "acme-inc": 12 })
        yield* world.members("Big accounts", ["acme-inc"])
        const report = yield* world.sync([
          Activation.events(trait("Orders"), world.destination),
          Activation.events(audience("Buyers"), world.destination),
          Activation.events(trait("Seats", accounts), world.destination),
          Activation.events(audience("Big accounts", accounts), world.destination)
        ])
        assert.deepStrictEqual(report.failures, [])
        assert.sameDeepMembers(sent(world), [
          ["identify", "u1", { orders: 3 }],
          ["identify", "u1", { buyers: true }],
          ["group", "acme-inc", { seats: 12 }],
          ["group", "acme-inc", { big_accounts: true }]
        ])
      })
    )
  )

  it.effect("R1 a trait's value is any JSON value", () =>
    inWorld(store)((world) =>
      Effect.gen(function* () {
        const values = { u1: "shoes", u2: 0, u3: false, u4: ["a", 1, null], u5: { nested: { deep: [true] } }, u6: "" }
        yield* world.customers(Object.keys(values).map((id) => ({ id })))
        yield* world.values("Favourite", values)
        yield* world.sync([Activation.events(trait("Favourite"), world.destination)])
        assert.sameDeepMembers(
          sent(world),
          Object.entries(values).map(([id, favourite]) => ["identify", id, { favourite }] as const)
        )
      })
    )
  )

  it.effect("R2 the key is the snake_case of the name", () =>
    inWorld(store)((world) =>
      Effect.gen(function* () {
        const names = [
          "First time shopper",
          "Dormant Shoppers",
          "Order completed last 30days",
          "Order Completed Last 30 Days"
        ]
        yield* world.customers([{ id: "u1" }])
        for (const name of names) yield* world.members(name, ["u1"])
        yield* world.sync(names.map((name) => Activation.events(audience(name), world.destination)))
        assert.sameDeepMembers(sent(world), [
          ["identify", "u1", { first_time_shopper: true }],
          ["identify", "u1", { dormant_shoppers: true }],
          ["identify", "u1", { order_completed_last_30days: true }],
          ["identify", "u1", { order_completed_last_30_days: true }]
        ])
      })
    )
  )

  it.effect("R2 an explicit key wins over the name", () =>
    inWorld(store)((world) =>
      Effect.gen(function* () {
        yield* world.customers([{ id: "u1" }])
        yield* world.members("First time shopper", ["u1"])
        yield* world.sync([
          Activation.events(audience("First time shopper", users, { key: "newbie_2" }), world.destination)
        ])
        assert.deepStrictEqual(sent(world), [["identify", "u1", { newbie_2: true }]])
      })
    )
  )

  it.effect("R2 what is no key is refused, and the message says what to write", () =>
    inWorld(store)((world) =>
      Effect.sync(() => {
        const of = (name: string, key?: string) =>
          mistakes(
            world,
            Activation.events(audience(name, users, key === undefined ? {} : { key }), world.destination, { id: "a" })
          )
        const isNoKey =
          'which is not a key: a letter, then letters, digits and underscores, 255 at most. Set "key" to one that is.'
        assert.strictEqual(
          of("2nd purchase"),
          `The configuration has a mistake:\n  - computation "2nd_purchase": "2nd purchase" gives the key "2nd_purchase", ${isNoKey}`
        )
        for (const key of ["Shopper", "first-time", "_hidden", "", "a".repeat(256), "naïve"]) {
          assert.include(of("First time shopper", key), isNoKey, key)
        }
        for (const key of ["a", "a_", "a9", "a".repeat(255)]) {
          assert.strictEqual(of("First time shopper", key), "nothing", key)
        }
      })
    )
  )

  it.effect("R2 a key is unique in its collection", () =>
    inWorld(store)((world) =>
      Effect.gen(function* () {
        assert.strictEqual(
          mistakes(
            world,
            Activation.events(audience("Big spender"), world.destination, { id: "one" }),
            Activation.events(trait("Big Spender"), world.destination, { id: "two" })
          ),
          `The configuration has a mistake:\n  - computation "big_spender": there are two computations of this key over users; set "key" on one`
        )
        yield* world.companies([{ id: "acme-inc" }])
        yield* world.customers([{ id: "u1" }])
        yield* world.members("Big spender", ["u1", "acme-inc"])
        yield* world.sync([
          Activation.events(audience("Big spender"), world.destination, { id: "users" }),
          Activation.events(audience("Big spender", accounts), world.destination, { id: "accounts" })
        ])
        assert.sameDeepMembers(sent(world), [
          ["identify", "u1", { big_spender: true }],
          ["group", "acme-inc", { big_spender: true }]
        ])
      })
    )
  )

  it.effect("R2 a renamed computation with its key set keeps it, and nothing is told again", () =>
    inWorld(store)((world) =>
      Effect.gen(function* () {
        yield* world.customers([{ id: "u1" }])
        yield* world.members("First time shopper", ["u1"])
        yield* world.members("Newcomer", ["u1"])
        yield* world.sync([Activation.events(audience("First time shopper"), world.destination)])
        world.sent()
        const renamed = [
          Activation.events(audience("Newcomer", users, { key: "first_time_shopper" }), world.destination, {
            hold: false
          })
        ]
        yield* world.sync(renamed)
        assert.deepStrictEqual(sent(world), [])
        yield* world.members("Newcomer", [])
        yield* world.sync(renamed)
        assert.deepStrictEqual(sent(world), [["identify", "u1", { first_time_shopper: false }]])
      })
    )
  )

  it.effect("R2 a key never changes its kind once it is stored", () =>
    inWorld(store)((world) =>
      Effect.gen(function* () {
        yield* world.customers([{ id: "u1" }])
        yield* world.members("Loyal", ["u1"])
        yield* world.values("Loyal", { u1: 5 })
        const asAudience = Activation.events(audience("Loyal"), world.destination)
        const asTrait = Activation.events(trait("Loyal"), world.destination)
        yield* world.sync([asAudience])
        assert.deepStrictEqual(sent(world), [["identify", "u1", { loyal: true }]])
        assert.strictEqual(
          yield* refusal(world, asTrait),
          `The configuration has a mistake:\n  - computation "loyal": this key is an audience in the store, and a key never changes its meaning; set another "key"`
        )
        // What was refused left no trace: the audience goes on as it was.
        assert.deepStrictEqual(sent(world), [])
        yield* world.sync([asAudience])
        assert.deepStrictEqual(sent(world), [])
      })
    )
  )

  it.effect("R2 a key is not used again after its computation was deleted", () =>
    inWorld(store)((world) =>
      Effect.gen(function* () {
        yield* world.customers([{ id: "u1" }])
        yield* world.members("VIP", ["u1"])
        yield* world.members("Other", ["u1"])
        yield* world.members("Very important", ["u1"])
        yield* world.values("VIP", { u1: 1 })
        const other = Activation.events(audience("Other"), world.destination)
        yield* world.sync([Activation.events(audience("VIP"), world.destination), other])
        yield* world.sync([other])
        world.sent()
        const another = Activation.events(audience("Very important", users, { key: "vip" }), world.destination)
        assert.strictEqual(
          yield* refusal(world, other, another),
          `The configuration has a mistake:\n  - computation "vip": this key belonged to "VIP", which was removed, and a key is not used again; set another "key"`
        )
        assert.include(
          yield* refusal(world, other, Activation.events(trait("VIP"), world.destination)),
          `computation "vip": this key is an audience in the store`
        )
        assert.deepStrictEqual(sent(world), [])
      })
    )
  )

  it.effect("R3 a recompute that changes nothing sends nothing", () =>
    inWorld(store)((world) =>
      Effect.gen(function* () {
        yield* world.customers([{ id: "u1" }, { id: "u2" }])
        yield* world.values("Revenue", { u1: 450, u2: 10 })
        yield* world.members("Buyers", ["u1"])
        const activations = [
          Activation.events(trait("Revenue"), world.destination, { calls: ["identify", "track"] }),
          Activation.events(audience("Buyers"), world.destination, { calls: ["identify", "track"] })
        ]
        yield* world.sync(activations)
        assert.strictEqual(world.sent().length, 6)
        const requests = world.vendor.state.requests.length
        yield* world.sync(activations)
        // The same rows, written anew and in another order.
        yield* world.values("Revenue", { u2: 10, u1: 450 })
        yield* world.members("Buyers", ["u1"])
        yield* world.sync(activations)
        assert.strictEqual(world.vendor.state.requests.length, requests)
      })
    )
  )

  it.effect("R3 only the values that changed are sent", () =>
    inWorld(store)((world) =>
      Effect.gen(function* () {
        yield* world.customers([{ id: "u1" }, { id: "u2" }, { id: "u3" }])
        yield* world.values("Revenue", { u1: 450, u2: 10, u3: 7 })
        const activations = [Activation.events(trait("Revenue"), world.destination)]
        yield* world.sync(activations)
        world.sent()
        yield* world.values("Revenue", { u1: 450, u2: 11, u3: "7" })
        yield* world.sync(activations)
        assert.deepStrictEqual(sent(world), [
          ["identify", "u2", { revenue: 11 }],
          ["identify", "u3", { revenue: "7" }]
        ])
      })
    )
  )

  it.effect("R3 450 and 450.00 are one value, and key order is irrelevant", () =>
    inWorld(store)((world) =>
      Effect.gen(function* () {
        const write = (number: string, object: string) =>
          Effect.andThen(
            world.sql`delete from value`,
            world.sql`insert into value (trait, id, value) values
              ('Revenue', 'u1', ${number}::text::jsonb), ('Address', 'u1', ${object}::text::jsonb)`
          )
        yield* world.customers([{ id: "u1" }])
        yield* write("450", `{"city": "Ulm", "zip": {"code": 89073, "plus": [1, 2]}}`)
        const activations = [
          Activation.events(trait("Revenue"), world.destination),
          Activation.events(trait("Address"), world.destination)
        ]
        yield* world.sync(activations)
        assert.sameDeepMembers(sent(world), [
          ["identify", "u1", { revenue: 450 }],
          ["identify", "u1", { address: { city: "Ulm", zip: { code: 89073, plus: [1, 2] } } }]
        ])
        yield* write("450.00", `{"zip": {"plus": [1.0, 2], "code": 8.9073e4}, "city": "Ulm"}`)
        const { evaluated } = yield* world.sync(activations)
        assert.deepStrictEqual(sent(world), [])
        assert.deepStrictEqual(
          evaluated.map(({ entered, exited }) => [entered, exited]),
          [
            [0, 0],
            [0, 0]
          ]
        )
        // The order of an array is part of its value.
        yield* write("450.0", `{"zip": {"plus": [2, 1], "code": 89073}, "city": "Ulm"}`)
        yield* world.sync(activations)
        assert.deepStrictEqual(sent(world), [
          ["identify", "u1", { address: { city: "Ulm", zip: { code: 89073, plus: [2, 1] } } }]
        ])
      })
    )
  )

  it.effect("R3 a value that changes and changes back before it was told is no news", () =>
    inWorld(store)((world) =>
      Effect.gen(function* () {
        yield* world.customers([{ id: "u1" }])
        yield* world.values("Revenue", { u1: 450 })
        const activations = [Activation.events(trait("Revenue"), world.destination)]
        yield* world.sync(activations)
        world.sent()
        world.vendor.answerWith(() => ({ status: 503 }))
        yield* world.values("Revenue", { u1: 500 })
        yield* world.sync(activations, { patience: 1 })
        world.vendor.answerWith(() => undefined)
        yield* world.values("Revenue", { u1: 450 })
        yield* world.sync(activations)
        assert.deepStrictEqual(sent(world), [])
      })
    )
  )

  it.effect("R3 a value that disappears is told as null, once", () =>
    inWorld(store)((world) =>
      Effect.gen(function* () {
        yield* world.customers([{ id: "u1" }, { id: "u2" }, { id: "u3" }, { id: "u4" }])
        yield* world.values("Revenue", { u1: 450, u2: 10, u3: 7, u4: null })
        const activations = [Activation.events(trait("Revenue"), world.destination, { calls: ["identify", "track"] })]
        yield* world.sync(activations)
        assert.strictEqual(world.sent().length, 6)
        // One has no row any more, the other a row that says null.
        yield* world.values("Revenue", { u1: 450, u3: null })
        yield* world.sync(activations)
        assert.sameDeepMembers(
          world.sent().map(({ event, properties, traits, userId }) => [userId, event, properties ?? traits]),
          [
            ["u2", undefined, { revenue: null }],
            ["u2", "Trait Computed", { trait_key: "revenue", revenue: null }],
            ["u3", undefined, { revenue: null }],
            ["u3", "Trait Computed", { trait_key: "revenue", revenue: null }]
          ]
        )
        yield* world.values("Revenue", { u1: 450 })
        yield* world.sync(activations)
        assert.deepStrictEqual(sent(world), [])
        yield* world.values("Revenue", { u1: 450, u2: 10 })
        yield* world.sync(activations)
        assert.sameDeepMembers(
          world.sent().map(({ properties, traits, userId }) => [userId, properties ?? traits]),
          [
            ["u2", { revenue: 10 }],
            ["u2", { trait_key: "revenue", revenue: 10 }]
          ]
        )
      })
    )
  )
})
