/**
 * News: what has come in that an activation may have to be held for (R36).
 *
 * Whether it is held is decided from whole sets, before it claims. Every transaction that can make an exit due changes
 * the activation's news as well, so a claim that finds the same news as the decision sends nothing that was not decided
 * about. An evaluation writes a row, an import and an operator count up.
 *
 * @since 0.1.0
 */
import { Ledger } from "@tributary/core/runtime"
import { Effect } from "effect"
import { SqlClient, type SqlError, type Statement } from "effect/sql"

/**
 * The news of the activation `a` of a query, as text: equal texts, no news. It changes as well where an operator pauses
 * or approves, or has everybody exit.
 *
 * @category constructors
 * @since 0.1.0
 */
export const newsOf = (sql: SqlClient.SqlClient): Statement.Fragment =>
  sql`concat_ws(' ', a.approved, a.paused, a.removed, coalesce(a.leaving, '-'), a.news,
    (select coalesce(sum(imports), 0) from tributary.source),
    (select coalesce(max(e.no), 0) from tributary.evaluation e where e.computation_no = a.computation_no))`

/**
 * Fails where one of these activations has news since it was cleared. Runs in the transaction that claims, or that is
 * about to send, after it has locked what it takes: this statement sees what was committed until now.
 *
 * @category guards
 * @since 0.1.0
 */
export const compare = Effect.fnUntraced(function* (
  activations: ReadonlyArray<number>,
  cleared: Ledger.Cleared | undefined
): Effect.fn.Return<void, SqlError.SqlError | Ledger.Uncleared, SqlClient.SqlClient> {
  const compared = activations.filter((activation) => cleared?.get(activation) !== undefined)
  if (compared.length === 0) return
  const sql = yield* SqlClient.SqlClient
  const rows = yield* sql<{ no: number; news: string }>`
    select a.no, ${newsOf(sql)} as news from tributary.activation a where a.no = any(${compared}::int[])`
  for (const { news, no } of rows) {
    if (cleared?.get(no) !== news) return yield* new Ledger.Uncleared({ activation: no })
  }
})

/**
 * Says that an operator, or a new configuration, has made exits due. Call it before anybody is marked: rows of
 * activations are locked before dirty sets.
 *
 * @category combinators
 * @since 0.1.0
 */
export const announce = Effect.fnUntraced(function* (
  activations: ReadonlyArray<number>
): Effect.fn.Return<void, SqlError.SqlError, SqlClient.SqlClient> {
  const sql = yield* SqlClient.SqlClient
  yield* sql`update tributary.activation set news = news + 1 where no = any(${activations}::int[])`
})
