import { Activation } from "@tributary/core/runtime"
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import type { Message } from "../support/echo.ts"
import { describeStores } from "../support/stores.ts"
import { accounts, audience, inNewYear, inWorld, trait, type World } from "../support/world.ts"

/** The messages in Segment's shape, without what the echo adds for other tests. */
const sent = (world: World) =>
  world.sent().map(({ identifier: _identifier, required: _required, ...message }): Message => message)

/** What each message says, and to whom. */
const news = (world: World) =>
  world.sent().map(({ event, groupId, identifier, properties, traits, type }) => {
    const to = type === "group" ? groupId : identifier
    return event === undefined ? [type, to, traits] : [event, to, properties]
  })

const personas = (kind: "audience" | "trait", key: string) => ({
  computation_class: kind,
  computation_id: `${kind === "audience" ? "aud" : "tra"}_${key}`,
  computation_key: key,
  namespace: "acme",
  space_id: "acme"
})

describeStores("calls", (store) => {
  it.effect("R4 a user trait is told by identify", () =>
    inNewYear(store)((world) =>
      Effect.gen(function* () {
        yield* world.customers([{ id: "u123" }])
        yield* world.values("Total revenue 180 days", { u123: 450.0 })
        yield* world.sync([Activation.events(trait("Total revenue 180 days"), world.destination)])
        const [message, ...rest] = sent(world)
        assert.deepStrictEqual(rest, [])
        assert.match(message?.["messageId"], /^[\w-]{20,100}$/)
        assert.deepStrictEqual(message, {
          type: "identify",
          userId: "u123",
          traits: { total_revenue_180_days: 450 },
          context: { personas: personas("trait", "total_revenue_180_days") },
          messageId: message?.["messageId"],
          timestamp: "2026-01-01T00:00:00.000Z"
        })
      })
    )
  )

  it.effect("R5 a user trait is told by track as Trait Computed", () =>
    inNewYear(store)((world) =>
      Effect.gen(function* () {
        yield* world.customers([{ id: "u123" }])
        yield* world.values("Total revenue 180 days", { u123: 450.0 })
        yield* world.sync([Activation.events(trait("Total revenue 180 days"), world.destination, { calls: ["track"] })])
        const [message, ...rest] = sent(world)
        assert.deepStrictEqual(rest, [])
        assert.deepStrictEqual(message, {
          type: "track",
          event: "Trait Computed",
          userId: "u123",
          properties: { trait_key: "total_revenue_180_days", total_revenue_180_days: 450 },
          context: { personas: personas("trait", "total_revenue_180_days") },
          messageId: message?.["messageId"],
          timestamp: "2026-01-01T00:00:00.000Z"
        })
      })
    )
  )

  it.effect("R6 an account trait is told by group", () =>
    inNewYear(store)((world) =>
      Effect.gen(function* () {
        yield* world.companies([{ id: "initech" }])
        yield* world.customers([{ id: "u1", company: "initech" }])
        yield* world.values("Seats used", { initech: 12 })
        yield* world.sync([Activation.events(trait("Seats used", accounts), world.destination)])
        const [message, ...rest] = sent(world)
        assert.deepStrictEqual(rest, [])
        assert.deepStrictEqual(message, {
          type: "group",
          groupId: "initech",
          traits: { seats_used: 12 },
          context: { personas: personas("trait", "seats_used") },
          messageId: message?.["messageId"],
          timestamp: "2026-01-01T00:00:00.000Z"
        })
      })
    )
  )

  it.effect("R7 a user audience is told by identify: true on entering, false on leaving", () =>
    inWorld(store)((world) =>
      Effect.gen(function* () {
        const activations = [Activation.events(audience("First time shopper"), world.destination)]
        yield* world.customers([{ id: "u1" }, { id: "u2" }, { id: "u3" }])
        yield* world.members("First time shopper", ["u1", "u2"])
        yield* world.sync(activations)
        assert.deepStrictEqual(news(world), [
          ["identify", "user_id:u1", { first_time_shopper: true }],
          ["identify", "user_id:u2", { first_time_shopper: true }]
        ])
        yield* world.members("First time shopper", ["u2", "u3"])
        yield* world.sync(activations)
        assert.deepStrictEqual(news(world), [
          ["identify", "user_id:u1", { first_time_shopper: false }],
          ["identify", "user_id:u3", { first_time_shopper: true }]
        ])
        yield* world.members("First time shopper", ["u1", "u2", "u3"])
        yield* world.sync(activations)
        assert.deepStrictEqual(news(world), [["identify", "user_id:u1", { first_time_shopper: true }]])
      })
    )
  )

  it.effect("R7 false goes only to those who were told true", () =>
    inWorld(store)((world) =>
      Effect.gen(function* () {
        const activations = [Activation.events(audience("Buyers"), world.destination)]
        yield* world.customers([{ id: "told" }, { id: "refused" }, { id: "unreached" }, { id: "stays" }])
        yield* world.members("Buyers", ["told", "refused", "stays"])
        world.vendor.answerWith((_, { batch }) => ({
          status: 200,
          body: { outcomes: batch.map(({ userId }: Message) => (userId === "refused" ? "no such user" : "ok")) }
        }))
        yield* world.sync(activations)
        world.vendor.answerWith(() => ({ status: 503 }))
        yield* world.members("Buyers", ["told", "refused", "unreached", "stays"])
        yield* world.sync(activations, { patience: 1 })
        world.vendor.answerWith(() => undefined)
        world.sent()
        // Past the wait that the vendor's failure asks for.
        yield* TestClock.adjust("1 hour")
        yield* world.members("Buyers", ["stays"])
        yield* world.sync(activations)
        assert.deepStrictEqual(news(world), [["identify", "user_id:told", { buyers: false }]])
      })
    )
  )

  it.effect("R8 a user audience is told by track as Audience Entered and Audience Exited", () =>
    inNewYear(store)((world) =>
      Effect.gen(function* () {
        const activations = [Activation.events(audience("First time shopper"), world.destination, { calls: ["track"] })]
        yield* world.customers([{ id: "u123" }, { id: "u9" }])
        yield* world.members("First time shopper", ["u123"])
        yield* world.sync(activations)
        const [entered, ...others] = sent(world)
        assert.deepStrictEqual(others, [])
        assert.deepStrictEqual(entered, {
          type: "track",
          event: "Audience Entered",
          userId: "u123",
          properties: { audience_key: "first_time_shopper", first_time_shopper: true },
          context: { personas: personas("audience", "first_time_shopper") },
          messageId: entered?.["messageId"],
          timestamp: "2026-01-01T00:00:00.000Z"
        })
        yield* TestClock.adjust("1 day")
        yield* world.members("First time shopper", ["u9"])
        yield* world.sync(activations)
        const [exited] = sent(world)
        assert.deepStrictEqual(exited, {
          type: "track",
          event: "Audience Exited",
          userId: "u123",
          properties: { audience_key: "first_time_shopper", first_time_shopper: false },
          context: { personas: personas("audience", "first_time_shopper") },
          messageId: exited?.["messageId"],
          timestamp: "2026-01-02T00:00:00.000Z"
        })
        assert.notStrictEqual(exited?.["messageId"], entered?.["messageId"])
      })
    )
  )

  it.effect("R10 the three event names can be changed per activation", () =>
    inWorld(store)((world) =>
      Effect.gen(function* () {
        const shoppers = audience("First time shopper")
        const activations = [
          Activation.events(shoppers, world.destination, {
            id: "renamed",
            calls: ["track"],
            events: { entered: "Became a first-time shopper", exited: "Bought again" }
          }),
          Activation.events(shoppers, world.destination, { id: "half", calls: ["track"], events: { exited: "Gone" } }),
          Activation.events(trait("Revenue"), world.destination, {
            calls: ["track"],
            events: { computed: "Revenue Updated" },
            hold: false
          })
        ]
        yield* world.customers([{ id: "u1" }, { id: "u2" }])
        yield* world.members("First time shopper", ["u1"])
        yield* world.values("Revenue", { u1: 1 })
        yield* world.sync(activations)
        const names = () => world.sent().map(({ event, userId }) => `${userId} ${event}`)
        assert.sameMembers(names(), ["u1 Became a first-time shopper", "u1 Audience Entered", "u1 Revenue Updated"])
        yield* world.members("First time shopper", ["u2"])
        yield* world.values("Revenue", {})
        yield* world.sync(activations)
        assert.sameMembers(names(), [
          "u1 Bought again",
          "u1 Gone",
          "u2 Became a first-time shopper",
          "u2 Audience Entered",
          "u1 Revenue Updated"
        ])
      })
    )
  )

  it.effect("R11 a resend of the same change carries the same messageId, and the time when the change was found", () =>
    inNewYear(store)((world) =>
      Effect.gen(function* () {
        const activations = [
          Activation.events(audience("Buyers"), world.destination, { calls: ["identify", "track"] }),
          Activation.events(trait("Revenue"), world.destination)
        ]
        yield* world.customers([{ id: "u1" }, { id: "u2", email: "ada@example.com" }])
        yield* world.members("Buyers", ["u1", "u2"])
        yield* world.values("Revenue", { u2: 450 })
        world.vendor.answerWith(() => ({ status: 500 }))
        const [failed] = (yield* world.sync(activations, { patience: 1 })).synced
        assert.strictEqual(failed?.ending._tag, "GaveUp")
        const sent: ReadonlyArray<Message> = world.vendor.state.requests.flatMap(({ body }) => body.batch)
        assert.deepStrictEqual(world.sent(), [])
        world.vendor.answerWith(() => undefined)
        yield* TestClock.adjust("1 day")
        // One more enters meanwhile; what is owed since yesterday keeps its time and its ids.
        yield* world.customers([{ id: "u1" }, { id: "u2", email: "ada@example.com" }, { id: "u3" }])
        yield* world.members("Buyers", ["u1", "u2", "u3"])
        yield* world.sync(activations)
        const resent = world.sent()
        const [late, old] = [resent.filter(({ userId }) => userId === "u3"), resent.filter((m) => m["userId"] !== "u3")]
        assert.sameDeepMembers(old, [...sent])
        assert.deepStrictEqual(new Set(old.map(({ timestamp }) => timestamp)), new Set(["2026-01-01T00:00:00.000Z"]))
        assert.strictEqual(new Set(resent.map(({ messageId }) => messageId)).size, 10)
        assert.deepStrictEqual(
          late.map(({ timestamp }) => timestamp),
          ["2026-01-02T00:00:00.000Z", "2026-01-02T00:00:00.000Z"]
        )
      })
    )
  )

  it.effect("R11 the computation_key is the key in traits and properties", () =>
    inWorld(store)((world) =>
      Effect.gen(function* () {
        const calls = { calls: ["identify", "track"] } as const
        yield* world.companies([{ id: "initech" }])
        yield* world.customers([{ id: "u1" }])
        yield* world.members("First time shopper", ["u1"])
        yield* world.values("Last category", { u1: "shoes" })
        yield* world.members("Big accounts", ["initech"])
        yield* world.sync([
          Activation.events(audience("First time shopper"), world.destination, calls),
          Activation.events(trait("Last category"), world.destination, calls),
          Activation.events(audience("Big accounts", accounts), world.destination)
        ])
        assert.sameDeepMembers(
          world.sent().map(({ context, properties, traits }) => [context.personas, properties ?? traits]),
          [
            [personas("audience", "first_time_shopper"), { first_time_shopper: true }],
            [
              personas("audience", "first_time_shopper"),
              { audience_key: "first_time_shopper", first_time_shopper: true }
            ],
            [personas("trait", "last_category"), { last_category: "shoes" }],
            [personas("trait", "last_category"), { trait_key: "last_category", last_category: "shoes" }],
            [personas("audience", "big_accounts"), { big_accounts: true }]
          ]
        )
      })
    )
  )

  it.effect("R11 whoever loses an identifier is told of it at the time of the loss, and of its return as news", () =>
    inNewYear(store)((world) =>
      Effect.gen(function* () {
        const activations = [Activation.events(audience("Buyers"), world.destination)]
        const addresses: Array<Message> = []
        yield* world.members("Buyers", ["u1"])
        for (const email of ["ada@example.com", undefined, "ada@example.com", undefined]) {
          yield* world.customers([email === undefined ? { id: "u1" } : { id: "u1", email }])
          yield* world.sync(activations)
          addresses.push(...world.sent().filter(({ identifier }) => identifier === "email:ada@example.com"))
          yield* TestClock.adjust("1 day")
        }
        assert.deepStrictEqual(
          addresses.map(({ timestamp, traits }) => [timestamp.slice(0, 10), traits.buyers]),
          [
            ["2026-01-01", true],
            ["2026-01-02", false],
            ["2026-01-03", true],
            ["2026-01-04", false]
          ]
        )
        assert.strictEqual(new Set(addresses.map(({ messageId }) => messageId)).size, 4)
      })
    )
  )

  it.effect("R12 a user id stands in userId, an email in traits, any other identifier in context.externalIds", () =>
    inNewYear(store)((world) =>
      Effect.gen(function* () {
        yield* world.customers([
          { id: "u1", email: "ada@example.com", phone: "+491701234567", anonymous_id: "a-1", idfa: "AEBE52E7" }
        ])
        yield* world.members("Buyers", ["u1"])
        yield* world.sync([Activation.events(audience("Buyers"), world.destination, { calls: ["identify", "track"] })])
        const from = { personas: personas("audience", "buyers") }
        const external = (type: string, id: string) => ({
          ...from,
          externalIds: [{ id, type, collection: "users", encoding: "none" }]
        })
        const timestamp = "2026-01-01T00:00:00.000Z"
        const identify = { type: "identify", traits: { buyers: true }, timestamp }
        const track = {
          type: "track",
          event: "Audience Entered",
          properties: { audience_key: "buyers", buyers: true },
          timestamp
        }
        assert.sameDeepMembers(
          sent(world).map(({ messageId: _messageId, ...message }) => message),
          [
            { ...identify, userId: "u1", context: from },
            { ...track, userId: "u1", context: from },
            { ...identify, traits: { buyers: true, email: "ada@example.com" }, context: from },
            { ...track, context: { ...from, traits: { email: "ada@example.com" } } },
            { ...identify, context: external("phone", "+491701234567") },
            { ...track, context: external("phone", "+491701234567") },
            { ...identify, context: external("anonymous_id", "a-1") },
            { ...track, context: external("anonymous_id", "a-1") },
            { ...identify, context: external("ios.idfa", "AEBE52E7") },
            { ...track, context: external("ios.idfa", "AEBE52E7") }
          ]
        )
      })
    )
  )

  it.effect("R13 the first sync tells every member and every profile with a value, later ones only what changed", () =>
    inWorld(store)((world) =>
      Effect.gen(function* () {
        const ids = Array.from({ length: 25 }, (_, i) => `u${i}`)
        const known = [
          Activation.events(audience("Buyers"), world.destination),
          Activation.events(trait("Revenue"), world.destination)
        ]
        yield* world.customers([...ids, "nobody"].map((id) => ({ id })))
        yield* world.members("Buyers", ids)
        yield* world.values("Revenue", Object.fromEntries(ids.map((id, i) => [id, i])))
        yield* world.sync(known)
        assert.sameDeepMembers(
          news(world),
          ids.flatMap((id, i) => [
            ["identify", `user_id:${id}`, { buyers: true }],
            ["identify", `user_id:${id}`, { revenue: i }]
          ])
        )
        yield* world.members("Buyers", [...ids.slice(1), "nobody"])
        yield* world.values("Revenue", Object.fromEntries(ids.map((id, i) => [id, i === 7 ? 700 : i])))
        yield* world.sync(known)
        assert.sameDeepMembers(news(world), [
          ["identify", "user_id:u0", { buyers: false }],
          ["identify", "user_id:nobody", { buyers: true }],
          ["identify", "user_id:u7", { revenue: 700 }]
        ])
        // An activation that comes later has a first sync of its own.
        const later = Activation.events(known[0]!.computation, world.destination, { id: "later", calls: ["track"] })
        yield* world.sync([...known, later])
        assert.sameMembers(
          world.sent().map(({ event, userId }) => `${event} ${userId}`),
          [...ids.slice(1), "nobody"].map((id) => `Audience Entered ${id}`)
        )
      })
    )
  )
})
