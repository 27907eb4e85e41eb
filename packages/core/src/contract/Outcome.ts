/**
 * Outcomes: what became of one item of a batch.
 *
 * A plugin returns for a batch one outcome per item, in the order of the items, so that one bad item never costs its
 * neighbours (R33).
 *
 * @since 0.1.0
 */

/**
 * What became of one call or member.
 *
 * @category models
 * @since 0.1.0
 */
export type Outcome = Delivered | Partly | Accepted | Rejected | Retry

/**
 * The vendor has taken it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Delivered {
  readonly _tag: "Delivered"
}

/**
 * The vendor has taken it, but for some of its identifiers: of a member, or of a call per profile. Those are kept as
 * rejections, and the others count as sent.
 *
 * @category models
 * @since 0.1.0
 */
export interface Partly {
  readonly _tag: "Partly"
  readonly refused: ReadonlyArray<Refusal>
}

/**
 * An identifier that a vendor refuses, as it stood in the call or member, and why.
 *
 * @category models
 * @since 0.1.0
 */
export interface Refusal {
  readonly type: string
  readonly value: string
  readonly reason: string
}

/**
 * The vendor has taken it into a job whose result comes later: ask `poll` with the receipt.
 *
 * @category models
 * @since 0.1.0
 */
export interface Accepted {
  readonly _tag: "Accepted"
  readonly receipt: string
}

/**
 * The vendor will never take it as it is. It is kept with its reason until something about it changes.
 *
 * @category models
 * @since 0.1.0
 */
export interface Rejected {
  readonly _tag: "Rejected"
  readonly reason: string
}

/**
 * The vendor may take it later: after `afterMillis`, or when the runtime thinks fit.
 *
 * @category models
 * @since 0.1.0
 */
export interface Retry {
  readonly _tag: "Retry"
  readonly reason: string
  readonly afterMillis?: number
  /**
   * Whether a part of it may stand at the vendor already. Then an exit that comes before the next attempt is sent too.
   * Default: false.
   */
  readonly inDoubt?: boolean
}

/**
 * @category constructors
 * @since 0.1.0
 */
export const delivered: Outcome = { _tag: "Delivered" }

/**
 * Delivered, but for these identifiers; where there are none, delivered.
 *
 * @example
 * ```ts
 * Outcome.partly([{ type: "email", value: "no address", reason: "it is not an address" }])
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const partly = (refused: ReadonlyArray<Refusal>): Outcome =>
  refused.length === 0 ? delivered : { _tag: "Partly", refused }

/**
 * @category constructors
 * @since 0.1.0
 */
export const accepted = (receipt: string): Outcome => ({ _tag: "Accepted", receipt })

/**
 * @category constructors
 * @since 0.1.0
 */
export const rejected = (reason: string): Outcome => ({ _tag: "Rejected", reason })

/**
 * @category constructors
 * @since 0.1.0
 */
export const retry = (reason: string, afterMillis?: number): Outcome =>
  afterMillis === undefined ? { _tag: "Retry", reason } : { _tag: "Retry", reason, afterMillis }

/**
 * One outcome for each of `items`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const all = (items: ReadonlyArray<unknown>, outcome: Outcome): ReadonlyArray<Outcome> => items.map(() => outcome)

/**
 * What became of a job that was `accepted`.
 *
 * **Details**
 *
 * `Finished` with `unattributed` is for vendors that count their failures and do not say whose they are, where sending
 * again would not help: the count is shown to the operator, and nothing is sent again. `Partial` is for failures that
 * sending again may fix: the vendor does not say whose they are either, so the whole job is sent again, as it stands
 * then. Return it only where the vendor has no objection to receiving an item twice. `Lost` is for a job that failed
 * whole or that the vendor has forgotten: its items are sent again.
 *
 * The same identifiers are sent again three times in a row after a part failed, and ten times after the whole job did.
 * Then the failures are shown as not confirmed.
 *
 * @category models
 * @since 0.1.0
 */
export type JobResult =
  | { readonly _tag: "Pending" }
  | { readonly _tag: "Finished"; readonly unattributed: ReadonlyArray<Unattributed> }
  | { readonly _tag: "Partial"; readonly unattributed: ReadonlyArray<Unattributed> }
  | { readonly _tag: "Lost"; readonly reason: string }

/**
 * A number of failures that the vendor reports without saying whose they are.
 *
 * @category models
 * @since 0.1.0
 */
export interface Unattributed {
  readonly reason: string
  /** Items of the job; 0 where the vendor does not say how many, which may be all of them. */
  readonly count: number
}
