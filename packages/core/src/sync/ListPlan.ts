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
  const settles = openSettlements(entering, sentTrue, filled, task, standing, terms)
  const refused = those(settles, ({ of }) => of.refusal !== undefined)
  const unsendable = refused.map((each) => ({ profile: profile.no, settles: [each], reason: each.of.refusal ?? "" }))
  const sendable = those(settles, ({ of }) => of.refusal === undefined)
  if (sendable.length === 0) return { adds: none, discards, unsendable, obsolete }
  if (filled._tag === "Missing") {
    unsendable.push({ profile: profile.no, settles: [...sendable], reason: filled.reason })
    return { adds: none, discards, unsendable, obsolete }
  }
  const payload = { identifiers: byType(sendable), required: filled.required }
  return { adds: [{ profile: profile.no, payload, settles: sendable }], discards, unsendable, obsolete }
}

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
  const settles = openSettlements(leaving, undefined, undefined, task, standing, terms)
  return settles.length === 0
    ? none
    : [{ profile: profile.no, payload: { identifiers: byType(settles), required }, settles }]
}

/** What the acknowledgement of one identifier settles. Its attempt is made only where something is or was rejected. */
class MemberSettlement implements Settlement {
  readonly kind = "member"
  readonly activation: number
  readonly identifier: number
  readonly of: KnownIdentifier
  readonly sent: bigint | undefined
  readonly #filled: FilledTerms | undefined
  readonly #terms: Terms

  constructor(
    activation: number,
    of: KnownIdentifier,
    sent: bigint | undefined,
    filled: FilledTerms | undefined,
    terms: Terms
  ) {
    this.activation = activation
    this.identifier = of.no
    this.of = of
    this.sent = sent
    this.#filled = filled
    this.#terms = terms
  }

  get attempt(): bigint {
    const { type, value } = this.of
    return fingerprint(String(this.sent), this.#filled?.text ?? "", this.#terms.version, `${type}:${value}`)
  }
}

/** Of these identifiers, those that were not refused just so before. */
const openSettlements = (
  identifiers: ReadonlyArray<KnownIdentifier>,
  sent: bigint | undefined,
  filled: FilledTerms | undefined,
  { activation }: Task,
  standing: Standing,
  terms: Terms
): ReadonlyArray<MemberSettlement> =>
  those(
    identifiers.map((identifier) => new MemberSettlement(activation, identifier, sent, filled, terms)),
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
