/**
 * Braze: computed traits and audiences as attributes and events of people, through `POST /users/track`.
 *
 * @since 0.1.0
 */
import { type DeliveryError, Destination, Outcome } from "@tributary/core"
import { Effect, Option } from "effect"
import { createRequire } from "node:module"
import * as Api from "./api.ts"
import * as Event from "./event.ts"
import { limits, quota } from "./limits.ts"
import type { BrazeCall, IdentifierType } from "./refusal.ts"
import { BrazeSettings, client } from "./settings.ts"

const { version }: { readonly version: string } = createRequire(import.meta.url)("../package.json")

/**
 * The Braze plugin.
 *
 * **Details**
 *
 * A request holds 75 objects at most, attributes and events together. Every plan takes that but one, which takes 50: its
 * batches are halved (`PayloadTooLarge`). The cap is 100 requests a second (R28); Braze's own limit is 3,000 in 3
 * seconds on older plans, and by contract on newer ones.
 *
 * @example
 * ```ts
 * const braze = Braze.destination("braze-eu", {
 *   endpoint: "https://rest.fra-01.braze.eu",
 *   apiKey: Config.Redacted("BRAZE_KEY")
 * })
 * ```
 *
 * @category plugins
 * @since 0.1.0
 */
export const Braze: Destination.Plugin<
  typeof BrazeSettings,
  IdentifierType,
  {},
  Destination.HasEvent<"identify" | "track">
> = Destination.make("braze", {
  contract: 1,
  title: "Braze",
  version,
  settings: BrazeSettings,
  client,
  limits,
  quota,
  requires: {
    identifiers: ["user_id", "email", "phone", "anonymous_id", "braze_id"],
    properties: {}
  }
}).event({
  calls: ["identify", "track"],
  batch: { items: 75 },
  coalesce: true,
  deliver: (calls, context) => deliver(calls, context),
  poll: (receipt) => Effect.succeed(Event.finished(receipt))
})

type Context = Destination.Context<BrazeSettings>
type Outcomes = Effect.Effect<ReadonlyArray<Outcome.Outcome>, DeliveryError.DeliveryError>

const deliver: (calls: ReadonlyArray<BrazeCall>, context: Context) => Outcomes = Effect.fnUntraced(
  function* (calls, context) {
    const plan = Event.plan(calls)
    if (plan.body === undefined) return Event.unsent(plan)
    const settled = yield* Effect.fromResult(Event.settle(plan, yield* Api.track(context, plan.body)))
    return settled.inDoubt.length === 0 ? settled.outcomes : yield* deliverApart(calls, settled, context)
  }
)

/** Sends what is in doubt one by one, until Braze will hear no more; the rest is left to a later batch. */
const deliverApart = Effect.fnUntraced(function* (
  calls: ReadonlyArray<BrazeCall>,
  settled: Event.Settled,
  context: Context
) {
  const outcomes = [...settled.outcomes]
  for (const place of settled.inDoubt) {
    const alone = yield* deliver(calls.slice(place, place + 1), context).pipe(
      // A batch of one that is refused whole is a call that is refused.
      Effect.catchTag(["BatchRejected", "PayloadTooLarge"], ({ reason }) => Effect.succeed([Outcome.rejected(reason)])),
      // Any other failure must not be the batch's: it has been taken but for these, and its events would count twice.
      Effect.option
    )
    if (Option.isNone(alone)) break
    const outcome = alone.value[0]
    if (outcome !== undefined) outcomes[place] = outcome
  }
  return outcomes
})
