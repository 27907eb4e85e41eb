/**
 * List plans: what a profile is owed by a list.
 *
 * @since 0.1.0
 */
import { fingerprint } from "../contract/Json.ts"
import type { Member } from "../contract/Member.ts"
import {
  chosen,
  fill,
  type FilledTerms,
  type Item,
  type KnownIdentifier,
  type KnownProfile,
  type LedgerKey,
  obsoleteRejections,
  type Settlement,
  type Standing,
  type Task,
  type Terms,
  sentTrue,
  type Unsendable
} from "./Plan.ts"
import { none, those } from "./ShortLists.ts"

/**
 * What a profile is owed by a list.
 *
 * @category models
 * @since 0.1.0
 */
export interface ListPlan {
  readonly adds: ReadonlyArray<Item<Member>>
  readonly discards: ReadonlyArray<Item<Member>>
  readonly unsendable: ReadonlyArray<Unsendable>
  readonly obsolete: ReadonlyArray<LedgerKey>
}

/**
 * What a profile is owed by a list: at most one add with the identifiers that the list does not have, and one discard of
 * those that must go.
 *
 * @category combinators
 * @since 0.1.0
 */
export const plan = (profile: KnownProfile, task: Task, standing: Standing, terms: Terms): ListPlan => {
  const sent = those(profile.identifiers, (identifier) => standing.sent("member", identifier.no) !== undefined)
  const exiting = standing.value === undefined ? sent : those(sent, (identifier) => identifier.gone)
  const leaving =
    standing.heldElsewhere === undefined
      ? exiting
      : those(exiting, (identifier) => standing.heldElsewhere?.(identifier.no) !== true)
  const wanted = standing.value === undefined ? none : chosen(profile, task.identifiers)
  const isFollowUp = sent.length > exiting.length
  const entering = those(wanted, (identifier) => {
    if (standing.again("member", identifier.no)) return true
    if (standing.sent("member", identifier.no) !== undefined) return false
    return task.newIdentifiers || identifier.addedAt <= standing.changedAt || !isFollowUp
  })
  const isDue = (identifier: KnownIdentifier) => leaving.includes(identifier) || entering.includes(identifier)
  const obsolete = obsoleteRejections(profile, task, standing, "member", isDue)

  const discards = leaving.length === 0 ? none : discardOf(profile, leaving, task, standing, terms)
  if (entering.length === 0) return { adds: none, discards, unsendable: none, obsolete }
  const filled = fill(profile, terms)
  const settles = openSettlements(entering, new Delivery(sentTrue, filled, terms), task, standing)
  const sendable = those(settles, isSendable)
  const unsendable = sendable === settles ? none : unsendableOf(profile, settles)
  if (sendable.length === 0) return { adds: none, discards, unsendable, obsolete }
  if (filled._tag === "Missing") {
    const missing = { profile: profile.no, settles: sendable, reason: filled.reason }
    return { adds: none, discards, unsendable: [...unsendable, missing], obsolete }
  }
  const payload = { identifiers: byType(sendable), required: filled.required }
  return { adds: [{ profile: profile.no, payload, settles: sendable }], discards, unsendable, obsolete }
}

const isSendable = ({ of }: MemberSettlement): boolean => of.refusal === undefined

/** What the vendor cannot take is left out of the member, and shown. */
const unsendableOf = ({ no }: KnownProfile, settles: ReadonlyArray<MemberSettlement>): ReadonlyArray<Unsendable> =>
  settles.flatMap((each) =>
    each.of.refusal === undefined ? [] : [{ profile: no, settles: [each], reason: each.of.refusal }]
  )

/** The discard of these, or none where the vendor refused just that. */
const discardOf = (
  profile: KnownProfile,
  leaving: ReadonlyArray<KnownIdentifier>,
  task: Task,
  standing: Standing,
  terms: Terms
): ReadonlyArray<Item<Member>> => {
  // What the vendor may match by beside the identifiers goes too, unless the profile stays and only identifiers go. The
  // properties make it no other discard: they may be gone by now.
  const filled = standing.value === undefined ? fill(profile, terms) : undefined
  const required = filled?._tag === "Filled" ? filled.required : {}
  const settles = openSettlements(leaving, new Delivery(undefined, undefined, terms), task, standing)
  return settles.length === 0
    ? none
    : [{ profile: profile.no, payload: { identifiers: byType(settles), required }, settles }]
}

/** What a member's identifiers are sent with, which a rejection is remembered by: one object for all of a member. */
class Delivery {
  readonly sent: bigint | undefined
  readonly filled: FilledTerms | undefined
  readonly terms: Terms

  constructor(sent: bigint | undefined, filled: FilledTerms | undefined, terms: Terms) {
    this.sent = sent
    this.filled = filled
    this.terms = terms
  }
}

/**
 * What the acknowledgement of one identifier settles. Its attempt is made only where something is or was rejected, and
 * hangs on an object for the member, not on a closure for each identifier (bench `list`).
 */
class MemberSettlement implements Settlement {
  readonly kind = "member"
  readonly activation: number
  readonly identifier: number
  readonly of: KnownIdentifier
  readonly sent: bigint | undefined
  readonly #delivery: Delivery

  constructor(activation: number, of: KnownIdentifier, delivery: Delivery) {
    this.activation = activation
    this.identifier = of.no
    this.of = of
    this.sent = delivery.sent
    this.#delivery = delivery
  }

  get attempt(): bigint {
    const { filled, sent, terms } = this.#delivery
    const { type, value } = this.of
    return fingerprint(String(sent), filled?.text ?? "", terms.version, `${type}:${value}`)
  }
}

/** Of these identifiers, those that were not refused just so before. */
const openSettlements = (
  identifiers: ReadonlyArray<KnownIdentifier>,
  delivery: Delivery,
  { activation }: Task,
  standing: Standing
): ReadonlyArray<MemberSettlement> =>
  those(
    identifiers.map((identifier) => new MemberSettlement(activation, identifier, delivery)),
    (each) => {
      const rejected = standing.rejected("member", each.identifier)
      return rejected === undefined || rejected !== each.attempt
    }
  )

const byType = (settles: ReadonlyArray<MemberSettlement>): Record<string, ReadonlyArray<string>> => {
  const values: Record<string, ReadonlyArray<string>> = {}
  for (const { of } of settles) values[of.type] = values[of.type]?.concat(of.value) ?? [of.value]
  return values
}
