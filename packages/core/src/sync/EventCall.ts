/**
 * Event calls: what dues become when they are sent.
 *
 * @since 0.1.0
 */
import { hash } from "node:crypto"
import type { Call, Identify, Personas } from "../contract/Call.ts"
import type { Identifier } from "../contract/Identifier.ts"
import { canonical, type Json } from "../contract/Json.ts"
import { type Due, type Group, usersOf } from "./EventDue.ts"
import { plain } from "./JoinedDues.ts"
import type { KnownProfile, Task } from "./Plan.ts"

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

/**
 * One call for all of these dues.
 *
 * @category constructors
 * @since 0.1.0
 */
export const makeCall = (group: Group, profile: KnownProfile, required: unknown): Call => {
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
