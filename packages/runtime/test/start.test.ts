import { Activation, type Ledger, Scheduler } from "@tributary/core/runtime"
import { assert, it } from "@effect/vitest"
import { Clock, DateTime, Duration, Effect, Fiber, Latch, type Scope } from "effect"
import type { SqlClient } from "effect/sql"
import { TestClock } from "effect/testing"
import { describe } from "vitest"
import { Audience } from "../src/config/Computations.ts"
import type { SourcedActivation } from "../src/config/defineConfig.ts"
import { sql } from "../src/config/Query.ts"
import { resolve } from "../src/config/Resolved.ts"
import * as Space from "../src/engine/Space.ts"
import { type Event, start } from "../src/engine/Start.ts"
import { describeStores, stores } from "./support/stores.ts"
import * as Work from "./support/work.ts"
import { audience, inNewYear, users, type World } from "./support/world.ts"

const newYear = "2026-01-01T00:00:00.000Z"
const shoppers = "First time shopper"

interface Happened {
  readonly at: string
  readonly event: Event
}

const nextTurn = Effect.promise(() => new Promise<void>((resolve) => setTimeout(resolve, 1)))

/** Lets queries and requests run, which take real time; no virtual time passes. */
const until = (what: string, holds: () => boolean) =>
  Effect.gen(function* () {
    for (let round = 0; !holds(); round++) {
      if (round > 10_000) return assert.fail(`never happened: ${what}`)
      yield* Work.quiet
      yield* nextTurn
    }
  })

/** The same while time passes, second by second, each after what has begun in the one before. */
const untilInTime = (what: string, holds: () => boolean) =>
  Effect.gen(function* () {
    for (let second = 0; !holds(); second++) {
      if (second > 60) return assert.fail(`did not happen within a minute: ${what}`)
      yield* Work.quiet
      if (!holds()) yield* TestClock.adjust("1 second")
    }
  })

interface Run {
  readonly stop: Latch.Latch
  readonly fiber: Fiber.Fiber<void, Ledger.Fenced>
  /** When something was refreshed, or failed to be, by its name. */
  readonly refreshed: (name: string) => ReadonlyArray<string>
  readonly failed: (name: string) => ReadonlyArray<string>
  /** When an activation was told something. */
  readonly sent: (activation: string) => ReadonlyArray<string>
  readonly happened: ReadonlyArray<Happened>
}

/** Time passes between two looks at the clock, as it does in truth. */
const ticking = (clock: Clock.Clock): Clock.Clock => {
  let ticks = 0
  const currentTimeMillisUnsafe = () => clock.currentTimeMillisUnsafe() + ticks++
  return {
    ...clock,
    currentTimeMillisUnsafe,
    currentTimeMillis: Effect.sync(currentTimeMillisUnsafe),
    sleep: (duration) => clock.sleep(duration)
  }
}

/** `tributary start` until the test has seen enough of it; then it is told to stop, and must end. */
const whileStarted = <A, E>(
  world: World,
  activations: ReadonlyArray<SourcedActivation>,
  test: (run: Run) => Effect.Effect<A, E, SqlClient.SqlClient | Scope.Scope>,
  isTicking = false
) =>
  Effect.scoped(
    Effect.gen(function* () {
      const space = yield* Space.open(yield* Effect.fromResult(resolve(world.config(...activations))))
      const stop = Latch.makeUnsafe(false)
      const happened: Array<Happened> = []
      const times = (isWanted: (event: Event) => boolean) =>
        happened.flatMap(({ at, event }) => (isWanted(event) ? [at] : []))
      const clock = yield* Clock.Clock
      const fiber = yield* Effect.forkChild(
        start(space, {
          folder: ".",
          stop,
          patience: 3,
          waitForPostponed: Duration.zero,
          onEvent: (event) =>
            Effect.map(DateTime.now, (now) => void happened.push({ at: DateTime.formatIso(now), event }))
        }).pipe(Effect.provideService(Clock.Clock, isTicking ? ticking(clock) : clock))
      )
      const answer = yield* test({
        stop,
        fiber,
        happened,
        refreshed: (name) => times((event) => event._tag === "Refreshed" && event.what === name),
        failed: (name) => times((event) => event._tag === "RefreshFailed" && event.error.message.includes(`"${name}"`)),
        sent: (id) =>
          times(
            (event) =>
              event._tag === "Synced" &&
              event.synced.activation === id &&
              Object.values(event.synced.counts).some((count) => count > 0)
          )
      })
      yield* stop.open
      yield* until("the end of start", () => fiber.pollUnsafe() !== undefined)
      yield* Fiber.join(fiber)
      return answer
    })
  )

const later = (time: string, by: Duration.Input): string =>
  new Date(Date.parse(time) + Duration.toMillis(Duration.fromInputUnsafe(by))).toISOString()

/** Skips to a moment after another one. */
const skipTo = (time: string, by: Duration.Input) => TestClock.setTime(Date.parse(later(time, by)))

const id = "echo/first_time_shopper"
const key = "first_time_shopper"

const customers = ["u1", "u2", "u3"].map((id) => ({ id }))
const byClock = Audience.make("At six", {
  of: users,
  query: sql`select id from member where audience = 'At six'`,
  cron: "0 6 * * *"
})
const failing = Audience.make("Failing", { of: users, query: sql`select id from nowhere`, every: "5 minutes" })

/** The customers, and the first of them in the audience. */
const setUp = (world: World, name = shoppers) =>
  Effect.gen(function* () {
    yield* world.customers(customers)
    yield* world.members(name, ["u1"])
  })

/** When the vendor was asked to add or remove members of a list. */
const listTold = (world: World) =>
  world.vendor.state.requests.flatMap(({ at, path }) =>
    /\/(add|discard)$/.test(path) ? [new Date(at).toISOString()] : []
  )

// PostgreSQL's connections time out by the same clock, so the hours are skipped on PGlite only.
describe("start", () => {
  const store = stores[0] ?? assert.fail("no store to test on")
  it.effect("evaluates at an interval, and tells events at once after an evaluation", () =>
    inNewYear(store)((world) =>
      Effect.gen(function* () {
        yield* setUp(world)
        yield* whileStarted(world, [Activation.events(audience(shoppers), world.destination)], ({ refreshed, sent }) =>
          Effect.gen(function* () {
            yield* untilInTime("the first call", () => sent(id).length === 1)
            yield* world.members(shoppers, ["u1", "u2"])
            const first = refreshed(key)[0] ?? ""
            yield* skipTo(first, "299 seconds")
            yield* skipTo(first, "5 minutes")
            yield* until("the second call", () => sent(id).length === 2)
            assert.deepStrictEqual(refreshed(key), [first, later(first, "5 minutes")])
            assert.deepStrictEqual(sent(id), [first, later(first, "5 minutes")])
            assert.deepStrictEqual(
              world.sent().map(({ userId }) => userId),
              ["u1", "u2"]
            )
          })
        )
      })
    )
  )

  it.effect("evaluates by the clock", () =>
    inNewYear(store)((world) =>
      Effect.gen(function* () {
        yield* setUp(world, "At six")
        // What runs looks for work every two seconds, which takes real time: little more than one hour of it is enough.
        yield* skipTo(newYear, "290 minutes")
        yield* whileStarted(world, [Activation.events(byClock, world.destination)], ({ refreshed, sent }) =>
          Effect.gen(function* () {
            yield* untilInTime("the first call", () => sent("echo/at_six").length === 1)
            yield* world.members("At six", ["u2"])
            const first = refreshed("at_six")[0] ?? ""
            yield* skipTo(newYear, "359 minutes")
            yield* until("an hourly import", () => refreshed("users").length > 1)
            assert.deepStrictEqual(refreshed("at_six"), [first])
            yield* skipTo(newYear, "6 hours")
            yield* until("the second call", () => sent("echo/at_six").length === 2)
            assert.deepStrictEqual(refreshed("at_six"), [first, later(newYear, "6 hours")])
          })
        )
      })
    )
  )

  it.effect("R16 tells a list when it is due, however often its audience is evaluated", () =>
    inNewYear(store)((world) =>
      Effect.gen(function* () {
        yield* setUp(world)
        yield* whileStarted(world, [Activation.list(audience(shoppers), world.destination)], ({ refreshed, sent }) =>
          Effect.gen(function* () {
            // Not only on the wire but settled, as the cadence counts from there.
            yield* untilInTime("the first upload", () => sent(id).length === 1)
            yield* world.members(shoppers, ["u1", "u2"])
            const first = listTold(world)[0] ?? ""
            yield* skipTo(first, "5 minutes")
            yield* until("the second evaluation", () => refreshed(key).length === 2)
            yield* skipTo(first, "59 minutes")
            yield* until("a later evaluation", () => refreshed(key).length > 2)
            assert.deepStrictEqual(listTold(world), [first])
            yield* skipTo(first, "1 hour")
            yield* until("the second upload", () => listTold(world).length === 2)
            assert.deepStrictEqual(listTold(world), [first, later(first, "1 hour")])
            assert.deepStrictEqual(world.vendor.state.lists.get("list1")?.log, ["add user_id:u1", "add user_id:u2"])
          })
        )
      })
    )
  )

  it.effect("R16 a night of downtime is followed by one run, and a restart in time by none", () =>
    inNewYear(store)((world) =>
      Effect.gen(function* () {
        yield* setUp(world)
        const activations = [Activation.events(audience(shoppers), world.destination)]
        const first = yield* whileStarted(world, activations, ({ refreshed, sent }) =>
          Effect.map(
            untilInTime("the first call", () => sent(id).length === 1),
            () => refreshed(key)[0] ?? ""
          )
        )
        yield* skipTo(first, "1 minute")
        yield* world.members(shoppers, ["u2"])
        yield* whileStarted(world, activations, ({ happened, refreshed, sent }) =>
          Effect.gen(function* () {
            yield* skipTo(first, "4 minutes")
            assert.deepStrictEqual(happened, [])
            yield* skipTo(first, "5 minutes")
            yield* until("the second call", () => sent(id).length === 1)
            assert.deepStrictEqual(refreshed(key), [later(first, "5 minutes")])
          })
        )
        yield* skipTo(first, "8 hours")
        yield* world.members(shoppers, ["u3"])
        yield* whileStarted(world, activations, ({ refreshed, sent }) =>
          Effect.gen(function* () {
            yield* until("a call", () => sent(id).length === 1)
            yield* skipTo(first, "484 minutes")
            yield* skipTo(first, "485 minutes")
            yield* until("the next evaluation", () => refreshed(key).length === 2)
            assert.deepStrictEqual(refreshed(key), [later(first, "8 hours"), later(first, "485 minutes")])
          })
        )
      })
    )
  )

  it.effect("a source that fails is reported once per attempt, and the others go on", () =>
    inNewYear(store)((world) =>
      Effect.gen(function* () {
        yield* setUp(world)
        const activations = [
          Activation.events(failing, world.destination),
          Activation.events(audience(shoppers), world.destination)
        ]
        yield* whileStarted(world, activations, ({ failed, happened, refreshed, sent }) =>
          Effect.gen(function* () {
            yield* untilInTime("a call and a failure", () => sent(id).length === 1 && failed("failing").length === 1)
            yield* world.members(shoppers, ["u1", "u3"])
            const called = refreshed(key)[0] ?? ""
            const at = failed("failing")[0] ?? ""
            yield* TestClock.adjust("4 minutes")
            yield* TestClock.adjust("1 minute")
            yield* until("another call", () => sent(id).length === 2)
            yield* until("another failure", () => failed("failing").length === 2)
            assert.deepStrictEqual(failed("failing"), [at, later(at, "5 minutes")])
            assert.deepStrictEqual(refreshed(key), [called, later(called, "5 minutes")])
            assert.deepStrictEqual(
              world.sent().map(({ userId }) => userId),
              ["u1", "u3"]
            )
            assert.isFalse(happened.some(({ event }) => event._tag === "StoreFailed"))
          })
        )
      })
    )
  )
})

describeStores("start", (store) => {
  it.effect.each([
    ["", false],
    [", while time passes between two looks at the clock", true]
  ] as const)("its first evaluation waits for the first import, so that everybody is told at once%s", ([, isTicking]) =>
    inNewYear(store)((world) =>
      Effect.gen(function* () {
        yield* setUp(world)
        const activations = [Activation.events(audience(shoppers), world.destination)]
        const sent = ({ happened, sent }: Run) =>
          Effect.gen(function* () {
            yield* untilInTime("the first call", () => sent(id).length === 1)
            const refreshed = happened.flatMap(({ event }) => (event._tag === "Refreshed" ? [event.what] : []))
            assert.deepStrictEqual(refreshed.toSorted(), ["accounts", key, "users"])
            assert.strictEqual(refreshed.at(-1), key)
          })
        yield* whileStarted(world, activations, sent, isTicking)
      })
    )
  )

  it.effect("ends when it is told to stop, and settles what is on the wire", () => {
    const heard = Latch.makeUnsafe(false)
    let arrived = 0
    const beforeHeard = () =>
      Effect.andThen(
        Effect.sync(() => arrived++),
        heard.await
      )
    return inNewYear(store, { beforeHeard })((world) =>
      Effect.gen(function* () {
        yield* setUp(world)
        const activations = [Activation.events(audience(shoppers), world.destination)]
        yield* whileStarted(world, activations, ({ fiber, stop }) =>
          Effect.gen(function* () {
            yield* untilInTime("a request", () => arrived === 1)
            yield* stop.open
            yield* nextTurn
            assert.isUndefined(fiber.pollUnsafe())
            yield* heard.open
            yield* until("the end", () => fiber.pollUnsafe() !== undefined)
          })
        )
        assert.strictEqual(world.sent().length, 1)
        yield* world.sync(activations)
        assert.deepStrictEqual(world.sent(), [])
      })
    )
  })
})

it.effect("a job that is woken runs at once, and one that is due never twice at a time", () =>
  Effect.gen(function* () {
    const scheduler = yield* Scheduler.Scheduler
    const stop = Latch.makeUnsafe(false)
    const wake = Latch.makeUnsafe(false)
    const runs: Array<number> = []
    const soon = Effect.map(DateTime.now, (now) => (runs.length === 0 ? now : DateTime.add(now, { hours: 1 })))
    const run = Effect.map(Clock.currentTimeMillis, (now) => void runs.push(now))
    const fiber = yield* Effect.forkChild(scheduler.run([{ name: "job", nextDue: soon, run, wake }], stop))
    yield* TestClock.adjust("10 minutes")
    assert.deepStrictEqual(runs, [0])
    yield* wake.open
    yield* TestClock.adjust("1 second")
    assert.deepStrictEqual(runs, [0, 600_000])
    yield* stop.open
    yield* Fiber.join(fiber)
  }).pipe(Effect.provide(Scheduler.Scheduler.layer))
)
