/**
 * List plans: what a profile is owed by a list.
 *
 * @since 0.1.0
 */
import { fingerprint } from "./Json.ts"
import type { Member } from "./Member.ts"
import {
  chosen,
  fill,
  type Item,
  type KnownIdentifier,
  type KnownProfile,
  type Moot,
  mootRejections,
  type Settlement,
  settlement,
  type Standing,
  type Task,
  type Terms,
  toldTrue,
  type Unsendable
} from "./Plan.ts"

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
  readonly moot: ReadonlyArray<Moot>
}

/**
 * What a profile is owed by a list: at most one add with all its identifiers, and one discard of what must go.
 *
 * @category combinators
 * @since 0.1.0
 */
export const plan = (profile: KnownProfile, task: Task, standing: Standing, terms: Terms): ListPlan => {
  const told = profile.identifiers.filter((identifier) => standing.told("member", identifier.no) !== undefined)
  const leaving = standing.value === undefined ? told : told.filter((identifier) => identifier.gone)
  const wanted = standing.value === undefined ? [] : chosen(profile, task.identifiers)
  const hasNews = wanted.some((identifier) => {
    if (standing.again("member", identifier.no)) return true
    if (standing.told("member", identifier.no) !== undefined) return false
    return task.newIdentifiers || identifier.addedAt <= standing.changedAt || told.length === leaving.length
  })
  const isDue = (identifier: KnownIdentifier) =>
    leaving.includes(identifier) || (hasNews && wanted.includes(identifier))
  const moot = mootRejections(profile, task, standing, "member", isDue)

  const discards: Array<Item<Member>> = []
  if (leaving.length > 0) {
    // A discard carries no properties, so none of them makes it another.
    const settles = settlementsOf(leaving, task, undefined, terms, () => "")
    if (!isKnownRejection(settles, standing)) {
      discards.push({ profile: profile.no, payload: { identifiers: byType(leaving), required: {} }, settles })
    }
  }
  if (!hasNews) return { adds: [], discards, unsendable: [], moot }
  const filled = fill(profile, terms)
  const settles = settlementsOf(wanted, task, toldTrue, terms, () => filled.text)
  if (isKnownRejection(settles, standing)) return { adds: [], discards, unsendable: [], moot }
  return filled._tag === "Missing"
    ? { adds: [], discards, unsendable: [{ profile: profile.no, settles, reason: filled.reason }], moot }
    : {
        adds: [{ profile: profile.no, payload: { identifiers: byType(wanted), required: filled.required }, settles }],
        discards,
        unsendable: [],
        moot
      }
}

const settlementsOf = (
  identifiers: ReadonlyArray<KnownIdentifier>,
  task: Task,
  told: bigint | undefined,
  terms: Terms,
  sent: () => string
): ReadonlyArray<Settlement> => {
  const attempt = () =>
    fingerprint(
      String(told),
      sent(),
      terms.version,
      ...identifiers.map((identifier) => `${identifier.type}:${identifier.value}`)
    )
  return identifiers.map(({ no }) => settlement(task.activation, "member", no, told, attempt))
}

const isKnownRejection = (settles: ReadonlyArray<Settlement>, standing: Standing): boolean =>
  settles.every((each) => {
    const rejected = standing.rejected("member", each.identifier)
    return rejected !== undefined && rejected === each.attempt
  })

const byType = (identifiers: ReadonlyArray<KnownIdentifier>): Record<string, ReadonlyArray<string>> => {
  const values: Record<string, ReadonlyArray<string>> = {}
  for (const { type, value } of identifiers) values[type] = [...(values[type] ?? []), value]
  return values
}
