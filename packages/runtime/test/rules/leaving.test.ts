import { Activation } from "@tributary/core/runtime"
import { assert, it } from "@effect/vitest"
import { Clock, Effect, Result } from "effect"
import { TestClock } from "effect/testing"
import { defineConfig, type ConfigOptions } from "../../src/config/defineConfig.ts"
import { resolve } from "../../src/config/Resolved.ts"
import * as Space from "../../src/engine/Space.ts"
import { syncOnce } from "../../src/engine/SyncOnce.ts"
import * as History from "../../src/store/views/History.ts"
import * as Operations from "../../src/store/activations/Operations.ts"
import { activations as statuses } from "../../src/store/views/Status.ts"
import { describeStores } from "../support/stores.ts"
import { accounts, audience, defaults, inNewYear, trait, users, whileTimePasses, type World } from "../support/world.ts"

const people = (...ids: ReadonlyArray<string>) => ids.map((id) => ({ id }))

/** A sync of a configuration that may have no activation of a destination. */
const syncWith = (options: Partial<ConfigOptions>) =>
  Effect.scoped(
    Effect.gen(function* () {
      const config = defineConfig({ space: "acme", activations: [], profiles: [accounts, users], ...options })
      const space = yield* Space.open(yield* Effect.fromResult(resolve(config)))
      return { report: yield* syncOnce(space, defaults), registered: space.registered }
    })
  )

const stateOf = (id: string) => Effect.map(statuses, (rows) => rows.find(({ activation }) => activation === id)?.state)

const calls = (world: World) =>
  world.sent().map((message) => `${message["userId"]} ${JSON.stringify(message["traits"] ?? message["event"])}`)

const listOf = (world: World) => [...world.vendor.state.lists.values()].map(({ members }) => [...members].toSorted())

describeStores("leaving", (store) => {
  it.effect("R39 an activation that is removed is left as it is, by default", () =>
    inNewYear(store)((world) =>
      Effect.gen(function* () {
        const { destination } = world
        yield* world.customers(people("u1", "u2"))
        yield* world.members("Vips", ["u1"])
        yield* world.sync([Activation.events(audience("Vips"), destination)])
        world.sent()
        yield* syncWith({ destinations: [destination] })
        assert.deepStrictEqual(calls(world), [])
        assert.strictEqual(yield* stateOf("echo/vips"), "removed")
      })
    )
  )

  it.effect("R39 exit: everybody who was told hears of it, once, whatever became of the audience", () =>
    inNewYear(store)((world) =>
      Effect.gen(function* () {
        const { destination } = world
        yield* world.customers(people("u1", "u2", "u3"))
        yield* world.members("Vips", ["u1", "u2"])
        yield* world.values("Revenue", { u1: 3 })
        const activations = [
          Activation.events(audience("Vips"), destination, { calls: ["identify", "track"], onRemoval: "exit" }),
          Activation.events(trait("Revenue"), destination, { onRemoval: "exit" }),
          Activation.events(audience("Others"), destination)
        ]
        yield* world.sync(activations)
        world.sent()
        yield* TestClock.adjust("1 hour")
        const { report } = yield* syncWith({ activations: activations.slice(2) })
        assert.deepStrictEqual(calls(world).toSorted(), [
          'u1 "Audience Exited"',
          'u1 {"revenue":null}',
          'u1 {"vips":false}',
          'u2 "Audience Exited"',
          'u2 {"vips":false}'
        ])
        assert.isTrue(report.synced.every(({ ending }) => ending._tag === "Synced"))
        assert.strictEqual(yield* stateOf("echo/vips"), "removed")
        yield* world.members("Vips", ["u1", "u2", "u3"])
        yield* syncWith({ activations: activations.slice(2) })
        assert.deepStrictEqual(calls(world), [], "it is over")
        yield* syncWith({ activations })
        assert.isAtLeast(calls(world).filter((call) => call.endsWith('{"vips":true}')).length, 3, "and may come back")
      })
    )
  )

  it.effect(
    "R39 exits tell of the time of the removal, and an identifier that moves meanwhile exits at the time of its move",
    () =>
      inNewYear(store)((world) =>
        Effect.gen(function* () {
          const { destination } = world
          yield* world.customers([{ id: "u1", email: "a@example.com" }, { id: "u2" }])
          yield* world.members("Vips", ["u1"])
          yield* world.sync([Activation.events(audience("Vips"), destination, { onRemoval: "exit" })])
          world.sent()
          yield* TestClock.adjust("1 hour")
          world.vendor.answerWith(() => ({ status: 503 }))
          yield* whileTimePasses(syncWith({ destinations: [destination] }))
          yield* world.customers([{ id: "u1" }, { id: "u2", email: "a@example.com" }])
          world.vendor.answerWith(() => undefined)
          yield* TestClock.adjust("1 hour")
          yield* whileTimePasses(syncWith({ destinations: [destination] }))
          const hours = world
            .sent()
            .map((message) => [message["identifier"], String(message["timestamp"]).slice(11, 15)])
          assert.deepStrictEqual(
            hours.toSorted(),
            [
              ["email:a@example.com", "02:0"],
              ["user_id:u1", "01:0"]
            ],
            "the removal was at one, the move at two"
          )
        })
      )
  )

  it.effect("R39 delete: the list is deleted downstream; exit: it is emptied and stays", () =>
    inNewYear(store)((world) =>
      Effect.gen(function* () {
        const { destination } = world
        yield* world.customers(people("u1", "u2"))
        yield* world.members("Vips", ["u1", "u2"])
        const list = (onRemoval: "exit" | "delete") => [
          Activation.list(audience("Vips"), destination, { onRemoval, hold: false })
        ]
        yield* world.sync(list("exit"))
        yield* syncWith({ destinations: [destination] })
        assert.deepStrictEqual(listOf(world), [[]], "at once, whatever the cadence")
        yield* TestClock.adjust("2 hours")
        yield* world.sync(list("delete"))
        assert.deepStrictEqual(listOf(world), [["user_id:u1", "user_id:u2"]])
        yield* syncWith({ destinations: [destination] })
        assert.deepStrictEqual(listOf(world), [])
        yield* syncWith({ destinations: [destination] })
        assert.strictEqual(yield* stateOf("echo/vips"), "removed")
      })
    )
  )

  it.effect("R39 what cannot be done is said before it is needed", () =>
    inNewYear(store)((world) =>
      Effect.gen(function* () {
        const { destination } = world
        const wrong: any = { onRemoval: "delete" }
        const mistakes = resolve(world.config(Activation.events(audience("Vips"), destination, wrong)))
        assert.include(
          Result.isFailure(mistakes) ? mistakes.failure.message : "",
          'activations[0] "echo/vips".onRemoval: must be keep or exit, and not delete'
        )
        yield* world.customers(people("u1"))
        yield* world.members("Vips", ["u1"])
        yield* world.sync([Activation.events(audience("Vips"), destination, { onRemoval: "exit" })])
        const { registered } = yield* syncWith({})
        assert.deepStrictEqual(registered.stranded, [{ activation: "echo/vips", destination: "echo" }])
        assert.strictEqual(yield* stateOf("echo/vips"), "exiting")
      })
    )
  )

  it.effect("R19 a list is emptied on request, stays empty, and is filled again by resume", () =>
    inNewYear(store)((world) =>
      Effect.gen(function* () {
        yield* world.customers(people("u1", "u2"))
        yield* world.members("Vips", ["u1", "u2"])
        const activations = [Activation.list(audience("Vips"), world.destination)]
        yield* world.sync(activations)
        const no = yield* world.activation("echo/vips")
        yield* Operations.leave(no, "exit")
        yield* world.sync(activations)
        assert.deepStrictEqual(listOf(world), [[]])
        assert.strictEqual(yield* stateOf("echo/vips"), "empty")
        yield* world.members("Vips", ["u1"])
        yield* TestClock.adjust("2 hours")
        yield* world.sync(activations)
        assert.deepStrictEqual(listOf(world), [[]])
        yield* Operations.resume(no)
        yield* TestClock.adjust("2 hours")
        yield* world.sync(activations)
        assert.deepStrictEqual(listOf(world), [["user_id:u1"]])
      })
    )
  )

  it.effect("R19 a list is deleted on request, also one that is gone already, and made anew by resume", () =>
    inNewYear(store)((world) =>
      Effect.gen(function* () {
        yield* world.customers(people("u1"))
        yield* world.members("Vips", ["u1"])
        const activations = [Activation.list(audience("Vips"), world.destination)]
        yield* world.sync(activations)
        const no = yield* world.activation("echo/vips")
        for (const before of [() => undefined, () => world.vendor.state.lists.clear()]) {
          before()
          yield* Operations.leave(no, "delete")
          const { synced } = yield* world.sync(activations)
          assert.strictEqual(synced[0]?.ending._tag, "Synced")
          assert.deepStrictEqual(listOf(world), [])
          yield* Operations.resume(no)
          yield* TestClock.adjust("2 hours")
          yield* world.sync(activations)
          assert.deepStrictEqual(listOf(world), [["user_id:u1"]])
        }
      })
    )
  )

  it.effect("R19 a list whose creation was not heard of is found, and not created twice", () =>
    inNewYear(store)((world) =>
      Effect.gen(function* () {
        yield* world.customers(people("u1"))
        yield* world.members("Vips", ["u1"])
        const activations = [Activation.list(audience("Vips"), world.destination)]
        let fail: string | undefined = "find"
        world.vendor.answerWith(({ method, path }, body) => {
          if (path !== "/lists") return undefined
          if (fail === "find" && method === "GET") return { status: 503 }
          if (fail === "create" && method === "POST") {
            world.vendor.state.lists.set("list1", { name: body.name, members: new Set(), log: [] })
            return { status: 502 }
          }
          return undefined
        })
        for (const step of ["find", "create"]) {
          fail = step
          const { synced } = yield* whileTimePasses(world.sync(activations))
          assert.strictEqual(synced[0]?.ending._tag, "GaveUp")
        }
        fail = undefined
        yield* world.sync(activations)
        assert.deepStrictEqual(listOf(world), [["user_id:u1"]])
      })
    )
  )

  it.effect("history: a sync is remembered with why it ran and what went wrong first, for as long as is asked", () =>
    inNewYear(store, { batch: 1 })((world) =>
      Effect.gen(function* () {
        yield* world.customers(people("u1", "u2", "u3"))
        yield* world.values("Revenue", { u1: 1, u2: 2, u3: 3 })
        const activations = [Activation.events(trait("Revenue"), world.destination)]
        world.vendor.answerWith((_, body) =>
          body?.batch?.[0]?.userId === "u2" ? { status: 200, body: { outcomes: ["too revenue"] } } : undefined
        )
        yield* world.sync(activations)
        yield* TestClock.adjust("1 day")
        yield* world.values("Revenue", { u1: 10, u2: 2, u3: 3 })
        yield* world.sync(activations)
        yield* world.sync(activations)
        yield* Operations.resync(yield* world.activation("echo/revenue"))
        yield* world.sync(activations)
        const short = (syncs: ReadonlyArray<History.PastSync>) =>
          syncs.map(({ delivered, errors, rejected, result, why }) => ({ why, result, delivered, rejected, errors }))
        const errors = [{ reason: "too revenue", count: 1 }]
        const synced: History.PastResult = { _tag: "Synced" }
        const [resync, changes, first] = [
          { why: "resync", result: synced, delivered: 2, rejected: 1, errors },
          { why: "changes", result: synced, delivered: 1, rejected: 0, errors: [] },
          { why: "first sync", result: synced, delivered: 2, rejected: 1, errors }
        ]
        assert.deepStrictEqual(short(yield* History.past(undefined, 10)), [resync, changes, first])
        yield* History.prune((yield* Clock.currentTimeMillis) - 3_600_000)
        assert.deepStrictEqual(short(yield* History.past(undefined, 10)), [resync, changes])
      })
    )
  )

  it.effect("history: melted changes still say when somebody changed last", () =>
    inNewYear(store)((world) =>
      Effect.gen(function* () {
        const activations = [Activation.events(audience("Vips"), world.destination)]
        yield* world.customers(people("u1", "u2"))
        for (const members of [["u1"], ["u1", "u2"], ["u2"], ["u1", "u2"]]) {
          yield* world.members("Vips", members)
          yield* world.sync(activations)
          yield* TestClock.adjust("1 day")
        }
        yield* History.prune(yield* Clock.currentTimeMillis)
        const rows = yield* world.sql`select 1 from tributary.change`
        assert.strictEqual(rows.length, 1)
        world.sent()
        yield* world.customers([{ id: "u1" }, { id: "u2", email: "b@example.com" }])
        yield* world.sync(activations)
        const [message] = world.sent()
        assert.strictEqual(message?.["identifier"], "email:b@example.com")
        assert.isTrue(String(message?.["timestamp"]).startsWith("2026-01-0"), String(message?.["timestamp"]))
      })
    )
  )
})
