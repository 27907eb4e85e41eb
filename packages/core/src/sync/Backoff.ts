/**
 * Back-off: what failures mean for the rest of a run.
 *
 * After a failure the destination rests. While there are failures in a row, one request at a time finds out whether it
 * is back. After too many, or where the vendor asks for a long wait, the run gives up.
 *
 * @since 0.1.0
 */
import { Effect, Random, Semaphore } from "effect"
import * as Reply from "../contract/Reply.ts"
import { isTransient, type Stop } from "./Delivery.ts"
import { type Results, untried } from "./Results.ts"
import type { Shipment } from "./Shipments.ts"
import type { RunResult } from "./SyncResult.ts"
import type { Work } from "./Work.ts"
import * as Elapsed from "../wire/Elapsed.ts"

/** A run waits no longer than this. Where it would have to, it gives up, and the next run begins after the rest. */
const longestRestInRunMillis = 60_000

/** A run that gave up is followed by a rest of at most this, unless the vendor asks for more. */
const longestRestBetweenRunsMillis = 5 * longestRestInRunMillis

/** A rest is slept in naps, so that a stop does not wait for the end of it. */
const napMillis = 1_000

/**
 * The failures of one run.
 *
 * @category models
 * @since 0.1.0
 */
export interface Backoff {
  /** How the run ends, as far as is known. */
  readonly result: () => RunResult
  /** Whether the run sends and claims no more. */
  readonly isEnding: () => boolean
  /** Sends a batch, unless the run is ending or the destination rests by then. */
  readonly attempt: (shipment: Shipment) => Effect.Effect<Results>
  /** Waits until the destination has rested, or the run is ending. */
  readonly rested: Effect.Effect<void>
}

/**
 * The back-off of a run, which goes on counting from the failures before it.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = ({ failures, gate, isStopping, patience }: Work): Backoff => {
  const state = { failures, restUntil: Number.NEGATIVE_INFINITY, result: { _tag: "Synced" } as RunResult }
  const probe = Semaphore.makeUnsafe(1)
  const isEnding = () => isStopping() || state.result._tag !== "Synced"

  const heed = Effect.fnUntraced(function* (stop: Stop) {
    if (!isTransient(stop)) {
      state.result = { _tag: "Stopped", reason: stop.message, stop }
      return
    }
    const now = yield* Elapsed.millis
    // Batches that were on the wire together fail together: that is one failure.
    if (now >= state.restUntil) state.failures++
    const jitter = 0.5 + (yield* Random.next)
    const backoff = (most: number) => Math.min(most, 500 * 2 ** Math.min(state.failures, 10)) * jitter
    const asked = Math.min(Reply.longestRetryAfterMillis, stop.retryAfterMillis ?? 0)
    const wait = Math.ceil(Math.max(asked, backoff(longestRestInRunMillis)))
    state.restUntil = Math.max(state.restUntil, now + wait)
    const isHopeless = state.failures >= patience || asked > longestRestInRunMillis
    if (state.result._tag === "Synced" && isHopeless) {
      const restMillis = Math.ceil(Math.max(state.restUntil - now, backoff(longestRestBetweenRunsMillis)))
      state.result = { _tag: "GaveUp", reason: stop.message, stop, failures: state.failures, restMillis }
    }
    yield* gate.pause(wait)
  })

  const attemptOnce = Effect.fnUntraced(function* (shipment: Shipment) {
    const isOver = isEnding() || (yield* Elapsed.millis) < state.restUntil
    if (isOver) return untried(shipment.items)
    const results = yield* shipment.run
    if (results.stop !== undefined) yield* heed(results.stop)
    else state.failures = 0
    return results
  })

  return {
    result: () => state.result,
    isEnding,
    attempt: (shipment) =>
      Effect.suspend(() => (state.failures > 0 ? probe.withPermits(1)(attemptOnce(shipment)) : attemptOnce(shipment))),
    rested: Effect.gen(function* () {
      while (!isEnding()) {
        const rest = state.restUntil - (yield* Elapsed.millis)
        if (rest <= 0) return
        yield* Effect.sleep(Math.min(rest, napMillis))
      }
    })
  }
}
