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
  const news = wanted.filter((identifier) => {
    if (standing.again("member", identifier.no)) return true
    if (standing.told("member", identifier.no) !== undefined) return false
    return task.newIdentifiers || identifier.addedAt <= standing.changedAt || told.length === leaving.length
  })
  const concerned = news.length === 0 ? leaving : [...leaving, ...wanted]
  const moot = mootRejections(
    profile,
    task,
    standing,
    ["member"],
    concerned.map((identifier) => ({ kind: "member", identifier }))
  )
  const filled = news.length === 0 ? undefined : fill(profile, terms)
  const settle = (
    identifiers: ReadonlyArray<KnownIdentifier>,
    fingerprintTold: bigint | undefined,
    sent: () => string
  ) => {
    const attempt = () =>
      fingerprint(
        String(fingerprintTold),
        sent(),
        terms.version,
        ...identifiers.map((identifier) => `${identifier.type}:${identifier.value}`)
      )
    return identifiers.map(({ no }) => settlement(task.activation, "member", no, fingerprintTold, attempt))
  }
  const isKnownRejection = (settles: ReadonlyArray<Settlement>) =>
    settles.every((each) => {
      const rejected = standing.rejected("member", each.identifier)
      return rejected !== undefined && rejected === each.attempt
    })

  const discards: Array<Item<Member>> = []
  if (leaving.length > 0) {
    // A discard carries no properties, so none of them makes it another.
    const settles = settle(leaving, undefined, () => "")
    if (!isKnownRejection(settles)) {
      discards.push({ profile: profile.no, payload: { identifiers: byType(leaving), required: {} }, settles })
    }
  }
  if (filled === undefined) return { adds: [], discards, unsendable: [], moot }
  const settles = settle(wanted, toldTrue, () => filled.text)
  if (isKnownRejection(settles)) return { adds: [], discards, unsendable: [], moot }
  return filled._tag === "Missing"
    ? { adds: [], discards, unsendable: [{ profile: profile.no, settles, reason: filled.reason }], moot }
    : {
        adds: [{ profile: profile.no, payload: { identifiers: byType(wanted), required: filled.required }, settles }],
        discards,
        unsendable: [],
        moot
      }
}

const byType = (identifiers: ReadonlyArray<KnownIdentifier>): Record<string, Array<string>> => {
  const values: Record<string, Array<string>> = {}
  for (const { type, value } of identifiers) (values[type] ??= []).push(value)
  return values
}
