import { RateLimit } from "@tributary/core"
import { Activation } from "@tributary/core/runtime"
import { assert, it } from "@effect/vitest"
import { Clock, Effect, Fiber, Layer } from "effect"
import { TestClock } from "effect/testing"
import { makeEcho } from "../support/echo.ts"
import { describeStores } from "../support/stores.ts"
import { audience, inWorld, trait, whileTimePasses, type World } from "../support/world.ts"
import * as Space from "../../src/engine/Space.ts"
import { refreshComputation } from "../../src/engine/Refresh.ts"
import { resolve } from "../../src/config/Resolved.ts"

const people = (count: number) => Array.from({ length: count }, (_, i) => ({ id: `u${i}` }))
const ids = (count: number) => people(count).map(({ id }) => id)

const everybody = audience("Everybody")
const vips = audience("Vips")

/** Evaluates a computation while a sync runs, as `start` does. */
const evaluate = Effect.fnUntraced(function* (world: World, activations: Parameters<World["sync"]>[0], key: string) {
  const resolved = yield* Effect.fromResult(resolve(world.config(...activations)))
  const computation = resolved.computations.find((each) => each.key === key)
  if (computation !== undefined) yield* refreshComputation(computation, { folder: ".", full: false })
})

/** Lets virtual time pass until something holds. It stands still while queries and requests are under way. */
const until = Effect.fnUntraced(function* (holds: () => boolean) {
  yield* whileTimePasses(
    Effect.gen(function* () {
      while (!holds()) yield* Effect.sleep("10 millis")
    }),
    "10 millis"
  )
})

describeStores("lanes", (store) => {
  it.effect("R31 news overtakes a first sync that runs at its cap: on the wire within 250 ms of virtual time", () =>
    inWorld(store, { batch: 1, limits: [RateLimit.requests(50, "1 second")] })((world) =>
      Effect.gen(function* () {
        const activations = [
          Activation.events(everybody, world.destination),
          Activation.events(vips, world.destination)
        ]
        yield* world.customers([...people(300), { id: "vip" }])
        yield* world.members("Vips", ["u0"])
        yield* world.sync([activations[1]!])
        yield* world.members("Everybody", ids(300))
        world.sent()
        const isSent = (id: string, key: string) =>
          world.vendor.state.messages.some(
            (message) => message["userId"] === id && message["traits"]?.[key] !== undefined
          )
        const sync = yield* Effect.forkChild(world.sync(activations))
        yield* until(() => world.vendor.state.messages.length > 60)
        const waits: Array<number> = []
        for (const members of [["u0", "vip"], ["u0"], ["vip"], ["u0", "vip", "u299"]]) {
          yield* world.members("Vips", members)
          const seen = world.vendor.state.messages.filter((message) => message["traits"]?.["vips"] !== undefined).length
          yield* evaluate(world, activations, "vips")
          const changedAt = yield* Clock.currentTimeMillis
          yield* until(
            () =>
              world.vendor.state.messages.filter((message) => message["traits"]?.["vips"] !== undefined).length > seen
          )
          waits.push((yield* Clock.currentTimeMillis) - changedAt)
        }
        assert.isFalse(isSent("u298", "everybody"), "the first sync is still at it")
        assert.isAtMost(Math.max(...waits), 250)
        yield* whileTimePasses(Fiber.join(sync), "50 millis")
        assert.isTrue(isSent("u298", "everybody"))
      })
    )
  )

  it.effect("R31 no activation waits for another's backlog at the same destination", () =>
    inWorld(store, { batch: 1, limits: [RateLimit.requests(50, "1 second")] })((world) =>
      Effect.gen(function* () {
        yield* world.customers(people(300))
        yield* world.members("Everybody", ids(300))
        yield* world.members("Last", ["u298", "u299"])
        const last = audience("Last")
        const sync = yield* Effect.forkChild(
          world.sync([Activation.events(everybody, world.destination), Activation.events(last, world.destination)])
        )
        yield* until(() => world.vendor.state.messages.some((message) => message["traits"]?.["last"] === true))
        assert.isBelow(world.sent().length, 150, "the small one has had its share long before the large one is done")
        yield* whileTimePasses(Fiber.join(sync), "50 millis")
      })
    )
  )

  it.effect("R38 a pause holds up a sync that is running", () =>
    inWorld(store, { batch: 1, limits: [RateLimit.requests(50, "1 second")] })((world) =>
      Effect.gen(function* () {
        yield* world.customers(people(300))
        yield* world.members("Everybody", ids(300))
        const activation = Activation.events(everybody, world.destination)
        const sync = yield* Effect.forkChild(world.sync([activation]))
        yield* until(() => world.vendor.state.messages.length > 20)
        yield* world.sql`update tributary.activation set paused = true`
        const report = yield* whileTimePasses(Fiber.join(sync), "50 millis")
        assert.strictEqual(report.synced[0]?.ending._tag, "Paused")
        assert.isBelow(world.sent().length, 200)
      })
    )
  )

  it.effect("R36 a sync that is running removes nobody whom a new evaluation would have it remove in mass", () =>
    inWorld(store, { batch: 1, limits: [RateLimit.requests(50, "1 second")] })((world) =>
      Effect.gen(function* () {
        yield* world.customers(people(300))
        yield* world.members("Vips", ids(150))
        const activations = [
          Activation.events(everybody, world.destination),
          Activation.events(vips, world.destination)
        ]
        yield* whileTimePasses(world.sync([activations[1]!]), "50 millis")
        world.sent()
        yield* world.members("Everybody", ids(300))
        const sync = yield* Effect.forkChild(world.sync(activations))
        yield* until(() => world.vendor.state.messages.length > 60)
        yield* world.members("Vips", [])
        yield* evaluate(world, activations, "vips")
        const report = yield* whileTimePasses(Fiber.join(sync), "50 millis")
        assert.deepStrictEqual(
          report.synced.map(({ ending }) => ending._tag),
          ["Synced", "Held"]
        )
        assert.deepStrictEqual(
          world.sent().filter((message) => message["traits"]?.["vips"] !== undefined),
          []
        )
      })
    )
  )
})

describeStores("rests", (store) => {
  it.effect(
    "R29 a daily budget that is spent parks the destination until its reset, says so, and survives a restart",
    () =>
      inWorld(store, { batch: 1, limits: [RateLimit.requests(20, "1 day")] })((world) =>
        Effect.gen(function* () {
          yield* world.customers(people(30))
          yield* world.members("Everybody", ids(30))
          const activations = [Activation.events(everybody, world.destination)]
          const until = "20 requests per 1d are used up, until 1970-01-02T00:00:0"
          for (let restarts = 0; restarts < 3; restarts++) {
            // Another process, which nobody told that the destination rests.
            yield* world.sql`update tributary.destination set resting = null, rests_until = null`
            const process = Effect.provide(world.sync(activations), Layer.fresh(Space.layer))
            const { synced } = yield* whileTimePasses(process)
            const ending = synced[0]?.ending
            assert.include(ending?._tag === "Synced" ? "" : ending?.reason, until)
            assert.strictEqual(world.vendor.state.requests.length, 20)
          }
          yield* TestClock.adjust("1 day")
          const { synced } = yield* whileTimePasses(world.sync(activations))
          assert.strictEqual(synced[0]?.ending._tag, "Synced")
          assert.strictEqual(world.vendor.state.requests.length, 30)
        })
      )
  )

  it.effect("R29 a cap of the config and a limit of records hold as well", () =>
    inWorld(store)((world) =>
      Effect.gen(function* () {
        const echo = makeEcho({ batch: 10, limits: [RateLimit.records(20, "1 second"), RateLimit.concurrent(2)] })
        const destination = echo.destination("echo", { baseUrl: world.baseUrl })
        yield* world.customers(people(100))
        yield* world.members("Everybody", ids(100))
        yield* whileTimePasses(world.sync([Activation.events(everybody, destination)]), "50 millis")
        const requests = world.vendor.state.requests
        assert.strictEqual(requests.length, 10)
        requests.forEach(({ at }, i) => {
          const next = requests[i + 2]
          assert.isTrue(next === undefined || next.at - at >= 1000, "never more than 20 records a second")
        })
      })
    )
  )

  it.effect("R33 a destination that fails everything is asked by one request at a time, and less and less often", () =>
    inWorld(store, { batch: 1 })((world) =>
      Effect.gen(function* () {
        yield* world.customers(people(100))
        yield* world.members("Everybody", ids(100))
        const activations = [Activation.events(everybody, world.destination)]
        let isDown = true
        world.vendor.answerWith(() => (isDown ? { status: 500 } : undefined))
        yield* whileTimePasses(world.sync(activations, { patience: 1 }))
        const first = world.vendor.state.requests.length
        // Whoever runs for good looks every two seconds.
        const asks: Array<number> = []
        for (let seconds = 0; seconds < 1200; seconds += 2) {
          const before = world.vendor.state.requests.length
          yield* whileTimePasses(
            world
              .sync(activations, { patience: 1 })
              .pipe(Effect.tap(() => world.sql`update tributary.destination set was_asked = true`))
          )
          const count = world.vendor.state.requests.length - before
          assert.isAtMost(count, 1)
          if (count > 0) asks.push(seconds)
          yield* TestClock.adjust("20 seconds")
          seconds += 18
        }
        assert.isAtMost(first, 32, "what was on the wire when it went down")
        assert.isAtMost(asks.length, 12, `asked at ${asks.join()}`)
        isDown = false
        yield* world.sql`update tributary.destination set rests_until = null`
        const { synced } = yield* whileTimePasses(world.sync(activations, { patience: 1 }))
        assert.strictEqual(synced[0]?.ending._tag, "Synced")
        const [row] = yield* world.sql<{ failures: number; resting: string | null }>`
          select failures, resting from tributary.destination`
        assert.deepStrictEqual(row, { failures: 0, resting: null })
      })
    )
  )

  it.effect("R33 other destinations do not notice", () =>
    inWorld(store, { batch: 1 })((world) =>
      Effect.gen(function* () {
        yield* world.customers(people(20))
        yield* world.values("Revenue", Object.fromEntries(ids(20).map((id, i) => [id, i])))
        const revenue = trait("Revenue")
        const echo = makeEcho({ batch: 1 })
        const down = echo.destination("down", { baseUrl: `${world.baseUrl}/nowhere` })
        world.vendor.answerWith(({ path }) => (path.startsWith("/nowhere") ? { status: 503 } : undefined))
        const { synced } = yield* whileTimePasses(
          world.sync(
            [
              Activation.events(revenue, down, { id: "down" }),
              Activation.events(revenue, world.destination, { id: "up" })
            ],
            { patience: 2 }
          )
        )
        assert.deepStrictEqual(Object.fromEntries(synced.map(({ activation, ending }) => [activation, ending._tag])), {
          down: "GaveUp",
          up: "Synced"
        })
        assert.strictEqual(world.sent().length, 20)
      })
    )
  )
})
