/**
 * Reach: the profiles that an activation may concern. Those that it should send something of (`wanted`), and those that
 * it has sent something of, as the ledger knows them.
 *
 * @since 0.1.0
 */
import { IdSet } from "@tributary/core/runtime"
import { Effect } from "effect"
import { SqlClient, type SqlError } from "effect/sql"
import { usersOf } from "../computations/AccountUsers.ts"
import { among, int4Set } from "../sql/Columns.ts"
import { lane, mark, marksOf } from "../dirty/DirtySets.ts"
import * as News from "../dirty/News.ts"
import * as SentSets from "../sent/SentSets.ts"

/**
 * Marks everybody whom an activation may concern: those in the computation's result, and those that were sent.
 *
 * @category combinators
 * @since 0.1.0
 */
export const markEverybody = Effect.fnUntraced(function* (
  activation: number
): Effect.fn.Return<void, SqlError.SqlError, SqlClient.SqlClient> {
  yield* News.announce([activation])
  const everybody = IdSet.union(yield* wanted(activation), yield* sentProfiles(activation))
  yield* mark(marksOf(activation, lane.backfill, everybody))
})

/**
 * The profiles that something should be sent of now.
 *
 * @category combinators
 * @since 0.1.0
 */
export const wanted = Effect.fnUntraced(function* (
  activation: number
): Effect.fn.Return<IdSet.IdSet, SqlError.SqlError, SqlClient.SqlClient> {
  const sql = yield* SqlClient.SqlClient
  const [row] = yield* sql<{ computation_no: number; as_users: boolean; is_exiting: boolean }>`
    select a.computation_no, a.collection <> c.collection as as_users, a.leaving is not null as is_exiting
    from tributary.activation a
    join tributary.computation c on c.no = a.computation_no where a.no = ${activation}`
  if (row === undefined || row.is_exiting) return IdSet.empty
  const chunks = yield* sql<{ bits: Uint8Array }>`
    select bits from tributary.snapshot where computation_no = ${row.computation_no}`
  const present = IdSet.decodeAll(chunks.map((chunk) => chunk.bits))
  return row.as_users ? yield* usersOf(present) : yield* withoutGone(present)
})

/** A deleted profile exits although the computation has not been evaluated since (R27). */
const withoutGone = Effect.fnUntraced(function* (profiles: IdSet.IdSet) {
  const sql = yield* SqlClient.SqlClient
  const [row] = yield* sql<{ nos: Uint8Array | null }>`
    select string_agg(int4send(no), ''::bytea) as nos from tributary.profile where gone`
  return IdSet.difference(profiles, int4Set(row?.nos))
})

/**
 * The profiles of whom the ledger knows an identifier.
 *
 * @category combinators
 * @since 0.1.0
 */
export const sentProfiles = Effect.fnUntraced(function* (
  activation: number
): Effect.fn.Return<IdSet.IdSet, SqlError.SqlError, SqlClient.SqlClient> {
  const sql = yield* SqlClient.SqlClient
  const sent = yield* sentIdentifiers(activation)
  let profiles = IdSet.empty
  for (const own of IdSet.byChunk(sent).values()) {
    const numbers = IdSet.toArray(own)
    // Of a key that nobody is spelled like, those who have a spelling of it (R43).
    const [row] = yield* sql<{ nos: Uint8Array | null }>`
      select string_agg(int4send(profile_no), ''::bytea) as nos from (
        select profile_no from tributary.identifier where ${among(sql, "no", numbers)} and profile_no <> 0
        union
        select i.profile_no from tributary.activation a
        join tributary.spelling s on s.destination = a.destination and ${among(sql, "s.key_no", numbers)}
        join tributary.identifier i on i.no = s.identifier_no where a.no = ${activation}) h`
    profiles = IdSet.union(profiles, int4Set(row?.nos))
  }
  return profiles
})

/**
 * The identifiers that the ledger knows, over all call kinds.
 *
 * @category combinators
 * @since 0.1.0
 */
export const sentIdentifiers = Effect.fnUntraced(function* (
  activation: number
): Effect.fn.Return<IdSet.IdSet, SqlError.SqlError, SqlClient.SqlClient> {
  return IdSet.unionAll(yield* SentSets.ofActivation(activation))
})
