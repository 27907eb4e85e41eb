/**
 * Refresh: profiles imported and computations evaluated, each failure kept where it happened.
 *
 * @since 0.1.0
 */
import type { Diff } from "@tributary/core/runtime"
import { Effect } from "effect"
import { SqlClient, type SqlError } from "effect/sql"
import type { ResolvedComputation, ResolvedProfiles } from "../config/Resolved.ts"
import * as Changes from "../sources/Look.ts"
import { type Evaluated, evaluate, EvaluationError } from "../store/computations/Evaluation.ts"
import { importProfiles, type Imported } from "../store/profiles/Import.ts"
import { inSession, SourceError, stage } from "../sources/Staging.ts"
import { sqlReason } from "../store/sql/failures.ts"

/**
 * A source or a computation that failed. What it gave last stands.
 *
 * @category models
 * @since 0.1.0
 */
export type RefreshError = SourceError | EvaluationError

const inWords = (error: SqlError.SqlError) => `the store failed: ${sqlReason(error)}`

/**
 * How to refresh.
 *
 * @category models
 * @since 0.1.0
 */
export interface RefreshOptions {
  /** The folder that files are relative to. */
  readonly folder: string
  /** To read everything, also where a source says what changed. */
  readonly full: boolean
}

/**
 * How the profiles of a source are read.
 *
 * @category constructors
 * @since 0.1.0
 */
export const readProfiles = (
  { account, changes, id, identifiers, name, rows, traits }: ResolvedProfiles,
  options: RefreshOptions
): Changes.Read => ({
  ...options,
  source: `profiles "${name}"`,
  rows,
  id,
  changes,
  meaning: [identifiers, traits, account]
})

/**
 * How the result of a computation is read.
 *
 * @category constructors
 * @since 0.1.0
 */
export const readComputation = (
  { changes, id, key, rows, value }: ResolvedComputation,
  options: RefreshOptions
): Changes.Read => ({ ...options, source: `computation "${key}"`, rows, id, changes, meaning: value })

/**
 * Imports the profiles of one source. A failure is also kept in the store, for `status`.
 *
 * @category combinators
 * @since 0.1.0
 */
export const refreshProfiles = (
  profiles: ResolvedProfiles,
  { folder, full }: RefreshOptions
): Effect.Effect<Imported, SourceError, SqlClient.SqlClient> => {
  const read = readProfiles(profiles, { folder, full })
  const { source } = read
  return inSession(
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const [kept] = yield* sql<Changes.Kept>`select position, position_type, basis, full_at from tributary.source
        where id = ${profiles.name}`
      const look = yield* Changes.look(read, kept, [])
      return yield* importProfiles(profiles, yield* stage(look.rows, source, folder), look)
    })
  ).pipe(
    Effect.catchTag("SqlError", (error) => new SourceError({ source, reason: inWords(error), isPartial: true })),
    Effect.tapError((error) =>
      remember(
        (sql) => sql`insert into tributary.source (id, error) values (${profiles.name}, ${error.message})
          on conflict (id) do update set error = excluded.error`
      )
    )
  )
}

/**
 * Evaluates one computation. A failure is also kept in the store, for `status`.
 *
 * @category combinators
 * @since 0.1.0
 */
export const refreshComputation = (
  computation: ResolvedComputation,
  { folder, full }: RefreshOptions
): Effect.Effect<Evaluated, RefreshError, SqlClient.SqlClient | Diff.Diff> => {
  const read = readComputation(computation, { folder, full })
  const { source } = read
  const { changes, collection, key, value } = computation
  return inSession(
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const [kept] = yield* sql<Changes.Kept>`select position, position_type, basis, full_at from tributary.computation
        where collection = ${collection} and key = ${key}`
      const newcomers = changes === undefined ? [] : yield* newcomersOf(computation)
      const ids = newcomers.map((newcomer) => newcomer.id)
      const look = yield* Changes.look(read, kept, ids)
      const staged = yield* stage(look.rows, source, folder, value)
      return yield* evaluate(
        computation,
        staged,
        look,
        newcomers.map(({ no }) => no)
      )
    })
  ).pipe(
    Effect.catchTag("SqlError", (error) => new EvaluationError({ computation: key, reason: inWords(error) })),
    Effect.tapError((error) =>
      remember(
        (sql) => sql`update tributary.computation set error = ${error.message}
          where collection = ${collection} and key = ${key}`
      )
    )
  )
}

/** Profiles that nobody knew of when the computation was evaluated. */
const newcomersOf = ({ collection, key }: ResolvedComputation) =>
  Effect.flatMap(
    SqlClient.SqlClient,
    (sql) => sql<{ no: number; id: string }>`select p.no, p.id from tributary.newcomer n
      join tributary.computation c on c.no = n.computation_no join tributary.profile p on p.no = n.profile_no
      where c.collection = ${collection} and c.key = ${key} order by p.no limit 10001`
  )

/** Where even this cannot be written, the failure itself still reaches whoever asked for the refresh. */
const remember = (write: (sql: SqlClient.SqlClient) => Effect.Effect<unknown, SqlError.SqlError>) =>
  Effect.ignore(Effect.flatMap(SqlClient.SqlClient, write))
