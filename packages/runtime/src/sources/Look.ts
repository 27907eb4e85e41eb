/**
 * A look at a source: everything, or what it says has changed since the last look.
 *
 * The position is read before the ids, and the ids before the rows, so what changes meanwhile is seen now or next time.
 * Whoever is among the ids and not among the rows was removed.
 *
 * @since 0.1.0
 */
import { Clock, Effect, Result, type Scope } from "effect"
import { SqlClient, type SqlError, type Statement } from "effect/sql"
import { hash } from "node:crypto"
import type { Changes } from "../config/Changes.ts"
import { type Query, wrapped } from "../config/Query.ts"
import type { Rows } from "../config/Source.ts"
import { sqlReason } from "../store/sql/failures.ts"
import { transaction } from "../store/sql/Transaction.ts"
import * as Columns from "./Columns.ts"
import { open } from "./Origin.ts"
import { fix } from "./Settings.ts"
import { type Fail, failing, type Place, SourceError, type SourceRows, type SqlSource } from "./Source.ts"
import * as Spelling from "./Spelling.ts"
import { type Session, stage, type Staged, stagingTable } from "./Staging.ts"

/**
 * What the store keeps of the looks at a source.
 *
 * @category models
 * @since 0.1.0
 */
export interface Kept {
  /** Of the newest change that was seen, as text; and its type, a time or a whole number as PostgreSQL names it. */
  readonly position: string | null
  readonly position_type: string | null
  /** What the configuration was then: under another one everything is read again. */
  readonly basis: string | null
  /** When everything was read. */
  readonly full_at: Date | null
}

/**
 * What to read, and what to remember once it is written.
 *
 * @category models
 * @since 0.1.0
 */
export interface Look extends Extent {
  readonly rows: SourceRows
}

/**
 * Whom the rows are about, and what to remember once they are written.
 *
 * @category models
 * @since 0.1.0
 */
export interface Extent {
  /** A table (id text) of those that the rows are about; everybody where there is none. */
  readonly changed: string | undefined
  readonly kept: Omit<Kept, "full_at"> | undefined
}

/**
 * Everybody, after which nothing is remembered.
 *
 * @category constants
 * @since 0.1.0
 */
export const everybody: Extent = { changed: undefined, kept: undefined }

/**
 * What a look is made of.
 *
 * @category models
 * @since 0.1.0
 */
export interface Read extends Place {
  readonly rows: Rows
  readonly id: string
  /** What is read of a row, its id included. */
  readonly columns: Columns.Columns
  readonly changes: Changes | undefined
  /** All of the configuration that gives the rows their meaning. */
  readonly meaning: unknown
  /** To read everything, whatever is known. */
  readonly full: boolean
}

const timeTypes = new Set(["timestamp with time zone", "timestamp without time zone", "date"])
const numberTypes = new Set(["bigint", "integer", "smallint"])

/** So many new profiles are not worth asking for one by one. */
const mostNewProfiles = 10_000

/**
 * Looks at what changed since the last look, and at these profiles besides; at everything where nothing is known of the
 * last one, the configuration is another, or everything was read too long ago.
 *
 * @category constructors
 * @since 0.1.0
 */
export const look = Effect.fnUntraced(function* (
  read: Read,
  kept: Kept | undefined,
  newProfiles: ReadonlyArray<string>
): Effect.fn.Return<Look, SourceError, SqlClient.SqlClient | Session | Scope.Scope> {
  const { changes, columns, id } = read
  const fail = failing(read)
  const source = yield* Effect.fromResult(open(read.rows, read))
  if (source._tag === "File") return { ...everybody, rows: source.rows(columns) }
  const all = yield* source.describe(source.query, "the query")
  const rowsOf = (relation: Query) =>
    Effect.fromResult(Result.mapError(Columns.projected(relation, all, columns), fail))
  const every = Columns.renamed(source.query, all)
  if (changes === undefined) return { ...everybody, rows: source.run(yield* rowsOf(every)) }
  const found = yield* describeChanges(source, changes, fail)
  const basis = basisOf(read)
  const now = yield* Clock.currentTimeMillis
  const { position, type } = yield* latest(read.source, source, found, changes)
  const next = { position, position_type: type, basis }
  const isFresh = kept?.full_at != null && kept.full_at.getTime() + changes.fullMillis > now
  if (
    read.full ||
    !isFresh ||
    kept.basis !== basis ||
    kept.position === null ||
    kept.position_type !== type ||
    newProfiles.length > mostNewProfiles
  ) {
    return { rows: source.run(yield* rowsOf(every)), changed: undefined, kept: next }
  }
  const own = yield* Effect.fromResult(Result.mapError(Columns.find(all, id), fail))
  // Columns of two types are compared as ids are: by their spelling.
  const isAlike = Spelling.areComparable(own.type, found.id.type)
  const spelled = ({ column, type }: Found["id"]) => (isAlike ? column : Spelling.ofColumn(column, type))
  const changed = (column: string) =>
    wrapped(`select ${column} from `, found.relation, ` where `, since(found.at, changes, kept.position ?? "", type))
  const news = yield* rowsOf(wrapped(every, ` where ${spelled(own)} in (`, changed(spelled(found.id)), `)`))
  const rows =
    newProfiles.length === 0
      ? news
      : wrapped(news, ` union all `, yield* rowsOf(wrapped(every, ` where `, oneOf(own, newProfiles))))
  const ids = changed(`distinct ${Spelling.ofColumn(found.id.column, found.id.type)} as t0`)
  return { rows: source.run(rows), changed: yield* idsTable(read.source, source.run(ids), newProfiles), kept: next }
})

/** The columns of what changed: whose it is, and its position. */
interface Found {
  readonly relation: Query
  readonly id: { readonly column: string; readonly type: number }
  readonly at: string
}

const describeChanges = Effect.fnUntraced(function* (
  source: SqlSource,
  { at, id, query }: Changes,
  fail: Fail
): Effect.fn.Return<Found, SourceError, SqlClient.SqlClient> {
  const title = "the query of its changes"
  const described = yield* source.describe(query, title)
  const named = (name: string) =>
    Effect.fromResult(
      Result.mapError(Columns.find(described, name, "c"), (reason) =>
        described.some((each) => each.name === name)
          ? fail(`${title}: ${reason}`)
          : fail(`${title} failed: column c.${name} does not exist`)
      )
    )
  const found = yield* named(id)
  const position = yield* named(at)
  return { relation: Columns.renamed(query, described, "c"), id: found, at: position.column }
})

/** Changes with how ids are spelled: another spelling makes everything be read once. */
const spelling = 2

const basisOf = ({ changes, id, meaning, rows }: Read): string =>
  hash("sha256", JSON.stringify([id, meaning, changes, rows.query, spelling]))

/**
 * What to remember of a look, as columns of an update.
 *
 * @category combinators
 * @since 0.1.0
 */
export const remembered = (sql: SqlClient.SqlClient, { changed, kept }: Extent, at: Date): Statement.Fragment =>
  sql`position = ${kept?.position ?? null}, position_type = ${kept?.position_type ?? null},
    basis = ${kept?.basis ?? null},
    full_at = case when ${changed === undefined} then ${at}::timestamptz else full_at end`

/** Whether a row is of one of these profiles: by the id's own type where it is known, so that an index finds them. */
const oneOf = ({ column, type }: Found["id"], ids: ReadonlyArray<string>): Query => {
  const cast = Spelling.castOf(type)
  return cast === undefined
    ? { _tag: "Query", texts: [`${Spelling.ofColumn(column, type)} = any(`, `::text[])`], values: [ids] }
    : {
        _tag: "Query",
        texts: [`${column} = any(`, `::text[]::${cast.name}[])`],
        values: [ids.filter((text) => cast.pattern.test(text))]
      }
}

/** Whether a change came after the last position, or so little before it that it may not have been seen. */
const since = (at: string, { overlapSeconds }: Changes, position: string, type: string): Query =>
  timeTypes.has(type)
    ? {
        _tag: "Query",
        texts: [`${at} > `, `::text::${type} - `, `::text::interval`],
        values: [position, `${overlapSeconds} seconds`]
      }
    : { _tag: "Query", texts: [`${at} > `, `::text::bigint`], values: [position] }

/** The position of the newest change. */
const latest = Effect.fnUntraced(function* (source: string, { run }: SqlSource, found: Found, changes: Changes) {
  const sql = yield* SqlClient.SqlClient
  const newest = `max(${found.at})`
  const query = wrapped(`select ${newest}::text as t0, pg_typeof(${newest})::text as t1 from `, found.relation)
  const [row] = yield* reading(
    run(query),
    Columns.make(["position", "type"], []),
    source,
    (staged) => sql<{ t0: string | null; t1: string }>`select s.t0, s.t1 from (${staged.rows}) s`
  )
  const type = row?.t1 ?? "unknown"
  if (!timeTypes.has(type) && !numberTypes.has(type)) {
    const reason = `the position of a change (column "${changes.at}") is of type ${type}; it must be a time or a whole number`
    return yield* new SourceError({ source, reason })
  }
  const first = timeTypes.has(type) ? "-infinity" : "-9223372036854775808"
  return { position: row?.t0 ?? first, type }
})

/** Reads rows in a transaction whose settings are fixed. They may come from elsewhere, before it begins. */
const reading = <A, R>(
  rows: SourceRows,
  columns: Columns.Columns,
  source: string,
  use: (staged: Staged) => Effect.Effect<A, SqlError.SqlError, R>
) =>
  Effect.scoped(
    Effect.flatMap(stage(rows, columns, source), (staged) =>
      Effect.flatMap(SqlClient.SqlClient, (sql) => transaction(Effect.andThen(fix(sql), use(staged))))
    )
  ).pipe(Effect.catchTag("SqlError", (error) => unreadable(source, error)))

const unreadable = (source: string, error: SqlError.SqlError) =>
  Effect.fail(new SourceError({ source, reason: `the query of its changes failed: ${sqlReason(error)}` }))

/** Ids in a table of the store. */
const idsTable = Effect.fnUntraced(function* (source: string, rows: SourceRows, newProfiles: ReadonlyArray<string>) {
  const sql = yield* SqlClient.SqlClient
  const table = yield* stagingTable(sql`(id text not null)`).pipe(
    Effect.catchTag("SqlError", (error) => unreadable(source, error))
  )
  yield* reading(rows, Columns.make(["id"], []), source, (ids) =>
    Effect.andThen(
      sql`insert into ${sql(table)} select w.t0 from (${ids.rows}) w where w.t0 is not null
        union select a from unnest(${newProfiles}::text[]) a`,
      sql`analyze ${sql(table)}`
    )
  )
  return table
})
