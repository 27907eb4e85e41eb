/**
 * Sent values: the fingerprint of the value that was last acknowledged for each identifier of a computed trait.
 *
 * `SentSets` says whether anything was sent; an audience needs no more, and has no rows here. Where a vendor joins
 * identifiers, those that stand on a record have its number here instead of a value (R44).
 *
 * @since 0.1.0
 */
import { Fingerprints, Plan } from "@tributary/core/runtime"
import { Effect } from "effect"
import { SqlClient, type SqlError } from "effect/sql"
import { int4List } from "../sql/Columns.ts"

/**
 * The values of one block of 1,024 identifiers.
 *
 * @category models
 * @since 0.1.0
 */
export interface SentBlock {
  readonly activation: number
  readonly kind: string
  readonly block: number
  readonly valueOf: (identifier: number) => bigint | undefined
}

/**
 * Reads the given blocks.
 *
 * @category constructors
 * @since 0.1.0
 */
export const read = Effect.fnUntraced(function* (
  activations: ReadonlyArray<number>,
  blocks: ReadonlyArray<number>
): Effect.fn.Return<ReadonlyArray<SentBlock>, SqlError.SqlError, SqlClient.SqlClient> {
  if (activations.length === 0) return []
  const sql = yield* SqlClient.SqlClient
  const rows = yield* sql<ValueRow>`
    select activation_no, kind, block, fingerprints from tributary.told_value
    where activation_no = any(${activations}::int[]) and block = any(${int4List(blocks)}::int[])`
  return rows.map(({ activation_no, block, fingerprints, kind }) => ({
    activation: activation_no,
    kind,
    block,
    valueOf: Fingerprints.reader(fingerprints)
  }))
})

/**
 * Enters which values were acknowledged. A row holds one block of 1,024 identifiers, so that a settled batch rewrites
 * 10 kB and not 650 (`bench event`). Runs inside the caller's transaction.
 *
 * @category combinators
 * @since 0.1.0
 */
export const acknowledge = Effect.fnUntraced(function* (
  settlements: ReadonlyArray<Plan.Doubt>
): Effect.fn.Return<void, SqlError.SqlError, SqlClient.SqlClient> {
  if (settlements.length === 0) return
  const sql = yield* SqlClient.SqlClient
  const blocks = new Map<string, ValueBlock>()
  let last: ValueBlock | undefined
  for (const { activation, identifier, kind, sent } of settlements) {
    // A member of a list has no value.
    if (kind === "member") continue
    const block = Fingerprints.blockOf(identifier)
    if (last === undefined || last.block !== block || last.activation !== activation || last.kind !== kind) {
      const key = `${activation} ${kind} ${block}`
      last = blocks.get(key) ?? { activation, kind, block, hasValue: false, values: new Map(), exits: [] }
      blocks.set(key, last)
    }
    const value = sent === Plan.sentTrue ? undefined : sent
    last.hasValue ||= value !== undefined
    last.values.set(identifier, value)
    if (sent === undefined) last.exits.push(identifier)
  }
  const wanted = [...blocks.values()]
  if (wanted.length === 0) return
  if (!wanted.some((block) => block.hasValue)) {
    // Audiences have no values to forget.
    const activations = [...new Set(wanted.map((block) => block.activation))]
    const known =
      yield* sql`select 1 from tributary.told_value where activation_no = any(${activations}::int[]) limit 1`
    if (known.length === 0) return
  }
  const locked = sql<ValueRow>`
    select v.activation_no, v.kind, v.block, v.fingerprints from tributary.told_value v
    join unnest(${wanted.map((block) => block.activation)}::int[], ${wanted.map((block) => block.kind)}::text[],
      ${wanted.map((block) => block.block)}::int[]) w(a, k, b)
      on v.activation_no = w.a and v.kind = w.k and v.block = w.b
    order by v.activation_no, v.kind, v.block for update of v`
  let rows = yield* locked
  const present = new Set(rows.map((row) => `${row.activation_no} ${row.kind} ${row.block}`))
  const missing = [...blocks].filter(([key, { hasValue }]) => hasValue && !present.has(key)).map(([, block]) => block)
  if (missing.length > 0) {
    yield* sql`insert into tributary.told_value (activation_no, kind, block, fingerprints)
      select a, k, b, ''::bytea from unnest(${missing.map((block) => block.activation)}::int[],
        ${missing.map((block) => block.kind)}::text[], ${missing.map((block) => block.block)}::int[]) w(a, k, b)
      order by a, k, b on conflict do nothing`
    rows = yield* locked
  }
  if (rows.length === 0) return
  const amended = rows.map((row) => {
    const block = blocks.get(`${row.activation_no} ${row.kind} ${row.block}`)
    return block === undefined ? row.fingerprints : Fingerprints.amend(row.fingerprints, changesOf(block, row))
  })
  yield* sql`update tributary.told_value v set fingerprints = w.f
    from unnest(${rows.map((row) => row.activation_no)}::int[], ${rows.map((row) => row.kind)}::text[],
      ${rows.map((row) => row.block)}::int[], ${amended}::bytea[]) w(a, k, b, f)
    where v.activation_no = w.a and v.kind = w.k and v.block = w.b`
})

/** An exit does not say where an identifier stands at the vendor: it stays on the record that it was put on (R44). */
const changesOf = (
  { exits, values }: ValueBlock,
  { fingerprints }: ValueRow
): ReadonlyMap<number, bigint | undefined> => {
  if (exits.length === 0) return values
  const valueOf = Fingerprints.reader(fingerprints)
  const stays = exits.filter((no) => values.get(no) === undefined && Plan.recordIn(valueOf(no)) !== undefined)
  for (const no of stays) values.delete(no)
  return values
}

interface ValueBlock {
  readonly activation: number
  readonly kind: Plan.LedgerKind
  readonly block: number
  hasValue: boolean
  readonly values: Map<number, bigint | undefined>
  readonly exits: Array<number>
}

interface ValueRow {
  readonly activation_no: number
  readonly kind: string
  readonly block: number
  readonly fingerprints: Uint8Array
}
