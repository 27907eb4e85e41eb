import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Fiber, Layer } from "effect"
import { TestClock } from "effect/testing"
import * as RateLimit from "../src/contract/RateLimit.ts"
import { Budgets, type Keeper } from "../src/wire/Budgets.ts"
import { type Gate, RateLimiter } from "../src/wire/RateLimiter.ts"
import * as Sandbox from "../src/contract/Sandbox.ts"

const gateOf = (limits: ReadonlyArray<RateLimit.RateLimit>, name = "destination") =>
  Effect.flatMap(RateLimiter, (limiter) => limiter.gate(name, limits))

/** A vendor that counts a request at some moment between its sending and its answer, as vendors do. */
const vendor = (window: Sandbox.Window) => {
  const seen = { taken: 0, refused: 0, inFlight: 0, mostInFlight: 0, sentAt: [] as Array<number> }
  const request = (i: number) =>
    Effect.gen(function* () {
      seen.sentAt.push(yield* Clock.currentTimeMillis)
      seen.mostInFlight = Math.max(seen.mostInFlight, ++seen.inFlight)
      yield* Effect.sleep((i * 37) % 211)
      if (window.take(yield* Clock.currentTimeMillis)) seen.taken++
      else seen.refused++
      yield* Effect.sleep((i * 53) % 97)
      seen.inFlight--
    })
  return { seen, request }
}

const sendAll = (gates: ReadonlyArray<Gate>, count: number, request: (i: number) => Effect.Effect<void>) =>
  Effect.forEach(
    Array.from({ length: count }, (_, i) => i),
    (i) => gates[i % gates.length]!.request(request(i)),
    { concurrency: "unbounded", discard: true }
  )

const test = <A, E>(effect: Effect.Effect<A, E, RateLimiter>) => Effect.provide(effect, Layer.fresh(RateLimiter.layer))

const windows: ReadonlyArray<readonly [string, () => Sandbox.Window]> = [
  ["a sliding", () => Sandbox.slidingWindow(50, 1000)],
  ["a fixed", () => Sandbox.fixedWindow(50, 1000)]
]

describe("R28 a cap is never exceeded", () => {
  for (const [name, window] of windows) {
    it.effect(`as a vendor with ${name} window counts it, whenever it counts`, () =>
      test(
        Effect.gen(function* () {
          const gate = yield* gateOf([RateLimit.requests(50, "1 second")])
          const { request, seen } = vendor(window())
          const fiber = yield* Effect.forkChild(sendAll([gate], 600, request))
          yield* TestClock.adjust("30 seconds")
          yield* Fiber.join(fiber)
          assert.deepInclude(seen, { taken: 600, refused: 0 })
        })
      )
    )
  }

  it.effect("in any window of its length, counted where requests leave", () =>
    test(
      Effect.gen(function* () {
        const gate = yield* gateOf([RateLimit.requests(10, "1 second")])
        const { request, seen } = vendor(Sandbox.slidingWindow(10, 1000))
        const fiber = yield* Effect.forkChild(sendAll([gate], 100, request))
        yield* TestClock.adjust("1 minute")
        yield* Fiber.join(fiber)
        seen.sentAt.forEach((at, i) => {
          const next = seen.sentAt[i + 10]
          assert.isTrue(next === undefined || next - at >= 1000, `${i}: ${at} and ${next}`)
        })
      })
    )
  )

  it.effect("and is used: a vendor that answers at once is sent the whole cap in every window", () =>
    test(
      Effect.gen(function* () {
        const gate = yield* gateOf([RateLimit.requests(50, "1 second")])
        let sent = 0
        const one = Effect.sync(() => void sent++)
        yield* Effect.forkChild(sendAll([gate], 600, () => one))
        for (let second = 1; second <= 5; second++) {
          yield* TestClock.adjust(second === 1 ? 999 : 1000)
          assert.strictEqual(sent, second * 50)
        }
      })
    )
  )

  it.effect("by all who ask for the gate of the same name together, and by no other name", () =>
    test(
      Effect.gen(function* () {
        const limits = [RateLimit.requests(50, "1 second")]
        const gates = [yield* gateOf(limits), yield* gateOf(limits)]
        const other = yield* gateOf(limits, "other")
        let sent = 0
        let sentToOther = 0
        yield* Effect.forkChild(sendAll(gates, 200, () => Effect.sync(() => void sent++)))
        yield* Effect.forkChild(sendAll([other], 50, () => Effect.sync(() => void sentToOther++)))
        yield* TestClock.adjust(999)
        assert.deepStrictEqual([sent, sentToOther], [50, 50])
      })
    )
  )

  it.effect("when requests fail: a failure is a request too", () =>
    test(
      Effect.gen(function* () {
        const gate = yield* gateOf([RateLimit.requests(3, "1 second")])
        let sent = 0
        const failing = Effect.suspend(() => {
          sent++
          return Effect.fail("503")
        })
        const fiber = yield* Effect.forkChild(
          Effect.forEach([1, 2, 3, 4], () => Effect.ignore(gate.request(failing)), { concurrency: "unbounded" })
        )
        yield* TestClock.adjust(999)
        assert.strictEqual(sent, 3)
        yield* TestClock.adjust(1)
        yield* Fiber.join(fiber)
        assert.strictEqual(sent, 4)
      })
    )
  )
})

describe("R28 the vendor brings a cap down", () => {
  const waiting = Effect.fnUntraced(function* (gate: Gate) {
    let isThrough = false
    yield* Effect.forkChild(gate.request(Effect.sync(() => void (isThrough = true))))
    return () => isThrough
  })

  it.effect("with Retry-After: nothing passes before it is over", () =>
    test(
      Effect.gen(function* () {
        const gate = yield* gateOf([RateLimit.requests(50, "1 second")])
        yield* gate.pause(7000)
        yield* gate.pause(2000) // a shorter one does not shorten it
        const isThrough = yield* waiting(gate)
        yield* TestClock.adjust(6999)
        assert.isFalse(isThrough())
        yield* TestClock.adjust(1)
        assert.isTrue(isThrough())
      })
    )
  )

  it.effect("also for a request that waits for its window already", () =>
    test(
      Effect.gen(function* () {
        const gate = yield* gateOf([RateLimit.requests(1, "1 second")])
        yield* gate.request(Effect.void)
        const isThrough = yield* waiting(gate)
        yield* TestClock.adjust(500)
        yield* gate.pause(10_000)
        yield* TestClock.adjust(9999)
        assert.isFalse(isThrough())
        yield* TestClock.adjust(1)
        assert.isTrue(isThrough())
      })
    )
  )

  it.effect("with a quota that is used up, counting requests whose answers are still to come", () =>
    test(
      Effect.gen(function* () {
        const gate = yield* gateOf([])
        yield* gate.observe({ remaining: 1, resetMillis: 5000 })
        const isFirstThrough = yield* waiting(gate)
        yield* TestClock.adjust(0)
        assert.isTrue(isFirstThrough())
        yield* gate.observe({ remaining: 0, resetMillis: 5000 })
        const isThrough = yield* waiting(gate)
        yield* TestClock.adjust(4999)
        assert.isFalse(isThrough())
        yield* TestClock.adjust(1)
        assert.isTrue(isThrough())
      })
    )
  )

  it.effect("and a stop does not wait for it: who waits at the gate can be interrupted", () =>
    test(
      Effect.gen(function* () {
        const gate = yield* gateOf([RateLimit.requests(1, "1 second")])
        yield* gate.pause(50_000)
        const fibers = [
          yield* Effect.forkChild(gate.request(Effect.void)),
          yield* Effect.forkChild(gate.request(Effect.void))
        ]
        yield* TestClock.adjust(1000)
        for (const fiber of fibers) fiber.interruptUnsafe()
        yield* TestClock.adjust(1000)
        assert.deepStrictEqual(
          fibers.map((fiber) => fiber.pollUnsafe()?._tag),
          ["Failure", "Failure"]
        )
        yield* TestClock.adjust(50_000)
        const isThrough = yield* waiting(gate)
        yield* TestClock.adjust(0)
        assert.isTrue(isThrough(), "they left no trace")
      })
    )
  )
})

describe("R29 other limits", () => {
  it.effect("concurrent requests are never more than allowed", () =>
    test(
      Effect.gen(function* () {
        const gate = yield* gateOf([RateLimit.concurrent(4), RateLimit.requests(100, "1 second")])
        const { request, seen } = vendor(Sandbox.slidingWindow(100, 1000))
        const fiber = yield* Effect.forkChild(sendAll([gate], 80, request))
        yield* TestClock.adjust("1 minute")
        yield* Fiber.join(fiber)
        assert.deepInclude(seen, { taken: 80, refused: 0, mostInFlight: 4 })
      })
    )
  )

  it.effect("records are counted by the batch, in any window", () =>
    test(
      Effect.gen(function* () {
        const gate = yield* gateOf([RateLimit.records(100, "1 second")])
        let sent = 0
        const batch = gate.records(40)(Effect.sync(() => void (sent += 40)))
        yield* Effect.forkChild(Effect.forEach([1, 2, 3, 4, 5], () => batch, { concurrency: "unbounded" }))
        yield* TestClock.adjust(999)
        assert.strictEqual(sent, 80)
        yield* TestClock.adjust(1)
        assert.strictEqual(sent, 160)
      })
    )
  )

  it.effect("a rate and a daily budget hold together, and what is spent says until when", () =>
    test(
      Effect.gen(function* () {
        const gate = yield* gateOf([RateLimit.requests(10, "1 second"), RateLimit.requests(25, "1 day")])
        let sent = 0
        const one = gate.request(Effect.sync(() => void sent++))
        const fiber = yield* Effect.forkChild(Effect.forEach(Array.from({ length: 25 }), () => one, { discard: true }))
        yield* TestClock.adjust(999)
        assert.strictEqual(sent, 10)
        yield* TestClock.adjust("10 seconds")
        yield* Fiber.join(fiber)
        assert.strictEqual(sent, 25)
        const refused = yield* Effect.flip(one)
        assert.deepInclude(refused, {
          _tag: "Throttled",
          reason: "25 requests per 1d are used up, until 1970-01-02T00:00:00.000Z",
          retryAfterMillis: 86_400_000 - 10_999
        })
        yield* TestClock.adjust("1 day")
        yield* one
        assert.strictEqual(sent, 26)
      })
    )
  )

  it.effect("a daily budget is not whole again after a restart, and after a crash the open block counts", () =>
    test(
      Effect.gen(function* () {
        const kept: Array<{ weight: number; at: number | undefined }> = []
        const close = (now: number, weight?: number) => {
          for (const block of kept) {
            if (block.at !== undefined) continue
            block.at = now
            block.weight = weight ?? block.weight
          }
        }
        const keeper: Keeper = {
          load: (_, since, now) =>
            Effect.sync(() => {
              close(now)
              return kept.flatMap(({ at, weight }) => (at === undefined || at < since ? [] : [{ at, weight }]))
            }),
          reserve: (_, weight, now) =>
            Effect.sync(() => {
              close(now)
              kept.push({ weight, at: undefined })
            }),
          close: (_, used, now) => Effect.sync(() => close(now, used))
        }
        const budget = [RateLimit.requests(1000, "1 day")]
        const send = (count: number) =>
          Effect.flatMap(gateOf(budget), (gate) =>
            Effect.forEach(Array.from({ length: count }), () => gate.request(Effect.void), { discard: true })
          )
        const process = <A, E>(work: Effect.Effect<A, E, RateLimiter>) =>
          work.pipe(Effect.provide(Layer.fresh(RateLimiter.layer)), Effect.provideService(Budgets, keeper))
        yield* process(send(7))
        assert.deepStrictEqual(
          kept.map(({ weight }) => weight),
          [5, 2],
          "what was not used of the last block is given back"
        )
        // A crash gives nothing back.
        yield* process(
          Effect.andThen(
            send(1),
            Effect.sync(() => kept.push({ weight: 0, at: undefined }))
          )
        )
        kept.pop()
        kept.at(-1)!.at = undefined
        kept.at(-1)!.weight = 5
        yield* process(send(988))
        const refused = yield* Effect.flip(process(send(1)))
        assert.strictEqual(refused._tag, "Throttled")
        yield* TestClock.adjust("1 day")
        yield* process(send(1000))
        assert.strictEqual((yield* Effect.flip(process(send(1))))._tag, "Throttled")
      })
    )
  )

  it.effect("a limit of one endpoint holds up nothing that goes elsewhere", () =>
    test(
      Effect.gen(function* () {
        const gate = yield* gateOf([
          RateLimit.requests(100, "1 second"),
          RateLimit.on("POST /lists", RateLimit.requests(2, "1 second"))
        ])
        const sent: Array<string> = []
        const endpoints = [
          "POST /lists",
          "POST /lists/7/add",
          "POST /lists",
          "GET /lists",
          "POST /listsed",
          "POST /users"
        ]
        for (const endpoint of endpoints) {
          yield* Effect.forkChild(
            gate.request(
              Effect.sync(() => void sent.push(endpoint)),
              endpoint
            )
          )
        }
        yield* TestClock.adjust(999)
        assert.deepStrictEqual(sent, ["POST /lists", "POST /lists/7/add", "GET /lists", "POST /listsed", "POST /users"])
        yield* TestClock.adjust(1)
        assert.deepStrictEqual(sent.at(-1), "POST /lists")
        assert.strictEqual(sent.length, 6)
      })
    )
  )
})
