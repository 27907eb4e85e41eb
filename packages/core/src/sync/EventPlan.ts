/**
 * Event plans: what a profile is owed as calls, over all event activations of a destination.
 *
 * @since 0.1.0
 */
import { Array as Arr } from "effect"
import { hash } from "node:crypto"
import type { Call, CallKind, Identify, Personas } from "../contract/Call.ts"
import type { Identifier } from "../contract/Identifier.ts"
import { canonical, fingerprint, type Json } from "../contract/Json.ts"
import { joinedDues, plain, type Target, targetKey } from "./JoinedDues.ts"
import {
  chosen,
  fill,
  type FilledTerms,
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
    const own =
      task.per === "profile" ? joined(profile, task, standing, terms, covered) : dueCalls(profile, task, standing)
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

/** What an account's call says of its users, and whom of them the vendor can have put into it. */
const usersOf = ({ reached = [], users }: KnownProfile): ReadonlyArray<string> =>
  reached.length === 0 ? users : [...users, "", ...reached]

/** What the destination should know of this value: an audience's `true` is one bit, a trait's value a fingerprint. */
const wantedFingerprint = (task: Task, kind: LedgerKind, value: Json, profile: KnownProfile): bigint =>
  kind === "group" && profile.users.length > 0
    ? fingerprint(canonical(value), ...usersOf(profile))
    : task.personas.computation_class === "audience"
      ? sentTrue
      : fingerprint(canonical(value))

interface Due {
  readonly task: Task
  readonly kind: CallKind
  readonly identifier: KnownIdentifier
  readonly value: Json
  readonly sent: bigint | undefined
  readonly standing: Standing
  /** The record that it is due to, where the vendor joins identifiers. */
  readonly target: Target | undefined
  /** Why it cannot be sent, where that is known. */
  readonly reason: string | undefined
}

/**
 * A due call, which is what its acknowledgement settles: one object for both. What only a rejection needs is computed
 * when it is asked for (bench `event`).
 */
class OpenDue implements Settlement {
  readonly activation: number
  readonly kind: CallKind
  readonly identifier: number
  readonly of: KnownIdentifier
  readonly sent: bigint | undefined
  readonly due: Due
  readonly #profile: KnownProfile
  readonly #filled: FilledTerms
  readonly #terms: Terms

  constructor(due: Due, profile: KnownProfile, filled: FilledTerms, terms: Terms) {
    this.activation = due.task.activation
    this.kind = due.kind
    this.identifier = due.identifier.no
    this.of = due.identifier
    this.sent = due.sent
    this.due = due
    this.#profile = profile
    this.#filled = filled
    this.#terms = terms
  }

  /** Users of an account that were refused with it are part of what was refused; an exit does not concern them. */
  get attempt(): bigint {
    const users = this.kind === "group" && this.sent !== undefined ? usersOf(this.#profile) : []
    return fingerprint(canonical(this.due.value), this.#filled.text, this.#terms.version, ...users)
  }

  /** Whether just this was refused before. */
  get isRefused(): boolean {
    const rejected = this.due.standing.rejected(this.kind, this.identifier)
    return rejected !== undefined && rejected === this.attempt
  }
}

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

const digest = (...texts: ReadonlyArray<string>): string =>
  hash("sha256", texts.join("\u0000"), "base64url").slice(0, 27)

const eventName = ({ task, value, sent }: Due): string =>
  task.personas.computation_class === "trait"
    ? task.events.computed
    : sent === undefined || value === false
      ? task.events.exited
      : task.events.entered

/** The traits that an operator mapped onto the activation, added to others. */
const addMapped = (traits: Record<string, Json>, task: Task, profile: KnownProfile) => {
  for (const [name, trait] of Object.entries(task.traits)) {
    const value = profile.traits[trait]
    if (value !== undefined) traits[name] = value
  }
}

const nobody: ReadonlyArray<Identifier> = []

/** An identifier that is gone stands alone: what it tells must not touch the record of those that remain. */
const siblingsOf = ({ identifier, target, task }: Due, profile: KnownProfile): ReadonlyArray<Identifier> =>
  target !== undefined
    ? plain(target.siblings)
    : identifier.gone || profile.identifiers.length === 1
      ? nobody
      : profile.identifiers
          .filter((other) => other !== identifier && !other.gone && task.identifiers[other.type] !== "none")
          .map(({ type, value }) => ({ type, value }))

const besideOf = ({ target }: Due): Identifier | undefined =>
  target?.beside === undefined ? undefined : { type: target.beside.type, value: target.beside.value }

/** With the value, or with the identifier: an old value is news to a new identifier, and for one that went or moved. */
const foundAt = (due: Due): number => Math.max(due.standing.changedAt, due.identifier.addedAt)

const lastFoundAt = (group: Group): number => {
  let last = foundAt(group[0].due)
  for (const { due } of group) last = Math.max(last, foundAt(due))
  return last
}

/** One call for all of these. */
const makeCall = (group: Group, profile: KnownProfile, required: unknown): Call => {
  const [{ due }] = group
  if (due.kind === "identify") return new LazyIdentify(group, profile, required)
  const { identifier, kind, task, value } = due
  const { personas } = task
  const { type, value: id } = due.target?.identifier ?? identifier
  const base = {
    identifier: { type, value: id },
    siblings: siblingsOf(due, profile),
    joins: due.target === undefined ? nobody : plain(due.target.joins),
    existingOnly: due.target?.existingOnly === true,
    beside: besideOf(due),
    required,
    personas,
    timestamp: isoOf(lastFoundAt(group)),
    messageId: messageIdOf(group, profile)
  }
  if (kind === "group") {
    return { type: "group", ...base, groupId: id, traits: traitsOf(group, profile), users: profile.users }
  }
  const { computation_class, computation_key } = personas
  const property = computation_class === "audience" ? "audience_key" : "trait_key"
  const mapped: Record<string, Json> = {}
  addMapped(mapped, task, profile)
  const properties = { ...mapped, [property]: computation_key, [computation_key]: value }
  return { type: "track", ...base, event: eventName(due), properties }
}

/**
 * An identify whose message id is made when it is asked for: there are millions of these, and few plugins ask (bench
 * `event`). The getter is each object's own, so that a copy has the id, and one function, as V8 gives an object with a
 * function of its own a shape of its own.
 */
class LazyIdentify implements Identify {
  readonly type = "identify"
  readonly identifier: Identifier
  readonly siblings: ReadonlyArray<Identifier>
  readonly joins: ReadonlyArray<Identifier>
  readonly existingOnly: boolean
  readonly beside: Identifier | undefined
  readonly required: unknown
  readonly personas: Personas
  readonly timestamp: string
  declare readonly messageId: string
  readonly traits: Readonly<Record<string, Json>>
  readonly #group: Group
  readonly #profile: KnownProfile

  static readonly #messageId: PropertyDescriptor & ThisType<LazyIdentify> = {
    enumerable: true,
    get() {
      return messageIdOf(this.#group, this.#profile)
    }
  }

  constructor(group: Group, profile: KnownProfile, required: unknown) {
    const { due } = group[0]
    const { target, task } = due
    const { type, value } = target?.identifier ?? due.identifier
    this.identifier = { type, value }
    this.siblings = siblingsOf(due, profile)
    this.joins = target === undefined ? nobody : plain(target.joins)
    this.existingOnly = target?.existingOnly === true
    this.beside = besideOf(group[0].due)
    this.required = required
    this.personas = task.personas
    this.timestamp = isoOf(lastFoundAt(group))
    Object.defineProperty(this, "messageId", LazyIdentify.#messageId)
    this.traits = traitsOf(group, profile)
    this.#group = group
    this.#profile = profile
  }
}

const traitsOf = (group: Group, profile: KnownProfile): Readonly<Record<string, Json>> => {
  const traits: Record<string, Json> = {}
  for (const { due } of group) {
    addMapped(traits, due.task, profile)
    traits[due.task.personas.computation_key] = due.value
  }
  return traits
}

/** The last one written: an evaluation finds thousands at the same instant. */
let lastIso = { millis: 0, text: new Date(0).toISOString() }

const isoOf = (millis: number): string => {
  if (lastIso.millis !== millis) lastIso = { millis, text: new Date(millis).toISOString() }
  return lastIso.text
}

const messageIdOf = (group: Group, profile: KnownProfile): string => {
  const { identifier, kind, target } = group[0].due
  return digest(
    ...group.flatMap(({ due }) => [
      due.task.activationId,
      due.kind,
      due.standing.evaluation,
      String(foundAt(due)),
      canonical(due.value)
    ]),
    ...(target === undefined ? [identifier.type, identifier.value] : [target.identifier.type, target.identifier.value]),
    // Other users of an account are another change, though its value is the same.
    ...(kind === "group" ? usersOf(profile) : [])
  )
}

/** The dues of one call. */
type Group = readonly [OpenDue, ...ReadonlyArray<OpenDue>]

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
