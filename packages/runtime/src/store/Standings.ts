/**
 * Standings: whether an activation may run, has work, and was settled.
 *
 * @since 0.1.0
 */
import { DateTime, Effect } from "effect"
import { SqlClient } from "effect/sql"

/**
 * Whether an activation may run.
 *
 * @category models
 * @since 0.1.0
 */
export interface Standing {
  readonly paused: boolean
  readonly held: string | null
  readonly baseline_due: boolean
  readonly stopped: string | null
}

/**
 * How an activation stands.
 *
 * @category combinators
 * @since 0.1.0
 */
export const readStanding = (no: number) =>
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    const [row] = yield* sql<Standing>`
      select a.paused, a.held, a.baseline_due, d.stopped from tributary.activation a
      join tributary.destination d on d.id = a.destination where a.no = ${no}`
    return row ?? { paused: true, held: null, baseline_due: false, stopped: null }
  })

/**
 * Stops a destination until somebody has mended it.
 *
 * @category combinators
 * @since 0.1.0
 */
export const markStopped = Effect.fnUntraced(function* (destination: string, reason: string) {
  const sql = yield* SqlClient.SqlClient
  yield* sql`update tributary.destination set stopped = ${reason} where id = ${destination}`
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
 * Whether the activation's computation has a result. What is told before that would be told of nothing.
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
 * Notes that everything due was told: a list's cadence counts from here.
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
