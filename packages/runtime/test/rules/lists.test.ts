import { Activation, type Computation } from "@tributary/core/runtime"
import { assert, it } from "@effect/vitest"
import { Effect, Result } from "effect"
import { TestClock } from "effect/testing"
import type { SourcedActivation } from "../../src/config/defineConfig.ts"
import { resolve } from "../../src/config/Resolved.ts"
import { makeEcho } from "../support/echo.ts"
import { describeStores } from "../support/stores.ts"
import { audience, inNewYear, inWorld, trait, type World } from "../support/world.ts"

/** What the vendor was asked since the last time this was asked: paths and bodies. */
const asked = (world: World) => world.vendor.state.requests.splice(0).map(({ body, path }) => [path, body] as const)

const added = (...ids: ReadonlyArray<string>): readonly [string, any] => [
  "/lists/list1/add",
  { members: ids.map((id) => ({ identifiers: { user_id: [id] }, required: {} })) }
]
const discarded = (...ids: ReadonlyArray<string>): readonly [string, any] => ["/lists/list1/discard", added(...ids)[1]]

const mistakes = (world: World, ...activations: ReadonlyArray<SourcedActivation>) =>
  Result.match(resolve(world.config(...activations)), { onSuccess: () => "nothing", onFailure: (bad) => bad.message })

/** How the only activation ended. */
const endingOf = Effect.fnUntraced(function* (world: World, activations: ReadonlyArray<SourcedActivation>) {
  const { synced } = yield* world.sync(activations)
  const ending = synced[0]?.ending
  return ending?._tag === "Synced" ? "Synced" : `${ending?._tag}: ${ending?.reason}`
})

const ids = (...numbers: ReadonlyArray<number>) => numbers.map((no) => ({ id: `u${no}` }))

describeStores("lists", (store) => {
  it.effect("R14 a computed trait on a list is a start-up error that says what to use instead", () =>
    inWorld(store)((world) =>
      Effect.gen(function* () {
        // A config in plain JavaScript, where no compiler stands in the way.
        const list = Activation.list as (computation: Computation.Computation, ...rest: Array<unknown>) => any
        const activations = [
          Activation.events(audience("Buyers"), world.destination),
          list(trait("Revenue"), world.destination)
        ]
        const message =
          'The configuration has a mistake:\n  - activations[1] "echo/revenue": "revenue" is a computed trait, and lists take audiences only; use Activation.events, or an audience'
        assert.strictEqual(mistakes(world, ...activations), message)
        assert.strictEqual((yield* Effect.flip(world.sync(activations))).message, message)
        assert.deepStrictEqual(asked(world), [])
      })
    )
  )

  it.effect("R19 two activations that would share a list are refused, with both ids and what to do", () =>
    inWorld(store)((world) =>
      Effect.gen(function* () {
        const shared = (name: string) => [
          Activation.list(audience("Buyers"), world.destination),
          Activation.list(audience("Spenders"), world.destination, { name })
        ]
        for (const name of ["Buyers", "buyers", " Buyers  "]) {
          assert.strictEqual(
            mistakes(world, ...shared(name)),
            "The configuration has a mistake:\n" +
              `  - activation "echo/spenders".name: it would share the list "${name}" of "echo" with activation "echo/buyers", ` +
              'and each would remove the members of the other; give one of them another list with { name: "…" }'
          )
        }
        assert.strictEqual(mistakes(world, ...shared("Spenders")), "nothing")
        // An event of the same name is no list, and another destination has lists of its own.
        const other = makeEcho().destination("other", { baseUrl: "http://127.0.0.1:1" })
        const apart = [
          Activation.list(audience("Buyers"), world.destination),
          Activation.list(audience("Spenders"), other, { name: "Buyers" }),
          Activation.events(audience("Buyers", undefined, { key: "b2" }), world.destination)
        ]
        assert.strictEqual(mistakes(world, ...apart), "nothing")
      })
    )
  )

  it.effect("R15 the first sync creates the list and uploads the whole audience, in batches", () =>
    inWorld(store, { batch: 2 })((world) =>
      Effect.gen(function* () {
        yield* world.customers([...ids(1, 2, 3), { id: "u4", email: "ada@example.com" }, { id: "nobody" }])
        yield* world.members("First time shopper", ["u1", "u2", "u3", "u4"])
        yield* world.sync([Activation.list(audience("First time shopper"), world.destination)])
        assert.deepStrictEqual(asked(world), [
          ["/lists", undefined],
          ["/lists", { name: "First time shopper", description: 'Audience "First time shopper", kept by Tributary' }],
          added("u1", "u2"),
          [
            "/lists/list1/add",
            {
              members: [
                { identifiers: { user_id: ["u3"] }, required: {} },
                { identifiers: { email: ["ada@example.com"], user_id: ["u4"] }, required: {} }
              ]
            }
          ]
        ])
      })
    )
  )

  it.effect("R15 later syncs send only who was added and who was removed", () =>
    inNewYear(store)((world) =>
      Effect.gen(function* () {
        const activations = [Activation.list(audience("Buyers"), world.destination)]
        yield* world.customers(ids(1, 2, 3, 4, 5))
        yield* world.members("Buyers", ["u1", "u2", "u3"])
        yield* world.sync(activations)
        asked(world)
        yield* TestClock.adjust("1 hour")
        yield* world.sync(activations)
        assert.deepStrictEqual(asked(world), [])
        yield* TestClock.adjust("1 hour")
        yield* world.members("Buyers", ["u2", "u3", "u4", "u5"])
        yield* world.sync(activations)
        assert.sameDeepMembers(asked(world), [added("u4", "u5"), discarded("u1")])
        assert.deepStrictEqual([...(world.vendor.state.lists.get("list1")?.members ?? [])].toSorted(), [
          "user_id:u2",
          "user_id:u3",
          "user_id:u4",
          "user_id:u5"
        ])
      })
    )
  )

  it.effect("R15 the net of a window is sent: in and out again, or out and in again, sends nothing", () =>
    inNewYear(store)((world) =>
      Effect.gen(function* () {
        const activations = [Activation.list(audience("Buyers"), world.destination)]
        yield* world.customers(ids(1, 2, 3, 4, 5))
        yield* world.members("Buyers", ["u1", "u2", "u3"])
        yield* world.sync(activations)
        asked(world)
        for (const members of [
          ["u2", "u3", "u4", "u5"],
          ["u2", "u5"],
          ["u1", "u2", "u5"]
        ]) {
          yield* TestClock.adjust("10 minutes")
          yield* world.members("Buyers", members)
          assert.match(yield* endingOf(world, activations), /^NotDue/)
        }
        assert.deepStrictEqual(asked(world), [])
        yield* TestClock.adjust("30 minutes")
        yield* world.sync(activations)
        assert.sameDeepMembers(asked(world), [added("u5"), discarded("u3")])
      })
    )
  )

  it.effect("R15 the net is since the last acknowledged sync, so what the vendor did not take is sent again", () =>
    inNewYear(store, { batch: 1 })((world) =>
      Effect.gen(function* () {
        const activations = [Activation.list(audience("Buyers"), world.destination)]
        yield* world.customers(ids(1, 2, 3))
        yield* world.members("Buyers", ["u1", "u2"])
        world.vendor.answerWith(({ path }, body) =>
          path.endsWith("/add") && body.members[0].identifiers.user_id[0] === "u2" ? { status: 503 } : undefined
        )
        yield* world.sync(activations, { patience: 1 })
        world.vendor.answerWith(() => undefined)
        asked(world)
        // One who was never acknowledged leaves: nothing to take back.
        yield* world.members("Buyers", ["u1", "u3"])
        yield* TestClock.adjust("1 hour")
        yield* world.sync(activations)
        assert.deepStrictEqual(asked(world), [added("u3")])
      })
    )
  )

  it.effect("R16 a list is synced every hour by default", () =>
    inNewYear(store)((world) =>
      Effect.gen(function* () {
        const activations = [Activation.list(audience("Buyers"), world.destination)]
        yield* world.customers(ids(1, 2))
        yield* world.members("Buyers", ["u1"])
        assert.strictEqual(yield* endingOf(world, activations), "Synced")
        asked(world)
        yield* world.members("Buyers", ["u1", "u2"])
        yield* TestClock.adjust("59 minutes")
        assert.strictEqual(yield* endingOf(world, activations), "NotDue: next at 2026-01-01T01:00:00.000Z")
        assert.deepStrictEqual(asked(world), [])
        yield* TestClock.adjust("1 minute")
        assert.strictEqual(yield* endingOf(world, activations), "Synced")
        assert.deepStrictEqual(asked(world), [added("u2")])
      })
    )
  )

  it.effect("R16 a plugin's minimum is the default, an operator may ask for less often and not for more", () =>
    inNewYear(store, { cadence: "6 hours" })((world) =>
      Effect.gen(function* () {
        const every = (interval?: "1 hour" | "359 minutes" | "6 hours" | "1 day") =>
          Activation.list(audience("Buyers"), world.destination, interval === undefined ? {} : { every: interval })
        const tooFast = (asks: string) =>
          `The configuration has a mistake:\n  - activations[0] "echo/buyers".every: echo accepts list changes at most once every 6 hours, but "every" asks for ${asks}. Set "every" to 6 hours or more, or leave it out.`
        assert.strictEqual(mistakes(world, every("1 hour")), tooFast("1 hour"))
        assert.strictEqual(mistakes(world, every("359 minutes")), tooFast("5 hours 59 minutes"))
        assert.strictEqual(mistakes(world, every("6 hours")), "nothing")
        yield* world.customers(ids(1))
        yield* world.members("Buyers", ["u1"])
        yield* world.sync([every()])
        assert.strictEqual(yield* endingOf(world, [every()]), "NotDue: next at 2026-01-01T06:00:00.000Z")
        assert.strictEqual(yield* endingOf(world, [every("1 day")]), "NotDue: next at 2026-01-02T00:00:00.000Z")
      })
    )
  )

  it.effect("R16 an hour is the floor where a plugin says nothing, or says less", () =>
    Effect.forEach([{}, { cadence: "5 minutes" }] as const, (options) =>
      inWorld(
        store,
        options
      )((world) =>
        Effect.sync(() =>
          assert.include(
            mistakes(world, Activation.list(audience("Buyers"), world.destination, { every: "30 minutes" })),
            'echo accepts list changes at most once every 1 hour, but "every" asks for 30 minutes.'
          )
        )
      )
    )
  )

  it.effect("R16 the next run survives a restart, and downtime leaves one run due, not a burst", () =>
    inNewYear(store, { cadence: "6 hours" })((world) =>
      Effect.gen(function* () {
        // Each sync opens the space anew, so all that it knows of the last run is in the store.
        const activations = [Activation.list(audience("Buyers"), world.destination)]
        yield* world.customers(ids(1, 2, 3))
        yield* world.members("Buyers", ["u1"])
        yield* world.sync(activations)
        asked(world)
        yield* world.members("Buyers", ["u1", "u2"])
        yield* TestClock.adjust("5 hours")
        assert.strictEqual(yield* endingOf(world, activations), "NotDue: next at 2026-01-01T06:00:00.000Z")
        yield* TestClock.adjust("3 days")
        assert.strictEqual(yield* endingOf(world, activations), "Synced")
        assert.deepStrictEqual(asked(world), [added("u2")])
        yield* world.members("Buyers", ["u1", "u2", "u3"])
        for (let i = 0; i < 3; i++) {
          assert.strictEqual(yield* endingOf(world, activations), "NotDue: next at 2026-01-04T11:00:00.000Z")
        }
        assert.deepStrictEqual(asked(world), [])
      })
    )
  )

  it.effect("R18 a vendor with both forms is told by the one that the activation picks, or by both", () =>
    inWorld(store)((world) =>
      Effect.gen(function* () {
        const buyers = audience("Buyers")
        yield* world.customers(ids(1))
        yield* world.members("Buyers", ["u1"])
        const asEvents = Activation.events(buyers, world.destination, { id: "events", hold: false })
        const asList = Activation.list(buyers, world.destination, { id: "list", hold: false })
        yield* world.sync([asEvents])
        assert.deepStrictEqual(
          asked(world).map(([path]) => path),
          ["/batch"]
        )
        yield* world.sync([asEvents, asList])
        assert.deepStrictEqual(
          asked(world).map(([path]) => path),
          ["/lists", "/lists", "/lists/list1/add"]
        )
        yield* world.members("Buyers", [])
        yield* TestClock.adjust("1 hour")
        yield* world.sync([asEvents, asList])
        assert.deepStrictEqual(
          asked(world).map(([path]) => path),
          ["/batch", "/lists/list1/discard"]
        )
      })
    )
  )
})
