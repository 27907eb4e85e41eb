/**
 * Refresh: profiles imported and computations evaluated, each failure kept where it happened.
 *
 * @since 0.1.0
 */
import type { Diff } from "@tributary/core/runtime"
import { Effect } from "effect"
import type { SqlClient, SqlError } from "effect/sql"
import type { ResolvedComputation } from "../config/Computations.ts"
import type { ResolvedProfiles } from "../config/Profiles.ts"
import * as Columns from "../sources/Columns.ts"
import * as Look from "../sources/Look.ts"
import { type Evaluated, evaluate, EvaluationError } from "../store/computations/Evaluation.ts"
import { importProfiles, type Imported } from "../store/profiles/Import.ts"
import { SourceError } from "../sources/Source.ts"
import { inSession, stage } from "../sources/Staging.ts"
import * as Computations from "../store/computations/Computations.ts"
import * as Sources from "../store/profiles/Sources.ts"
import { sqlReason } from "../store/sql/failures.ts"
import { attribute, span } from "../telemetry/names.ts"

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
): Look.Read => ({
  ...options,
  source: `profiles "${name}"`,
  rows,
  id,
  columns: Columns.make(
    [id, ...Object.values(identifiers), ...(account === undefined ? [] : [account])],
    Object.values(traits)
  ),
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
  { changes, id, key, kind, rows, value }: ResolvedComputation,
  options: RefreshOptions
): Look.Read => ({
  ...options,
  source: `computation "${key}"`,
  rows,
  id,
  columns: Columns.make([id], kind === "trait" ? [value] : []),
  value,
  changes,
  meaning: value
})

/**
 * Imports the profiles of one source. A failure is also kept in the store, for `status`.
 *
 * @category combinators
 * @since 0.1.0
 */
export const refreshProfiles = Effect.fn(span.import)(function* (
  profiles: ResolvedProfiles,
  options: RefreshOptions
): Effect.fn.Return<Imported, SourceError, SqlClient.SqlClient> {
  const { name } = profiles
  yield* Effect.annotateCurrentSpan(attribute.source, name)
  const read = readProfiles(profiles, options)
  const { source } = read
  return yield* Effect.gen(function* () {
    const look = yield* Look.look(read, yield* Sources.keptLook(name), [])
    return yield* importProfiles(profiles, yield* stage(look.rows, read.columns, source), look)
  }).pipe(
    inSession,
    Effect.catchTag("SqlError", (error) => new SourceError({ source, reason: inWords(error), isPartial: true })),
    Effect.tapError(({ message }) => Effect.ignore(Sources.rememberError(name, message)))
  )
})

/**
 * Evaluates one computation. A failure is also kept in the store, for `status`.
 *
 * @category combinators
 * @since 0.1.0
 */
export const refreshComputation = Effect.fn(span.evaluate)(function* (
  computation: ResolvedComputation,
  options: RefreshOptions
): Effect.fn.Return<Evaluated, RefreshError, SqlClient.SqlClient | Diff.Diff> {
  const { changes, key } = computation
  yield* Effect.annotateCurrentSpan(attribute.computation, key)
  const read = readComputation(computation, options)
  return yield* Effect.gen(function* () {
    const kept = yield* Computations.keptLook(computation)
    const newProfiles = changes === undefined ? [] : yield* Computations.newProfilesOf(computation)
    const look = yield* Look.look(
      read,
      kept,
      newProfiles.map(({ id }) => id)
    )
    const staged = yield* stage(look.rows, read.columns, read.source)
    return yield* evaluate(
      computation,
      staged,
      look,
      newProfiles.map(({ no }) => no)
    )
  }).pipe(
    inSession,
    Effect.catchTag("SqlError", (error) => new EvaluationError({ computation: key, reason: inWords(error) })),
    // Where even this cannot be written, the failure itself still reaches whoever asked for the refresh.
    Effect.tapError(({ message }) => Effect.ignore(Computations.rememberError(computation, message)))
  )
})
