/**
 * Rows of a source as SQL: a query that runs in the store, or a staging table that a stream was read into.
 *
 * No transaction is open while another database or a file is read. Rows are staged as JSON, in batches, so memory holds
 * a batch whatever the size of the source. The table is of one session with the store: it goes with its scope, or, where
 * the process is killed, with the session.
 *
 * @since 0.1.0
 */
import { Context, Effect, type Scope, Stream } from "effect"
import { SqlClient, type SqlError, type Statement } from "effect/sql"
import { randomUUID } from "node:crypto"
import { toFragment } from "../config/Query.ts"
import { sqlReason } from "../store/sql/failures.ts"
import { type Columns, ofRow } from "./Columns.ts"
import { SourceError, type SourceRows } from "./Source.ts"

/**
 * Rows of a source.
 *
 * @category models
 * @since 0.1.0
 */
export interface Staged {
  readonly columns: Columns
  /** A query of them, of the columns that `Columns` names, `misfit` and `misshapen`. */
  readonly rows: Statement.Fragment
}

/**
 * Receives how far a long step has come, in words: `400,000 rows read`.
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
 * Makes a source's rows readable in the store.
 *
 * @category constructors
 * @since 0.1.0
 */
export const stage = Effect.fnUntraced(function* (
  rows: SourceRows,
  columns: Columns,
  /** What messages call the source. */
  source: string
): Effect.fn.Return<Staged, SourceError, SqlClient.SqlClient | Session | Scope.Scope> {
  if (rows._tag === "InStore") return { columns, rows: toFragment(rows.query) }
  const sql = yield* SqlClient.SqlClient
  const inStore = <A, R>(effect: Effect.Effect<A, SqlError.SqlError, R>) =>
    Effect.mapError(effect, (error) => new SourceError({ source, reason: `the store failed: ${sqlReason(error)}` }))
  const table = yield* inStore(stagingTable(sql`(row jsonb not null)`))
  const onProgress = yield* OnProgress
  let read = 0
  yield* rows.stream.pipe(
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
  return { columns, rows: sql`select ${sql.literal(ofRow(columns, "s.row"))} from ${sql(table)} s` }
})
