/**
 * Keys in flight: what one claim holds, no other claim may decide about before it has landed.
 *
 * Two profiles may hold spellings of one key. While the exit of one is on its way, the ledger still has the key, so the
 * other would send nothing, and the removal would be the last word. So a claim that holds a key of one that is under way
 * waits until that one has landed, and is planned again (R43). Where a plugin has no keys, identifiers belong to one
 * profile each, and nothing waits.
 *
 * @since 0.1.0
 */
import { Effect, Latch, Semaphore } from "effect"
import * as IdSet from "../sets/IdSet.ts"
import type { ClaimPlan } from "./ClaimPlan.ts"

interface Flight {
  readonly keys: IdSet.IdSet
  readonly landed: Latch.Latch
}

/**
 * Plans, and sends what was planned, in an order that no two claims of a key can break.
 *
 * @category models
 * @since 0.1.0
 */
export type InOrder = <E, R>(
  plan: Effect.Effect<ClaimPlan, E, R>,
  send: (planned: ClaimPlan) => Effect.Effect<void, E, R>
) => Effect.Effect<void, E, R>

/**
 * The keys in flight of one run.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (hasKeys: boolean): InOrder => {
  if (!hasKeys) return Effect.flatMap
  const flights = new Set<Flight>()
  // Between what a claim reads and what it is known to send, no other claim may read.
  const planning = Semaphore.makeUnsafe(1)

  const plannedInOrder = <E, R>(plan: Effect.Effect<ClaimPlan, E, R>) =>
    Effect.gen(function* () {
      while (true) {
        // One that lands while it is read may be in what was read, or not.
        const before = [...flights]
        const planned = yield* plan
        const held = IdSet.from(planned.held)
        const earlier = before.filter(({ keys }) => IdSet.intersection(keys, held).size > 0)
        if (earlier.length === 0) {
          const flight: Flight = { keys: held, landed: Latch.makeUnsafe(false) }
          flights.add(flight)
          return { planned, flight }
        }
        for (const { landed } of earlier) yield* landed.await
      }
    })

  return (plan, send) =>
    Effect.flatMap(planning.withPermits(1)(plannedInOrder(plan)), ({ flight, planned }) =>
      Effect.ensuring(
        send(planned),
        Effect.suspend(() => {
          flights.delete(flight)
          return flight.landed.open
        })
      )
    )
}
