/**
 * Plans: what a profile's activations owe a destination, as calls or members.
 *
 * Level-triggered and pure. What should be (present or not, with which value) is compared with what was told, per
 * identifier and call kind; the difference becomes calls. Nothing here knows why a profile is looked at, so a first
 * sync, a change, a new identifier and a recovery after a crash are the same code.
 *
 * @since 0.1.0
 */
import { Result } from "effect"
import { createHash } from "node:crypto"
import type { IdentifierPolicy } from "./Activation.ts"
import type { Call, CallKind, Personas } from "./Call.ts"
import type { Enricher, Facts, Requirements } from "./Enrichment.ts"
import type { Identifier } from "./Identifier.ts"
import { canonical, fingerprint, type Json } from "./Json.ts"
import type { Member } from "./Member.ts"

/**
 * What a ledger is kept for: each call kind, and list membership.
 *
 * @category models
 * @since 0.1.0
 */
export type LedgerKind = CallKind | "member"

/**
 * One activation, as far as planning goes.
 *
 * @category models
 * @since 0.1.0
 */
export interface Task {
  /** The activation's number in the store. */
  readonly activation: number
  readonly activationId: string
  readonly personas: Personas
  /** The computation's name, for vendors that show one. */
  readonly title: string
  readonly calls: ReadonlyArray<CallKind>
  readonly events: { readonly entered: string; readonly exited: string; readonly computed: string }
  readonly identifiers: Readonly<Record<string, IdentifierPolicy>>
  readonly newIdentifiers: boolean
  readonly traits: Readonly<Record<string, string>>
}

/**
 * An identifier as the store knows it. One that is `gone` was taken from the profile and has no new owner.
 *
 * @category models
 * @since 0.1.0
 */
export interface KnownIdentifier extends Identifier {
  readonly no: number
  readonly gone: boolean
  /** Epoch milliseconds: when the profile got it, or where it is gone, when it went. */
  readonly addedAt: number
}

/**
 * A profile as the store knows it, identifiers oldest first and of accepted types only.
 *
 * @category models
 * @since 0.1.0
 */
export interface KnownProfile {
  readonly no: number
  readonly traits: Readonly<Record<string, Json>>
  readonly identifiers: ReadonlyArray<KnownIdentifier>
  /** Of an account, where the plugin asks: the `user_id`s of its users, sorted. */
  readonly users: ReadonlyArray<string>
}

/**
 * How one profile stands with one activation.
 *
 * @category models
 * @since 0.1.0
 */
export interface Standing {
  /** What should be told: `undefined` where the profile is not in the audience, or has no value. */
  readonly value: Json | undefined
  /** When that was found, and by which evaluation. */
  readonly changedAt: number
  readonly evaluation: string
  /** What the ledger has: the fingerprint that was acknowledged. */
  readonly told: (kind: LedgerKind, identifier: number) => bigint | undefined
  /** Whether it is to be told again though the ledger has it (`resync`, refresh). */
  readonly again: (kind: LedgerKind, identifier: number) => boolean
  /** The fingerprint that was rejected last. */
  readonly rejected: (kind: LedgerKind, identifier: number) => bigint | undefined
}

/**
 * What an acknowledgement of an item writes to the ledger.
 *
 * @category models
 * @since 0.1.0
 */
export interface Settlement {
  readonly activation: number
  readonly kind: LedgerKind
  readonly identifier: number
  /** The fingerprint to remember, or `undefined` to forget the identifier. */
  readonly told: bigint | undefined
  /** What a rejection is remembered by. */
  readonly attempt: bigint
}

/**
 * One call or member to send, and what its acknowledgement settles.
 *
 * @category models
 * @since 0.1.0
 */
export interface Item<out Payload> {
  readonly profile: number
  readonly payload: Payload
  readonly settles: ReadonlyArray<Settlement>
}

/**
 * Something that cannot be sent at all.
 *
 * @category models
 * @since 0.1.0
 */
export interface Unsendable {
  readonly profile: number
  readonly settles: ReadonlyArray<Settlement>
  readonly reason: string
}

/**
 * A rejection that means nothing any more, because nothing is owed there: the person left, or the value is back to
 * what was told.
 *
 * @category models
 * @since 0.1.0
 */
export type Moot = Pick<Settlement, "activation" | "kind" | "identifier">

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
 * What planning needs to know of the destination.
 *
 * @category models
 * @since 0.1.0
 */
export interface Terms {
  readonly requirements: Requirements
  readonly coalesce: boolean
  /** Plugin version and settings: a rejection under other terms is tried again. */
  readonly version: string
  readonly enricher: Enricher["Service"]
}

/** What the ledger of an audience holds of everyone who was told `true`. */
export const toldTrue = 1n

const pick = (candidates: ReadonlyArray<KnownIdentifier>, policy: IdentifierPolicy): ReadonlyArray<KnownIdentifier> => {
  if (policy === "all") return candidates
  if (policy === "none") return []
  const { max, pick: order } = typeof policy === "string" ? { max: 1, pick: policy } : policy
  return order === "first" ? candidates.slice(0, max) : candidates.slice(-max)
}

/** The identifiers to tell of a value: those still held, as many of each type as the policy allows (R20, R21, R23). */
const chosen = (profile: KnownProfile, policies: Task["identifiers"]): ReadonlyArray<KnownIdentifier> => {
  const held = profile.identifiers.filter((identifier) => !identifier.gone)
  if (Object.keys(policies).length === 0) return held
  const types = [...new Set(held.map((identifier) => identifier.type))]
  return types.flatMap((type) =>
    pick(
      held.filter((identifier) => identifier.type === type),
      policies[type] ?? "all"
    )
  )
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
  createHash("sha256").update(texts.join("\u0000")).digest("base64url").slice(0, 27)

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
      identifier.value
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

/**
 * The calls that a profile is owed, over all activations of one destination.
 *
 * @category combinators
 * @since 0.1.0
 */
export const events = (
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
    const settlement = settlementOf(due, filled.text, terms)
    return due.standing.rejected(due.kind, due.identifier.no) === settlement.attempt ? [] : [{ ...due, settlement }]
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

/** Rejections on record for what is not due. */
const mootRejections = (
  profile: KnownProfile,
  task: Task,
  standing: Standing,
  kinds: ReadonlyArray<LedgerKind>,
  dues: ReadonlyArray<{ readonly kind: LedgerKind; readonly identifier: KnownIdentifier }>
): ReadonlyArray<Moot> =>
  kinds.flatMap((kind) =>
    profile.identifiers
      .filter(
        (identifier) =>
          standing.rejected(kind, identifier.no) !== undefined &&
          !dues.some((due) => due.kind === kind && due.identifier === identifier)
      )
      .map(({ no }) => ({ activation: task.activation, kind, identifier: no }))
  )

type FilledTerms =
  | { readonly _tag: "Filled"; readonly required: Readonly<Record<string, unknown>>; readonly text: string }
  | { readonly _tag: "Missing"; readonly reason: string; readonly text: string }

const fill = (profile: KnownProfile, terms: Terms): FilledTerms => {
  const facts: Facts = { traits: profile.traits, identifiers: profile.identifiers.filter((known) => !known.gone) }
  return Result.match(terms.enricher.fill(terms.requirements, facts), {
    onSuccess: (required): FilledTerms => ({ _tag: "Filled", required, text: JSON.stringify(required) }),
    onFailure: ({ filledFrom, property }): FilledTerms => ({
      _tag: "Missing",
      reason: `Missing property "${property}" (filled from ${filledFrom}). Nothing was sent; it goes out by itself when the profile has it.`,
      text: `missing ${property}`
    })
  })
}

const settlementOf = (due: Due, filled: string, terms: Terms): Settlement => ({
  activation: due.task.activation,
  kind: due.kind,
  identifier: due.identifier.no,
  told: due.told,
  attempt: fingerprint(canonical(due.value), filled, terms.version)
})

const byType = (identifiers: ReadonlyArray<KnownIdentifier>): Record<string, Array<string>> => {
  const values: Record<string, Array<string>> = {}
  for (const { type, value } of identifiers) (values[type] ??= []).push(value)
  return values
}

/**
 * What a profile is owed by a list: at most one add with all its identifiers, and one discard of what must go.
 *
 * @category combinators
 * @since 0.1.0
 */
export const list = (profile: KnownProfile, task: Task, standing: Standing, terms: Terms): ListPlan => {
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
  const settle = (identifiers: ReadonlyArray<KnownIdentifier>, fingerprintTold: bigint | undefined) => {
    const values = identifiers.map((identifier) => `${identifier.type}:${identifier.value}`)
    const attempt = fingerprint(String(fingerprintTold), filled?.text ?? "", terms.version, ...values)
    return identifiers.map(({ no }): Settlement => ({
      activation: task.activation,
      kind: "member",
      identifier: no,
      told: fingerprintTold,
      attempt
    }))
  }
  const isKnownRejection = (settles: ReadonlyArray<Settlement>) =>
    settles.every(({ attempt, identifier }) => standing.rejected("member", identifier) === attempt)

  const discards: Array<Item<Member>> = []
  if (leaving.length > 0) {
    const settles = settle(leaving, undefined)
    if (!isKnownRejection(settles)) {
      discards.push({ profile: profile.no, payload: { identifiers: byType(leaving), required: {} }, settles })
    }
  }
  if (filled === undefined) return { adds: [], discards, unsendable: [], moot }
  const settles = settle(wanted, toldTrue)
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
