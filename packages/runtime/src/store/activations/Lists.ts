/**
 * Lists: what the store keeps of a vendor's list: its id, its name, when it was synced, when its members were refreshed.
 *
 * @since 0.1.0
 */
import { Clock, Duration, Effect } from "effect"
import { SqlClient, type SqlError } from "effect/sql"
import { lane, mark, marksOf } from "../dirty/DirtySets.ts"
import * as SentSets from "../sent/SentSets.ts"
import { timestamp } from "../sql/Timestamp.ts"
import { sentProfiles } from "./Reach.ts"

/**
 * A vendor's list, as it was last found or created.
 *
 * @category models
 * @since 0.1.0
 */
export interface KeptList {
  /** The vendor's id of it; `null` before the first sync, and after the list was deleted downstream. */
  readonly id: string | null
  readonly name: string | null
}

/**
 * Reads the list of an activation.
 *
 * @category constructors
 * @since 0.1.0
 */
export const read = Effect.fnUntraced(function* (
  activation: number
): Effect.fn.Return<KeptList, SqlError.SqlError, SqlClient.SqlClient> {
  const sql = yield* SqlClient.SqlClient
  const [row] = yield* sql<KeptList>`
    select list_id as id, list_name as name from tributary.activation where no = ${activation}`
  return row ?? { id: null, name: null }
})

/**
 * Keeps the list of an activation. Only the owner of the destination calls this, inside `fenced`.
 *
 * @category combinators
 * @since 0.1.0
 */
export const keep = Effect.fnUntraced(function* (
  activation: number,
  { id, name }: { readonly id: string; readonly name: string }
): Effect.fn.Return<void, SqlError.SqlError, SqlClient.SqlClient> {
  const sql = yield* SqlClient.SqlClient
  yield* sql`update tributary.activation set list_id = ${id}, list_name = ${name} where no = ${activation}`
})

/**
 * When everything due was last sent: a cadence counts from here. `undefined` where the list was never synced, and while
 * everybody is to exit, since exits do not wait for a cadence.
 *
 * @category constructors
 * @since 0.1.0
 */
export const lastSynced = Effect.fnUntraced(function* (
  activation: number
): Effect.fn.Return<Date | undefined, SqlError.SqlError, SqlClient.SqlClient> {
  const sql = yield* SqlClient.SqlClient
  const [row] = yield* sql<{ settled_at: Date | null }>`
    select case when leaving is null then settled_at end as settled_at
    from tributary.activation where no = ${activation}`
  return row?.settled_at ?? undefined
})

/**
 * Where the members were last sent longer ago than the vendor keeps them (a list's `refreshAfter`), marks all of them to
 * be sent again. The first call only notes the time. Only the owner of the destination calls this, inside `fenced`.
 *
 * @category combinators
 * @since 0.1.0
 */
export const refreshMembers = Effect.fnUntraced(function* (
  activation: number,
  refreshAfter: Duration.Duration
): Effect.fn.Return<void, SqlError.SqlError, SqlClient.SqlClient> {
  const sql = yield* SqlClient.SqlClient
  const now = yield* Clock.currentTimeMillis
  const dueBefore = timestamp(now - Duration.toMillis(refreshAfter))
  const [row] = yield* sql<{ is_first: boolean; is_due: boolean }>`
    select refreshed_at is null as is_first, coalesce(refreshed_at <= ${dueBefore}::timestamptz, true) as is_due
    from tributary.activation where no = ${activation} for update`
  if (row?.is_due !== true) return
  yield* sql`update tributary.activation set refreshed_at = ${timestamp(now)}::timestamptz where no = ${activation}`
  if (row.is_first) return
  yield* SentSets.sendAgain(activation)
  yield* mark(marksOf(activation, lane.backfill, yield* sentProfiles(activation)))
})
