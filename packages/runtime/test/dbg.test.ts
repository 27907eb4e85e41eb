import { Scheduler } from "@tributary/core"
import { it } from "@effect/vitest"
import { Clock, DateTime, Effect, Fiber, Latch, Option } from "effect"
import { TestClock } from "effect/testing"
const turn = Effect.promise(() => new Promise<void>((r) => setTimeout(r, 5)))
it.effect("woken", () => Effect.gen(function* () {
  const scheduler = yield* Scheduler.Scheduler
  const stop = Latch.makeUnsafe(false), wake = Latch.makeUnsafe(false)
  const log: Array<string> = []
  let next = Option.none<DateTime.Utc>()
  const job = { name: "tell", wake, nextDue: Effect.map(DateTime.now, (now) => Option.getOrElse(next, () => now)),
    run: Effect.gen(function* () { log.push(`run ${yield* Clock.currentTimeMillis}`); yield* turn; next = Option.some(DateTime.add(yield* DateTime.now, { seconds: 2 })); log.push(`end ${yield* Clock.currentTimeMillis}`) }) }
  const fiber = yield* Effect.forkChild(scheduler.run([job], stop))
  for (let i = 0; i < 10; i++) yield* turn
  yield* wake.open; log.push("open")
  for (let i = 0; i < 10; i++) yield* turn
  yield* TestClock.adjust("4 minutes"); yield* TestClock.adjust("59 seconds"); yield* TestClock.adjust("1 second")
  for (let i = 0; i < 10; i++) yield* turn
  log.push(`wake ${wake.isOpen()}`)
  yield* wake.open; log.push("open")
  for (let i = 0; i < 10; i++) yield* turn
  log.push(`wake ${wake.isOpen()}`)
  yield* stop.open
  for (let i = 0; i < 10; i++) yield* turn
  console.log(log.join("\n"), fiber.pollUnsafe() !== undefined)
  yield* Fiber.interrupt(fiber)
}).pipe(Effect.provide(Scheduler.Scheduler.layer)))
