/**
 * Not confirmed: failures that a vendor counted and did not attribute, and that nothing more is done about by itself:
 * sending again would not help, or did not (R35). Kept until a job with the same identifiers succeeds.
 *
 * @since 0.1.0
 */
import type { Outcome } from "@tributary/core"
import { IdSet } from "@tributary/core/runtime"
import { DateTime, Effect } from "effect"
import { SqlClient, type SqlError } from "effect/sql"
import { storable } from "../sql/Text.ts"
import { timestamp } from "../sql/Timestamp.ts"
import type { Part } from "./Resends.ts"

/**
 * Keeps failures among these identifiers. Runs inside the caller's transaction.
 *
 * @category combinators
 * @since 0.1.0
 */
export const keep = Effect.fnUntraced(function* (
  { activation, identifiers, kind }: Part,
  failures: ReadonlyArray<Outcome.Unattributed>
): Effect.fn.Return<void, SqlError.SqlError, SqlClient.SqlClient> {
  const sql = yield* SqlClient.SqlClient
  const now = yield* DateTime.nowAsDate
  for (const { count, reason } of failures) {
    yield* sql`insert into tributary.not_confirmed (activation_no, kind, reason, count, at, identifiers)
      values (${activation}, ${kind}, ${storable(reason)}, ${Math.min(count, identifiers.size)}, ${now}::timestamptz,
        ${IdSet.encode(identifiers)}::bytea)`
  }
})

/**
 * Forgets failures among these identifiers: there is news of them. Runs inside the caller's transaction.
 *
 * @category combinators
 * @since 0.1.0
 */
export const forget = Effect.fnUntraced(function* ({
  activation,
  identifiers,
  kind
}: Part): Effect.fn.Return<void, SqlError.SqlError, SqlClient.SqlClient> {
  const sql = yield* SqlClient.SqlClient
  const rows = yield* sql<{ no: bigint; count: number; identifiers: Uint8Array }>`
    select no, count, identifiers from tributary.not_confirmed
    where activation_no = ${activation} and kind = ${kind} order by no for update`
  for (const { count, no, identifiers: kept } of rows) {
    const before = IdSet.decode(kept)
    const left = IdSet.difference(before, identifiers)
    if (left.size === before.size) continue
    if (left.size === 0) yield* sql`delete from tributary.not_confirmed where no = ${no}::bigint`
    else {
      yield* sql`update tributary.not_confirmed
        set identifiers = ${IdSet.encode(left)}::bytea, count = ${Math.min(count, left.size)} where no = ${no}::bigint`
    }
  }
})

/**
 * Failures that stand, summed by reason.
 *
 * @category models
 * @since 0.1.0
 */
export interface NotConfirmed extends Outcome.Unattributed {
  readonly activation: string
}

/**
 * What is not confirmed, of all activations: since a time, or at all.
 *
 * @category constructors
 * @since 0.1.0
 */
export const all = Effect.fnUntraced(function* (
  since = 0
): Effect.fn.Return<ReadonlyArray<NotConfirmed>, SqlError.SqlError, SqlClient.SqlClient> {
  const sql = yield* SqlClient.SqlClient
  return yield* sql<NotConfirmed>`
    select a.id as activation, n.reason, sum(n.count)::int as count
    from tributary.not_confirmed n join tributary.activation a on a.no = n.activation_no
    where n.at >= ${timestamp(since)}::timestamptz group by 1, 2 order by 1, 3 desc, 2`
})
