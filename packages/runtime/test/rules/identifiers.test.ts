import { Activation } from "@tributary/core/runtime"
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import type { Message } from "../support/echo.ts"
import { describeStores } from "../support/stores.ts"
import { audience, inWorld, trait } from "../support/world.ts"

const shoppers = "First time shopper"
const revenue = "Revenue"

/** Who was told what, sorted: `email:ada@example.com true`. */
const news = (messages: ReadonlyArray<Message>) =>
  messages.map((m) => `${m["identifier"]} ${JSON.stringify(Object.values(m["traits"])[0])}`).toSorted()

const email = (id: string, ...names: ReadonlyArray<string>) =>
  names.map((name) => ({ id, email: `${name}@example.com` }))

describeStores("R20 R21 several identifiers", (store) => {
  it.effect("R20 a profile with several accepted identifiers gives one call for each", () =>
    inWorld(store)((world) =>
      Effect.gen(function* () {
        yield* world.customers([
          { id: "u1", email: "ada@example.com", phone: "+4930", anonymous_id: "a-1", idfa: "IDFA" },
          { id: "u2" }
        ])
        yield* world.members(shoppers, ["u1", "u2"])
        yield* world.sync([Activation.events(audience(shoppers), world.destination)])
        assert.deepStrictEqual(news(world.sent()), [
          "anonymous_id:a-1 true",
          "email:ada@example.com true",
          "ios.idfa:IDFA true",
          "phone:+4930 true",
          "user_id:u1 true",
          "user_id:u2 true"
        ])
      })
    )
  )

  it.effect("R21 three emails as rows of their own give one call each, on entering, on change and on leaving", () =>
    inWorld(store)((world) =>
      Effect.gen(function* () {
        const names = ["a", "b", "c"]
        yield* world.customers([...email("u1", ...names), { id: "u2" }])
        yield* world.members(shoppers, ["u1", "u2"])
        yield* world.values(revenue, { u1: 450 })
        const activations = [
          Activation.events(audience(shoppers), world.destination, { calls: ["track"], id: "shoppers" }),
          Activation.events(trait(revenue), world.destination, { id: "revenue" })
        ]
        const sent = () => world.sent().filter((m) => String(m["identifier"]).startsWith("email:"))
        const each = (line: string) => names.map((name) => `email:${name}@example.com ${line}`)
        const lines = (messages: ReadonlyArray<Message>) =>
          messages.map((m) => `${m["identifier"]} ${m["event"] ?? m["traits"]["revenue"]}`).toSorted()

        yield* world.sync(activations)
        assert.deepStrictEqual(lines(sent()), [...each("450"), ...each("Audience Entered")].toSorted())

        yield* world.values(revenue, { u1: 451 })
        yield* world.sync(activations)
        assert.deepStrictEqual(lines(sent()), each("451"))

        yield* world.members(shoppers, ["u2"])
        yield* world.sync(activations)
        assert.deepStrictEqual(lines(sent()), each("Audience Exited"))
      })
    )
  )

  it.effect("R21 a profile that comes twice with different traits is refused, and nothing is sent", () =>
    inWorld(store)((world) =>
      Effect.gen(function* () {
        yield* world.customers([
          { id: "u1", email: "a@example.com", city: "Bonn" },
          { id: "u1", email: "b@example.com", city: "Köln" }
        ])
        yield* world.members(shoppers, ["u1"])
        const report = yield* world.sync([Activation.events(audience(shoppers), world.destination)])
        assert.match(report.failures[0]?.message ?? "", /comes twice with different traits/)
        assert.deepStrictEqual(world.sent(), [])
      })
    )
  )
})

describeStores("R22 new identifiers", (store) => {
  it.effect("R22 a new identifier is told of unchanged values, and nobody else is told again", () =>
    inWorld(store)((world) =>
      Effect.gen(function* () {
        yield* world.customers([...email("u1", "a"), ...email("u2", "x")])
        yield* world.members(shoppers, ["u1"])
        yield* world.values(revenue, { u1: 450, u2: 7 })
        const activations = [
          Activation.events(audience(shoppers), world.destination, { calls: ["identify", "track"] }),
          Activation.events(trait(revenue), world.destination)
        ]
        yield* world.sync(activations)
        world.sent()
        yield* TestClock.adjust("1 minute")
        yield* world.customers([...email("u1", "a", "b"), ...email("u2", "x")])
        yield* world.sync(activations)
        assert.deepStrictEqual(
          world
            .sent()
            .map((m) => `${m["identifier"]} ${m["type"]} ${JSON.stringify(m["traits"] ?? m["properties"])}`)
            .toSorted(),
          [
            'email:b@example.com identify {"first_time_shopper":true,"email":"b@example.com"}',
            'email:b@example.com identify {"revenue":450,"email":"b@example.com"}',
            'email:b@example.com track {"audience_key":"first_time_shopper","first_time_shopper":true}'
          ]
        )
        yield* world.sync(activations)
        assert.deepStrictEqual(world.sent(), [])
      })
    )
  )

  it.effect("R22 a new identifier of somebody outside the audience is told nothing", () =>
    inWorld(store)((world) =>
      Effect.gen(function* () {
        yield* world.customers([{ id: "u1" }, { id: "u2" }])
        yield* world.members(shoppers, ["u1"])
        const activations = [Activation.events(audience(shoppers), world.destination)]
        yield* world.sync(activations)
        world.sent()
        yield* TestClock.adjust("1 minute")
        yield* world.customers([{ id: "u1" }, ...email("u2", "b")])
        yield* world.sync(activations)
        assert.deepStrictEqual(world.sent(), [])
      })
    )
  )

  it.effect("R22 switched off, a new identifier is told from the next change on", () =>
    inWorld(store)((world) =>
      Effect.gen(function* () {
        yield* world.customers(email("u1", "a"))
        yield* world.values(revenue, { u1: 450 })
        const activations = [Activation.events(trait(revenue), world.destination, { newIdentifiers: false })]
        yield* world.sync(activations)
        assert.deepStrictEqual(news(world.sent()).length, 2)
        yield* TestClock.adjust("1 minute")
        yield* world.customers(email("u1", "a", "b"))
        yield* world.sync(activations)
        assert.deepStrictEqual(world.sent(), [])
        yield* TestClock.adjust("1 minute")
        yield* world.values(revenue, { u1: 451 })
        yield* world.sync(activations)
        assert.deepStrictEqual(
          world.sent().map((m) => [m["identifier"], m["traits"]["revenue"]]),
          [
            ["email:a@example.com", 451],
            ["user_id:u1", 451],
            ["email:b@example.com", 451]
          ]
        )
      })
    )
  )

  it.effect("R22 switched off, whoever was not told on a new identifier is not told of leaving on it", () =>
    inWorld(store)((world) =>
      Effect.gen(function* () {
        yield* world.customers([...email("u1", "a"), { id: "u2" }])
        yield* world.members(shoppers, ["u1", "u2"])
        const activations = [Activation.events(audience(shoppers), world.destination, { newIdentifiers: false })]
        yield* world.sync(activations)
        world.sent()
        yield* TestClock.adjust("1 minute")
        yield* world.customers([...email("u1", "a", "b"), { id: "u2" }])
        yield* world.sync(activations)
        yield* TestClock.adjust("1 minute")
        yield* world.members(shoppers, ["u2"])
        yield* world.sync(activations)
        assert.deepStrictEqual(news(world.sent()), ["email:a@example.com false", "user_id:u1 false"])
      })
    )
  )

  it.effect("R22 switched off, the first sync of a new activation still tells every identifier that is there", () =>
    inWorld(store)((world) =>
      Effect.gen(function* () {
        const first = Activation.events(audience(shoppers), world.destination, { id: "first" })
        const second = Activation.events(audience(shoppers), world.destination, { id: "second", newIdentifiers: false })
        yield* world.customers(email("u1", "a"))
        yield* world.members(shoppers, ["u1"])
        yield* world.sync([first])
        yield* TestClock.adjust("1 minute")
        yield* world.customers(email("u1", "a", "b"))
        yield* world.sync([first])
        world.sent()
        yield* TestClock.adjust("1 minute")
        yield* world.sync([second])
        assert.deepStrictEqual(news(world.sent()), [
          "email:a@example.com true",
          "email:b@example.com true",
          "user_id:u1 true"
        ])
      })
    )
  )
})

describeStores("R23 identifier policies", (store) => {
  const onlyEmail = { user_id: "none" } as const

  /** A profile whose emails came one a minute, synced to an activation with this policy for emails. */
  const toldWith = (policy: Activation.IdentifierPolicy) =>
    inWorld(store)((world) =>
      Effect.gen(function* () {
        for (const names of [["m"], ["m", "a"], ["m", "a", "z"]]) {
          yield* world.customers(email("u1", ...names))
          yield* world.sync([Activation.events(audience("Nobody"), world.destination, { id: "nobody" })])
          yield* TestClock.adjust("1 minute")
        }
        yield* world.members(shoppers, ["u1"])
        const identifiers = { ...onlyEmail, email: policy }
        yield* world.sync([Activation.events(audience(shoppers), world.destination, { identifiers })])
        return world.sent().map((m) => m["traits"]["email"])
      })
    )

  it.effect("R23 all is every value, and the default", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* toldWith("all"), ["m@example.com", "a@example.com", "z@example.com"])
    })
  )
  it.effect("R23 latest is the value that came last", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* toldWith("latest"), ["z@example.com"])
    })
  )
  it.effect("R23 first is the value that came first", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* toldWith("first"), ["m@example.com"])
    })
  )
  it.effect("R23 a cap takes so many, from the end that is asked for", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* toldWith({ pick: "first", max: 2 }), ["m@example.com", "a@example.com"])
      assert.deepStrictEqual(yield* toldWith({ pick: "latest", max: 2 }), ["a@example.com", "z@example.com"])
    })
  )
  it.effect("R23 none tells no identifier of the type", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* toldWith("none"), [])
    })
  )

  it.effect("R23 exits go to every identifier that was told, whatever the policy says today", () =>
    inWorld(store)((world) =>
      Effect.gen(function* () {
        yield* world.customers([...email("u1", "a"), { id: "u2" }])
        yield* world.members(shoppers, ["u1", "u2"])
        const under = (policy: Activation.IdentifierPolicy) => [
          Activation.events(audience(shoppers), world.destination, { identifiers: { ...onlyEmail, email: policy } })
        ]
        yield* world.sync(under("latest"))
        yield* TestClock.adjust("1 minute")
        yield* world.customers([...email("u1", "a", "b"), { id: "u2" }])
        yield* world.sync(under("latest"))
        assert.deepStrictEqual(news(world.sent()), ["email:a@example.com true", "email:b@example.com true"])
        yield* TestClock.adjust("1 minute")
        yield* world.members(shoppers, ["u2"])
        yield* world.sync(under("none"))
        assert.deepStrictEqual(news(world.sent()), ["email:a@example.com false", "email:b@example.com false"])
        yield* world.sync(under("all"))
        assert.deepStrictEqual(world.sent(), [])
      })
    )
  )

  it.effect("R23 a list removes every identifier that it was told, whatever the policy says today", () =>
    inWorld(store)((world) =>
      Effect.gen(function* () {
        yield* world.customers([...email("u1", "a", "b"), { id: "u2" }])
        yield* world.members(shoppers, ["u1", "u2"])
        yield* world.sync([Activation.list(audience(shoppers), world.destination)])
        const list = world.vendor.state.lists.get("list1")
        assert.strictEqual(list?.members.size, 4)
        yield* TestClock.adjust("1 hour")
        yield* world.members(shoppers, ["u2"])
        yield* world.sync([
          Activation.list(audience(shoppers), world.destination, { identifiers: { email: "latest", user_id: "none" } })
        ])
        assert.deepStrictEqual([...(list?.members ?? [])], ["user_id:u2"])
      })
    )
  )
})

describeStores("R26 R27 identifiers that move or go", (store) => {
  it.effect("R26 a merge tells nobody on an identifier that the surviving profile holds", () =>
    inWorld(store)((world) =>
      Effect.gen(function* () {
        yield* world.customers([...email("u1", "a"), ...email("u2", "b"), { id: "u3" }])
        yield* world.members(shoppers, ["u1", "u2", "u3"])
        const activations = [Activation.events(audience(shoppers), world.destination)]
        yield* world.sync(activations)
        world.sent()
        yield* TestClock.adjust("1 minute")
        yield* world.customers([...email("u1", "a", "b"), { id: "u3" }])
        yield* world.members(shoppers, ["u1", "u3"])
        yield* world.sync(activations)
        assert.deepStrictEqual(news(world.sent()), ["user_id:u2 false"])
      })
    )
  )

  it.effect("R27 an identifier taken from a profile is told of its leaving, and nobody else is", () =>
    inWorld(store)((world) =>
      Effect.gen(function* () {
        yield* world.customers([...email("u1", "a", "b"), ...email("u2", "c")])
        yield* world.members(shoppers, ["u1", "u2"])
        const activations = [Activation.events(audience(shoppers), world.destination)]
        yield* world.sync(activations)
        world.sent()
        yield* TestClock.adjust("1 minute")
        yield* world.customers([...email("u1", "b"), ...email("u2", "c")])
        yield* world.sync(activations)
        assert.deepStrictEqual(news(world.sent()), ["email:a@example.com false"])
        yield* world.sync(activations)
        assert.deepStrictEqual(world.sent(), [])
      })
    )
  )

  it.effect("R27 a deleted profile leaves everywhere, on all of its identifiers", () =>
    inWorld(store)((world) =>
      Effect.gen(function* () {
        yield* world.customers([...email("u1", "a"), ...email("u2", "c")])
        yield* world.members(shoppers, ["u1", "u2"])
        yield* world.values(revenue, { u1: 450, u2: 1 })
        const activations = [
          Activation.events(audience(shoppers), world.destination),
          Activation.events(trait(revenue), world.destination)
        ]
        yield* world.sync(activations)
        world.sent()
        yield* world.customers(email("u2", "c"))
        yield* world.sync(activations)
        const lines = world.sent().map((m) => `${m["identifier"]} ${JSON.stringify(m["traits"])}`)
        assert.deepStrictEqual(lines.toSorted(), [
          'email:a@example.com {"first_time_shopper":false,"email":"a@example.com"}',
          'email:a@example.com {"revenue":null,"email":"a@example.com"}',
          'user_id:u1 {"first_time_shopper":false}',
          'user_id:u1 {"revenue":null}'
        ])
      })
    )
  )
})
