/**
 * Declarations: what a plugin says of itself, as data.
 *
 * Reference pages, config checks, `tributary plugins` and the scheduler read it; nothing in it can be run.
 *
 * @since 0.1.0
 */
import { Duration, type Schema } from "effect"
import type { CallKind } from "./Call.ts"
import type { Requirements } from "./Enrichment.ts"
import type { RateLimit } from "./RateLimit.ts"

/**
 * The version of the plugin contract. A plugin states the one that it was made for, and the runtime takes no other.
 *
 * @category constants
 * @since 0.1.0
 */
export const contract = 1

/**
 * @category models
 * @since 0.1.0
 */
export type Contract = typeof contract

/**
 * How much one `deliver`, `add` or `discard` is given.
 *
 * @category models
 * @since 0.1.0
 */
export interface Batch {
  /** Items at most. */
  readonly items: number
  /**
   * Bytes in the body of one request at most. What is larger never leaves: the runtime halves the batch
   * (`PayloadTooLarge`), and rejects a single item that is too large by itself. Default: no limit of its own.
   */
  readonly bytes?: number
}

/**
 * What is declared of a plugin, as data: what reference pages, config checks and the scheduler read.
 *
 * @category models
 * @since 0.1.0
 */
export interface Declaration {
  readonly name: string
  readonly title: string
  /** Of the plugin. What was rejected under another version is tried again. */
  readonly version: string
  /** The version of the contract that the plugin was made for. */
  readonly contract: number
  readonly identifiers: ReadonlyArray<string>
  /** The types that the vendor matches by a key (R43). */
  readonly keyed: ReadonlyArray<string>
  readonly requirements: Requirements
  /** What an operator sets. */
  readonly settings: Schema.ConstraintDecoder<unknown>
  /** Of the destination as a whole: both forms together pass them. */
  readonly limits: ReadonlyArray<RateLimit>
  readonly event: EventDeclaration | undefined
  readonly list: ListDeclaration | undefined
}

/**
 * @category models
 * @since 0.1.0
 */
export interface EventDeclaration {
  readonly calls: ReadonlyArray<CallKind>
  readonly batch: Batch
  /** Of this form's requests, beside the plugin's. */
  readonly limits: ReadonlyArray<RateLimit>
  /** How long a request of this form may take, its answer included. */
  readonly timeout: Duration.Duration
  /** Whether a call is for an identifier, or for a profile with all that the vendor joins (R44). */
  readonly per: "identifier" | "profile"
  readonly coalesce: boolean
  readonly groupUsers: boolean | "known"
  /** Whether the vendor is made ready for new traits first. */
  readonly prepares: boolean
  /** Whether results may come later. */
  readonly polls: boolean
}

/**
 * @category models
 * @since 0.1.0
 */
export interface ListDeclaration {
  readonly cadence: Duration.Duration
  readonly batch: Batch
  /** Of this form's requests, beside the plugin's. */
  readonly limits: ReadonlyArray<RateLimit>
  /** How long a request of this form may take, its answer included. */
  readonly timeout: Duration.Duration
  readonly acceptsHistorical: boolean
  /** Whether lists can be renamed. */
  readonly renames: boolean
  /** Whether lists can be deleted. */
  readonly removes: boolean
  /** Whether results may come later. */
  readonly polls: boolean
  readonly refreshAfter: Duration.Duration | undefined
}

/**
 * How long a plugin may let a request take: a second at least, five minutes at most, and 30 seconds by default.
 *
 * @category constants
 * @since 0.1.0
 */
export const timeouts = {
  least: Duration.seconds(1),
  most: Duration.minutes(5),
  default: Duration.seconds(30)
}

/**
 * A plugin's timeout as a duration.
 *
 * **Details**
 *
 * Throws a `RangeError` where it is not within bounds. A plugin is made when its module is loaded, so its author sees
 * this at once, and whoever installs it from `tributary check`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const timeoutOf = (plugin: string, timeout: Duration.Input | undefined): Duration.Duration => {
  if (timeout === undefined) return timeouts.default
  const duration = Duration.fromInputUnsafe(timeout)
  if (Duration.between(duration, { minimum: timeouts.least, maximum: timeouts.most })) return duration
  throw new RangeError(
    `The plugin "${plugin}" has a timeout of ${Duration.format(duration)}. ` +
      `Choose one from ${Duration.format(timeouts.least)} to ${Duration.format(timeouts.most)}.`
  )
}

/**
 * Why a plugin cannot be used here, or `undefined` where it can.
 *
 * @category combinators
 * @since 0.1.0
 */
export const mismatch = (declaration: Declaration): string | undefined =>
  declaration.contract === contract
    ? undefined
    : `the plugin "${declaration.name}" ${declaration.version} was made for version ${declaration.contract ?? "?"} of ` +
      `the plugin contract, and this Tributary takes version ${contract}. Install versions of the two that fit.`
