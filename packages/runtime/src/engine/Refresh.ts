/**
 * Refresh: profiles imported and computations evaluated, each failure kept where it happened.
 *
 * @since 0.1.0
 */
import type { Diff } from "@tributary/core"
import { Effect } from "effect"
import { SqlClient, type SqlError } from "effect/sql"
import type { ResolvedComputation, ResolvedProfiles } from "../config/Resolved.ts"
import { type Evaluated, evaluate, EvaluationError } from "../store/Evaluation.ts"
import { importProfiles, type Imported } from "../store/Import.ts"
import { SourceError, stage } from "../store/Staging.ts"
import { sqlReason } from "../store/SqlLedger.ts"

/**
 * A source or a computation that failed. What it gave last stands.
 *
 * @category models
 * @since 0.1.0
 */
export type RefreshError = SourceError | EvaluationError

const inWords = (error: SqlError.SqlError) => `the store failed: ${sqlReason(error)}`

/**
 * Imports the profiles of one source. A failure is also kept in the store, for `status`.
 *
 * @category combinators
 * @since 0.1.0
 */
export const refreshProfiles = (
  profiles: ResolvedProfiles,
  folder: string
): Effect.Effect<Imported, SourceError, SqlClient.SqlClient> => {
  const source = `profiles "${profiles.name}"`
  return Effect.scoped(
    Effect.flatMap(stage(profiles.rows, source, folder), (staged) => importProfiles(profiles, staged))
  ).pipe(
    Effect.catchTag("SqlError", (error) => new SourceError({ source, reason: inWords(error) })),
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
  folder: string
): Effect.Effect<Evaluated, RefreshError, SqlClient.SqlClient | Diff.Diff> => {
  const source = `computation "${computation.key}"`
  return Effect.scoped(
    Effect.flatMap(stage(computation.rows, source, folder, computation.value), (staged) =>
      evaluate(computation, staged)
    )
  ).pipe(
    Effect.catchTag(
      "SqlError",
      (error) => new EvaluationError({ computation: computation.key, reason: inWords(error) })
    ),
    Effect.tapError((error) =>
      remember(
        (sql) => sql`update tributary.computation set error = ${error.message}
          where collection = ${computation.collection} and key = ${computation.key}`
      )
    )
  )
}

/** Where even this cannot be written, the failure itself still reaches whoever asked for the refresh. */
const remember = (write: (sql: SqlClient.SqlClient) => Effect.Effect<unknown, SqlError.SqlError>) =>
  Effect.ignore(Effect.flatMap(SqlClient.SqlClient, write))
