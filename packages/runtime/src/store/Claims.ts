/**
 * Claims: dirty profiles taken to be told, so that nobody else takes them and no change to them is missed.
 *
 * @since 0.1.0
 */
import { IdSet, Ledger } from "@tributary/core"
import { Clock, Effect, Option } from "effect"
import { SqlClient, type SqlError } from "effect/sql"
import { lane, mark } from "./DirtySets.ts"
import { timestamp } from "./Timestamp.ts"

/**
 * Fails where the epoch is not the owner's any more. Holds the row until the transaction ends, so that nobody can take
 * the destination between this check and the commit.
 *
 * @category guards
 * @since 0.1.0
 */
export const fence = Effect.fnUntraced(function* (
  owner: Ledger.Ownership
): Effect.fn.Return<void, SqlError.SqlError | Ledger.Fenced, SqlClient.SqlClient> {
  const sql = yield* SqlClient.SqlClient
  const rows = yield* sql`select 1 from tributary.destination
    where id = ${owner.destination} and epoch = ${owner.epoch}::bigint for share`
  if (rows.length === 0) return yield* new Ledger.Fenced({ destination: owner.destination })
})

/** Profiles whose wait is over become dirty again. */
const wakePostponed = Effect.fnUntraced(function* (activations: ReadonlyArray<number>, now: number) {
  const sql = yield* SqlClient.SqlClient
  const due = yield* sql<{ activation_no: number; profile_no: number }>`
    update tributary.postponed set not_before = 'infinity'
    where activation_no = any(${activations}::int[]) and not_before <= ${timestamp(now)}::timestamptz
    returning activation_no, profile_no`
  yield* mark(
    due.map((row) => ({
      activation: row.activation_no,
      chunk: IdSet.chunkOf(row.profile_no),
      lane: lane.live,
      profiles: IdSet.from([row.profile_no])
    }))
  )
})

/**
 * How often an import has taken identifiers from one profile to another.
 *
 * @category constructors
 * @since 0.1.0
 */
export const movesSoFar = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const [row] = yield* sql<{ moves: number }>`select coalesce(sum(moves), 0)::int as moves from tributary.source`
  return row?.moves ?? 0
})

interface DirtyRow {
  readonly activation_no: number
  readonly lane: number
  readonly bits: Uint8Array
}

/**
 * Takes up to `limit` profiles of one chunk: live lane first, then those that the first activation is owed, and none
 * that another claim of these activations holds, so that a profile is never on the wire twice at a time (R32).
 *
 * @category constructors
 * @since 0.1.0
 */
export const claim = Effect.fnUntraced(function* (
  owner: Ledger.Ownership,
  wish: Ledger.Wish
): Effect.fn.Return<Option.Option<Ledger.Claim>, SqlError.SqlError | Ledger.Fenced, SqlClient.SqlClient> {
  const sql = yield* SqlClient.SqlClient
  const { activations, liveOnly } = wish
  yield* fence(owner)
  yield* wakePostponed(activations, yield* Clock.currentTimeMillis)
  const candidates = yield* sql<{ chunk: number; lane: number }>`
    select chunk, lane::int as lane from tributary.dirty
    where activation_no = any(${activations}::int[]) and length(bits) > 0 and (lane = ${lane.live} or not ${liveOnly})
    group by chunk, lane order by lane, min(array_position(${activations}::int[], activation_no)), chunk`
  for (const candidate of candidates) {
    const taken = yield* claimChunk(owner, wish, candidate.chunk, candidate.lane)
    if (Option.isSome(taken)) return taken
  }
  return Option.none()
})

const claimChunk = Effect.fnUntraced(function* (
  owner: Ledger.Ownership,
  { activations, limit }: Ledger.Wish,
  chunk: number,
  from: number
) {
  const sql = yield* SqlClient.SqlClient
  const rows = yield* sql<DirtyRow>`
    select activation_no, lane::int as lane, bits from tributary.dirty
    where activation_no = any(${activations}::int[]) and chunk = ${chunk}
    order by activation_no, lane for update`
  const held = yield* sql<{ bits: Uint8Array }>`
    select bits from tributary.claim where destination = ${owner.destination} and chunk = ${chunk}
      and activation_no = any(${activations}::int[])`
  const sets = rows.map((row) => ({ ...row, set: IdSet.decode(row.bits) }))
  const claimed = held.reduce((all, row) => IdSet.union(all, IdSet.decode(row.bits)), IdSet.empty)
  const free = (of: (row: DirtyRow) => boolean) =>
    IdSet.difference(
      sets.filter((row) => row.lane === from && of(row)).reduce((all, row) => IdSet.union(all, row.set), IdSet.empty),
      claimed
    )
  const favoured = IdSet.take(
    free((row) => row.activation_no === activations[0]),
    limit
  )
  const others = IdSet.difference(
    free(() => true),
    favoured
  )
  const profiles = IdSet.union(favoured, IdSet.take(others, limit - favoured.size))
  if (profiles.size === 0) return Option.none<Ledger.Claim>()

  const parts = sets
    .map((row) => ({ ...row, taken: IdSet.intersection(row.set, profiles) }))
    .filter((row) => row.taken.size > 0)
  const rests = parts.map((part) => {
    const rest = IdSet.difference(part.set, part.taken)
    return rest.size === 0 ? new Uint8Array(0) : IdSet.encode(rest)
  })
  const numbers = parts.map((part) => part.activation_no)
  const lanes = parts.map((part) => part.lane)
  yield* sql`update tributary.dirty d set bits = w.b
    from unnest(${numbers}::int[], ${lanes}::int[], ${rests}::bytea[]) w(a, l, b)
    where d.activation_no = w.a and d.chunk = ${chunk} and d.lane = w.l`
  const inserted = yield* sql<{ no: bigint; activation_no: number; lane: number }>`
    insert into tributary.claim (destination, epoch, activation_no, chunk, lane, bits)
    select ${owner.destination}, ${owner.epoch}::bigint, a, ${chunk}::int, l, b
    from unnest(${numbers}::int[], ${lanes}::int[], ${parts.map((part) => IdSet.encode(part.taken))}::bytea[]) w(a, l, b)
    returning no, activation_no, lane::int as lane`
  const moves = yield* movesSoFar
  const byActivation = new Map<number, IdSet.IdSet>()
  for (const part of parts) {
    byActivation.set(part.activation_no, IdSet.union(byActivation.get(part.activation_no) ?? IdSet.empty, part.taken))
  }
  return Option.some<Ledger.Claim>({
    owner,
    chunk,
    isLive: from === lane.live,
    moves,
    profiles,
    byActivation,
    rows: inserted.map((row) => ({ row: row.no, activation: row.activation_no, lane: row.lane }))
  })
})

/**
 * Lets claimed profiles go: `returned` ones back to the dirty sets that they came from.
 *
 * @category combinators
 * @since 0.1.0
 */
export const release = Effect.fnUntraced(function* (
  from: Ledger.Claim,
  released: IdSet.IdSet,
  returned: IdSet.IdSet
): Effect.fn.Return<void, SqlError.SqlError | Ledger.Fenced, SqlClient.SqlClient> {
  const gone = IdSet.union(released, returned)
  if (gone.size === 0) return
  const sql = yield* SqlClient.SqlClient
  const rows = yield* sql<{ no: bigint; activation_no: number; lane: number; bits: Uint8Array }>`
    select no, activation_no, lane::int as lane, bits from tributary.claim
    where no = any(${from.rows.map((row) => row.row)}::bigint[]) order by no for update`
  const left = rows.map((row) => ({ no: row.no, set: IdSet.difference(IdSet.decode(row.bits), gone) }))
  const emptied = left.filter((row) => row.set.size === 0).map((row) => row.no)
  const shrunk = left.filter((row) => row.set.size > 0)
  if (emptied.length > 0) yield* sql`delete from tributary.claim where no = any(${emptied}::bigint[])`
  if (shrunk.length > 0) {
    yield* sql`update tributary.claim c set bits = w.b
      from unnest(${shrunk.map((row) => row.no)}::bigint[], ${shrunk.map((row) => IdSet.encode(row.set))}::bytea[]) w(n, b)
      where c.no = w.n`
  }
  yield* mark(
    rows.map((row) => ({
      activation: row.activation_no,
      chunk: from.chunk,
      lane: row.lane,
      profiles: IdSet.intersection(IdSet.decode(row.bits), returned)
    }))
  )
})
