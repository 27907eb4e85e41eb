/**
 * Another PostgreSQL database as a source: its rows are read as a stream.
 *
 * @since 0.1.0
 */
import { PgClient } from "@effect/sql-pg"
import { type Config, Context, Effect, Layer, Redacted, SchemaIssue, Stream } from "effect"
import { SqlClient, type SqlError } from "effect/sql"
import { type Query, toFragment } from "../config/Query.ts"
import { sqlReason } from "../store/sql/failures.ts"
import { describe } from "./Describe.ts"
import { fix } from "./Settings.ts"
import { type Fail, failing, type Place, type Shape, type SourceError, type SqlSource } from "./Source.ts"

/**
 * @category constants
 * @since 0.1.0
 */
export const shape: Shape = { title: "the query", isChecked: false, isTyped: true }

/**
 * Opens a query on another database. It connects when it is asked something.
 *
 * @category constructors
 * @since 0.1.0
 */
export const open = (
  url: Redacted.Redacted | Config.Config<Redacted.Redacted>,
  query: Query,
  place: Place
): SqlSource => {
  const fail = failing(place)
  return {
    _tag: "Sql",
    query,
    describe: (asked, title) =>
      Effect.scoped(
        Effect.flatMap(connected(url, fail), (services) =>
          Effect.flatMap(SqlClient.SqlClient, (sql) => describe(sql, asked)).pipe(
            Effect.mapError(({ error, reason }) => failed(error, `${title} failed: ${reason}`, fail)),
            Effect.provideContext(services)
          )
        )
      ),
    run: (asked) => ({ _tag: "Stream", stream: rowsOf(url, asked, fail) })
  }
}

const connected = (url: Redacted.Redacted | Config.Config<Redacted.Redacted>, fail: Fail) =>
  Effect.gen(function* () {
    const address = Redacted.isRedacted(url)
      ? url
      : yield* url.pipe(Effect.mapError((error) => fail(unreadable(error))))
    return yield* Layer.build(PgClient.layer({ url: address, maxConnections: 2, connectTimeout: "10 seconds" })).pipe(
      Effect.mapError((error) => fail(`its database does not answer: ${sqlReason(error)}`))
    )
  })

/** The pool connects with the first query. */
const failed = (error: SqlError.SqlError, reason: string, fail: Fail): SourceError =>
  fail(error.reason._tag === "ConnectionError" ? `its database does not answer: ${sqlReason(error)}` : reason)

/** In a transaction of its own, whose settings are fixed and end with it: a pooler may hand the session on. */
const rowsOf = (
  url: Redacted.Redacted | Config.Config<Redacted.Redacted>,
  query: Query,
  fail: Fail
): Stream.Stream<string, SourceError> =>
  Stream.unwrap(
    Effect.map(connected(url, fail), (services) =>
      Stream.unwrap(
        Effect.gen(function* () {
          const sql = yield* SqlClient.SqlClient
          const connection = yield* sql.reserve
          const transaction = Context.make(sql.transactionService, [connection, 0])
          yield* Effect.acquireRelease(connection.executeRaw("begin", []), () =>
            Effect.ignore(connection.executeRaw("rollback", []))
          )
          yield* Effect.provideContext(fix(sql), transaction)
          return sql<{ row: string }>`select to_jsonb(r)::text as row from (${toFragment(query)}) r`.stream.pipe(
            Stream.provideContext(transaction)
          )
        })
      ).pipe(
        Stream.mapError((error) => failed(error, `the query failed: ${sqlReason(error)}`, fail)),
        Stream.map((row) => row.row),
        Stream.provideContext(services)
      )
    )
  )

/** Says which variable, and never what it holds. */
const unreadable = (error: Config.ConfigError): string => {
  const issues = error.cause._tag === "SchemaError" ? formatIssue(error.cause.issue).issues : []
  const names = issues.map((issue) => (issue.path ?? []).map(String).join("_"))
  return `its address cannot be read from ${names.join(", ") || "the environment"}; set it there, or in .env beside the configuration`
}

const formatIssue = SchemaIssue.makeFormatterStandardSchemaV1()
