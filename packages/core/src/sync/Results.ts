/**
 * Results: what became of a batch, and what the ledger is to make of it.
 *
 * @since 0.1.0
 */
import type { Stop } from "./Delivery.ts"
import { type Json, parse } from "../contract/Json.ts"
import type { Claim, Settled } from "./Ledger.ts"
import type { Outcome, Partly } from "../contract/Outcome.ts"
import type * as Plan from "./Plan.ts"
import { append } from "./ShortLists.ts"

/**
 * What was done, in a summary's words.
 *
 * @category models
 * @since 0.1.0
 */
export type Label = "identify" | "track" | "group" | "add" | "discard"

/**
 * What became of an item: its outcome, or those of the smaller calls that it was sent in after it was refused whole.
 * `undefined` where it was not tried, or not answered.
 *
 * @category models
 * @since 0.1.0
 */
export type ItemOutcome = Outcome | Split | undefined

/**
 * @category models
 * @since 0.1.0
 */
export interface Split {
  readonly _tag: "Split"
  readonly parts: ReadonlyArray<{ readonly item: Plan.Item<unknown>; readonly outcome: Outcome | undefined }>
}

/**
 * A batch with the outcomes of its items.
 *
 * @category models
 * @since 0.1.0
 */
export interface Results {
  readonly items: ReadonlyArray<Plan.Item<unknown>>
  readonly outcomes: ReadonlyArray<ItemOutcome>
  readonly labels: ReadonlyArray<Label>
  readonly stop: Stop | undefined
}

/**
 * A batch that was never sent.
 *
 * @category constructors
 * @since 0.1.0
 */
export const untried = (items: ReadonlyArray<Plan.Item<unknown>>): Results => ({
  items,
  outcomes: items.map(() => undefined),
  labels: [],
  stop: undefined
})

/**
 * Reports each item to whoever watches, once per activation that it is for.
 *
 * @category combinators
 * @since 0.1.0
 */
export const report = (result: Results, onProgress: OnProgress) => {
  result.outcomes.forEach((outcome, i) => {
    const label = result.labels[i]
    const item = result.items[i]
    if (outcome === undefined || label === undefined || item === undefined) return
    if (outcome._tag !== "Split") return reportItem(item, outcome, label, onProgress)
    for (const part of outcome.parts) {
      if (part.outcome !== undefined) reportItem(part.item, part.outcome, label, onProgress)
    }
  })
}

const reportItem = ({ settles }: Plan.Item<unknown>, outcome: Outcome, label: Label, onProgress: OnProgress) => {
  const word = outcome._tag === "Rejected" ? "rejected" : outcome._tag === "Retry" ? "postponed" : "delivered"
  const reason = "reason" in outcome ? outcome.reason : undefined
  // Those of one activation follow each other: a comparison, and no set for each item (bench `event`).
  let last: number | undefined
  for (const settlement of settles) {
    const refusal = outcome._tag === "Partly" ? refusalOf(settlement, outcome) : undefined
    if (refusal !== undefined) onProgress(settlement.activation, label, "rejected", refusal.reason)
    else if (settlement.activation !== last) {
      onProgress(settlement.activation, label, word, reason)
      last = settlement.activation
    }
  }
}

const refusalOf = ({ of }: Plan.Settlement, { refused }: Partly) =>
  refused.find(({ type, value }) => type === of.type && value === of.value)

/**
 * @category models
 * @since 0.1.0
 */
export type OnProgress = (
  activation: number,
  label: Label,
  outcome: "delivered" | "rejected" | "postponed",
  /** Why it was not delivered. */
  reason?: string
) => void

/**
 * What settled batches write: outcomes, and the release of profiles with nothing left on the way. `open` counts the
 * items that are still to come of each profile, where that is not one.
 *
 * @category combinators
 * @since 0.1.0
 */
export const settlementOf = (
  results: ReadonlyArray<Results>,
  claim: Claim,
  open: Map<number, number>,
  returned: Set<number>
): Settled => {
  const settled = {
    doubted: [] as Array<Plan.Doubt>,
    acknowledged: [] as Array<Plan.Settlement>,
    rejections: [] as Array<Settled["rejections"][number]>,
    postponed: [] as Array<Settled["postponed"][number]>,
    released: [] as Array<number>,
    returned: [] as Array<number>
  }
  const receipts = new Map<string, { settlements: Array<Plan.Settlement>; profiles: Array<number> }>()
  const settleItem = (item: Plan.Item<unknown>, outcome: Outcome | undefined, stop: Stop | undefined) => {
    switch (outcome?._tag) {
      case undefined:
        returned.add(item.profile)
        // Refused whole, or asked to wait, it was not taken; after a reset or a time-out nobody knows.
        if (stop?._tag === "Unavailable" && stop.nothingTaken !== true) settled.doubted.push(...item.settles)
        break
      case "Delivered":
        append(settled.acknowledged, item.settles)
        break
      case "Accepted": {
        append(settled.acknowledged, item.settles)
        let receipt = receipts.get(outcome.receipt)
        if (receipt === undefined) receipts.set(outcome.receipt, (receipt = { settlements: [], profiles: [] }))
        append(receipt.settlements, item.settles)
        receipt.profiles.push(item.profile)
        break
      }
      case "Partly":
        for (const settlement of item.settles) {
          const refusal = refusalOf(settlement, outcome)
          if (refusal === undefined) settled.acknowledged.push(settlement)
          else settled.rejections.push({ ...rejectionOf(item, settlement), reason: refusal.reason })
        }
        break
      case "Rejected":
        for (const settlement of item.settles) {
          settled.rejections.push({ ...rejectionOf(item, settlement), reason: outcome.reason })
        }
        break
      case "Retry":
        for (const activation of new Set(item.settles.map((settlement) => settlement.activation))) {
          const { afterMillis, reason } = outcome
          settled.postponed.push({ profile: item.profile, activation, reason, afterMillis })
        }
        if (outcome.inDoubt === true) settled.doubted.push(...item.settles)
    }
  }
  for (const { items, outcomes, stop } of results) {
    items.forEach((item, i) => {
      const outcome = outcomes[i]
      if (outcome?._tag === "Split") for (const part of outcome.parts) settleItem(part.item, part.outcome, stop)
      else settleItem(item, outcome, stop)
      const left = (open.get(item.profile) ?? 1) - 1
      if (left > 0) open.set(item.profile, left)
      else (returned.has(item.profile) ? settled.returned : settled.released).push(item.profile)
    })
  }
  return { ...settled, receipts: [...receipts].map(([receipt, record]) => ({ receipt, ...record })) }
}

const rejectionOf = ({ payload, profile }: Plan.Item<unknown>, settlement: Plan.Settlement) => ({
  profile,
  settlement,
  payload: toJson(payload)
})

const toJson = (payload: unknown): Json => parse(JSON.stringify(payload ?? null))
