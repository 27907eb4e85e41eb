/**
 * Braze: computed traits and audiences as attributes and events of people, through `POST /users/track`. Who was known
 * without an id and gets one is joined with that record, through `POST /users/identify`.
 *
 * @since 0.1.0
 */
import { DeliveryError, Destination, Outcome } from "@tributary/core"
import { Effect, Option } from "effect"
import { createRequire } from "node:module"
import * as Api from "./api.ts"
import * as Event from "./event.ts"
import { order } from "./identity.ts"
import { type IdentifierType, keys } from "./keys.ts"
import { limits, quota, throttle } from "./limits.ts"
import type { BrazeCall } from "./refusal.ts"
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
  throttle,
  requires: {
    identifiers: order,
    keys,
    properties: {}
  }
}).event({
  calls: ["identify", "track"],
  batch: { items: 75 },
  per: "profile",
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
    yield* Api.identify(context, plan.joins)
    const taken = Effect.flatMap(Api.track(context, plan.body), (reply) => Effect.fromResult(Event.settle(plan, reply)))
    const settled = yield* plan.joins.length === 0 ? taken : Effect.mapError(taken, DeliveryError.partway)
    const { inDoubt, misfits, outcomes } = settled
    return inDoubt.length + misfits.length === 0 ? outcomes : yield* deliverApart(calls, settled, context)
  }
)

/**
 * Sends what is in doubt one by one, and those whose address is refused without it, until Braze will hear no more; the
 * rest is left to a later batch. Only attributes are sent again, which does no harm.
 */
const deliverApart = Effect.fnUntraced(function* (
  calls: ReadonlyArray<BrazeCall>,
  { inDoubt, misfits, outcomes: first }: Event.Settled,
  context: Context
) {
  const outcomes = [...first]
  const again = (call: BrazeCall) =>
    deliver([call], context).pipe(
      // A batch of one that is refused whole is a call that is refused.
      Effect.catchTag(["BatchRejected", "PayloadTooLarge"], ({ reason }) => Effect.succeed([Outcome.rejected(reason)])),
      // Any other failure must not be the batch's: it has been taken but for these, and its events would count twice.
      Effect.option
    )
  for (const { place, reason, sibling } of misfits) outcomes[place] = Outcome.retry(`${sibling.type}: ${reason}`)
  for (const { place, reason, sibling } of misfits) {
    const call = calls[place]
    if (call === undefined) continue
    const alone = yield* again({ ...call, siblings: call.siblings.filter((each) => each !== sibling) })
    if (Option.isNone(alone)) return outcomes
    const outcome = alone.value[0]
    if (outcome !== undefined) outcomes[place] = without(outcome, { ...sibling, reason })
  }
  for (const place of inDoubt) {
    const call = calls[place]
    if (call === undefined) continue
    const alone = yield* again(call)
    if (Option.isNone(alone)) return outcomes
    const outcome = alone.value[0]
    if (outcome !== undefined) outcomes[place] = outcome
  }
  return outcomes
})

/** What was delivered without an address is delivered but for that. */
const without = (outcome: Outcome.Outcome, refusal: Outcome.Refusal): Outcome.Outcome =>
  outcome._tag === "Delivered"
    ? Outcome.partly([refusal])
    : outcome._tag === "Partly"
      ? Outcome.partly([...outcome.refused, refusal])
      : outcome
