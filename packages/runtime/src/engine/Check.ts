/**
 * Check: a configuration tried out, with nothing sent and nothing written.
 *
 * @since 0.1.0
 */
import type { Diff, Ledger } from "@tributary/core/runtime"
import { Effect, flow, type Scope } from "effect"
import type { SqlClient } from "effect/sql"
import type { BadConfig } from "../config/Mistakes.ts"
import type { Resolved } from "../config/Resolved.ts"
import { evaluate, type Evaluated } from "../store/computations/Evaluation.ts"
import * as Look from "../sources/Look.ts"
import { importProfiles, type Imported } from "../store/profiles/Import.ts"
import { register } from "../store/activations/Registry.ts"
import { sqlReason, toLedgerError } from "../store/sql/failures.ts"
import { inSession, type Session, stage } from "../sources/Staging.ts"
import { rolledBack, transaction } from "../store/sql/Transaction.ts"
import { span } from "../telemetry/names.ts"
import { readComputation, readProfiles } from "./Refresh.ts"

/**
 * What the queries return, and what is wrong with them.
 *
 * @category models
 * @since 0.1.0
 */
export interface Checked {
  readonly imported: ReadonlyArray<Imported>
  readonly evaluated: ReadonlyArray<Evaluated>
  readonly mistakes: ReadonlyArray<string>
  /** Activations whose mapping differs from what was sent. */
  readonly remapped: ReadonlyArray<string>
}

/**
 * Runs every query of a configuration in a transaction that is rolled back.
 *
 * @category combinators
 * @since 0.1.0
 */
export const checkQueries = Effect.fn(span.check)(
  function* (
    resolved: Resolved,
    folder: string
  ): Effect.fn.Return<
    Checked,
    BadConfig | Ledger.LedgerError,
    SqlClient.SqlClient | Diff.Diff | Session | Scope.Scope
  > {
    const mistakes: Array<string> = []
    const imported: Array<Imported> = []
    const evaluated: Array<Evaluated> = []
    let remapped: ReadonlyArray<string> = []
    const note = (error: { readonly message: string }) => Effect.sync(() => void mistakes.push(error.message))
    const stagedProfiles = yield* Effect.forEach(resolved.profiles, (profiles) =>
      staged(readProfiles(profiles, { folder, full: true })).pipe(
        Effect.map((rows) => [{ profiles, rows }]),
        Effect.catchTag("SourceError", (error) => Effect.as(note(error), []))
      )
    )
    const stagedComputations = yield* Effect.forEach(resolved.computations, (computation) =>
      staged(readComputation(computation, { folder, full: true })).pipe(
        Effect.map((rows) => [{ computation, rows }]),
        Effect.catchTag("SourceError", (error) => Effect.as(note(error), []))
      )
    )
    yield* rolledBack(
      Effect.gen(function* () {
        remapped = (yield* register(resolved)).remapped
        for (const { profiles, rows } of stagedProfiles.flat()) {
          const result = yield* Effect.result(transaction(importProfiles(profiles, rows)))
          if (result._tag === "Success") imported.push(result.success)
          else mistakes.push(inWords(result.failure, `profiles "${profiles.name}"`))
        }
        for (const { computation, rows } of stagedComputations.flat()) {
          const result = yield* Effect.result(evaluate(computation, rows))
          if (result._tag === "Success") evaluated.push(result.success)
          else mistakes.push(inWords(result.failure, `computation "${computation.key}"`))
        }
      })
    ).pipe(Effect.catchTag("SqlError", toLedgerError))
    return { imported, evaluated, mistakes, remapped }
  },
  flow(inSession, Effect.catchTag("SqlError", toLedgerError))
)

/** The rows, once the query of changes was tried. */
const staged = (read: Look.Read) =>
  Effect.flatMap(Look.look(read, undefined, []), ({ rows }) => stage(rows, read.columns, read.source))

const inWords = (
  error: Effect.Error<ReturnType<typeof importProfiles>> | Effect.Error<ReturnType<typeof evaluate>>,
  what: string
): string => (error._tag === "SqlError" ? `${what}: ${sqlReason(error)}` : error.message)
