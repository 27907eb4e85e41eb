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
 * What a profile is owed by a list: at most one add with all its identifiers, and one discard of what must go.
 *
 * @category combinators
 * @since 0.1.0
 */
export const plan = (profile: KnownProfile, task: Task, standing: Standing, terms: Terms): ListPlan => {
  const sent = those(profile.identifiers, (identifier) => standing.sent("member", identifier.no) !== undefined)
  const leaving = standing.value === undefined ? sent : those(sent, (identifier) => identifier.gone)
  const wanted = standing.value === undefined ? none : chosen(profile, task.identifiers)
  const hasNews = wanted.some((identifier) => {
    if (standing.again("member", identifier.no)) return true
    if (standing.sent("member", identifier.no) !== undefined) return false
    return task.newIdentifiers || identifier.addedAt <= standing.changedAt || sent.length === leaving.length
  })
  const isDue = (identifier: KnownIdentifier) =>
    leaving.includes(identifier) || (hasNews && wanted.includes(identifier))
  const obsolete = obsoleteRejections(profile, task, standing, "member", isDue)

  const discards = leaving.length === 0 ? none : discardOf(profile, leaving, task, standing, terms)
  if (!hasNews) return { adds: none, discards, unsendable: none, obsolete }
  const filled = fill(profile, terms)
  const settles = settlementsOf(new Telling(wanted, sentTrue, filled, terms), task)
  if (isKnownRejection(settles, standing)) return { adds: none, discards, unsendable: none, obsolete }
  return filled._tag === "Missing"
    ? { adds: none, discards, unsendable: [{ profile: profile.no, settles, reason: filled.reason }], obsolete }
    : {
        adds: [{ profile: profile.no, payload: { identifiers: byType(wanted), required: filled.required }, settles }],
        discards,
        unsendable: none,
        obsolete
      }
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
  const settles = settlementsOf(new Telling(leaving, undefined, undefined, terms), task)
  return isKnownRejection(settles, standing)
    ? none
    : [{ profile: profile.no, payload: { identifiers: byType(leaving), required }, settles }]
}

/** What a member's identifiers are told, which a refusal is remembered by. */
class Telling {
  readonly identifiers: ReadonlyArray<KnownIdentifier>
  readonly sent: bigint | undefined
  readonly filled: FilledTerms | undefined
  readonly terms: Terms

  constructor(
    identifiers: ReadonlyArray<KnownIdentifier>,
    sent: bigint | undefined,
    filled: FilledTerms | undefined,
    terms: Terms
  ) {
    this.identifiers = identifiers
    this.sent = sent
    this.filled = filled
    this.terms = terms
  }

  get attempt(): bigint {
    return fingerprint(
      String(this.sent),
      this.filled?.text ?? "",
      this.terms.version,
      ...this.identifiers.map(({ type, value }) => `${type}:${value}`)
    )
  }
}

/**
 * What the acknowledgement of one of them settles. Its attempt is made only where something is or was rejected, and hangs
 * on an object for the member, not on a closure for each identifier (bench `list`).
 */
class MemberSettlement implements Settlement {
  readonly kind = "member"
  readonly activation: number
  readonly identifier: number
  readonly sent: bigint | undefined
  readonly #telling: Telling

  constructor(activation: number, identifier: number, telling: Telling) {
    this.activation = activation
    this.identifier = identifier
    this.sent = telling.sent
    this.#telling = telling
  }

  get attempt(): bigint {
    return this.#telling.attempt
  }
}

const settlementsOf = (telling: Telling, { activation }: Task): ReadonlyArray<Settlement> =>
  telling.identifiers.map(({ no }) => new MemberSettlement(activation, no, telling))

const isKnownRejection = (settles: ReadonlyArray<Settlement>, standing: Standing): boolean =>
  settles.every((each) => {
    const rejected = standing.rejected("member", each.identifier)
    return rejected !== undefined && rejected === each.attempt
  })

const byType = (identifiers: ReadonlyArray<KnownIdentifier>): Record<string, ReadonlyArray<string>> => {
  const values: Record<string, ReadonlyArray<string>> = {}
  for (const { type, value } of identifiers) values[type] = values[type]?.concat(value) ?? [value]
  return values
}
