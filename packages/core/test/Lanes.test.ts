import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Layer } from "effect"
import { TestClock } from "effect/testing"
import * as RateLimit from "../src/contract/RateLimit.ts"
import { type Gate, Lane, RateLimiter } from "../src/wire/RateLimiter.ts"
import * as Sandbox from "../src/contract/Sandbox.ts"

const gateOf = (limits: ReadonlyArray<RateLimit.RateLimit>) =>
  Effect.flatMap(RateLimiter, (limiter) => limiter.gate("destination", limits))

const test = <A, E>(effect: Effect.Effect<A, E, RateLimiter>) => Effect.provide(effect, Layer.fresh(RateLimiter.layer))

describe("R29 a limit is used: at least 98 % of it, and none too many", () => {
  for (const lane of ["live", "backfill"] as const) {
    for (const [name, count] of [
      ["a sliding", 100],
      ["a fixed", 100],
      ["a sliding", 7],
      ["a fixed", 7]
    ] as const) {
      it.effect(`${lane}, where a vendor counts ${count} a second in ${name} window`, () =>
        test(
          Effect.gen(function* () {
            const gate = yield* gateOf([RateLimit.requests(count, "1 second")])
            const window = name === "a fixed" ? Sandbox.fixedWindow(count, 1000) : Sandbox.slidingWindow(count, 1000)
            let taken = 0
            let refused = 0
            const request = Effect.gen(function* () {
              yield* Effect.sleep(3)
              if (window.take(yield* Clock.currentTimeMillis)) taken++
              else refused++
              yield* Effect.sleep(3)
            })
            const client = Effect.forever(gate.request(request)).pipe(Effect.provideService(Lane, lane))
            for (let i = 0; i < 32; i++) yield* Effect.forkChild(client)
            yield* TestClock.adjust("30 seconds")
            assert.strictEqual(refused, 0)
            assert.isAtLeast(taken, 0.98 * 30 * count)
          })
        )
      )
    }
  }
})

describe("R31 news passes before a backlog", () => {
  const backlog = (gate: Gate, answerMillis: number) =>
    Effect.forever(gate.request(Effect.sleep(answerMillis))).pipe(Effect.provideService(Lane, "backfill"))

  // A place comes free every 200 ms at five a second, and news may find that the last one has just gone.
  for (const [within, ...limits] of [
    [250, RateLimit.requests(100, "1 second")],
    [250, RateLimit.requests(10, "1 second")],
    [400, RateLimit.requests(5, "1 second")],
    [250, RateLimit.requests(300, "1 minute")],
    [250, RateLimit.requests(50, "1 second"), RateLimit.concurrent(10)]
  ] as const) {
    it.effect(`within ${within} ms at ${limits.map(RateLimit.describe).join(" and ")}`, () =>
      test(
        Effect.gen(function* () {
          const gate = yield* gateOf(limits)
          for (let i = 0; i < 32; i++) yield* Effect.forkChild(backlog(gate, 20))
          yield* TestClock.adjust("90 seconds")
          const waits: Array<number> = []
          for (let i = 0; i < 100; i++) {
            const asked = yield* Clock.currentTimeMillis
            const news = gate.request(
              Effect.flatMap(Clock.currentTimeMillis, (now) => Effect.sync(() => void waits.push(now - asked)))
            )
            yield* Effect.forkChild(news)
            yield* TestClock.adjust(1_000 + i * 7)
          }
          assert.strictEqual(waits.length, 100)
          assert.isAtMost(Math.max(...waits), within)
        })
      )
    )
  }
})
