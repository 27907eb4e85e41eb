/**
 * A look at a source: everything, or what it says has changed since the last look.
 *
 * The position is read before the ids, and the ids before the rows, so what changes meanwhile is seen now or next time.
 * Whoever is among the ids and not among the rows was removed.
 *
 * @since 0.1.0
 */
import { Clock, Effect, type Scope } from "effect"
import { SqlClient, type SqlError, type Statement } from "effect/sql"
import { hash } from "node:crypto"
import type { Changes } from "../config/Changes.ts"
import { ident, type Query, wrapped } from "../config/Query.ts"
import type { Rows } from "../config/Source.ts"
import { sqlReason } from "../store/sql/failures.ts"
import { open } from "./Origin.ts"
import { type Place, SourceError, type SourceRows } from "./Source.ts"
import { type Session, stage, stagingTable } from "./Staging.ts"

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
  readonly changes: Changes | undefined
  /** All of the configuration that gives the rows their meaning. */
  readonly meaning: unknown
  /** To read everything, whatever is known. */
  readonly full: boolean
}

const timeTypes = new Set(["timestamp with time zone", "timestamp without time zone", "date"])
const numberTypes = new Set(["bigint", "integer", "smallint"])

/** The types of an id, and what a text must be like to be one. */
const idTypes: Readonly<Record<string, RegExp>> = {
  text: /^/,
  "character varying": /^/,
  bigint: /^-?\d{1,18}$/,
  integer: /^-?\d{1,9}$/,
  smallint: /^-?\d{1,4}$/,
  uuid: /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i
}

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
  const { changes, id } = read
  const source = open(read.rows, read)
  const { query: every } = read.rows
  if (changes === undefined || every === undefined || source.changes === undefined) {
    return { ...everybody, rows: source.rows }
  }
  const ask = source.changes
  const basis = basisOf(read)
  const now = yield* Clock.currentTimeMillis
  const { idType, position, type } = yield* latest(read.source, ask, changes)
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
    return { rows: source.rows, changed: undefined, kept: next }
  }
  const isChanged = wrapped(
    `select c.${ident(changes.id)} from (`,
    changes.query,
    `) c where `,
    since(changes, kept.position, type)
  )
  const news = wrapped(`select q.* from (`, every, `) q where q.${ident(id)} in (`, isChanged, `)`)
  const query = newProfiles.length === 0 ? news : wrapped(news, ` union all `, those(every, id, idType, newProfiles))
  const ids = wrapped(`select distinct i::text as id from (`, isChanged, `) w(i)`)
  return { rows: ask(query), changed: yield* idsTable(read.source, ask(ids), newProfiles), kept: next }
})

const basisOf = ({ changes, id, meaning, rows }: Read): string =>
  hash("sha256", JSON.stringify([id, meaning, changes, rows.query]))

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

/** The rows of these profiles: by the id's own type where it is known, so that an index finds them. */
const those = (query: Query, id: string, type: string | undefined, ids: ReadonlyArray<string>): Query => {
  const column = `q.${ident(id)}`
  const pattern = type === undefined ? undefined : idTypes[type]
  const match: Query =
    pattern === undefined
      ? { _tag: "Query", texts: [`${column}::text = any(`, `::text[])`], values: [ids] }
      : {
          _tag: "Query",
          texts: [`${column} = any(`, `::text[]::${type}[])`],
          values: [ids.filter((text) => pattern.test(text))]
        }
  return wrapped(`select q.* from (`, query, `) q where `, match)
}

/** Whether a change came after the last position, or so little before it that it may not have been seen. */
const since = ({ at, overlapSeconds }: Changes, position: string, type: string): Query =>
  timeTypes.has(type)
    ? {
        _tag: "Query",
        texts: [`c.${ident(at)} > `, `::text::${type} - `, `::text::interval`],
        values: [position, `${overlapSeconds} seconds`]
      }
    : { _tag: "Query", texts: [`c.${ident(at)} > `, `::text::bigint`], values: [position] }

interface Found {
  readonly position: string | null
  readonly type: string
  readonly id_type: string | null
}

/** The position of the newest change. */
const latest = Effect.fnUntraced(function* (source: string, ask: (query: Query) => SourceRows, changes: Changes) {
  const sql = yield* SqlClient.SqlClient
  const at = ident(changes.at)
  const query = wrapped(
    `select max(c.${at})::text as position, pg_typeof(max(c.${at}))::text as type,
      (select pg_typeof(f.${ident(changes.id)})::text from (`,
    changes.query,
    `) f limit 1) as id_type from (`,
    changes.query,
    `) c`
  )
  const [found] = yield* Effect.scoped(
    Effect.flatMap(stage(ask(query), source), (staged) =>
      staged._tag === "Table"
        ? sql<Found>`select row ->> 'position' as position, row ->> 'type' as type, row ->> 'id_type' as id_type
            from ${sql(staged.table)}`
        : sql<Found>`select s.position, s.type, s.id_type from (${staged.query}) s`
    )
  ).pipe(Effect.catchTag("SqlError", (error) => unreadable(source, error)))
  const type = found?.type ?? "unknown"
  if (!timeTypes.has(type) && !numberTypes.has(type)) {
    const reason = `the position of a change (column "${changes.at}") is of type ${type}; it must be a time or a whole number`
    return yield* new SourceError({ source, reason })
  }
  const first = timeTypes.has(type) ? "-infinity" : "-9223372036854775808"
  return { position: found?.position ?? first, type, idType: found?.id_type ?? undefined }
})

const unreadable = (source: string, error: SqlError.SqlError) =>
  Effect.fail(new SourceError({ source, reason: `the query of its changes failed: ${sqlReason(error)}` }))

/** Ids in a table of the store. */
const idsTable = Effect.fnUntraced(function* (source: string, rows: SourceRows, newProfiles: ReadonlyArray<string>) {
  const sql = yield* SqlClient.SqlClient
  const table = yield* stagingTable(sql`(id text not null)`).pipe(
    Effect.catchTag("SqlError", (error) => unreadable(source, error))
  )
  const ids = yield* stage(rows, source)
  const from =
    ids._tag === "Table"
      ? sql`select row ->> 'id' as id from ${sql(ids.table)}`
      : sql`select s.id from (${ids.query}) s`
  yield* Effect.andThen(
    sql`insert into ${sql(table)} select w.id from (${from}) w where w.id is not null
      union select a from unnest(${newProfiles}::text[]) a`,
    sql`analyze ${sql(table)}`
  ).pipe(Effect.catchTag("SqlError", (error) => unreadable(source, error)))
  return table
})
