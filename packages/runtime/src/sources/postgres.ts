/**
 * Another PostgreSQL database as a source: its rows are read as a stream.
 *
 * @since 0.1.0
 */
import { PgClient } from "@effect/sql-pg"
import { type Config, Effect, Layer, Redacted, SchemaIssue, Stream } from "effect"
import { SqlClient } from "effect/sql"
import { type Query, toFragment } from "../config/Query.ts"
import { sqlReason } from "../store/sql/failures.ts"
import { type Fail, failing, type Place, type Shape, type Source, type SourceError, type SourceRows } from "./Source.ts"

/**
 * @category constants
 * @since 0.1.0
 */
export const shape: Shape = { title: "the query", hasAllColumns: true, isChecked: false }

/**
 * Opens a query on another database. It connects when the rows are read.
 *
 * @category constructors
 * @since 0.1.0
 */
export const open = (
  url: Redacted.Redacted | Config.Config<Redacted.Redacted>,
  query: Query | undefined,
  place: Place
): Source => {
  const fail = failing(place)
  const reading = (asked: Query): SourceRows => ({ _tag: "Stream", stream: rowsOf(url, asked, fail) })
  return {
    rows: query === undefined ? { _tag: "Stream", stream: Stream.fail(fail("it has no query")) } : reading(query),
    changes: reading,
    shape
  }
}

const rowsOf = (
  url: Redacted.Redacted | Config.Config<Redacted.Redacted>,
  query: Query,
  fail: Fail
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

/** Says which variable, and never what it holds. */
const unreadable = (error: Config.ConfigError): string => {
  const issues = error.cause._tag === "SchemaError" ? formatIssue(error.cause.issue).issues : []
  const names = issues.map((issue) => (issue.path ?? []).map(String).join("_"))
  return `its address cannot be read from ${names.join(", ") || "the environment"}; set it there, or in .env beside the configuration`
}

const formatIssue = SchemaIssue.makeFormatterStandardSchemaV1()
