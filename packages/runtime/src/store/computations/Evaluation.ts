/**
 * Evaluation: a computation's new result, what changed against the last one, and who is dirty for it.
 *
 * An audience comes out of SQL chunk by chunk, one aggregate each, so that no row crosses the wire; its difference is
 * set algebra (`bench diff`). A trait's values are rows, compared in SQL. Snapshot, change and dirty sets are written in one
 * transaction.
 *
 * @since 0.1.0
 */
import { Identifier } from "@tributary/core"
import { Diff, IdSet } from "@tributary/core/runtime"
import { DateTime, Effect, Schema } from "effect"
import { SqlClient, type SqlError, type Statement } from "effect/sql"
import type { ResolvedComputation } from "../../config/Computations.ts"
import { shapeOf } from "../../sources/Origin.ts"
import * as Columns from "../../sources/Columns.ts"
import * as Look from "../../sources/Look.ts"
import { int4Set } from "../sql/Columns.ts"
import { usersOf } from "./AccountUsers.ts"
import { lane, laneFor, mark, type Mark, marksOf } from "../dirty/DirtySets.ts"
import { analyze, readLarge } from "../sql/Planner.ts"
import { chunked } from "../sql/Sets.ts"
import { sqlReason } from "../sql/failures.ts"
import { fix } from "../../sources/Settings.ts"
import type { Staged } from "../../sources/Staging.ts"
import { transaction } from "../sql/Transaction.ts"

/**
 * A computation could not be evaluated. Its last result stands.
 *
 * @category errors
 * @since 0.1.0
 */
export class EvaluationError extends Schema.TaggedError<EvaluationError>()("EvaluationError", {
  computation: Schema.String,
  reason: Schema.String
}) {
  override get message(): string {
    return `computation "${this.computation}": ${this.reason}. Its last result stands; nothing was sent for it.`
  }
}

/**
 * What an evaluation found.
 *
 * @category models
 * @since 0.1.0
 */
export interface Evaluated {
  readonly computation: string
  /** Profiles in the result. */
  readonly size: number
  readonly entered: number
  readonly exited: number
  /** Rows for profiles that the store does not know. */
  readonly unknown: number
  /** One of them, masked. */
  readonly unknownSample: string | undefined
  /** Whether only what changed was read. */
  readonly partial: boolean
}

interface Result {
  readonly present: ReadonlyMap<number, IdSet.IdSet>
  /** Profiles that the result is about, where it is not about all. */
  readonly scope: ReadonlyMap<number, IdSet.IdSet> | undefined
  /** Of a trait: profiles with a new or another value. Of an audience: nothing beyond who entered. */
  readonly changed: ReadonlyMap<number, IdSet.IdSet>
  readonly unknown: number
  readonly unknownSample: string | undefined
}

/**
 * Evaluates a computation from its staged rows, in one transaction: for everybody, or for those that the look is about.
 *
 * @category combinators
 * @since 0.1.0
 */
export const evaluate = Effect.fn("Evaluation.evaluate")(function* (
  computation: ResolvedComputation,
  staged: Staged,
  look: Look.Extent = Look.everybody,
  newProfiles: ReadonlyArray<number> = []
): Effect.fn.Return<Evaluated, EvaluationError | SqlError.SqlError, SqlClient.SqlClient | Diff.Diff> {
  const sql = yield* SqlClient.SqlClient
  const failed = (reason: string) => new EvaluationError({ computation: computation.key, reason })
  return yield* transaction(
    Effect.gen(function* () {
      const [row] = yield* sql<{ no: number; evaluated: boolean }>`
        select no, evaluated_at is not null as evaluated from tributary.computation
        where collection = ${computation.collection} and key = ${computation.key} for update`
      if (row === undefined) return yield* failed("the store does not know it")
      yield* readLarge
      yield* fix(sql)
      const rows = yield* rowsOf(computation, staged, failed)
      const scope = look.changed === undefined ? undefined : concerned(sql, computation, look.changed)
      const found =
        computation.kind === "audience"
          ? yield* audienceResult(computation, rows, failed)
          : yield* traitResult(computation, row.no, rows, scope, failed)
      const result: Result = { ...found, scope: scope === undefined ? undefined : yield* chunked(scope) }
      const { change, size } = yield* replaceSnapshot(row.no, result)
      const at = yield* DateTime.nowAsDate
      const entered = sizeOf(change.map(({ entered }) => entered))
      const exited = sizeOf(change.map(({ exited }) => exited))
      if (entered + exited > 0) {
        const [evaluation] = yield* sql<{ no: bigint }>`
          insert into tributary.evaluation (computation_no, at, entered, exited, size)
          values (${row.no}, ${at}::timestamptz, ${entered}, ${exited}, ${size}) returning no`
        yield* sql`insert into tributary.change (computation_no, chunk, evaluation_no, entered, exited)
          select ${row.no}, c, ${evaluation?.no ?? 0n}::bigint, e, x
          from unnest(${change.map(({ chunk }) => chunk)}::int[],
            ${change.map(({ entered }) => IdSet.encode(entered))}::bytea[],
            ${change.map(({ exited }) => IdSet.encode(exited))}::bytea[]) w(c, e, x)`
        yield* markChanged(row.no, change, row.evaluated ? laneFor(entered + exited) : lane.backfill)
      }
      yield* sql`update tributary.computation set evaluated_at = ${at}::timestamptz, size = ${size},
        unknown = case when ${scope === undefined} then ${result.unknown} else unknown end, error = null,
        ${Look.remembered(sql, look, at)} where no = ${row.no}`
      yield* sql`delete from tributary.newcomer
        where computation_no = ${row.no} and (${scope === undefined} or profile_no = any(${newProfiles}::int[]))`
      return {
        computation: computation.key,
        size,
        entered,
        exited,
        unknown: result.unknown,
        unknownSample: result.unknownSample,
        partial: look.changed !== undefined
      }
    })
  )
})

/** Profiles that a look is about, those that are gone included. */
const concerned = (sql: SqlClient.SqlClient, { collection }: ResolvedComputation, table: string): Statement.Fragment =>
  sql`select p.no from ${sql(table)} s
    join tributary.profile p on p.collection = ${collection} and p.id = s.id`

type Found = Omit<Result, "scope">

const sizeOf = (sets: ReadonlyArray<IdSet.IdSet>) => sets.reduce((sum, set) => sum + set.size, 0)

/** The rows as (id text, value jsonb, misfit text). */
const rowsOf = Effect.fnUntraced(function* (
  { id, kind, rows, value }: ResolvedComputation,
  staged: Staged,
  failed: Failed
): Effect.fn.Return<Statement.Fragment, EvaluationError, SqlClient.SqlClient> {
  const sql = yield* SqlClient.SqlClient
  const ofId = sql.literal(`s.${Columns.text(staged.columns, id)}`)
  if (kind === "audience") return sql`select ${ofId} as id, null::jsonb as value, s.misfit from (${staged.rows}) s`
  const ofValue = `s.${Columns.value(staged.columns, value)}`
  const typed = shapeOf(rows).isTyped ? ofValue : yield* asked(typedCells(sql, ofValue, staged), failed)
  return sql`select ${ofId} as id, ${sql.literal(typed)} as value, s.misfit from (${staged.rows}) s`
})

/** Texts become numbers where all of them are, or booleans where all of them are; a mixed column is text. */
const typedCells = (sql: SqlClient.SqlClient, value: string, { rows }: Staged) =>
  Effect.map(
    sql<{ typed: boolean | null }>`
      select bool_and(w.cell ~ '^-?(0|[1-9][0-9]*)([.][0-9]+)?$' and length(w.cell) < 300)
        or bool_and(w.cell in ('true', 'false')) as typed
      from (select ${sql.literal(value)} #>> '{}' as cell from (${rows}) s) w`,
    ([found]) => (found?.typed === true ? `(${value} #>> '{}')::jsonb` : value)
  )

type Failed = (reason: string) => EvaluationError

/** A query that fails is its author's to fix: the database's own words, and not a store that failed. */
const asked = <A, R>(effect: Effect.Effect<A, SqlError.SqlError, R>, failed: Failed) =>
  Effect.mapError(effect, (error) => failed(`the query failed: ${sqlReason(error)}`))

const audienceResult = Effect.fnUntraced(function* (
  computation: ResolvedComputation,
  rows: Statement.Fragment,
  failed: Failed
): Effect.fn.Return<Found, EvaluationError, SqlClient.SqlClient> {
  const sql = yield* SqlClient.SqlClient
  const chunks = yield* asked(
    sql<{
      chunk: number | null
      nos: Uint8Array | null
      total: number
      nulls: number
      sample: string | null
      misfit: string | null
    }>`
      select p.no >> 16 as chunk, min(q.misfit) as misfit, string_agg(int4send(p.no), ''::bytea) as nos, count(*)::int as total,
        (count(*) filter (where q.id is null))::int as nulls, case when p.no >> 16 is null then min(q.id) end as sample
      from (${rows}) q left join tributary.profile p
        on p.collection = ${computation.collection} and p.id = q.id and not p.gone
      group by 1`,
    failed
  )
  const present = new Map<number, IdSet.IdSet>()
  let unknown = 0
  let unknownSample: string | undefined
  for (const { chunk, misfit, nos, nulls, sample, total } of chunks) {
    if (misfit !== null) return yield* failed(misfit)
    if (nulls > 0) return yield* failed(nullIds(nulls, computation.id))
    if (chunk === null || nos === null) {
      unknown = total
      unknownSample = Identifier.masked(sample ?? "")
    } else present.set(chunk, int4Set(nos))
  }
  return { present, changed: new Map(), unknown, unknownSample }
})

const nullIds = (count: number, column: string) =>
  `${count} row${count === 1 ? " has" : "s have"} no id (column "${column}" is null); exclude such rows from the query`

const traitResult = Effect.fnUntraced(function* (
  computation: ResolvedComputation,
  no: number,
  rows: Statement.Fragment,
  scope: Statement.Fragment | undefined,
  failed: Failed
): Effect.fn.Return<Found, EvaluationError | SqlError.SqlError, SqlClient.SqlClient> {
  const sql = yield* SqlClient.SqlClient
  yield* asked(
    sql`create temp table t_result on commit drop as
      select q.id, p.no, q.value, q.misfit from (${rows}) q
      left join tributary.profile p on p.collection = ${computation.collection} and p.id = q.id and not p.gone`,
    failed
  )
  yield* analyze("t_result")
  const [counts] = yield* sql<{ nulls: number; unknown: number; sample: string | null }>`
    select (count(*) filter (where id is null))::int as nulls, (count(*) filter (where no is null))::int as unknown,
      min(id) filter (where no is null) as sample from t_result`
  if (counts !== undefined && counts.nulls > 0) return yield* failed(nullIds(counts.nulls, computation.id))
  const [misfit] = yield* sql<{ id: string; misfit: string }>`
    select id, misfit from t_result where misfit is not null limit 1`
  if (misfit !== undefined) return yield* failed(Columns.misfitIn(misfit.id, misfit.misfit))
  if (shapeOf(computation.rows).isChecked) {
    const [row] = yield* sql<{ rows: number; values: number }>`
      select count(*)::int as rows, count(value)::int as values from t_result`
    if (row !== undefined && row.rows > 0 && row.values === 0) {
      return yield* failed(`no row has a column "${computation.value}"; say which one holds the value`)
    }
  } else {
    const [deep] = yield* sql<{ id: string }>`
      select id from t_result where jsonb_path_exists(value, '$.**{100}') limit 1`
    if (deep !== undefined) {
      return yield* failed(
        `the value of profile ${Identifier.masked(deep.id)} has more than 100 levels of lists and objects`
      )
    }
  }
  const [twice] = yield* sql<{ id: string }>`
    select min(id) as id from t_result where no is not null group by no having count(distinct value) > 1 limit 1`
  if (twice !== undefined) {
    return yield* failed(
      `profile ${Identifier.masked(twice.id)} comes twice with different values; a trait has one value per profile: aggregate, or add a "group by"`
    )
  }
  yield* sql`create temp table t_value on commit drop as
    select distinct on (no) no, value from t_result
    where no is not null and value is not null and value <> 'null'::jsonb order by no`
  yield* analyze("t_value")
  yield* sql`create temp table t_changed on commit drop as
    select t.no, t.value from t_value t
    left join tributary.value v on v.computation_no = ${no} and v.profile_no = t.no
    where v.value is distinct from t.value`
  const present = yield* chunked(sql`select no from t_value`)
  const changed = yield* chunked(sql`select no from t_changed`)
  yield* sql`insert into tributary.value (computation_no, profile_no, value) select ${no}::int, no, value from t_changed
    on conflict (computation_no, profile_no) do update set value = excluded.value`
  const own = scope === undefined ? sql`` : sql`and v.profile_no in (${scope})`
  yield* sql`delete from tributary.value v where v.computation_no = ${no} ${own}
    and not exists (select 1 from t_value t where t.no = v.profile_no)`
  yield* sql`drop table t_result, t_value, t_changed`
  return {
    present,
    changed,
    unknown: counts?.unknown ?? 0,
    unknownSample: counts?.sample == null ? undefined : Identifier.masked(counts.sample)
  }
})

interface ChunkChange extends Diff.Change {
  readonly chunk: number
}

/** Writes the chunks of the snapshot that differ, and returns how. A trait's changed values count as entered. */
const replaceSnapshot = Effect.fnUntraced(function* (computation: number, result: Result) {
  const sql = yield* SqlClient.SqlClient
  const diff = yield* Diff.Diff
  const rows = yield* sql<{ chunk: number; bits: Uint8Array }>`
    select chunk, bits from tributary.snapshot where computation_no = ${computation}`
  const before = new Map(rows.map((row) => [row.chunk, IdSet.decode(row.bits)]))
  const change: Array<ChunkChange> = []
  const rewritten: Array<{ readonly chunk: number; readonly bits: Uint8Array }> = []
  let size = sizeOf([...before.values()])
  const { present, scope } = result
  const chunks = scope === undefined ? before : scope
  for (const chunk of new Set([...chunks.keys(), ...present.keys()])) {
    const old = before.get(chunk) ?? IdSet.empty
    const others = scope === undefined ? IdSet.empty : IdSet.difference(old, scope.get(chunk) ?? IdSet.empty)
    const now = IdSet.union(others, present.get(chunk) ?? IdSet.empty)
    size += now.size - old.size
    const { entered, exited } = diff.between(old, now)
    const news = IdSet.union(entered, result.changed.get(chunk) ?? IdSet.empty)
    if (news.size + exited.size > 0) change.push({ chunk, entered: news, exited })
    if (entered.size + exited.size > 0) rewritten.push({ chunk, bits: IdSet.encode(now) })
  }
  yield* sql`insert into tributary.snapshot (computation_no, chunk, bits)
    select ${computation}::int, c, b
    from unnest(${rewritten.map((r) => r.chunk)}::int[], ${rewritten.map((r) => r.bits)}::bytea[]) w(c, b)
    on conflict (computation_no, chunk) do update set bits = excluded.bits`
  return { change, size }
})

/** Who changed is dirty for every activation of the computation; for those that send users of accounts, its users. */
const markChanged = Effect.fnUntraced(function* (
  computation: number,
  change: ReadonlyArray<ChunkChange>,
  laneNo: number
) {
  const sql = yield* SqlClient.SqlClient
  const activations = yield* sql<{ no: number; as_users: boolean }>`
    select a.no, a.collection <> c.collection as as_users from tributary.activation a
    join tributary.computation c on c.no = a.computation_no
    where a.computation_no = ${computation} and (not a.removed or a.leaving is not null)`
  const changed = change.map(({ chunk, entered, exited }) => ({ chunk, profiles: IdSet.union(entered, exited) }))
  const marks: Array<Mark> = []
  for (const activation of activations) {
    if (activation.as_users) {
      for (const { profiles } of changed) {
        marks.push(...marksOf(activation.no, laneNo, yield* usersOf(profiles)))
      }
    } else {
      for (const { chunk, profiles } of changed)
        marks.push({ activation: activation.no, chunk, lane: laneNo, profiles })
    }
  }
  yield* mark(marks)
})
