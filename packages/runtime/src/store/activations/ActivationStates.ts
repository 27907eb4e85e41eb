/**
 * Activation states: whether an activation may run, whether anything is pending for it, and when it was last synced.
 *
 * @since 0.1.0
 */
import { Clock, DateTime, Effect } from "effect"
import { SqlClient, type SqlError } from "effect/sql"
import { newsOf } from "../dirty/News.ts"
import { storable } from "../sql/Text.ts"
import { timestamp } from "../sql/Timestamp.ts"

/**
 * Whether an activation may run.
 *
 * @category models
 * @since 0.1.0
 */
export interface ActivationState {
  readonly no: number
  readonly paused: boolean
  readonly baseline_due: boolean
  /** Whether everybody is to exit: that was asked for, and is not held. */
  readonly is_exiting: boolean
  /** Why its destination waits for an operator. */
  readonly stopped: string | null
  /** Why nothing is sent to its destination for a while, and until when. */
  readonly resting: string | null
  readonly rests_until: Date | null
  /** Changes with everything that a hold depends on, but for what is sent (`News.ts`). */
  readonly news: string
}

/**
 * Reads the state of activations. Asked before every claim.
 *
 * @category combinators
 * @since 0.1.0
 */
export const readActivationStates = (activations: ReadonlyArray<number>) =>
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    const now = yield* DateTime.nowAsDate
    return yield* sql<ActivationState>`
      select a.no, a.paused, a.baseline_due and a.leaving is null as baseline_due,
        a.leaving is not null as is_exiting, d.stopped, d.rests_until,
        case when d.rests_until > ${now}::timestamptz then d.resting end as resting,
        ${newsOf(sql)} as news
      from tributary.activation a join tributary.destination d on d.id = a.destination
      where a.no = any(${activations}::int[])`
  })

/**
 * Stops a destination until somebody has fixed it.
 *
 * @category combinators
 * @since 0.1.0
 */
export const markStopped = Effect.fnUntraced(function* (destination: string, reason: string) {
  const sql = yield* SqlClient.SqlClient
  yield* sql`update tributary.destination set stopped = ${storable(reason)} where id = ${destination}`
})

/**
 * A while in which nothing is sent to a destination.
 *
 * @category models
 * @since 0.1.0
 */
export interface Rest {
  readonly reason: string
  readonly millis: number
  /** Failures in a row. */
  readonly failures: number
  /** Whether the vendor, or a limit, asks for it: then a restart does not end it. */
  readonly wasAsked: boolean
}

/**
 * @category combinators
 * @since 0.1.0
 */
export const rest = Effect.fnUntraced(function* (destination: string, { failures, millis, reason, wasAsked }: Rest) {
  const sql = yield* SqlClient.SqlClient
  const until = timestamp((yield* Clock.currentTimeMillis) + millis)
  yield* sql`update tributary.destination set failures = ${failures}, resting = ${storable(reason)},
    rests_until = ${until}::timestamptz, was_asked = ${wasAsked} where id = ${destination}`
})

/**
 * Ends the rest of a destination: it answers again.
 *
 * @category combinators
 * @since 0.1.0
 */
export const endRest = Effect.fnUntraced(function* (destination: string) {
  const sql = yield* SqlClient.SqlClient
  yield* sql`update tributary.destination set failures = 0, resting = null, rests_until = null
    where id = ${destination} and (failures > 0 or resting is not null)`
})

/**
 * Failures in a row, over all its syncs.
 *
 * @category combinators
 * @since 0.1.0
 */
export const failuresOf = Effect.fnUntraced(function* (destination: string) {
  const sql = yield* SqlClient.SqlClient
  const [row] = yield* sql<{ failures: number }>`select failures from tributary.destination where id = ${destination}`
  return row?.failures ?? 0
})

/**
 * When the next of the profiles that wait is to be tried again, and why they wait.
 *
 * @category combinators
 * @since 0.1.0
 */
export const nextPostponed = Effect.fnUntraced(function* (activations: ReadonlyArray<number>) {
  const sql = yield* SqlClient.SqlClient
  const [row] = yield* sql<{ at: Date | null; count: number; reason: string | null }>`
    select min(not_before) as at, count(*)::int as count, min(reason) as reason from tributary.postponed
    where activation_no = any(${activations}::int[]) and not_before < 'infinity'`
  return row?.at == null ? undefined : { at: row.at.getTime(), count: row.count, reason: row.reason ?? "" }
})

/**
 * Whether anything is dirty, claimed or postponed. Asked every few seconds, so it reads no sets.
 *
 * @category combinators
 * @since 0.1.0
 */
export const hasWork = Effect.fnUntraced(function* (activations: ReadonlyArray<number>) {
  const sql = yield* SqlClient.SqlClient
  const rows = yield* sql`
    select 1 from tributary.dirty where activation_no = any(${activations}::int[]) and length(bits) > 0
    union all select 1 from tributary.claim where activation_no = any(${activations}::int[])
    union all select 1 from tributary.postponed
      where activation_no = any(${activations}::int[]) and not_before < 'infinity'
    limit 1`
  return rows.length > 0
})

/**
 * Whether the activation's computation has a result. A sync before that would be a sync of nothing.
 *
 * @category guards
 * @since 0.1.0
 */
export const isEvaluated = Effect.fnUntraced(function* (activation: number) {
  const sql = yield* SqlClient.SqlClient
  const rows = yield* sql`select 1 from tributary.activation a join tributary.computation c on c.no = a.computation_no
    where a.no = ${activation} and c.evaluated_at is not null`
  return rows.length > 0
})

/**
 * Notes that everything due was sent: a list's cadence counts from here.
 *
 * @category combinators
 * @since 0.1.0
 */
export const markSettled = Effect.fnUntraced(function* (activations: ReadonlyArray<number>) {
  const sql = yield* SqlClient.SqlClient
  yield* sql`update tributary.activation set settled_at = ${yield* DateTime.nowAsDate}::timestamptz
    where no = any(${activations}::int[])`
})

/**
 * An approval is for the removals that were waiting, and for no others.
 *
 * @category combinators
 * @since 0.1.0
 */
export const clearApproval = Effect.fnUntraced(function* (activations: ReadonlyArray<number>) {
  const sql = yield* SqlClient.SqlClient
  yield* sql`update tributary.activation set approved = false where no = any(${activations}::int[]) and approved`
})

/**
 * Notes that everything is taken as sent: from now on changes are sent (R30).
 *
 * @category combinators
 * @since 0.1.0
 */
export const baselineTaken = Effect.fnUntraced(function* (
  activation: number
): Effect.fn.Return<void, SqlError.SqlError, SqlClient.SqlClient> {
  const sql = yield* SqlClient.SqlClient
  yield* sql`update tributary.activation set baseline_due = false where no = ${activation}`
})

/**
 * What a preview has to know of an activation to do as its next sync would.
 *
 * @category models
 * @since 0.1.0
 */
export interface BeforeSync {
  /** Of the destination: a preview takes no ownership, and its claims are made under the epoch that is there. */
  readonly epoch: bigint
  /** The vendor's id of its list, if it has one already. */
  readonly listId: string | null
  /** Whether the sync would take everything as sent. */
  readonly isBaselineDue: boolean
}

/**
 * Reads what a preview has to know of an activation.
 *
 * @category constructors
 * @since 0.1.0
 */
export const readBeforeSync = Effect.fnUntraced(function* (
  activation: number
): Effect.fn.Return<BeforeSync, SqlError.SqlError, SqlClient.SqlClient> {
  const sql = yield* SqlClient.SqlClient
  const [row] = yield* sql<{ epoch: bigint; list_id: string | null; baseline_due: boolean }>`
    select d.epoch, a.list_id, a.baseline_due from tributary.activation a
    join tributary.destination d on d.id = a.destination where a.no = ${activation}`
  return { epoch: row?.epoch ?? 0n, listId: row?.list_id ?? null, isBaselineDue: row?.baseline_due === true }
})
