/**
 * What a sync is asked for, and what it did.
 *
 * @since 0.1.0
 */
import type { Reconciler, SyncResult } from "@tributary/core/runtime"
import type { Duration } from "effect"
import type { SqlClient } from "effect/sql"
import type { Activation } from "./Activation.ts"
import type { OwnedDestination } from "./OwnedDestination.ts"

/**
 * What was sent, in a summary's words.
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
  /** The first reasons why something was rejected, and how often each came. */
  readonly rejections: ReadonlyArray<{ readonly reason: string; readonly count: number }>
  readonly ending: SyncResult.SyncResult
}

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
 * What a sync needs.
 *
 * @category models
 * @since 0.1.0
 */
export type Services = SqlClient.SqlClient | Reconciler.Reconciler

/**
 * Nothing was sent.
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
  { connected }: OwnedDestination,
  { id }: Activation,
  ending: SyncResult.SyncResult,
  counts: Counts = noCounts(),
  rejections: Synced["rejections"] = []
): Synced => ({
  activation: id,
  destination: connected.destination.id,
  counts,
  rejections,
  ending
})
