/**
 * Sync results: how the sync of one activation ended, in words that can be stored and shown.
 *
 * The reconciler returns what traffic can cause (`RunResult`: synced, stopped, given up). The rest is decided before
 * anything is sent, by whoever calls it: an activation may be held, paused, waiting, or not due yet.
 *
 * @since 0.1.0
 */
import { Schema } from "effect"
import type { Stop } from "./Delivery.ts"

/**
 * How a sync ended. Plain data: it is stored as JSON.
 *
 * - `Synced`: everything that could be sent was sent, or nothing was pending.
 * - `Stopped`: an operator must fix something first, such as bad credentials.
 * - `GaveUp`: the vendor was not available. It is tried again by itself, after a rest.
 * - `Held`: the sync would remove too many, and waits for `approve` (R36).
 * - `Paused`: the operator paused the activation.
 * - `Waiting`: something is still pending, and is tried again by itself: postponed profiles, a destination that failed.
 * - `NotDue`: the cadence of a list has not come round yet (R16).
 *
 * @category models
 * @since 0.1.0
 */
export const SyncResult = Schema.Union([
  Schema.TaggedStruct("Synced", {}),
  Schema.Struct({
    _tag: Schema.Literals(["Stopped", "GaveUp", "Held", "Paused", "Waiting", "NotDue"]),
    /** What happened, and what happens next, for the person who reads it. */
    reason: Schema.String
  })
])

/**
 * @category models
 * @since 0.1.0
 */
export type SyncResult = typeof SyncResult.Type

/**
 * A run of the reconciler ended: a `SyncResult`, with the failure behind it.
 *
 * @category models
 * @since 0.1.0
 */
export type RunResult =
  | { readonly _tag: "Synced" }
  | { readonly _tag: "Stopped"; readonly reason: string; readonly stop: Stop }
  | {
      readonly _tag: "GaveUp"
      readonly reason: string
      readonly stop: Stop
      /** Failures in a row. */
      readonly failures: number
      /** Milliseconds in which to send the vendor nothing. */
      readonly restMillis: number
    }
