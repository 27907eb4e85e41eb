/**
 * The scheduler: jobs that run when they are due, for good.
 *
 * A job says when it is due next and what it does; where that comes from the store, a restart changes nothing, and
 * after downtime it runs once and not in a burst (R16). Each job runs in a fiber of its own, never twice at a time.
 *
 * @since 0.1.0
 */
import { Clock, Context, DateTime, Effect, Latch, Layer } from "effect"

/**
 * Something that runs when it is due.
 *
 * @category models
 * @since 0.1.0
 */
export interface Job<out R = never> {
  readonly name: string
  /** Asked before every run. */
  readonly nextDue: Effect.Effect<DateTime.Utc, never, R>
  readonly run: Effect.Effect<void, never, R>
  /** Opened by whoever has news for the job: it runs at once, due or not. */
  readonly wake?: Latch.Latch
}

/** However far off a job is, it is asked again after this long: somebody may have changed its schedule. */
const longestSleepMillis = 60_000

/**
 * Runs jobs.
 *
 * @category services
 * @since 0.1.0
 */
export class Scheduler extends Context.Service<
  Scheduler,
  {
    /** Runs jobs until `stop` opens; what is running then runs to its end. */
    readonly run: <R>(jobs: ReadonlyArray<Job<R>>, stop: Latch.Latch) => Effect.Effect<void, never, R>
  }
>()("@tributary/core/Scheduler") {
  static readonly layer = Layer.succeed(Scheduler, {
    run: <R>(jobs: ReadonlyArray<Job<R>>, stop: Latch.Latch) => {
      const runJob = Effect.fnUntraced(function* (job: Job<R>) {
        while (!stop.isOpen()) {
          const wait = DateTime.toEpochMillis(yield* job.nextDue) - (yield* Clock.currentTimeMillis)
          if (wait > 0 && job.wake?.isOpen() !== true) {
            const nap = Effect.sleep(Math.min(wait, longestSleepMillis))
            const woken = job.wake === undefined ? nap : Effect.raceFirst(nap, job.wake.await)
            yield* Effect.raceFirst(woken, stop.await)
            continue
          }
          if (job.wake !== undefined) yield* job.wake.close
          yield* job.run
        }
      })
      return Effect.forEach(jobs, runJob, { concurrency: "unbounded", discard: true })
    }
  })
}
