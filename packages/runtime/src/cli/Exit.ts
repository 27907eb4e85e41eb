/**
 * Exit codes that a script can use, and failures as an operator reads them.
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"

/**
 * What the process ends with.
 *
 * @category constants
 * @since 0.1.0
 */
export const exitCode = {
  /** Everything was done. */
  done: 0,
  /** Something failed: a source, a destination, the store. What could be done was done. */
  failed: 1,
  /** The command or the configuration is wrong. Nothing was done. */
  wrong: 2,
  /** Done as far as it may be: something waits for an operator or for its time (held, postponed). */
  waiting: 3,
  /** Everything was tried, and a vendor refused some of it, or it lacks a required property. */
  rejected: 4
} as const

/**
 * @category models
 * @since 0.1.0
 */
export type ExitCode = (typeof exitCode)[keyof typeof exitCode]

/**
 * A mistake in how a command was called.
 *
 * @category errors
 * @since 0.1.0
 */
export class WrongUse extends Schema.TaggedError<WrongUse>()("WrongUse", { reason: Schema.String }) {
  override get message(): string {
    return this.reason
  }
}

const wrongs = new Set([
  "WrongUse",
  "BadConfig",
  "BadDestinations",
  "BadSettings",
  "ConfigNotFound",
  "ConfigBroken",
  "CannotListen"
])

/**
 * The code for a failure.
 *
 * @category combinators
 * @since 0.1.0
 */
export const codeOf = (error: { readonly _tag: string }): ExitCode =>
  wrongs.has(error._tag) ? exitCode.wrong : exitCode.failed

/**
 * A failure as the command line shows it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Failure {
  readonly _tag: string
  readonly message: string
}

/**
 * A command at work: it prints, and ends with a code.
 *
 * @category models
 * @since 0.1.0
 */
export type Run = Effect.Effect<ExitCode, Failure>
