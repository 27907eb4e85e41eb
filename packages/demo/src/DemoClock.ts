/**
 * The demo's time: it begins on the shop's day, runs as fast as any clock, and can be moved on.
 *
 * Lists are synced every six hours and Google works on an upload for half an hour. Nobody who looks at a demo has that
 * long; limits of a hundred requests a second are kept in real time.
 *
 * @since 0.1.0
 */
import { Clock, Duration, Effect } from "effect"

/**
 * @category models
 * @since 0.1.0
 */
export interface DemoClock {
  readonly clock: Clock.Clock
  readonly moveOn: (by: Duration.Input) => Effect.Effect<void>
}

/**
 * A clock that shows `startMillis` (epoch milliseconds) now.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function* (startMillis: number): Effect.fn.Return<DemoClock> {
  const real = yield* Clock.Clock
  let ahead = startMillis - real.currentTimeMillisUnsafe()
  const millis = () => real.currentTimeMillisUnsafe() + ahead
  const nanos = () => real.currentTimeNanosUnsafe() + BigInt(ahead) * 1_000_000n
  return {
    clock: {
      currentTimeMillisUnsafe: millis,
      currentTimeMillis: Effect.sync(millis),
      currentTimeNanosUnsafe: nanos,
      currentTimeNanos: Effect.sync(nanos),
      monotonicTimeNanosUnsafe: () => real.monotonicTimeNanosUnsafe(),
      monotonicTimeNanos: real.monotonicTimeNanos,
      sleep: (duration) => real.sleep(duration)
    },
    moveOn: (by) =>
      Effect.sync(() => {
        ahead += Duration.toMillis(Duration.fromInputUnsafe(by))
      })
  }
})
