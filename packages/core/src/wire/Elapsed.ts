/**
 * Elapsed time, by a clock that nobody sets: what waits for a window or a timeout must not wait an hour longer because
 * a wall clock was set back by one.
 *
 * @since 0.1.0
 */
import { Clock, Effect } from "effect"

/**
 * Whole milliseconds since some moment. Timers know no less, and waiting for a fraction would be to ask again and again.
 *
 * @category combinators
 * @since 0.1.0
 */
export const millisUnsafe = (clock: Clock.Clock): number => Number(clock.monotonicTimeNanosUnsafe() / 1_000_000n)

/**
 * Whole milliseconds since some moment.
 *
 * @category combinators
 * @since 0.1.0
 */
export const millis: Effect.Effect<number> = Clock.clockWith((clock) => Effect.succeed(millisUnsafe(clock)))
