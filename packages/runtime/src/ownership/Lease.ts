/**
 * Leases: a request is sent only where this process owned its destination a moment ago.
 *
 * The ledger is fenced by the epoch, so a process that was overtaken (stopped, cut off, asleep) writes nothing there. A
 * vendor knows no epoch. So the owner asks the store before a request, unless it asked within one lease, and whoever
 * takes a destination over from a process that may be alive waits one lease first.
 *
 * @since 0.1.0
 */
import { DeliveryError } from "@tributary/core"
import { Ledger } from "@tributary/core/runtime"
import { Clock, Duration, Effect, Semaphore } from "effect"
import { SqlClient } from "effect/sql"
import { sqlReason } from "../store/sql/failures.ts"

/**
 * How long an owner may go on without asking.
 *
 * @category constants
 * @since 0.1.0
 */
export const duration = Duration.seconds(5)

/**
 * The right to send to one destination.
 *
 * @category models
 * @since 0.1.0
 */
export interface Lease {
  /** From now on the check is for this owner. Before, and in a preview, there is none and everything passes. */
  readonly hold: (owner: Ledger.Ownership) => void
  /** Fails where another process has taken over, or the store cannot say. */
  readonly check: Effect.Effect<void, DeliveryError.Unavailable>
}

/**
 * A lease that nobody holds yet.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const asking = yield* Semaphore.make(1)
  let owner: Ledger.Ownership | undefined
  let confirmedAt = 0
  const isFresh = Effect.map(
    Clock.currentTimeMillis,
    (now) => owner === undefined || Math.abs(now - confirmedAt) < Duration.toMillis(duration)
  )
  const ask = Effect.gen(function* () {
    if (owner === undefined || (yield* isFresh)) return
    // The lease counts from before the question: the answer was true then, and nobody knows for how long after.
    const askedAt = yield* Clock.currentTimeMillis
    const rows = yield* sql`select 1 from tributary.destination
      where id = ${owner.destination} and epoch = ${owner.epoch}::bigint`
    if (rows.length === 0) {
      const { message } = new Ledger.Fenced({ destination: owner.destination })
      return yield* new DeliveryError.Unavailable({ reason: message, nothingTaken: true })
    }
    confirmedAt = askedAt
  }).pipe(
    Effect.catchTag(
      "SqlError",
      (error) => new DeliveryError.Unavailable({ reason: `the store: ${sqlReason(error)}`, nothingTaken: true })
    )
  )
  const lease: Lease = {
    hold: (by) => {
      owner = by
      confirmedAt = 0
    },
    check: Effect.flatMap(isFresh, (fresh) => (fresh ? Effect.void : asking.withPermits(1)(ask)))
  }
  return lease
})
