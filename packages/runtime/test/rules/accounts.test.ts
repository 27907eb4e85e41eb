import { Activation } from "@tributary/core/runtime"
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import { describeStores } from "../support/stores.ts"
import { accounts, audience, inNewYear, inWorld, type World } from "../support/world.ts"

/** What each message says, and to whom. */
const news = (world: World) =>
  world.sent().map(({ event, groupId, identifier, properties, traits, type }) => {
    const to = type === "group" ? groupId : identifier
    return event === undefined ? [type, to, traits] : [event, to, properties]
  })

/** What the list of this name was told since the last time this was asked, and who is on it. */
const listOf = (world: World, name: string) => {
  const list = [...world.vendor.state.lists.values()].find((each) => each.name === name)
  return { log: list?.log.splice(0).toSorted(), members: [...(list?.members ?? [])].toSorted() }
}

describeStores("accounts", (store) => {
  it.effect("R9 an account audience is told by group, one call per account, where the plugin takes group calls", () =>
    inWorld(store)((world) =>
      Effect.gen(function* () {
        const activations = [Activation.events(audience("Big accounts", accounts), world.destination)]
        yield* world.companies([{ id: "initech" }, { id: "hooli" }])
        yield* world.customers([
          { id: "u1", company: "initech" },
          { id: "u2", company: "initech" }
        ])
        yield* world.members("Big accounts", ["initech", "hooli"])
        yield* world.sync(activations)
        assert.sameDeepMembers(news(world), [
          ["group", "hooli", { big_accounts: true }],
          ["group", "initech", { big_accounts: true }]
        ])
        yield* world.members("Big accounts", ["hooli"])
        yield* world.sync(activations)
        assert.deepStrictEqual(news(world), [["group", "initech", { big_accounts: false }]])
      })
    )
  )

  const companyOf = Effect.fnUntraced(function* (world: World) {
    yield* world.companies([{ id: "initech" }, { id: "hooli" }])
    yield* world.customers([
      { id: "u1", company: "initech" },
      { id: "u2", company: "initech" },
      { id: "u3", company: "hooli" },
      { id: "u4" }
    ])
    yield* world.members("Big accounts", ["initech"])
  })

  it.effect(
    "R9 an account audience is told for every user of a matching account, where the activation chooses so",
    () =>
      inWorld(store)((world) =>
        Effect.gen(function* () {
          yield* companyOf(world)
          const activations = [
            Activation.events(audience("Big accounts", accounts), world.destination, {
              accounts: "users",
              calls: ["identify", "track"]
            })
          ]
          yield* world.sync(activations)
          assert.sameDeepMembers(news(world), [
            ["identify", "user_id:u1", { big_accounts: true }],
            ["Audience Entered", "user_id:u1", { audience_key: "big_accounts", big_accounts: true }],
            ["identify", "user_id:u2", { big_accounts: true }],
            ["Audience Entered", "user_id:u2", { audience_key: "big_accounts", big_accounts: true }]
          ])
          yield* world.members("Big accounts", ["hooli"])
          yield* world.sync(activations)
          assert.sameDeepMembers(news(world), [
            ["identify", "user_id:u1", { big_accounts: false }],
            ["Audience Exited", "user_id:u1", { audience_key: "big_accounts", big_accounts: false }],
            ["identify", "user_id:u2", { big_accounts: false }],
            ["Audience Exited", "user_id:u2", { audience_key: "big_accounts", big_accounts: false }],
            ["identify", "user_id:u3", { big_accounts: true }],
            ["Audience Entered", "user_id:u3", { audience_key: "big_accounts", big_accounts: true }]
          ])
        })
      )
  )

  it.effect("R9 an account audience is told for users by default where the plugin takes no group calls", () =>
    inWorld(store, { calls: ["identify", "track"] })((world) =>
      Effect.gen(function* () {
        yield* companyOf(world)
        yield* world.sync([Activation.events(audience("Big accounts", accounts), world.destination)])
        assert.deepStrictEqual(news(world), [
          ["identify", "user_id:u1", { big_accounts: true }],
          ["identify", "user_id:u2", { big_accounts: true }]
        ])
      })
    )
  )

  it.effect("R9 a user who joins a matching account enters, and one who leaves it exits, when they did", () =>
    inNewYear(store)((world) =>
      Effect.gen(function* () {
        yield* companyOf(world)
        const activations = [
          Activation.events(audience("Big accounts", accounts), world.destination, { accounts: "users" })
        ]
        yield* world.sync(activations)
        const [first] = world.sent()
        yield* TestClock.adjust("1 day")
        yield* world.customers([
          { id: "u1" },
          { id: "u2", company: "initech" },
          { id: "u4", company: "initech" },
          { id: "u5", company: "initech" }
        ])
        yield* world.sync(activations)
        const moved = world.sent()
        assert.deepStrictEqual(
          moved.map(({ timestamp, traits, userId }) => [userId, traits, timestamp]),
          [
            ["u1", { big_accounts: false }, "2026-01-02T00:00:00.000Z"],
            ["u4", { big_accounts: true }, "2026-01-02T00:00:00.000Z"],
            ["u5", { big_accounts: true }, "2026-01-02T00:00:00.000Z"]
          ]
        )
        yield* TestClock.adjust("1 day")
        yield* world.customers([
          { id: "u1", company: "initech" },
          { id: "u2", company: "initech" }
        ])
        yield* world.sync(activations)
        const [again] = world.sent()
        assert.deepStrictEqual(
          [again?.["userId"], again?.["traits"], again?.["timestamp"]],
          ["u1", { big_accounts: true }, "2026-01-03T00:00:00.000Z"]
        )
        // Another change, so another id: a vendor that drops what it has seen must not drop the return.
        assert.notStrictEqual(again?.["messageId"], first?.["messageId"])
      })
    )
  )

  const inTwoAccounts = Effect.fnUntraced(function* (world: World) {
    yield* world.companies([{ id: "initech" }, { id: "hooli" }, { id: "pied-piper" }])
    yield* world.customers([
      { id: "both", company: "initech" },
      { id: "both", company: "hooli" },
      { id: "one", company: "initech" },
      { id: "other", company: "pied-piper" },
      { id: "none" }
    ])
    yield* world.members("Big accounts", ["initech", "hooli", "pied-piper"])
  })

  it.effect("R17 an account audience puts every user of a matching account on the list", () =>
    inWorld(store)((world) =>
      Effect.gen(function* () {
        yield* inTwoAccounts(world)
        yield* world.members("Big accounts", ["initech", "hooli"])
        yield* world.sync([Activation.list(audience("Big accounts", accounts), world.destination)])
        assert.deepStrictEqual(listOf(world, "Big accounts"), {
          log: ["add user_id:both", "add user_id:one"],
          members: ["user_id:both", "user_id:one"]
        })
      })
    )
  )

  it.effect("R17 a user of two accounts leaves the list only when neither matches", () =>
    inNewYear(store)((world) =>
      Effect.gen(function* () {
        const activations = [Activation.list(audience("Big accounts", accounts), world.destination)]
        yield* inTwoAccounts(world)
        yield* world.sync(activations)
        assert.deepStrictEqual(listOf(world, "Big accounts").members, ["user_id:both", "user_id:one", "user_id:other"])
        yield* TestClock.adjust("1 hour")
        yield* world.members("Big accounts", ["hooli", "pied-piper"])
        yield* world.sync(activations)
        assert.deepStrictEqual(listOf(world, "Big accounts").log, ["discard user_id:one"])
        yield* TestClock.adjust("1 hour")
        yield* world.members("Big accounts", ["pied-piper"])
        yield* world.sync(activations)
        assert.deepStrictEqual(listOf(world, "Big accounts").log, ["discard user_id:both"])
        yield* TestClock.adjust("1 hour")
        yield* world.members("Big accounts", ["initech", "pied-piper"])
        yield* world.sync(activations)
        assert.deepStrictEqual(listOf(world, "Big accounts").log, ["add user_id:both", "add user_id:one"])
      })
    )
  )

  it.effect("R17 a user who leaves one of two matching accounts stays, and goes with the other", () =>
    inNewYear(store)((world) =>
      Effect.gen(function* () {
        const big = audience("Big accounts", accounts)
        const activations = [
          Activation.list(big, world.destination),
          Activation.events(big, world.destination, { id: "events", accounts: "users" })
        ]
        yield* inTwoAccounts(world)
        yield* world.sync(activations)
        listOf(world, "Big accounts")
        world.sent()
        const others = [
          { id: "one", company: "initech" },
          { id: "other", company: "pied-piper" }
        ]
        yield* TestClock.adjust("1 hour")
        yield* world.customers([{ id: "both", company: "hooli" }, ...others])
        yield* world.sync(activations)
        assert.deepStrictEqual(listOf(world, "Big accounts").log, [])
        assert.deepStrictEqual(news(world), [])
        yield* TestClock.adjust("1 hour")
        yield* world.customers([{ id: "both" }, ...others])
        yield* world.sync(activations)
        assert.deepStrictEqual(listOf(world, "Big accounts").log, ["discard user_id:both"])
        assert.deepStrictEqual(
          world.sent().map(({ identifier, timestamp, traits }) => [identifier, traits, timestamp]),
          [["user_id:both", { big_accounts: false }, "2026-01-01T02:00:00.000Z"]]
        )
      })
    )
  )
})
