/**
 * Numbers of profiles as sets: aggregated by the database, chunk by chunk, so that no row of millions comes here (`bench
 * import`, `bench diff`).
 *
 * @since 0.1.0
 */
import { IdSet } from "@tributary/core/runtime"
import { Effect } from "effect"
import { SqlClient, type SqlError, type Statement } from "effect/sql"
import { int4Set } from "./Columns.ts"

/**
 * The column `no` of a query, by chunk.
 *
 * @category constructors
 * @since 0.1.0
 */
export const chunked = Effect.fnUntraced(function* (
  numbers: Statement.Fragment
): Effect.fn.Return<ReadonlyMap<number, IdSet.IdSet>, SqlError.SqlError, SqlClient.SqlClient> {
  const sql = yield* SqlClient.SqlClient
  const rows = yield* sql<{ chunk: number; nos: Uint8Array }>`
    select no >> 16 as chunk, string_agg(int4send(no), ''::bytea) as nos from (${numbers}) n group by 1`
  return new Map(rows.map((row) => [row.chunk, int4Set(row.nos)]))
})

/**
 * What a statement touched.
 *
 * @category models
 * @since 0.1.0
 */
export interface Touched {
  /** Rows, and not profiles. */
  readonly count: number
  readonly all: IdSet.IdSet
  /** Those that were gone before, where the statement returns `was_gone`. */
  readonly wereGone: IdSet.IdSet
  /** The other profiles that it names, where it returns `other_no`. */
  readonly others: IdSet.IdSet
}

/**
 * Runs a statement that returns `no`, and what else is named here, and returns which profiles it touched.
 *
 * @category combinators
 * @since 0.1.0
 */
export const touched = Effect.fnUntraced(function* (
  statement: Statement.Fragment,
  returns: { readonly wasGone?: boolean; readonly other?: boolean } = {}
): Effect.fn.Return<Touched, SqlError.SqlError, SqlClient.SqlClient> {
  const sql = yield* SqlClient.SqlClient
  const wereGone = sql.literal(returns.wasGone === true ? "filter (where was_gone)" : "filter (where false)")
  const other = sql.literal(returns.other === true ? "other_no" : "null::int")
  const rows = yield* sql<{ nos: Uint8Array; gone: Uint8Array | null; others: Uint8Array | null; count: number }>`
    with t as (${statement})
    select count(*)::int as count, string_agg(int4send(no), ''::bytea) as nos,
      string_agg(int4send(no), ''::bytea) ${wereGone} as gone, string_agg(int4send(${other}), ''::bytea) as others
    from t group by no >> 16`
  const union = (of: (row: (typeof rows)[number]) => Uint8Array | null) =>
    IdSet.unionAll(rows.map((row) => int4Set(of(row))))
  return {
    count: rows.reduce((sum, row) => sum + row.count, 0),
    all: union((row) => row.nos),
    wereGone: union((row) => row.gone),
    others: union((row) => row.others)
  }
})
