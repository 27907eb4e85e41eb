/**
 * Shipments: a claim's plan, cut into batches that are ready to be sent, whichever route they take.
 *
 * @since 0.1.0
 */
import { Array as Arr, Effect } from "effect"
import type { Call } from "../contract/Call.ts"
import type { NonEmpty } from "../contract/Destination.ts"
import * as Outcome from "../contract/Outcome.ts"
import { inWaves } from "./Batches.ts"
import type { ClaimPlan } from "./ClaimPlan.ts"
import { deliver, type Delivered } from "./Delivery.ts"
import type * as Plan from "./Plan.ts"
import type { Preparation } from "./Preparation.ts"
import type { ItemOutcome, Results } from "./Results.ts"
import type { Route, Work } from "./Work.ts"

/**
 * A batch, and what sends it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Shipment {
  readonly items: NonEmpty<Plan.Item<unknown>>
  readonly run: Effect.Effect<Results>
}

/**
 * A claim's shipments in waves: those of one wave are sent at the same time, and of a profile there is one in each (R32).
 *
 * @category combinators
 * @since 0.1.0
 */
export const inWavesOf = (
  work: Work,
  { adds, calls, discards }: ClaimPlan,
  prepare: Preparation
): ReadonlyArray<ReadonlyArray<Shipment>> => {
  const { form } = work
  if (form._tag === "List") {
    // What is removed and what is added are never on the wire together: the vendor promises no order between them.
    return [membersOf(work, form.discard, discards), membersOf(work, form.add, adds)]
  }
  const route: Route<Call> = {
    ...form.route,
    send: (batch) => Effect.andThen(prepare(batch), form.route.send(batch))
  }
  return inWaves(calls, form.route.batch.items).map((batches) => batches.map((items) => ship(work, route, items)))
}

/** A profile is in one discard at most, and in one add. */
const membersOf = <Payload>(
  work: Work,
  route: Route<Payload>,
  items: ReadonlyArray<Plan.Item<Payload>>
): ReadonlyArray<Shipment> =>
  inWaves(items, route.batch.items)
    .flat()
    .map((batch) => ship(work, route, batch))

const ship = <Payload>(work: Work, route: Route<Payload>, items: NonEmpty<Plan.Item<Payload>>): Shipment => {
  const labels = items.map((item) => route.label(item.payload))
  const delivering = work.mode === "baseline" ? takenAsSent(items) : splitting(work, route, items)
  return { items, run: Effect.map(delivering, ({ outcomes, stop }) => ({ items, outcomes, stop, labels })) }
}

const takenAsSent = (items: ReadonlyArray<unknown>): Effect.Effect<Delivered> =>
  Effect.succeed({ outcomes: items.map(() => Outcome.delivered), stop: undefined })

type Delivery = Pick<Results, "outcomes" | "stop">

/**
 * Delivers items. One that is refused is sent again in smaller calls where it says several things, so that a value that
 * the vendor refuses does not cost the others (R33).
 */
const splitting = <Payload>(
  work: Work,
  route: Route<Payload>,
  items: NonEmpty<Plan.Item<Payload>>
): Effect.Effect<Delivery> =>
  Effect.flatMap(once(work, route, items), (delivered) => {
    const refused = items.flatMap((item, i) => {
      const parts = delivered.outcomes[i]?._tag === "Rejected" ? (item.split?.() ?? []) : []
      return parts.length > 1 ? [{ i, parts }] : []
    })
    return refused.length === 0 || delivered.stop !== undefined
      ? Effect.succeed(delivered)
      : sendParts(work, route, delivered, refused)
  })

const sendParts = Effect.fnUntraced(function* <Payload>(
  work: Work,
  route: Route<Payload>,
  delivered: Delivered,
  refused: ReadonlyArray<{ readonly i: number; readonly parts: ReadonlyArray<Plan.Item<Payload>> }>
): Effect.fn.Return<Delivery> {
  const answered: Array<Outcome.Outcome | undefined> = []
  let stop: Delivered["stop"]
  for (const batch of Arr.chunksOf(
    refused.flatMap(({ parts }) => parts),
    route.batch.items
  )) {
    if (stop !== undefined) break
    const apart = yield* once(work, route, batch)
    answered.push(...apart.outcomes)
    stop = apart.stop
  }
  const outcomes: Array<ItemOutcome> = [...delivered.outcomes]
  let from = 0
  for (const { i, parts } of refused) {
    const at = from
    outcomes[i] = { _tag: "Split", parts: parts.map((item, part) => ({ item, outcome: answered[at + part] })) }
    from += parts.length
  }
  return { outcomes, stop }
})

/** Where the limits let no record through for long, nothing was sent. */
const once = <Payload>(
  { gate }: Work,
  route: Route<Payload>,
  items: NonEmpty<Plan.Item<Payload>>
): Effect.Effect<Delivered> => {
  const send = (part: NonEmpty<Plan.Item<Payload>>) => route.send(Arr.map(part, (item) => item.payload))
  return Effect.catch(gate.records(items.length)(deliver(items, send)), (stop) =>
    Effect.succeed<Delivered>({ outcomes: Array.from(items, () => undefined), stop })
  )
}
