/**
 * History: a record of every sync, with why it ran, what it did and what went wrong first.
 *
 * @since 0.1.0
 */
import { IdSet, SyncResult } from "@tributary/core/runtime"
import { DateTime, Effect, Schema } from "effect"
import { SqlClient, type SqlError } from "effect/sql"
import { storable } from "../sql/Text.ts"
import { timestamp } from "../sql/Timestamp.ts"
import { transaction } from "../sql/Transaction.ts"

/**
 * What a sync of one activation did.
 *
 * @category models
 * @since 0.1.0
 */
export interface Done {
  readonly activation: number
  readonly result: SyncResult.SyncResult
  readonly delivered: number
  readonly rejected: number
  readonly postponed: number
  /** The first reasons why something was not delivered, and how often each came. */
  readonly errors: Reasons
}

const Reasons = Schema.Array(Schema.Struct({ reason: Schema.String, count: Schema.Number }))

type Reasons = typeof Reasons.Type

const Unattributed = Schema.Array(
  Schema.Struct({ reason: Schema.String, count: Schema.Number, again: Schema.optionalKey(Schema.Boolean) })
)

/**
 * How a sync of the past ended: a `SyncResult`, or `Interrupted` where its process ended first.
 *
 * @category models
 * @since 0.1.0
 */
export const PastResult = Schema.Union([SyncResult.SyncResult, Schema.TaggedStruct("Interrupted", {})])

/**
 * @category models
 * @since 0.1.0
 */
export type PastResult = typeof PastResult.Type

/**
 * Begins a record for each activation. One that a crash left open is closed as interrupted.
 *
 * @category combinators
 * @since 0.1.0
 */
export const begin = Effect.fnUntraced(function* (
  activations: ReadonlyArray<number>
): Effect.fn.Return<ReadonlyMap<number, bigint>, SqlError.SqlError, SqlClient.SqlClient> {
  const sql = yield* SqlClient.SqlClient
  const now = yield* DateTime.nowAsDate
  yield* sql`update tributary.sync set result = '{"_tag":"Interrupted"}', ended_at = ${now}::timestamptz
    where activation_no = any(${activations}::int[]) and ended_at is null`
  const rows = yield* sql<{ no: bigint; activation_no: number }>`
    insert into tributary.sync (activation_no, started_at, why)
    select a.no, ${now}::timestamptz, coalesce(a.cause, case when exists (
        select 1 from tributary.sync s where s.activation_no = a.no and s.result ->> '_tag' = 'Synced')
      then 'changes' else 'first sync' end)
    from tributary.activation a where a.no = any(${activations}::int[]) order by a.no
    returning no, activation_no`
  return new Map(rows.map((row) => [row.activation_no, row.no]))
})

/**
 * Ends records. Where there turned out to be nothing to send, none is kept.
 *
 * @category combinators
 * @since 0.1.0
 */
export const finish = Effect.fnUntraced(function* (
  records: ReadonlyMap<number, bigint>,
  done: ReadonlyArray<Done>
): Effect.fn.Return<void, SqlError.SqlError, SqlClient.SqlClient> {
  const sql = yield* SqlClient.SqlClient
  const now = yield* DateTime.nowAsDate
  for (const { activation, delivered, errors, postponed, rejected, result } of done) {
    const no = records.get(activation)
    if (no === undefined) continue
    if (result._tag === "Synced") yield* sql`update tributary.activation set cause = null where no = ${activation}`
    if (result._tag === "Synced" && delivered + rejected + postponed === 0) {
      // Unless a job's failures were counted here meanwhile.
      const deleted =
        yield* sql`delete from tributary.sync where no = ${no}::bigint and unattributed = '[]' returning 1`
      if (deleted.length > 0) continue
    }
    yield* sql`update tributary.sync set ended_at = ${now}::timestamptz, result = ${JSON.stringify(storableResult(result))}::text::jsonb, delivered = ${delivered},
      rejected = ${rejected}, postponed = ${postponed}, errors = ${JSON.stringify(errors.map((error) => ({ ...error, reason: storable(error.reason) })))}::text::jsonb
      where no = ${no}::bigint`
  }
})

const storableResult = (result: SyncResult.SyncResult): SyncResult.SyncResult =>
  result._tag === "Synced" ? result : { ...result, reason: storable(result.reason) }

/**
 * A sync as it is remembered.
 *
 * @category models
 * @since 0.1.0
 */
export interface PastSync {
  readonly activation: string
  readonly started_at: Date
  /** `null` while it runs. */
  readonly ended_at: Date | null
  /** `first sync`, `changes`, `resync`, `approved`, … */
  readonly why: string
  /** `null` while it runs. */
  readonly result: PastResult | null
  /** Without what the vendor said later that it does not have. */
  readonly delivered: number
  readonly rejected: number
  readonly postponed: number
  /** Identifiers whose jobs the vendor has not answered yet. */
  readonly unconfirmed: number
  readonly errors: Reasons
  /** Failures that a vendor counted later without saying whose they are, and whether they were sent `again`. */
  readonly unattributed: typeof Unattributed.Type
}

/** The columns that are JSON. Only `begin` and `finish` write them, so what does not decode is a defect. */
const JsonColumns = Schema.Struct({
  result: Schema.NullOr(PastResult),
  errors: Reasons,
  unattributed: Unattributed
})

const decodeJson = Schema.decodeUnknownEffect(JsonColumns)

/**
 * Past syncs, newest first: of one activation, or all.
 *
 * @category constructors
 * @since 0.1.0
 */
export const past = Effect.fnUntraced(function* (
  activation: number | undefined,
  limit: number
): Effect.fn.Return<ReadonlyArray<PastSync>, SqlError.SqlError, SqlClient.SqlClient> {
  const sql = yield* SqlClient.SqlClient
  const one = activation ?? null
  const open = yield* unconfirmed
  const rows = yield* sql<
    Omit<PastSync, "unconfirmed" | keyof typeof JsonColumns.Type> & typeof JsonColumns.Encoded & { readonly no: bigint }
  >`
    select s.no, a.id as activation, s.started_at, s.ended_at, s.why, s.result,
      greatest(0, s.delivered - s.not_confirmed)::int as delivered, s.rejected::int as rejected, s.postponed::int as postponed, s.errors, s.unattributed
    from tributary.sync s join tributary.activation a on a.no = s.activation_no
    where ${one}::int is null or s.activation_no = ${one}::int order by s.no desc limit ${limit}`
  return yield* Effect.forEach(rows, ({ no, ...row }) =>
    Effect.map(Effect.orDie(decodeJson(row)), (decoded) => ({
      ...row,
      ...decoded,
      unconfirmed: open.get(no) ?? 0
    }))
  )
})

/** By the number of the sync that they were sent in. */
const unconfirmed = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const rows = yield* sql<{ sync_no: bigint; identifiers: Uint8Array }>`
    select sync_no, identifiers from tributary.receipt_told where sync_no is not null`
  return new Map(
    [...Map.groupBy(rows, (row) => row.sync_no)].map(([no, own]) => [
      no,
      IdSet.decodeAll(own.map((row) => row.identifiers)).size
    ])
  )
})

/**
 * Forgets syncs from before a time, and melts the changes from before it into one for each chunk of a computation: who
 * changed last, and not when, is still needed where something is sent again.
 *
 * @category combinators
 * @since 0.1.0
 */
export const prune = Effect.fnUntraced(function* (before: number) {
  const sql = yield* SqlClient.SqlClient
  const at = timestamp(before)
  yield* sql`delete from tributary.sync where ended_at < ${at}::timestamptz`
  const several = yield* sql<{ computation_no: number; chunk: number }>`
    select c.computation_no, c.chunk from tributary.change c join tributary.evaluation e on e.no = c.evaluation_no
    where e.at < ${at}::timestamptz group by 1, 2 having count(*) > 1`
  for (const { chunk, computation_no } of several) yield* transaction(melt(computation_no, chunk, at))
  yield* sql`delete from tributary.evaluation e where e.at < ${at}::timestamptz
    and not exists (select 1 from tributary.change c where c.evaluation_no = e.no)`
})

/** The changes of one chunk from before a time, as one: how each profile changed last. */
const melt = Effect.fnUntraced(function* (computation: number, chunk: number, before: Date) {
  const sql = yield* SqlClient.SqlClient
  const rows = yield* sql<{ evaluation_no: bigint; entered: Uint8Array; exited: Uint8Array }>`
    select c.evaluation_no, c.entered, c.exited from tributary.change c
    join tributary.evaluation e on e.no = c.evaluation_no
    where c.computation_no = ${computation} and c.chunk = ${chunk} and e.at < ${before}::timestamptz
    order by c.evaluation_no for update of c`
  const last = rows.at(-1)?.evaluation_no
  if (last === undefined) return
  let entered = IdSet.empty
  let exited = IdSet.empty
  for (const row of rows) {
    const [came, went] = [IdSet.decode(row.entered), IdSet.decode(row.exited)]
    entered = IdSet.difference(IdSet.union(entered, came), went)
    exited = IdSet.difference(IdSet.union(exited, went), came)
  }
  yield* sql`delete from tributary.change
    where computation_no = ${computation} and chunk = ${chunk} and evaluation_no < ${last}::bigint`
  yield* sql`update tributary.change set entered = ${IdSet.encode(entered)}, exited = ${IdSet.encode(exited)}
    where computation_no = ${computation} and chunk = ${chunk} and evaluation_no = ${last}::bigint`
})
