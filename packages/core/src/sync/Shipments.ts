/**
 * Shipments: a claim's plan, cut into batches that are ready to be sent, whichever route they take.
 *
 * @since 0.1.0
 */
import { Array as Arr, Effect } from "effect"
import type { Call } from "../contract/Call.ts"
import type { NonEmpty } from "../contract/Destination.ts"
import type { Outcome } from "../contract/Outcome.ts"
import { inWaves } from "./Batches.ts"
import type { ClaimPlan } from "./ClaimPlan.ts"
import { deliver, type Delivered } from "./Delivery.ts"
import type * as Plan from "./Plan.ts"
import type { Preparation } from "./Preparation.ts"
import type { Results } from "./Results.ts"
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
    return [[...membersOf(work, form.discard, discards), ...membersOf(work, form.add, adds)]]
  }
  const route: Route<Call> = {
    ...form.route,
    send: (batch) => Effect.andThen(prepare(batch), form.route.send(batch))
  }
  return inWaves(calls, form.route.batch.items).map((batches) => batches.map((items) => ship(work, route, items)))
}

/** A member has one item at most, so there is one wave. */
const membersOf = <Payload>(
  work: Work,
  route: Route<Payload>,
  items: ReadonlyArray<Plan.Item<Payload>>
): ReadonlyArray<Shipment> =>
  inWaves(items, route.batch.items)
    .flat()
    .map((batch) => ship(work, route, batch))

const ship = <Payload>(work: Work, route: Route<Payload>, items: NonEmpty<Plan.Item<Payload>>): Shipment => {
  const send = (part: NonEmpty<Plan.Item<Payload>>) => route.send(Arr.map(part, (item) => item.payload))
  const labels = items.map((item) => route.label(item.payload))
  const delivering = work.mode === "baseline" ? takenAsSent(items) : withinLimits(work, items, deliver(items, send))
  return { items, run: Effect.map(delivering, ({ outcomes, stop }) => ({ items, outcomes, stop, labels })) }
}

const takenAsSent = (items: ReadonlyArray<unknown>): Effect.Effect<Delivered> =>
  Effect.succeed({ outcomes: items.map((): Outcome => ({ _tag: "Delivered" })), stop: undefined })

/** Where the limits let no record through for long, nothing was sent. */
const withinLimits = (
  { gate }: Work,
  { length }: ReadonlyArray<unknown>,
  delivering: Effect.Effect<Delivered>
): Effect.Effect<Delivered> =>
  Effect.catch(gate.records(length)(delivering), (stop) =>
    Effect.succeed<Delivered>({ outcomes: Array.from({ length }, () => undefined), stop })
  )
