/**
 * Dirty sets in the store: the profiles of an activation that may differ from its ledger.
 *
 * Rows are locked in one order (activation, chunk, lane) and are emptied, never deleted: a mark that waits for a claim
 * to commit finds the row that it waited for, and no mark is lost between the two.
 *
 * @since 0.1.0
 */
import { IdSet } from "@tributary/core/runtime"
import { Effect } from "effect"
import { SqlClient, type SqlError } from "effect/sql"

/**
 * Changes come before the backlog of a first sync (R31).
 *
 * @category constants
 * @since 0.1.0
 */
export const lane = { live: 0, backfill: 1 } as const

/**
 * The lane for so many changes at once: a few changes are sent first, and many are a backlog.
 *
 * @category constructors
 * @since 0.1.0
 */
export const laneFor = (profiles: number): number => (profiles <= mostNews ? lane.live : lane.backfill)

const mostNews = 10_000

/**
 * Profiles of one activation and chunk to mark.
 *
 * @category models
 * @since 0.1.0
 */
export interface Mark {
  readonly activation: number
  readonly chunk: number
  readonly lane: number
  readonly profiles: IdSet.IdSet
}

/**
 * Marks of a set that may span chunks.
 *
 * @category constructors
 * @since 0.1.0
 */
export const marksOf = (activation: number, laneNo: number, profiles: IdSet.IdSet): ReadonlyArray<Mark> =>
  [...IdSet.byChunk(profiles)].map(([chunk, set]) => ({ activation, chunk, lane: laneNo, profiles: set }))

/**
 * Adds profiles to dirty sets. Runs inside the caller's transaction.
 *
 * @category combinators
 * @since 0.1.0
 */
export const mark = Effect.fnUntraced(function* (
  marks: ReadonlyArray<Mark>
): Effect.fn.Return<void, SqlError.SqlError, SqlClient.SqlClient> {
  const sql = yield* SqlClient.SqlClient
  const wanted = new Map<string, Mark>()
  for (const entry of marks) {
    if (entry.profiles.size === 0) continue
    const key = `${entry.activation} ${entry.chunk} ${entry.lane}`
    const known = wanted.get(key)
    wanted.set(key, known === undefined ? entry : { ...entry, profiles: IdSet.union(known.profiles, entry.profiles) })
  }
  if (wanted.size === 0) return
  const entries = [...wanted.values()]
  const activations = entries.map((entry) => entry.activation)
  const chunks = entries.map((entry) => entry.chunk)
  const lanes = entries.map((entry) => entry.lane)
  yield* sql`insert into tributary.dirty (activation_no, chunk, lane, bits)
    select a, c, l, ''::bytea from unnest(${activations}::int[], ${chunks}::int[], ${lanes}::int[]) w(a, c, l)
    order by a, c, l on conflict do nothing`
  const rows = yield* sql<{ activation_no: number; chunk: number; lane: number; bits: Uint8Array }>`
    select d.activation_no, d.chunk, d.lane::int as lane, d.bits from tributary.dirty d
    join unnest(${activations}::int[], ${chunks}::int[], ${lanes}::int[]) w(a, c, l)
      on d.activation_no = w.a and d.chunk = w.c and d.lane = w.l
    order by d.activation_no, d.chunk, d.lane for update of d`
  const merged = rows.flatMap((row) => {
    const entry = wanted.get(`${row.activation_no} ${row.chunk} ${row.lane}`)
    return entry === undefined ? [] : [IdSet.encode(IdSet.union(IdSet.decode(row.bits), entry.profiles))]
  })
  yield* sql`update tributary.dirty d set bits = w.b
    from unnest(${rows.map((row) => row.activation_no)}::int[], ${rows.map((row) => row.chunk)}::int[],
      ${rows.map((row) => row.lane)}::int[], ${merged}::bytea[]) w(a, c, l, b)
    where d.activation_no = w.a and d.chunk = w.c and d.lane = w.l`
})

/**
 * Everything dirty for an activation, claimed or postponed profiles included.
 *
 * @category combinators
 * @since 0.1.0
 */
export const pending = Effect.fnUntraced(function* (
  activation: number
): Effect.fn.Return<IdSet.IdSet, SqlError.SqlError, SqlClient.SqlClient> {
  const sql = yield* SqlClient.SqlClient
  const sets = yield* sql<{ bits: Uint8Array }>`
    select bits from tributary.dirty where activation_no = ${activation} and length(bits) > 0
    union all select bits from tributary.claim where activation_no = ${activation}`
  const postponed = yield* sql<{ profile_no: number }>`
    select profile_no from tributary.postponed
    where activation_no = ${activation} and not_before < 'infinity'`
  return IdSet.union(IdSet.decodeAll(sets.map((row) => row.bits)), IdSet.from(postponed.map((row) => row.profile_no)))
})
