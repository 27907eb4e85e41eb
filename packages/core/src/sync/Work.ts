/**
 * Work: what the reconciler is asked to do.
 *
 * @since 0.1.0
 */
import type { Effect } from "effect"
import type { Call } from "../contract/Call.ts"
import type { DeliveryError } from "../contract/DeliveryError.ts"
import type { Batch, Context as PluginContext, Declaration, Field, NonEmpty } from "../contract/Destination.ts"
import type { Cleared, Fenced, LedgerError, Ownership } from "./Ledger.ts"
import type { BoundKeys } from "../contract/Key.ts"
import type { Member } from "../contract/Member.ts"
import type { Outcome } from "../contract/Outcome.ts"
import type * as Plan from "./Plan.ts"
import type { Gate } from "../wire/RateLimiter.ts"
import type { Label, OnProgress } from "./Results.ts"

/**
 * How an item reaches the vendor.
 *
 * @category models
 * @since 0.1.0
 */
export interface Route<Payload> {
  /** What a summary calls it: `identify`, `add`, … */
  readonly label: (payload: Payload) => Label
  readonly batch: Batch
  readonly send: (payloads: NonEmpty<Payload>) => Effect.Effect<ReadonlyArray<Outcome>, DeliveryError>
}

/**
 * The work on one destination: its activations, and how items reach it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Work {
  readonly owner: Ownership
  readonly declaration: Declaration
  readonly context: PluginContext<unknown>
  readonly gate: Gate
  /** By what the vendor matches identifiers, by type (R43). */
  readonly keys: BoundKeys
  /** Plugin version and settings, as text. */
  readonly version: string
  readonly tasks: ReadonlyArray<Plan.Task>
  /** Activations in the order that they are sent in: one group is settled before the backlog of the next begins. */
  readonly phases: ReadonlyArray<ReadonlyArray<number>>
  /** Of these activations, those that may be claimed now. Asked before each claim: a pause, or a hold, comes any time. */
  readonly mayRun: (activations: ReadonlyArray<number>) => Effect.Effect<Cleared, LedgerError | Fenced>
  readonly form: EventRoutes | ListRoutes
  /** `baseline` takes everything as sent and sends nothing (R30, R38). */
  readonly mode: "deliver" | "baseline"
  /** Failures in a row after which to give up for now. A wait of more than a minute is given up at once. */
  readonly patience: number
  /** Failures in a row so far. While there are any, one request at a time finds out whether the vendor is back. */
  readonly failures: number
  /** Whether to finish what is on the wire and claim no more. */
  readonly isStopping: () => boolean
  readonly onProgress: OnProgress
}

/**
 * @category models
 * @since 0.1.0
 */
export interface EventRoutes {
  readonly _tag: "Event"
  readonly route: Route<Call>
  readonly coalesce: boolean
  readonly groupUsers: boolean | "known"
  readonly prepare: ((fields: NonEmpty<Field>) => Effect.Effect<void, DeliveryError>) | undefined
}

/**
 * @category models
 * @since 0.1.0
 */
export interface ListRoutes {
  readonly _tag: "List"
  readonly add: Route<Member>
  readonly discard: Route<Member>
}
