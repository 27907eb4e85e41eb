/**
 * Delivery of a batch: an outcome for every item, whatever the plugin or the vendor did.
 *
 * A plugin may fail whole (`DeliveryError`), return too few outcomes, or throw. Here each of these becomes something
 * that the ledger can act on, so that no item is dropped and none is sent twice for a neighbour's sake (R33).
 *
 * @since 0.1.0
 */
import { Cause, Effect } from "effect"
import { type DeliveryError, Misconfigured, Throttled, Unavailable } from "../contract/DeliveryError.ts"
import type { NonEmpty } from "../contract/Destination.ts"
import * as Outcome from "../contract/Outcome.ts"

/**
 * What stops a destination as a whole, for a while or until an operator fixes it.
 *
 * @category models
 * @since 0.1.0
 */
export type Stop = Exclude<DeliveryError, { readonly _tag: "PayloadTooLarge" | "BatchRejected" }>

/**
 * What became of a batch: an outcome per item, `undefined` for those that were not tried or not answered; and what
 * stopped it, if something did.
 *
 * @category models
 * @since 0.1.0
 */
export interface Delivered {
  readonly outcomes: ReadonlyArray<Outcome.Outcome | undefined>
  readonly stop: Stop | undefined
}

/**
 * Delivers a batch through a plugin's function, halving it where the vendor refuses it whole.
 *
 * @category combinators
 * @since 0.1.0
 */
export const deliver: <A>(
  items: NonEmpty<A>,
  send: (items: NonEmpty<A>) => Effect.Effect<ReadonlyArray<Outcome.Outcome>, DeliveryError>
) => Effect.Effect<Delivered> = Effect.fnUntraced(function* (items, send) {
  // A plugin may throw before it has made an effect, too.
  const answer = yield* Effect.suspend(() => send(items)).pipe(
    Effect.map((outcomes) =>
      outcomes.length === items.length
        ? { _tag: "Answered" as const, outcomes }
        : {
            _tag: "Failed" as const,
            error: new Misconfigured({
              reason: `The plugin returned ${outcomes.length} outcomes for ${items.length} items. Nothing is lost; report it to the plugin's author.`
            })
          }
    ),
    Effect.catchDefect((defect) =>
      Effect.succeed({
        _tag: "Failed" as const,
        error: new Misconfigured({
          reason: `The plugin threw: ${Cause.pretty(Cause.die(defect)).split("\n")[0]}. Nothing is lost; report it to the plugin's author.`
        })
      })
    ),
    Effect.catch((error) => Effect.succeed({ _tag: "Failed" as const, error }))
  )
  if (answer._tag === "Answered") return { outcomes: answer.outcomes, stop: undefined }
  const { error } = answer
  if (error._tag === "Throttled" && (error.scope === "item" || error.scope === "endpoint")) {
    return { outcomes: items.map(() => Outcome.retry(error.reason, error.retryAfterMillis)), stop: undefined }
  }
  if (error._tag !== "PayloadTooLarge" && error._tag !== "BatchRejected") {
    return { outcomes: items.map(() => undefined), stop: error }
  }
  const middle = items.length >> 1
  const [head, ...tail] = items.slice(middle)
  const [first, ...rest] = items.slice(0, middle)
  if (first === undefined || head === undefined) {
    return { outcomes: [Outcome.rejected(error.reason)], stop: undefined }
  }
  const left = yield* deliver([first, ...rest], send)
  if (left.stop !== undefined) {
    return { outcomes: [...left.outcomes, ...[head, ...tail].map(() => undefined)], stop: left.stop }
  }
  const right = yield* deliver([head, ...tail], send)
  return { outcomes: [...left.outcomes, ...right.outcomes], stop: right.stop }
})

/**
 * Whether waiting helps.
 *
 * @category guards
 * @since 0.1.0
 */
export const isTransient = (stop: Stop): stop is Throttled | Unavailable =>
  stop._tag === "Throttled" || stop._tag === "Unavailable"
