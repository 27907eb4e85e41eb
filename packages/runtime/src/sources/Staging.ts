/**
 * Rows of a source as SQL: a query that runs in the store, or a staging table that a stream was read into.
 *
 * No transaction is open while another database or a file is read. Rows are staged as JSON, in batches, so memory holds
 * a batch whatever the size of the source. The table is of one session with the store: it goes with its scope, or, where
 * the process is killed, with the session.
 *
 * @since 0.1.0
 */
import { NodeStream } from "@effect/platform-node"
import { PgClient } from "@effect/sql-pg"
import { Config, Context, Effect, Layer, Redacted, Schema, SchemaIssue, type Scope, Stream } from "effect"
import { Csv } from "effect/encoding"
import { SqlClient, type SqlError, type Statement } from "effect/sql"
import { randomUUID } from "node:crypto"
import * as fs from "node:fs"
import * as path from "node:path"
import { toFragment } from "../config/Query.ts"
import type { Rows } from "../config/Source.ts"
import { sqlReason } from "../store/sql/failures.ts"

/**
 * A source could not be read. Nothing was changed, or what was written of it stays and the next import goes on from there.
 *
 * @category errors
 * @since 0.1.0
 */
export class SourceError extends Schema.TaggedError<SourceError>()("SourceError", {
  /** Which: `profiles "users"`, `computation "first_time_shopper"`. */
  source: Schema.String,
  reason: Schema.String,
  /** Whether the store failed while an import was written. */
  isPartial: Schema.optionalKey(Schema.Boolean)
}) {
  override get message(): string {
    const left =
      this.isPartial === true
        ? "What was written of it stays; the next import goes on from there"
        : "Nothing was changed"
    return `${this.source}: ${this.reason}. ${left}.`
  }
}

/**
 * Rows of a source, as a fragment of one jsonb column `row`, or of the query's own columns.
 *
 * @category models
 * @since 0.1.0
 */
export type Staged =
  | { readonly _tag: "Query"; readonly query: Statement.Fragment }
  | { readonly _tag: "Table"; readonly table: string }

/**
 * Hears how far a long step has come, in words: `400,000 rows read`.
 *
 * @category references
 * @since 0.1.0
 */
export const OnProgress = Context.Reference<(progress: string) => void>("tributary/Staging/OnProgress", {
  defaultValue: () => () => undefined
})

/**
 * From so many rows on, whoever waits wants to hear how far they are; and again after as many.
 *
 * @category constants
 * @since 0.1.0
 */
export const rowsBetweenNews = 100_000

/**
 * A session with the store, which staging tables are made in.
 *
 * @category services
 * @since 0.1.0
 */
export class Session extends Context.Service<Session, { readonly isOpen: true }>()("tributary/Staging/Session") {}

/**
 * Runs an effect on one connection, where staging tables are seen by all that follows. Transactions begin and end in it
 * as they do elsewhere.
 *
 * @category combinators
 * @since 0.1.0
 */
export const inSession = <A, E, R>(
  effect: Effect.Effect<A, E, R>
): Effect.Effect<A, E | SqlError.SqlError, Exclude<Exclude<R, Session>, Scope.Scope> | SqlClient.SqlClient> =>
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    const opened = Effect.provideService(effect, Session, { isOpen: true })
    // PGlite has one connection, which all share.
    if (sql.driver === "pglite") return yield* opened
    const connection = yield* sql.reserve
    // No transaction is open: the first one in it is at level 0.
    return yield* Effect.updateContext(opened, (services: Context.Context<Exclude<R, Session>>) =>
      Context.add(services, sql.transactionService, [connection, -1])
    )
  }).pipe(Effect.scoped)

/**
 * A table of the session, gone with its scope.
 *
 * @category constructors
 * @since 0.1.0
 */
export const stagingTable = Effect.fnUntraced(function* (
  /** Its columns, or `as select …`. */
  definition: Statement.Fragment
): Effect.fn.Return<string, SqlError.SqlError, SqlClient.SqlClient | Session | Scope.Scope> {
  const sql = yield* SqlClient.SqlClient
  yield* Session
  const table = `stage_${randomUUID().replaceAll("-", "")}`
  yield* Effect.acquireRelease(sql`create temp table ${sql(table)} ${definition}`, () =>
    Effect.ignore(sql`drop table if exists ${sql(table)}`)
  )
  return table
})

/**
 * Makes a source's rows readable in the store. Cells of a CSV file are text, but for the `valueColumn` of a computed
 * trait, whose numbers are numbers.
 *
 * @category constructors
 * @since 0.1.0
 */
export const stage = Effect.fnUntraced(function* (
  rows: Rows,
  source: string,
  folder: string,
  valueColumn?: string
): Effect.fn.Return<Staged, SourceError, SqlClient.SqlClient | Session | Scope.Scope> {
  const sql = yield* SqlClient.SqlClient
  const { origin } = rows
  if (origin._tag === "Store") {
    if (rows.query === undefined) return yield* new SourceError({ source, reason: "it has no query" })
    return { _tag: "Query", query: toFragment(rows.query) }
  }
  const inStore = <A, R>(effect: Effect.Effect<A, SqlError.SqlError, R>) =>
    Effect.mapError(effect, (error) => new SourceError({ source, reason: `the store failed: ${sqlReason(error)}` }))
  const table = yield* inStore(stagingTable(sql`(row jsonb not null)`))
  const onProgress = yield* OnProgress
  let read = 0
  yield* jsonRows(rows, source, folder, valueColumn).pipe(
    Stream.grouped(5_000),
    Stream.runForEach((batch) =>
      Effect.andThen(
        inStore(sql`insert into ${sql(table)} select r::jsonb from unnest(${batch}::text[]) r`),
        Effect.sync(() => {
          const before = read
          read += batch.length
          if (Math.floor(before / rowsBetweenNews) < Math.floor(read / rowsBetweenNews)) {
            onProgress(`${read.toLocaleString("en-US")} rows read`)
          }
        })
      )
    )
  )
  return { _tag: "Table", table }
})

/** Half of a surrogate pair, or a NUL, as `JSON.stringify` escapes them: what PostgreSQL's JSON cannot hold. */
const unstorable = /(?:^|[^\\])(?:\\\\)*\\u(?:0000|d[89a-f][0-9a-f]{2})/i

/** Levels of lists and objects that a row may have. */
const deepest = 100

/** Why a value cannot be kept, if it cannot. Goes down level by level: a recursion would end before the value does. */
const unkeepable = (value: unknown): string | undefined => {
  let level: ReadonlyArray<unknown> = [value]
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > deepest) return `has more than ${deepest} levels of lists and objects`
    if (level.some((each) => typeof each === "number" && !Number.isFinite(each))) return "has a number beyond 1e308"
    level = level.flatMap((each) => (typeof each === "object" && each !== null ? Object.values(each) : []))
  }
  return unstorable.test(JSON.stringify(value))
    ? "has a character that PostgreSQL cannot hold (a NUL, or half of a surrogate pair)"
    : undefined
}

/** Lines of NDJSON, as they are: the text keeps numbers that JavaScript would round. */
const ndjsonRow = (line: string, at: (reason: string) => SourceError): Effect.Effect<string, SourceError> => {
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch (error) {
    return Effect.fail(at(`is no JSON: ${error instanceof Error ? error.message : String(error)}`))
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) return Effect.fail(at("is no object"))
  const reason = unkeepable(value)
  return reason === undefined ? Effect.succeed(line) : Effect.fail(at(reason))
}

/** Passes UTF-8 through, and refuses anything else: a replaced character would make one address of two. */
const utf8 =
  (file: string, fail: (reason: string) => SourceError) => (bytes: Stream.Stream<Uint8Array, SourceError>) => {
    const decoder = new TextDecoder("utf-8", { fatal: true })
    const decode = (part?: Uint8Array) =>
      Effect.try({
        try: () => (part === undefined ? decoder.decode() : decoder.decode(part, { stream: true })),
        catch: () => fail(`${file} is not in UTF-8`)
      })
    return Stream.concat(Stream.mapEffect(bytes, decode), Stream.fromEffect(Effect.suspend(decode)))
  }

/** Each row as JSON text. */
const jsonRows = (
  rows: Rows,
  source: string,
  folder: string,
  valueColumn: string | undefined
): Stream.Stream<string, SourceError> => {
  const { origin } = rows
  const fail = (reason: string) => new SourceError({ source, reason })
  switch (origin._tag) {
    case "Store":
      return Stream.fail(fail("it is read in place"))
    case "Postgres":
      return rows.query === undefined
        ? Stream.fail(fail("it has no query"))
        : postgresRows(origin.url, rows.query, fail)
    case "Ndjson": {
      let row = 0
      return fileBytes(path.resolve(folder, origin.file), fail).pipe(
        utf8(origin.file, fail),
        Stream.splitLines,
        Stream.map((line) => (row === 0 ? line.replace(/^\ufeff/, "") : line)),
        Stream.mapEffect((line) => {
          row++
          return line.trim() === ""
            ? Effect.succeed("")
            : ndjsonRow(line, (reason) => fail(`${origin.file}, row ${row}: ${reason}`))
        }),
        Stream.filter((line) => line !== "")
      )
    }
    case "Csv": {
      let row = 0
      return fileBytes(path.resolve(folder, origin.file), fail).pipe(
        utf8(origin.file, fail),
        Stream.pipeThroughChannelOrFail(Csv.decodeString({ headers: true, ignoreEmptyLines: true })),
        Stream.mapError((error) =>
          error instanceof SourceError ? error : fail(`${origin.file}, row ${row + 1}: is no CSV: ${error.message}`)
        ),
        Stream.mapEffect((cells) => {
          row++
          // An empty cell is a missing value: CSV has no other way to say so.
          const value = Object.fromEntries(
            Object.entries(cells).map(([name, cell]) => [
              name,
              cell === "" ? null : name === valueColumn ? numberOr(cell) : cell
            ])
          )
          const reason = unkeepable(value)
          return reason === undefined
            ? Effect.succeed(JSON.stringify(value))
            : Effect.fail(fail(`${origin.file}, row ${row}: ${reason}`))
        })
      )
    }
  }
}

/** A cell is text; the value of a computed trait that reads as a number or a boolean is one. */
const numberOr = (cell: string): string | number | boolean => {
  if (cell === "true" || cell === "false") return cell === "true"
  return /^-?(0|[1-9]\d{0,14})(\.\d+)?$/.test(cell) ? Number(cell) : cell
}

const fileBytes = (file: string, fail: (reason: string) => SourceError) =>
  NodeStream.fromReadable<Uint8Array, SourceError>({
    evaluate: () => fs.createReadStream(file),
    onError: (error) => fail(`cannot read ${file}: ${error instanceof Error ? error.message : String(error)}`)
  })

/** Says which variable, and never what it holds. */
const unreadable = (error: Config.ConfigError): string => {
  const issues = error.cause._tag === "SchemaError" ? formatIssue(error.cause.issue).issues : []
  const names = issues.map((issue) => (issue.path ?? []).map(String).join("_"))
  return `its address cannot be read from ${names.join(", ") || "the environment"}; set it there, or in .env beside the configuration`
}

const formatIssue = SchemaIssue.makeFormatterStandardSchemaV1()

const postgresRows = (
  url: Redacted.Redacted | Config.Config<Redacted.Redacted>,
  query: NonNullable<Rows["query"]>,
  fail: (reason: string) => SourceError
): Stream.Stream<string, SourceError> =>
  Stream.unwrap(
    Effect.gen(function* () {
      const address = Redacted.isRedacted(url)
        ? url
        : yield* url.pipe(Effect.mapError((error) => fail(unreadable(error))))
      const services = yield* Layer.build(
        PgClient.layer({ url: address, maxConnections: 2, connectTimeout: "10 seconds" })
      ).pipe(Effect.mapError((error) => fail(`its database does not answer: ${sqlReason(error)}`)))
      return Stream.unwrap(
        Effect.map(
          SqlClient.SqlClient,
          (sql) => sql<{ row: string }>`select to_jsonb(q)::text as row from (${toFragment(query)}) q`.stream
        )
      ).pipe(
        // The pool connects with the first query.
        Stream.mapError((error) =>
          fail(
            error.reason._tag === "ConnectionError"
              ? `its database does not answer: ${sqlReason(error)}`
              : `the query failed: ${sqlReason(error)}`
          )
        ),
        Stream.map((row) => row.row),
        Stream.provideContext(services)
      )
    })
  )
