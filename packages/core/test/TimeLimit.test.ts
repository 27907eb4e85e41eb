import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import * as TimeLimit from "../src/wire/TimeLimit.ts"

const limit = () => TimeLimit.make(Duration.seconds(30))

describe("time limits under one timer", () => {
  it.effect("each ends by its own: what is late is interrupted and fails, and nobody else notices", () =>
    Effect.gen(function* () {
      const within = limit()
      const interrupted: Array<number> = []
      // Seconds that each takes, and one begins a second after the other.
      const takes = [5, 29, 31, 60, 30, 1, 45, 29.9]
      const fibers = yield* Effect.forEach(takes, (seconds, i) =>
        Effect.forkChild(
          Effect.result(
            Effect.andThen(
              Effect.sleep(Duration.seconds(i)),
              within.apply(
                Effect.onInterrupt(Effect.as(Effect.sleep(Duration.seconds(seconds)), seconds), () =>
                  Effect.sync(() => void interrupted.push(seconds))
                )
              )
            )
          )
        )
      )
      for (let i = 0; i < 1200; i++) yield* TestClock.adjust("100 millis")
      const results = yield* Effect.forEach(fibers, Fiber.join)
      results.forEach((result, i) => {
        const seconds = takes[i] ?? 0
        if (seconds < 30) assert.deepStrictEqual(result._tag === "Success" && result.success, seconds)
        else if (seconds > 30) {
          assert.strictEqual(result._tag === "Failure" && result.failure.message.includes("No answer within 30s"), true)
        }
      })
      for (const seconds of [31, 60, 45]) assert.include(interrupted, seconds)
      for (const seconds of [5, 29, 1, 29.9]) assert.notInclude(interrupted, seconds)
    })
  )

  it.effect("the interruption of who waits reaches what is under way", () =>
    Effect.gen(function* () {
      let isInterrupted = false
      const fiber = yield* Effect.forkChild(
        limit().apply(Effect.onInterrupt(Effect.never, () => Effect.sync(() => void (isInterrupted = true))))
      )
      yield* TestClock.adjust("1 second")
      yield* Fiber.interrupt(fiber)
      assert.isTrue(isInterrupted)
    })
  )

  it.live("no timer keeps the process once everything has ended", () =>
    Effect.gen(function* () {
      const timers = () => process.getActiveResourcesInfo().filter((name) => name === "Timeout").length
      const before = timers()
      const within = limit()
      const results = yield* Effect.forEach([1, 2, 3], (n) => within.apply(Effect.as(Effect.sleep("5 millis"), n)), {
        concurrency: 3
      })
      assert.deepStrictEqual(results, [1, 2, 3])
      yield* Effect.yieldNow
      assert.isAtMost(timers(), before)
    })
  )
})
