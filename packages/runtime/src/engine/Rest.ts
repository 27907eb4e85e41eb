/**
 * Rest: what becomes of a destination whose requests fail as a whole. One that is throttled or unavailable is left alone
 * for a while. Anything else stops it until an operator has fixed it.
 *
 * @since 0.1.0
 */
import type { DeliveryError } from "@tributary/core"
import type { Delivery, Ledger, SyncResult } from "@tributary/core/runtime"
import { Effect } from "effect"
import { fenced } from "../ownership/Ownership.ts"
import { failuresOf, markStopped, rest } from "../store/activations/ActivationStates.ts"

/** Five minutes. */
const longestRestMillis = 300_000

/**
 * Stops the destination for a failure outside a run, or rests it: as long as the vendor asks for, else longer with each
 * failure in a row.
 *
 * @category combinators
 * @since 0.1.0
 */
export const stopFor = Effect.fnUntraced(function* (owner: Ledger.Ownership, error: DeliveryError.DeliveryError) {
  if (error._tag !== "Throttled" && error._tag !== "Unavailable") {
    yield* fenced(owner, markStopped(owner.destination, error.message))
    return { _tag: "Stopped", reason: error.message } satisfies SyncResult.SyncResult
  }
  const failures = (yield* failuresOf(owner.destination)) + 1
  const millis = error.retryAfterMillis ?? Math.min(longestRestMillis, 1_000 * 2 ** Math.min(failures, 10))
  return yield* restFor(owner, error, failures, millis)
})

/**
 * Rests the destination, and says why. Where the vendor asks for it, a restart does not end that.
 *
 * @category combinators
 * @since 0.1.0
 */
export const restFor = Effect.fnUntraced(function* (
  owner: Ledger.Ownership,
  stop: Delivery.Stop,
  failures: number,
  millis: number
) {
  const wasAsked = "retryAfterMillis" in stop && stop.retryAfterMillis !== undefined
  yield* fenced(owner, rest(owner.destination, { reason: stop.message, millis, failures, wasAsked }))
  return { _tag: "GaveUp", reason: stop.message } satisfies SyncResult.SyncResult
})
