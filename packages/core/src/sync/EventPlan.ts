/**
 * Event plans: what a profile is owed as calls, over all event activations of a destination.
 *
 * @since 0.1.0
 */
import { Array as Arr } from "effect"
import type { Call, CallKind } from "../contract/Call.ts"
import { canonical, fingerprint, type Json } from "../contract/Json.ts"
import { makeCall } from "./EventCall.ts"
import { type Due, type Group, OpenDue, usersOf } from "./EventDue.ts"
import { joinedDues, targetKey } from "./JoinedDues.ts"
import {
  chosen,
  fill,
  type Item,
  type KnownIdentifier,
  type KnownProfile,
  type LedgerKind,
  type LedgerKey,
  obsoleteRejections,
  type Settlement,
  type Standing,
  type Task,
  type Terms,
  sentTrue,
  type Unsendable
} from "./Plan.ts"
import { append } from "./ShortLists.ts"

/**
 * What a profile is owed.
 *
 * @category models
 * @since 0.1.0
 */
export interface EventPlan {
  readonly items: ReadonlyArray<Item<Call>>
  readonly unsendable: ReadonlyArray<Unsendable>
  readonly obsolete: ReadonlyArray<LedgerKey>
  /** What the ledger is to have without a call, because the vendor's record has it already (R44). */
  readonly covered: ReadonlyArray<Settlement>
}

/**
 * The calls that a profile is owed, over all activations of one destination.
 *
 * @category combinators
 * @since 0.1.0
 */
export const plan = (
  profile: KnownProfile,
  tasks: ReadonlyArray<readonly [Task, Standing]>,
  terms: Terms
): EventPlan => {
  const dues: Array<Due> = []
  const obsolete: Array<LedgerKey> = []
  const covered: Array<Settlement> = []
  for (const [task, standing] of tasks) {
    const own = isJoined(profile, task, standing)
      ? joined(profile, task, standing, terms, covered)
      : dueCalls(profile, task, standing)
    for (const kind of task.calls) {
      const isDue = (identifier: KnownIdentifier) =>
        own.some((due) => due.kind === kind && due.identifier === identifier)
      obsolete.push(...obsoleteRejections(profile, task, standing, kind, isDue))
    }
    dues.push(...own)
  }
  if (dues.length === 0) return { items: [], unsendable: [], obsolete, covered }
  const filled = fill(profile, terms)
  const open = dues.map((due) => new OpenDue(due, profile, filled, terms)).filter((due) => !due.isRefused)
  if (filled._tag === "Missing") {
    const { reason } = filled
    const unsendable = open.map((due) => ({ profile: profile.no, settles: [due], reason }))
    return { items: [], unsendable, obsolete, covered }
  }
  const refused = open.filter(({ due }) => due.reason !== undefined)
  const sendable = refused.length === 0 ? open : open.filter(({ due }) => due.reason === undefined)
  return {
    items: grouped(sendable, terms.coalesce).map((group) => itemOf(group, profile, filled.required)),
    unsendable: refused.map((due) => ({ profile: profile.no, settles: [due], reason: due.due.reason ?? "" })),
    obsolete,
    covered
  }
}

const itemOf = (group: Group, profile: KnownProfile, required: unknown): Item<Call> => {
  const payload = makeCall(group, profile, required)
  return group.length === 1
    ? { profile: profile.no, payload, settles: group }
    : { profile: profile.no, payload, settles: group, split: () => splitOf(group, profile, required) }
}

/** One call for each activation that the call was for: one value that a vendor refuses must not cost the others. */
const splitOf = (group: Group, profile: KnownProfile, required: unknown): ReadonlyArray<Item<Call>> => {
  const byTask = [...Map.groupBy(group, ({ due }) => due.task).values()].filter(Arr.isArrayNonEmpty)
  return byTask.length === 1 ? [] : byTask.map((own) => itemOf(own, profile, required))
}

/**
 * Whether there is anything to join. Somebody with one identifier is one record either way, and most people of many
 * companies have one (bench `event`).
 */
const isJoined = ({ identifiers }: KnownProfile, { per }: Task, { value }: Standing): boolean => {
  const [only] = identifiers
  return per === "profile" && (identifiers.length !== 1 || value === undefined || only?.gone === true)
}

/** What is due of a profile whose identifiers the vendor joins: a due for each that a call carries, with its record. */
const joined = (
  profile: KnownProfile,
  task: Task,
  standing: Standing,
  terms: Terms,
  covered: Array<Settlement>
): ReadonlyArray<Due> => {
  const filled = fill(profile, terms)
  const found = joinedDues(profile, task, standing, {
    order: terms.identifierTypes,
    fingerprintOf: (kind, value) => wantedFingerprint(task, kind, value, profile),
    isRefused: (kind, { identifier, sent }, value) => {
      if (standing.rejected(kind, identifier.no) === undefined) return false
      const due = { task, kind, identifier, standing, value, sent, target: undefined, reason: undefined }
      return new OpenDue(due, profile, filled, terms).isRefused
    }
  })
  append(covered, found.covered)
  return found.dues.flatMap(({ carried, kind, reason, target, value }) =>
    carried.map(({ identifier, sent }) => ({ task, kind, identifier, standing, value, sent, target, reason }))
  )
}

/** What the destination should know of this value: an audience's `true` is one bit, a trait's value a fingerprint. */
const wantedFingerprint = (task: Task, kind: LedgerKind, value: Json, profile: KnownProfile): bigint =>
  kind === "group" && profile.users.length > 0
    ? fingerprint(canonical(value), ...usersOf(profile))
    : task.personas.computation_class === "audience"
      ? sentTrue
      : fingerprint(canonical(value))

/**
 * Whether others of the profile were told and stay, whom a newcomer joins; where there are none, this is a first sync,
 * and everybody is told (R13).
 */
const isFollowUp = (profile: KnownProfile, kind: CallKind, standing: Standing): boolean =>
  profile.identifiers.some(({ gone, no }) => !gone && standing.sent(kind, no) !== undefined)

const dueCalls = (profile: KnownProfile, task: Task, standing: Standing): ReadonlyArray<Due> => {
  const { value } = standing
  const isAudience = task.personas.computation_class === "audience"
  const picked = value === undefined ? [] : chosen(profile, task.identifiers)
  const dues: Array<Due> = []
  for (const kind of task.calls) {
    let wanted: bigint | undefined
    for (const identifier of profile.identifiers) {
      const sent = standing.sent(kind, identifier.no)
      if (value === undefined || identifier.gone) {
        // Exits ignore the policy: everyone who was told is told (R7, R23).
        const exit = isAudience ? false : null
        if (sent !== undefined && standing.heldElsewhere?.(identifier.no) !== true) {
          dues.push({
            task,
            kind,
            identifier,
            standing,
            value: exit,
            sent: undefined,
            target: undefined,
            reason: undefined
          })
        }
        continue
      }
      if (!picked.includes(identifier)) continue
      const isNewer = sent === undefined && identifier.addedAt > standing.changedAt
      if (isNewer && !task.newIdentifiers && isFollowUp(profile, kind, standing)) continue
      wanted ??= wantedFingerprint(task, kind, value, profile)
      if (sent !== wanted || standing.again(kind, identifier.no)) {
        const reason = identifier.refusal
        dues.push({ task, kind, identifier, standing, value, sent: wanted, target: undefined, reason })
      }
    }
  }
  return dues
}

/** One list of dues per call to make: alone, or together for one identifier where the vendor takes several (R42). */
const grouped = (dues: ReadonlyArray<OpenDue>, coalesce: boolean): ReadonlyArray<Group> => {
  const [only, second] = dues
  if (only !== undefined && second === undefined) return [[only]]
  const groups = new Map<string, [OpenDue, ...Array<OpenDue>]>()
  dues.forEach((open, i) => {
    const { identifier, kind, target, task } = open.due
    const own = coalesce && kind !== "track" ? "" : target === undefined ? `${i}` : `${task.activation}`
    const key = `${kind} ${target === undefined ? identifier.no : targetKey(target)} ${own}`
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [open])
    else group.push(open)
  })
  return [...groups.values()]
}
