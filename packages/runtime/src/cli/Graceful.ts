/**
 * Stopping cleanly: after Ctrl-C or SIGTERM, requests in flight are completed first.
 *
 * @since 0.1.0
 */
import { Console, Effect, Fiber, Latch } from "effect"
import { Surroundings } from "./Surroundings.ts"

const patience = "30 seconds"

/**
 * Runs until done, or until the process gets a signal to stop: then `stop` opens, and the work has half a minute to finish
 * the requests that are under way and to settle them. What was not sent is for the next run.
 *
 * @category combinators
 * @since 0.1.0
 */
export const gracefully = Effect.fnUntraced(function* <A, E, R>(make: (stop: Latch.Latch) => Effect.Effect<A, E, R>) {
  const stop = Latch.makeUnsafe(false)
  const fiber = yield* Effect.forkDetach(make(stop))
  return yield* Fiber.join(fiber).pipe(
    Effect.onInterrupt(() =>
      Effect.gen(function* () {
        // On a terminal the progress line stands there, and the ^C after it.
        const line = (yield* Surroundings).progress.isTTY === true ? "\n" : ""
        yield* Console.error(
          `${line}Stopping: requests in flight are completed first. Press Ctrl-C again to stop without waiting.`
        )
        // Safe at any moment: what was claimed and not settled returns to the dirty set with the next run.
        process.once("SIGINT", () => process.exit(130))
        yield* stop.open
        yield* Fiber.await(fiber).pipe(Effect.timeoutOption(patience))
        yield* Fiber.interrupt(fiber)
      })
    )
  )
})
