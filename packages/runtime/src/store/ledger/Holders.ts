/**
 * Holders: the profiles that have an identifier now, whoever had it when it was sent.
 *
 * @since 0.1.0
 */
import { IdSet, type Plan } from "@tributary/core/runtime"
import { Effect } from "effect"
import { SqlClient, type SqlError } from "effect/sql"
import { int4List } from "../sql/Columns.ts"
import { lane, mark, marksOf } from "../dirty/DirtySets.ts"

/**
 * Marks the profiles that have these identifiers now. An identifier that moved while it was being sent may have a holder
 * that was read before, when the ledger did not know the identifier yet.
 *
 * @category combinators
 * @since 0.1.0
 */
export const markHolders = Effect.fnUntraced(function* (
  entries: ReadonlyArray<Plan.LedgerKey>,
  except: IdSet.IdSet = IdSet.empty
): Effect.fn.Return<void, SqlError.SqlError, SqlClient.SqlClient> {
  for (const [activation, holders] of yield* of(entries)) {
    yield* mark(marksOf(activation, lane.live, IdSet.difference(holders, except)))
  }
})

/**
 * The profiles that have these identifiers now, by activation.
 *
 * @category constructors
 * @since 0.1.0
 */
export const of = Effect.fnUntraced(function* (
  entries: ReadonlyArray<Plan.LedgerKey>
): Effect.fn.Return<ReadonlyMap<number, IdSet.IdSet>, SqlError.SqlError, SqlClient.SqlClient> {
  const sql = yield* SqlClient.SqlClient
  const holders = new Map<number, IdSet.IdSet>()
  for (const [activation, own] of Map.groupBy(entries, (entry) => entry.activation)) {
    const numbers = int4List(own.map((entry) => entry.identifier))
    const rows = yield* sql<{ profile_no: number }>`
      select profile_no from tributary.identifier where no = any(${numbers}::int[]) and profile_no <> 0
      union select i.profile_no from tributary.activation a
      join tributary.spelling s on s.destination = a.destination and s.key_no = any(${numbers}::int[])
      join tributary.identifier i on i.no = s.identifier_no where a.no = ${activation}`
    holders.set(activation, IdSet.from(rows.map((row) => row.profile_no)))
  }
  return holders
})
