/**
 * Claims: dirty profiles taken to be sent, so that nobody else takes them and no change to them is missed.
 *
 * @since 0.1.0
 */
import { IdSet, type Ledger } from "@tributary/core/runtime"
import { Clock, Effect, Option } from "effect"
import { SqlClient, type SqlError, type Statement } from "effect/sql"
import { fence } from "../../ownership/Ownership.ts"
import { lane, type Mark, mark, marksOf } from "./DirtySets.ts"
import * as News from "./News.ts"
import { timestamp } from "../sql/Timestamp.ts"

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
 * How often an import has taken identifiers from one profile to another, as part of a query.
 *
 * @category constructors
 * @since 0.1.0
 */
export const movesSoFar = (sql: SqlClient.SqlClient): Statement.Fragment =>
  sql`(select coalesce(sum(moves), 0)::int from tributary.source)`

interface DirtyRow {
  readonly activation_no: number
  readonly chunk: number
  readonly lane: number
  readonly bits: Uint8Array
}

interface Candidate {
  readonly chunk: number
  readonly lane: number
}

/**
 * Takes up to `limit` profiles: live lane first, then those pending for the first activation, and none that another
 * claim of these activations holds, so that a profile is never on the wire twice at a time (R32). A claim reaches over
 * as many chunks as it takes: a thousand changes cost the same wherever they lie (`bench growth`).
 *
 * @category constructors
 * @since 0.1.0
 */
export const claim = Effect.fn("Claims.claim")(function* (
  owner: Ledger.Ownership,
  request: Ledger.ClaimRequest
): Effect.fn.Return<
  Option.Option<Ledger.Claim>,
  SqlError.SqlError | Ledger.Fenced | Ledger.Uncleared,
  SqlClient.SqlClient
> {
  const sql = yield* SqlClient.SqlClient
  const { activations, liveOnly } = request
  yield* fence(owner)
  yield* wakePostponed(activations, yield* Clock.currentTimeMillis)
  let candidates: ReadonlyArray<Candidate> = yield* sql<Candidate>`
    select chunk, lane::int as lane from tributary.dirty
    where activation_no = any(${activations}::int[]) and length(bits) > 0 and (lane = ${lane.live} or not ${liveOnly})
    group by chunk, lane order by lane, min(array_position(${activations}::int[], activation_no)), chunk`
  while (candidates[0] !== undefined) {
    const from = candidates[0].lane
    const chunks = yield* enough(request, candidates)
    const taken = yield* claimChunks(owner, request, chunks, from)
    if (Option.isSome(taken)) return taken
    candidates = candidates.slice(chunks.length)
  }
  return Option.none()
})

/** How many chunks to look at more, while those so far hold too few. */
const steps = [1, 8, 64, 512]

/**
 * The first candidates of a lane that hold enough between them. Nothing is locked yet: rows are locked all at once and
 * in one order, or two who claim could wait for each other.
 */
const enough = Effect.fnUntraced(function* (
  { activations, limit }: Ledger.ClaimRequest,
  candidates: ReadonlyArray<Candidate>
) {
  const sql = yield* SqlClient.SqlClient
  const from = candidates[0]?.lane ?? lane.live
  const own = candidates.filter((candidate) => candidate.lane === from).map((candidate) => candidate.chunk)
  let count = 0
  let found = IdSet.empty
  for (const step of steps) {
    const next = own.slice(count, step)
    if (next.length === 0 || found.size >= limit) break
    const rows = yield* sql<{ bits: Uint8Array }>`select bits from tributary.dirty
      where activation_no = any(${activations}::int[]) and chunk = any(${next}::int[]) and lane = ${from}
        and length(bits) > 0`
    found = IdSet.union(found, IdSet.decodeAll(rows.map((row) => row.bits)))
    count += next.length
  }
  return own.slice(0, count)
})

const claimChunks = Effect.fnUntraced(function* (
  owner: Ledger.Ownership,
  { activations, cleared = new Map(), limit }: Ledger.ClaimRequest,
  chunks: ReadonlyArray<number>,
  from: number
) {
  const sql = yield* SqlClient.SqlClient
  const rows = yield* sql<DirtyRow>`
    select activation_no, chunk, lane::int as lane, bits from tributary.dirty
    where activation_no = any(${activations}::int[]) and chunk = any(${chunks}::int[]) and length(bits) > 0
    order by activation_no, chunk, lane for update`
  const others = yield* sql<{ bits: Uint8Array }>`
    select bits from tributary.claim
    where destination = ${owner.destination} and activation_no = any(${activations}::int[])`
  const sets = rows.map((row) => ({ ...row, set: IdSet.decode(row.bits) }))
  const claimed = IdSet.decodeAll(others.map((row) => row.bits))
  const free = (of: (row: DirtyRow) => boolean) =>
    IdSet.difference(IdSet.unionAll(sets.filter((row) => row.lane === from && of(row)).map((row) => row.set)), claimed)
  const favoured = IdSet.take(
    free((row) => row.activation_no === activations[0]),
    limit
  )
  const rest = IdSet.difference(
    free(() => true),
    favoured
  )
  const profiles = IdSet.union(favoured, IdSet.take(rest, limit - favoured.size))
  if (profiles.size === 0) return Option.none<Ledger.Claim>()

  const parts = sets
    .map((row) => ({ ...row, taken: IdSet.intersection(row.set, profiles) }))
    .filter((row) => row.taken.size > 0)
  yield* News.compare([...new Set(parts.map((part) => part.activation_no))], cleared)
  const rests = parts.map((part) => {
    const left = IdSet.difference(part.set, part.taken)
    return left.size === 0 ? new Uint8Array(0) : IdSet.encode(left)
  })
  const numbers = parts.map((part) => part.activation_no)
  const places = parts.map((part) => part.chunk)
  const lanes = parts.map((part) => part.lane)
  yield* sql`update tributary.dirty d set bits = w.b
    from unnest(${numbers}::int[], ${places}::int[], ${lanes}::int[], ${rests}::bytea[]) w(a, c, l, b)
    where d.activation_no = w.a and d.chunk = w.c and d.lane = w.l`
  const held = [...Map.groupBy(parts, (part) => `${part.activation_no} ${part.lane}`).values()].flatMap((own) =>
    own[0] === undefined ? [] : [{ ...own[0], taken: IdSet.unionAll(own.map((part) => part.taken)) }]
  )
  const inserted = yield* sql<{ no: bigint; activation_no: number }>`
    insert into tributary.claim (destination, epoch, activation_no, lane, bits)
    select ${owner.destination}, ${owner.epoch}::bigint, a, l, b
    from unnest(${held.map((row) => row.activation_no)}::int[], ${held.map((row) => row.lane)}::int[],
      ${held.map((row) => IdSet.encode(row.taken))}::bytea[]) w(a, l, b)
    returning no, activation_no`
  const [{ moves } = { moves: 0 }] = yield* sql<{ moves: number }>`select ${movesSoFar(sql)} as moves`
  const byActivation = new Map(
    [...Map.groupBy(parts, (part) => part.activation_no)].map(([no, own]) => [
      no,
      IdSet.unionAll(own.map((part) => part.taken))
    ])
  )
  return Option.some<Ledger.Claim>({
    owner,
    isLive: from === lane.live,
    moves,
    cleared,
    profiles,
    byActivation,
    rows: inserted.map(({ activation_no, no }) => ({ row: no, activation: activation_no }))
  })
})

/**
 * Lets claimed profiles go: `returned` ones back to the dirty sets that they came from, and `also` others that became
 * dirty with them. All are marked at once, as rows are locked in one order.
 *
 * @category combinators
 * @since 0.1.0
 */
export const release = Effect.fnUntraced(function* (
  from: Ledger.Claim,
  released: IdSet.IdSet,
  returned: IdSet.IdSet,
  also: ReadonlyArray<Mark> = []
): Effect.fn.Return<void, SqlError.SqlError | Ledger.Fenced, SqlClient.SqlClient> {
  const gone = IdSet.union(released, returned)
  if (gone.size === 0) return yield* mark(also)
  const sql = yield* SqlClient.SqlClient
  const rows = yield* sql<Omit<DirtyRow, "chunk"> & { readonly no: bigint }>`
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
  const back =
    returned.size === 0
      ? []
      : rows.flatMap((row) =>
          marksOf(row.activation_no, row.lane, IdSet.intersection(IdSet.decode(row.bits), returned))
        )
  yield* mark([...also, ...back])
})
