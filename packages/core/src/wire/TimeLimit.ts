/**
 * Time limits of many exchanges under one timer.
 *
 * **Why not `Effect.timeout`**
 *
 * It sets a timer and forks two fibers for each request, which would cost as much as the rest of a small one (bench
 * `plugin-zendesk`, decision 0012). The limit is the same for all of a connection, so one timer watches the oldest. The
 * transport's own time limits do not limit the whole of an exchange, and tests in virtual time could not see them.
 *
 * @since 0.1.0
 */
import { Clock, Context, Duration, Effect, Fiber } from "effect"
import { Unavailable } from "../contract/DeliveryError.ts"
import * as Elapsed from "./Elapsed.ts"

/**
 * Effects that may take so long at most.
 *
 * @category models
 * @since 0.1.0
 */
export interface TimeLimit {
  /** Interrupts what takes longer, and fails. */
  readonly apply: <A, E>(effect: Effect.Effect<A, E>) => Effect.Effect<A, E | Unavailable>
}

interface Open {
  readonly until: number
  readonly expire: () => void
}

/**
 * A limit for all that it is applied to, each for itself.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (limit: Duration.Duration): TimeLimit => {
  const millis = Duration.toMillis(limit)
  // In the order that they end in: the limit is the same for all.
  const open = new Set<Open>()
  let watch: Fiber.Fiber<void> | undefined

  const watching = Effect.gen(function* () {
    while (true) {
      const [next] = open
      if (next === undefined) return
      const wait = next.until - (yield* Elapsed.millis)
      if (wait > 0) yield* Effect.sleep(wait)
      else {
        open.delete(next)
        next.expire()
      }
    }
  })

  const watched = (context: Context.Context<never>) => {
    const fiber = Effect.runForkWith(context)(watching)
    fiber.addObserver(() => {
      if (watch === fiber) watch = undefined
    })
    return fiber
  }

  const close = (one: Open) => {
    open.delete(one)
    // A timer that nobody waits for would keep the process.
    if (open.size === 0) {
      watch?.interruptUnsafe()
      watch = undefined
    }
  }

  return {
    apply: (effect) =>
      Effect.contextWith((context: Context.Context<never>) =>
        Effect.callback((resume) => {
          const clock = Context.get(context, Clock.Clock)
          const fiber = Effect.runForkWith(context)(effect)
          const one: Open = {
            until: Elapsed.millisUnsafe(clock) + millis,
            expire: () => {
              resume(new Unavailable({ reason: `No answer within ${Duration.format(limit)}.` }))
              fiber.interruptUnsafe()
            }
          }
          open.add(one)
          fiber.addObserver((exit) => {
            close(one)
            resume(exit)
          })
          if (open.size > 0) watch ??= watched(context)
          return Effect.suspend(() => {
            close(one)
            return Fiber.interrupt(fiber)
          })
        })
      )
  }
}
