/**
 * Event plans: what a profile is owed as calls, over all event activations of a destination.
 *
 * @since 0.1.0
 */
import { hash } from "node:crypto"
import type { Call, CallKind } from "./Call.ts"
import type { Identifier } from "./Identifier.ts"
import { canonical, fingerprint, type Json } from "./Json.ts"
import {
  chosen,
  fill,
  type Item,
  type KnownIdentifier,
  type KnownProfile,
  type LedgerKind,
  type Moot,
  mootRejections,
  type Settlement,
  type Standing,
  type Task,
  type Terms,
  toldTrue,
  type Unsendable
} from "./Plan.ts"

/**
 * What a profile is owed.
 *
 * @category models
 * @since 0.1.0
 */
export interface EventPlan {
  readonly items: ReadonlyArray<Item<Call>>
  readonly unsendable: ReadonlyArray<Unsendable>
  readonly moot: ReadonlyArray<Moot>
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
  const dues = tasks.flatMap(([task, standing]) => dueCalls(profile, task, standing))
  const moot = tasks.flatMap(([task, standing]) =>
    mootRejections(
      profile,
      task,
      standing,
      task.calls,
      dues.filter((due) => due.task === task)
    )
  )
  if (dues.length === 0) return { items: [], unsendable: [], moot }
  const filled = fill(profile, terms)
  const open = dues.flatMap((due) => {
    const settlement = settlementOf(due, profile, filled.text, terms)
    const rejected = due.standing.rejected(due.kind, due.identifier.no)
    return rejected !== undefined && rejected === settlement.attempt ? [] : [{ ...due, settlement }]
  })
  const settlements = new Map(open.map((due) => [due as Due, due.settlement]))
  const settles = (group: ReadonlyArray<Due>) => group.flatMap((due) => settlements.get(due) ?? [])
  if (filled._tag === "Missing") {
    return {
      moot,
      items: [],
      unsendable: open.map((due) => ({ profile: profile.no, settles: [due.settlement], reason: filled.reason }))
    }
  }
  return {
    moot,
    items: grouped(open, terms.coalesce).map((group) => ({
      profile: profile.no,
      payload: makeCall(group, profile, filled.required),
      settles: settles(group)
    })),
    unsendable: []
  }
}

/** What the destination should know of this value: an audience's `true` is one bit, a trait's value a fingerprint. */
const wantedFingerprint = (task: Task, kind: LedgerKind, value: Json, profile: KnownProfile): bigint =>
  kind === "group" && profile.users.length > 0
    ? fingerprint(canonical(value), ...profile.users)
    : task.personas.computation_class === "audience"
      ? toldTrue
      : fingerprint(canonical(value))

interface Due {
  readonly task: Task
  readonly kind: CallKind
  readonly identifier: KnownIdentifier
  readonly value: Json
  readonly told: bigint | undefined
  readonly standing: Standing
}

const dueCalls = (profile: KnownProfile, task: Task, standing: Standing): ReadonlyArray<Due> => {
  const isAudience = task.personas.computation_class === "audience"
  const picked = standing.value === undefined ? undefined : new Set(chosen(profile, task.identifiers))
  return task.calls.flatMap((kind) => {
    // A newcomer joins others that were told and stay; where there are none, this is a first sync, and everybody is told
    // (R13).
    const isFollowUp = profile.identifiers.some(({ gone, no }) => !gone && standing.told(kind, no) !== undefined)
    return profile.identifiers.flatMap((identifier): ReadonlyArray<Due> => {
      const told = standing.told(kind, identifier.no)
      const base = { task, kind, identifier, standing }
      if (standing.value === undefined || identifier.gone) {
        // Exits ignore the policy: everyone who was told is told (R7, R23).
        return told === undefined ? [] : [{ ...base, value: isAudience ? false : null, told: undefined }]
      }
      if (picked?.has(identifier) !== true) return []
      const wanted = wantedFingerprint(task, kind, standing.value, profile)
      const isNewcomer = told === undefined && isFollowUp && identifier.addedAt > standing.changedAt
      if (isNewcomer && !task.newIdentifiers) return []
      return told === wanted && !standing.again(kind, identifier.no)
        ? []
        : [{ ...base, value: standing.value, told: wanted }]
    })
  })
}

const digest = (...texts: ReadonlyArray<string>): string =>
  hash("sha256", texts.join("\u0000"), "base64url").slice(0, 27)

const eventName = ({ task, value, told }: Due): string =>
  task.personas.computation_class === "trait"
    ? task.events.computed
    : told === undefined || value === false
      ? task.events.exited
      : task.events.entered

const mappedTraits = (task: Task, profile: KnownProfile): Record<string, Json> => {
  const traits: Record<string, Json> = {}
  for (const [name, trait] of Object.entries(task.traits)) {
    const value = profile.traits[trait]
    if (value !== undefined) traits[name] = value
  }
  return traits
}

/** An identifier that is gone stands alone: what it tells must not touch the record of those that remain. */
const siblingsOf = (identifier: KnownIdentifier, profile: KnownProfile, task: Task): ReadonlyArray<Identifier> =>
  identifier.gone
    ? []
    : profile.identifiers
        .filter((other) => other !== identifier && !other.gone && task.identifiers[other.type] !== "none")
        .map(({ type, value }) => ({ type, value }))

/** With the value, or with the identifier: an old value is news to a new identifier, and for one that went or moved. */
const foundAt = (due: Due): number => Math.max(due.standing.changedAt, due.identifier.addedAt)

const makeCall = (dues: readonly [Due, ...ReadonlyArray<Due>], profile: KnownProfile, required: unknown): Call => {
  const [first] = dues
  const { identifier, kind, task } = first
  const base = {
    identifier: { type: identifier.type, value: identifier.value },
    siblings: siblingsOf(identifier, profile, task),
    required,
    messageId: digest(
      ...dues.flatMap((due) => [
        due.task.activationId,
        due.kind,
        due.standing.evaluation,
        String(foundAt(due)),
        canonical(due.value)
      ]),
      identifier.type,
      identifier.value,
      // Other users of an account are another change, though its value is the same.
      ...(kind === "group" ? profile.users : [])
    ),
    timestamp: new Date(Math.max(...dues.map(foundAt))).toISOString(),
    personas: task.personas
  }
  const traits: Record<string, Json> = {}
  for (const due of dues) {
    Object.assign(traits, mappedTraits(due.task, profile))
    traits[due.task.personas.computation_key] = due.value
  }
  switch (kind) {
    case "identify":
      return { ...base, type: "identify", traits }
    case "group":
      return { ...base, type: "group", groupId: identifier.value, traits, users: profile.users }
    case "track": {
      const { computation_class, computation_key } = task.personas
      const property = computation_class === "audience" ? "audience_key" : "trait_key"
      const properties = { ...mappedTraits(task, profile), [property]: computation_key, [computation_key]: first.value }
      return { ...base, type: "track", event: eventName(first), properties }
    }
  }
}

/** One list of dues per call to make: alone, or together for one identifier where the vendor takes several (R42). */
const grouped = (dues: ReadonlyArray<Due>, coalesce: boolean): ReadonlyArray<readonly [Due, ...ReadonlyArray<Due>]> => {
  const groups = new Map<string, [Due, ...Array<Due>]>()
  dues.forEach((due, i) => {
    const key = coalesce && due.kind !== "track" ? `${due.kind} ${due.identifier.no}` : `${i}`
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [due])
    else group.push(due)
  })
  return [...groups.values()]
}

/** Users of an account that were refused with it are part of what was refused; an exit does not concern them. */
const settlementOf = (due: Due, profile: KnownProfile, filled: string, terms: Terms): Settlement => ({
  activation: due.task.activation,
  kind: due.kind,
  identifier: due.identifier.no,
  told: due.told,
  // Asked for where something is or was rejected, which is seldom.
  get attempt() {
    return fingerprint(
      canonical(due.value),
      filled,
      terms.version,
      ...(due.kind === "group" && due.told !== undefined ? profile.users : [])
    )
  }
})
