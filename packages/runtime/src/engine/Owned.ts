/**
 * What the engine works on, and what it says of it: owned destinations, registered activations, how a sync ended.
 *
 * @since 0.1.0
 */
import type { Ledger, Reconciler } from "@tributary/core/runtime"
import type { Duration } from "effect"
import type { SqlClient } from "effect/sql"
import type { Told } from "../config/Resolved.ts"
import type { Connected } from "./Destinations.ts"

/**
 * What was told, in a summary's words.
 *
 * @category models
 * @since 0.1.0
 */
export interface Counts {
  identify: number
  track: number
  group: number
  add: number
  discard: number
  rejected: number
  postponed: number
}

/**
 * How a sync of one activation ended.
 *
 * @category models
 * @since 0.1.0
 */
export interface Synced {
  readonly activation: string
  readonly destination: string
  readonly counts: Readonly<Counts>
  readonly ending: Ending
}

/**
 * @category models
 * @since 0.1.0
 */
export type Ending =
  | { readonly _tag: "Settled" }
  | { readonly _tag: "Held" | "Paused" | "Stopped" | "GaveUp" | "Waiting" | "NotDue"; readonly reason: string }

/**
 * How a sync behaves.
 *
 * @category models
 * @since 0.1.0
 */
export interface SyncOptions {
  /** Failures in a row after which a destination is left for later; `Infinity` never. */
  readonly patience: number
  /** How long to wait for profiles that were postponed, before the rest is left for the next sync. */
  readonly waitForPostponed: Duration.Duration
  readonly isStopping: () => boolean
  readonly onProgress: (activation: string, label: keyof Counts) => void
}

/**
 * A destination that this process owns, with its activations.
 *
 * @category models
 * @since 0.1.0
 */
export interface Owned {
  readonly connected: Connected
  readonly owner: Ledger.Ownership
  readonly activations: ReadonlyArray<Registration>
  readonly space: string
}

/**
 * An activation and its number in the store.
 *
 * @category models
 * @since 0.1.0
 */
export interface Registration {
  readonly no: number
  readonly activation: Told
}

/**
 * What a sync needs.
 *
 * @category models
 * @since 0.1.0
 */
export type Services = SqlClient.SqlClient | Reconciler.Reconciler

/**
 * Nothing was told.
 *
 * @category constructors
 * @since 0.1.0
 */
export const noCounts = (): Counts => ({
  identify: 0,
  track: 0,
  group: 0,
  add: 0,
  discard: 0,
  rejected: 0,
  postponed: 0
})

/**
 * How the sync of an activation ended.
 *
 * @category constructors
 * @since 0.1.0
 */
export const ended = (
  owned: Owned,
  { activation }: Registration,
  ending: Ending,
  counts: Counts = noCounts()
): Synced => ({
  activation: activation.id,
  destination: owned.connected.destination.id,
  counts,
  ending
})
