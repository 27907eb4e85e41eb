/**
 * Sent sets: the identifiers that something was sent for, as the destination acknowledged it, by activation, kind and
 * chunk. In the tables they are called told.
 *
 * A chunk of a large audience is 8 kB, which a change of three identifiers must neither read nor rewrite: they are kept
 * beside it, in `told_since` and `forgotten_since`, and folded into `bits` when they have become many (`bench growth`).
 *
 * @since 0.1.0
 */
import { IdSet, type Plan } from "@tributary/core/runtime"
import { Context, Effect } from "effect"
import { SqlClient, type SqlError } from "effect/sql"

/**
 * When a chunk is rewritten. Tests set it; the defaults are measured (`bench growth`).
 *
 * @category models
 * @since 0.1.0
 */
export interface Rewrite {
  /** Bytes of a chunk up to which it is rewritten at once: PostgreSQL keeps so many in the row. */
  readonly smallChunk: number
  /** Bytes that are kept beside a larger chunk before they are folded in: some five hundred identifiers. */
  readonly mostBeside: number
}

/**
 * @category references
 * @since 0.1.0
 */
export const RewriteChunks = Context.Reference<Rewrite>("@tributary/runtime/store/ledger/RewriteChunks", {
  defaultValue: () => ({ smallChunk: 2_000, mostBeside: 1_024 })
})

const kinds: ReadonlyArray<Plan.LedgerKind> = ["identify", "track", "group", "member"]

/**
 * A kind as the store has it.
 *
 * @category constructors
 * @since 0.1.0
 */
export const kindOf = (text: string): Plan.LedgerKind => kinds.find((kind) => kind === text) ?? "member"

type Written = Effect.Effect<void, SqlError.SqlError, SqlClient.SqlClient>

/** The columns that say what was sent. */
interface ToldRow {
  readonly bits: Uint8Array
  readonly told_since: Uint8Array
  readonly forgotten_since: Uint8Array
}

/** Where three sets are worth putting together: for all of a chunk, and not for a few of it. */
const whole = (row: ToldRow): IdSet.IdSet =>
  IdSet.difference(IdSet.union(IdSet.decode(row.bits), IdSet.decode(row.told_since)), IdSet.decode(row.forgotten_since))

/**
 * What was sent of the identifiers of a chunk.
 *
 * @category models
 * @since 0.1.0
 */
export interface SentChunk {
  readonly isSent: (identifier: number) => boolean
  /** Whether it is to be sent again, whatever was sent. */
  readonly isAgain: (identifier: number) => boolean
}

/**
 * Reads the given chunks.
 *
 * @category constructors
 * @since 0.1.0
 */
export const read = Effect.fnUntraced(function* (
  activations: ReadonlyArray<number>,
  chunks: ReadonlyArray<number>
): Effect.fn.Return<
  ReadonlyArray<{ readonly activation: number; readonly kind: string; readonly chunk: number } & SentChunk>,
  SqlError.SqlError,
  SqlClient.SqlClient
> {
  const sql = yield* SqlClient.SqlClient
  const rows = yield* sql<
    ToldRow & {
      readonly activation: number
      readonly kind: string
      readonly chunk: number
      readonly again: Uint8Array
    }
  >`select activation_no as activation, kind, chunk, bits, told_since, forgotten_since, again from tributary.ledger
    where activation_no = any(${activations}::int[]) and chunk = any(${chunks}::int[])`
  return rows.map(({ activation, again, bits, chunk, forgotten_since, kind, told_since }) => {
    const before = IdSet.decode(bits)
    const sent = IdSet.decode(told_since)
    const forgotten = IdSet.decode(forgotten_since)
    const toSendAgain = IdSet.decode(again)
    return {
      activation,
      kind,
      chunk,
      isSent: (no) => sent.has(no) || (before.has(no) && !forgotten.has(no)),
      isAgain: (no) => toSendAgain.has(no)
    }
  })
})

/**
 * All that an activation has sent, a set for each kind and chunk.
 *
 * @category constructors
 * @since 0.1.0
 */
export const ofActivation = Effect.fnUntraced(function* (
  activation: number
): Effect.fn.Return<ReadonlyArray<IdSet.IdSet>, SqlError.SqlError, SqlClient.SqlClient> {
  const sql = yield* SqlClient.SqlClient
  const rows = yield* sql<ToldRow>`
    select bits, told_since, forgotten_since from tributary.ledger
    where activation_no = ${activation} and length(bits) + length(told_since) > 0`
  return rows.map(whole)
})

/**
 * Marks all that an activation has sent to be sent again. Runs inside the caller's transaction.
 *
 * @category combinators
 * @since 0.1.0
 */
export const sendAgain = Effect.fnUntraced(function* (
  activation: number
): Effect.fn.Return<void, SqlError.SqlError, SqlClient.SqlClient> {
  const sql = yield* SqlClient.SqlClient
  const rows = yield* sql<ToldRow & { readonly kind: string; readonly chunk: number }>`
    select kind, chunk, bits, told_since, forgotten_since from tributary.ledger
    where activation_no = ${activation} and length(told_since) + length(forgotten_since) > 0
    order by kind, chunk for update`
  yield* sql`update tributary.ledger l set bits = w.b, told_since = '', forgotten_since = ''
    from unnest(${rows.map((row) => row.kind)}::text[], ${rows.map((row) => row.chunk)}::int[],
      ${rows.map((row) => IdSet.encode(whole(row)))}::bytea[]) w(k, c, b)
    where l.activation_no = ${activation} and l.kind = w.k and l.chunk = w.c`
  yield* sql`update tributary.ledger set again = bits where activation_no = ${activation}`
})

/**
 * Enters what was acknowledged: entries and values, and exits.
 *
 * @category combinators
 * @since 0.1.0
 */
export const acknowledge = (settlements: ReadonlyArray<Plan.Doubt>): Written =>
  amend(settlements, (entries) => {
    const [sent, forgotten]: [Array<number>, Array<number>] = [[], []]
    for (const entry of entries) (entry.sent === undefined ? forgotten : sent).push(entry.identifier)
    const sets = { sent: IdSet.from(sent), forgotten: IdSet.from(forgotten) }
    return { ...sets, again: (before) => IdSet.difference(before, IdSet.union(sets.sent, sets.forgotten)) }
  })

/**
 * Enters what may have been sent: it counts as sent, so that an exit follows, and is to be sent again, whatever it was.
 *
 * @category combinators
 * @since 0.1.0
 */
export const doubt = (entries: ReadonlyArray<Plan.LedgerKey>): Written =>
  amend(entries, (own) => {
    const sent = IdSet.from(own.map((entry) => entry.identifier))
    return { sent, forgotten: IdSet.empty, again: (before) => IdSet.union(before, sent) }
  })

/** What a settlement changes in a chunk. */
interface Change {
  readonly sent: IdSet.IdSet
  readonly forgotten: IdSet.IdSet
  readonly again: (before: IdSet.IdSet) => IdSet.IdSet
}

interface Part<A> {
  readonly activation: number
  readonly kind: Plan.LedgerKind
  readonly chunks: Map<number, Array<A>>
}

interface LockedRow extends Omit<ToldRow, "bits"> {
  readonly activation_no: number
  readonly kind: string
  readonly chunk: number
  /** None where the change is kept beside them. */
  readonly bits: Uint8Array | null
  readonly again: Uint8Array
}

const amend = Effect.fnUntraced(function* <A extends Plan.LedgerKey>(
  entries: ReadonlyArray<A>,
  changeOf: (entries: ReadonlyArray<A>) => Change
): Effect.fn.Return<void, SqlError.SqlError, SqlClient.SqlClient> {
  if (entries.length === 0) return
  const sql = yield* SqlClient.SqlClient
  const { mostBeside, smallChunk } = yield* RewriteChunks
  const parts = partsOf(entries)
  const wanted = [...parts.values()].flatMap(({ activation, chunks, kind }) =>
    [...chunks].map(([chunk, own]) => ({ activation, kind, chunk, count: own.length }))
  )
  const activations = wanted.map((part) => part.activation)
  const kinds = wanted.map((part) => part.kind)
  const chunks = wanted.map((part) => part.chunk)
  const locked = sql<LockedRow>`
    select l.activation_no, l.kind, l.chunk, l.told_since, l.forgotten_since, l.again,
      case when length(l.bits) <= ${smallChunk}::int
        or length(l.told_since) + length(l.forgotten_since) + 2 * w.n > ${mostBeside}::int then l.bits end as bits
    from tributary.ledger l
    join unnest(${activations}::int[], ${kinds}::text[], ${chunks}::int[],
      ${wanted.map((part) => part.count)}::int[]) w(a, k, c, n)
      on l.activation_no = w.a and l.kind = w.k and l.chunk = w.c
    order by l.activation_no, l.kind, l.chunk for update of l`
  let rows = yield* locked
  if (rows.length < wanted.length) {
    yield* sql`insert into tributary.ledger (activation_no, kind, chunk, bits, again)
      select a, k, c, ''::bytea, ''::bytea
      from unnest(${activations}::int[], ${kinds}::text[], ${chunks}::int[]) w(a, k, c)
      order by a, k, c on conflict do nothing`
    rows = yield* locked
  }
  const amended = rows.flatMap((row) => {
    const own = parts.get(`${row.activation_no} ${row.kind}`)?.chunks.get(row.chunk) ?? []
    const changed = { ...row, ...amendedRow(row, changeOf(own)) }
    return isSame(row, changed) ? [] : [changed]
  })
  // A value that is sent again was sent before.
  if (amended.length === 0) return
  // Bits that stay are not written: PostgreSQL keeps them outside of the row.
  yield* sql`update tributary.ledger l set bits = case when w.is_folded then w.b else l.bits end, told_since = w.t,
      forgotten_since = w.f, again = w.g
    from unnest(${amended.map((row) => row.activation_no)}::int[], ${amended.map((row) => row.kind)}::text[],
      ${amended.map((row) => row.chunk)}::int[], ${amended.map((row) => row.bits !== null)}::bool[],
      ${amended.map((row) => row.bits ?? nothing)}::bytea[], ${amended.map((row) => row.told_since)}::bytea[],
      ${amended.map((row) => row.forgotten_since)}::bytea[], ${amended.map((row) => row.again)}::bytea[])
      w(a, k, c, is_folded, b, t, f, g)
    where l.activation_no = w.a and l.kind = w.k and l.chunk = w.c`
})

/**
 * The identifiers of entries as sets, one for each activation and kind.
 *
 * @category combinators
 * @since 0.1.0
 */
export const together = (entries: ReadonlyArray<Plan.LedgerKey>) =>
  [...partsOf(entries).values()].map(({ activation, chunks, kind }) => ({
    activation,
    kind,
    identifiers: IdSet.unionAll([...chunks.values()].map((own) => IdSet.from(own.map((entry) => entry.identifier))))
  }))

/** By activation and kind, then by chunk. Those of an activation follow each other, and a person's lie in several chunks. */
const partsOf = <A extends Plan.LedgerKey>(entries: ReadonlyArray<A>): ReadonlyMap<string, Part<A>> => {
  const parts = new Map<string, Part<A>>()
  let last: Part<A> | undefined
  for (const entry of entries) {
    const { activation, identifier, kind } = entry
    if (last === undefined || last.activation !== activation || last.kind !== kind) {
      const key = `${activation} ${kind}`
      last = parts.get(key) ?? { activation, kind, chunks: new Map() }
      parts.set(key, last)
    }
    const chunk = IdSet.chunkOf(identifier)
    const own = last.chunks.get(chunk)
    if (own === undefined) last.chunks.set(chunk, [entry])
    else own.push(entry)
  }
  return parts
}

const amendedRow = (row: LockedRow, { again, forgotten, sent }: Change) => {
  const toldSince = IdSet.difference(IdSet.union(IdSet.decode(row.told_since), sent), forgotten)
  const forgottenSince = IdSet.union(IdSet.difference(IdSet.decode(row.forgotten_since), sent), forgotten)
  const amendedAgain = { again: encoded(again(IdSet.decode(row.again))) }
  if (row.bits === null) {
    return { ...amendedAgain, bits: null, told_since: encoded(toldSince), forgotten_since: encoded(forgottenSince) }
  }
  const bits = IdSet.difference(IdSet.union(IdSet.decode(row.bits), toldSince), forgottenSince)
  return { ...amendedAgain, bits: IdSet.encode(bits), told_since: nothing, forgotten_since: nothing }
}

const isSame = (row: LockedRow, changed: LockedRow): boolean =>
  (row.bits === changed.bits || Buffer.compare(row.bits ?? nothing, changed.bits ?? nothing) === 0) &&
  Buffer.compare(row.told_since, changed.told_since) === 0 &&
  Buffer.compare(row.forgotten_since, changed.forgotten_since) === 0 &&
  Buffer.compare(row.again, changed.again) === 0

const nothing = new Uint8Array(0)

const encoded = (set: IdSet.IdSet) => (set.size === 0 ? nothing : IdSet.encode(set))
