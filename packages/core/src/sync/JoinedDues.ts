/**
 * What is due of a profile at a vendor that joins identifiers on one record (R44).
 *
 * One call is for the record: it is named by the first identifier type that the profile has, and carries one identifier
 * of each other type. Further addresses reach records that exist, and create none. Of an identifier that a call carried
 * the ledger remembers on which record it stands: so one that moves to another person is sent with that person's record,
 * and nobody's call reaches a record that is somebody else's.
 *
 * @since 0.1.0
 */
import type { CallKind } from "../contract/Call.ts"
import type { Identifier } from "../contract/Identifier.ts"
import type { Json } from "../contract/Json.ts"
import {
  chosen,
  type KnownIdentifier,
  type KnownProfile,
  recordIn,
  type Settlement,
  type Standing,
  standsOn,
  type Task
} from "./Plan.ts"

/**
 * The record that a call is for.
 *
 * @category models
 * @since 0.1.0
 */
export interface Target {
  readonly identifier: KnownIdentifier
  readonly siblings: ReadonlyArray<KnownIdentifier>
  readonly joins: ReadonlyArray<KnownIdentifier>
  readonly existingOnly: boolean
  /** Of a further address, what the person's own record is found by. */
  readonly beside?: KnownIdentifier | undefined
}

/**
 * One call to make, and the identifiers that its acknowledgement settles.
 *
 * @category models
 * @since 0.1.0
 */
export interface JoinedDue {
  readonly kind: CallKind
  readonly target: Target
  readonly carried: ReadonlyArray<Carried>
  readonly value: Json
  /** Why it cannot be sent, where that is known before. */
  readonly reason?: string | undefined
}

/**
 * An identifier of a call, and what the ledger is to remember of it: `undefined` for an exit.
 *
 * @category models
 * @since 0.1.0
 */
export interface Carried {
  readonly identifier: KnownIdentifier
  readonly sent: bigint | undefined
}

/**
 * What is due of one activation.
 *
 * @category models
 * @since 0.1.0
 */
export interface JoinedDues {
  readonly dues: ReadonlyArray<JoinedDue>
  /** What follows without a call: the record has it already, or the identifier stands on no record of its own. */
  readonly covered: ReadonlyArray<Settlement>
}

/**
 * What decides whether something is due.
 *
 * @category models
 * @since 0.1.0
 */
export interface Terms {
  /** The identifier types, in the order in which the vendor prefers them as a record's name. */
  readonly order: ReadonlyArray<string>
  readonly fingerprintOf: (kind: CallKind, value: Json) => bigint
  /** Whether just this was refused before. */
  readonly isRefused: (kind: CallKind, carried: Carried, value: Json) => boolean
}

/**
 * What is due of one activation to the records of a profile.
 *
 * @category combinators
 * @since 0.1.0
 */
export const joinedDues = (profile: KnownProfile, task: Task, standing: Standing, terms: Terms): JoinedDues => {
  const found = { dues: [] as Array<JoinedDue>, covered: [] as Array<Settlement> }
  for (const kind of task.calls) {
    const records = new Records(kind, profile, task, standing, terms, found)
    if (standing.value === undefined) records.exit()
    else records.keep(standing.value)
  }
  return found
}

interface Record {
  readonly main: KnownIdentifier
  readonly siblings: ReadonlyArray<KnownIdentifier>
  /** Identifiers of types that the record has one of already. */
  readonly extras: ReadonlyArray<KnownIdentifier>
}

/** The records of a profile, for one call kind of one activation. */
class Records {
  readonly #kind: CallKind
  readonly #profile: KnownProfile
  readonly #task: Task
  readonly #standing: Standing
  readonly #terms: Terms
  readonly #found: { readonly dues: Array<JoinedDue>; readonly covered: Array<Settlement> }

  constructor(
    kind: CallKind,
    profile: KnownProfile,
    task: Task,
    standing: Standing,
    terms: Terms,
    found: { readonly dues: Array<JoinedDue>; readonly covered: Array<Settlement> }
  ) {
    this.#kind = kind
    this.#profile = profile
    this.#task = task
    this.#standing = standing
    this.#terms = terms
    this.#found = found
  }

  /** The profile is out, or has no value: whatever stands alone exits, with what stands on its record. */
  exit() {
    const sent = this.#profile.identifiers.filter((each) => this.#mayExit(each))
    const alone = sent.filter((each) => this.#recordOf(each) === undefined)
    const numbers = new Set(this.#profile.identifiers.map(({ no }) => no))
    const carried = sent.filter((each) => numbers.has(this.#recordOf(each) ?? -1))
    if (this.#kind === "track") {
      // A person hears of an exit once.
      const main = this.#inOrder(alone)[0]
      if (main !== undefined) this.#leave(main, [...alone.filter((each) => each !== main), ...carried])
      return
    }
    const [first] = this.#inOrder(alone)
    for (const main of alone) {
      const own = carried.filter((each) => this.#recordOf(each) === main.no)
      this.#leave(main, own, main === first ? undefined : first)
    }
    const left = new Set(alone.map(({ no }) => no))
    for (const each of carried) if (!left.has(this.#recordOf(each) ?? -1)) this.#cover(each, undefined)
  }

  /** The profile is in, or has a value: its record has it, and what went from it exits. */
  keep(value: Json) {
    const picked = chosen(this.#profile, this.#task.identifiers)
    const record = this.#record(picked.filter(({ refusal }) => refusal === undefined))
    for (const each of this.#profile.identifiers) {
      if (!each.gone || !this.#mayExit(each)) continue
      const isHeardOf = this.#kind === "track" && record !== undefined && record.main.type !== each.type
      // An address that left a record stands on none of its own: an exit would reach its person.
      if (isHeardOf || this.#stands(each)) this.#cover(each, undefined)
      else this.#leave(each, [], record?.main)
    }
    if (record !== undefined) this.#enter(record, value)
    for (const each of picked) this.#refuse(each, value)
  }

  #enter({ extras, main, siblings }: Record, value: Json) {
    const wanted = this.#terms.fingerprintOf(this.#kind, value)
    const isTrack = this.#kind === "track"
    const own = isTrack ? [main, ...siblings, ...extras] : [main, ...siblings]
    const isKnown = [main, ...siblings, ...extras].some((each) => this.#sent(each) !== undefined)
    const carried = own
      .filter((each) => !(isKnown && this.#isUnasked(each)))
      // Two of one type are two records: an event that names one stands for both, and puts neither on the other's.
      .map((identifier) => ({ identifier, sent: identifier.type === main.type ? wanted : standsOn(main) }))
    const isDue = (each: Carried) => this.#isDue(each, value)
    if (isTrack && own.some((each) => this.#hasHeard(each, wanted))) {
      for (const each of carried) if (isDue(each)) this.#cover(each.identifier, each.sent)
    } else if (carried.some(isDue)) {
      const isNamedNow = this.#sent(main) === undefined
      const isAlone = (each: KnownIdentifier) => this.#sent(each) !== undefined && !this.#stands(each)
      const joins = isNamedNow ? siblings.filter(isAlone) : []
      this.#due({ identifier: main, siblings, joins, existingOnly: false }, carried, value)
    }
    if (isTrack) return
    for (const identifier of extras) {
      // One that stands on a record, ours or somebody else's, would reach no record of its own.
      if (this.#stands(identifier)) continue
      if (isKnown && this.#isUnasked(identifier)) continue
      const extra = { identifier, sent: wanted }
      if (isDue(extra)) this.#due(alone(identifier, identifier.type !== main.type, main), [extra], value)
    }
  }

  /** What the vendor cannot take is left out, and shown. */
  #refuse(identifier: KnownIdentifier, value: Json) {
    const { refusal } = identifier
    if (refusal === undefined || this.#sent(identifier) !== undefined) return
    const carried = { identifier, sent: this.#terms.fingerprintOf(this.#kind, value) }
    if (!this.#terms.isRefused(this.#kind, carried, value)) {
      this.#due(alone(identifier, true), [carried], value, refusal)
    }
  }

  #leave(main: KnownIdentifier, others: ReadonlyArray<KnownIdentifier>, beside?: KnownIdentifier) {
    const exit = this.#task.personas.computation_class === "audience" ? false : null
    const carried = [main, ...others].map((identifier) => ({ identifier, sent: undefined }))
    this.#due(alone(main, true, beside), carried, exit)
  }

  #due(target: Target, carried: ReadonlyArray<Carried>, value: Json, reason?: string) {
    this.#found.dues.push({ kind: this.#kind, target, carried, value, reason })
  }

  #cover(identifier: KnownIdentifier, sent: bigint | undefined) {
    const { activation } = this.#task
    this.#found.covered.push({
      activation,
      kind: this.#kind,
      identifier: identifier.no,
      of: identifier,
      sent,
      attempt: 0n
    })
  }

  #sent({ no }: KnownIdentifier): bigint | undefined {
    return this.#standing.sent(this.#kind, no)
  }

  #recordOf(identifier: KnownIdentifier): number | undefined {
    return recordIn(this.#sent(identifier))
  }

  /** Whether it stands on a record, whichever activation wrote it there: by itself it would reach that one. */
  #stands(identifier: KnownIdentifier): boolean {
    return identifier.isElsewhere === true || this.#recordOf(identifier) !== undefined
  }

  #mayExit(each: KnownIdentifier): boolean {
    return this.#sent(each) !== undefined && this.#standing.heldElsewhere?.(each.no) !== true
  }

  #isDue(carried: Carried, value: Json): boolean {
    const { identifier, sent } = carried
    return (
      (this.#sent(identifier) !== sent || this.#standing.again(this.#kind, identifier.no)) &&
      !this.#terms.isRefused(this.#kind, carried, value)
    )
  }

  /** Whether it is newer than the value, where those are not sent old values. */
  #isUnasked(each: KnownIdentifier): boolean {
    return this.#sent(each) === undefined && !this.#task.newIdentifiers && each.addedAt > this.#standing.changedAt
  }

  /** Whether the person has heard of this value by that identifier, or by the one whose record it stands on. */
  #hasHeard({ no }: KnownIdentifier, wanted: bigint): boolean {
    const { again, sent } = this.#standing
    const record = recordIn(sent(this.#kind, no)) ?? no
    const isOurs = record === no || this.#profile.identifiers.some((each) => each.no === record)
    return isOurs && sent(this.#kind, record) === wanted && !again(this.#kind, record)
  }

  #record(identifiers: ReadonlyArray<KnownIdentifier>): Record | undefined {
    const [main, ...siblings] = this.#inOrder(identifiers)
    if (main === undefined) return undefined
    return { main, siblings, extras: identifiers.filter((each) => each !== main && !siblings.includes(each)) }
  }

  /** One of each type, in the order of the types. */
  #inOrder(identifiers: ReadonlyArray<KnownIdentifier>): ReadonlyArray<KnownIdentifier> {
    if (identifiers.length < 2) return identifiers
    const inOrder: Array<KnownIdentifier> = []
    for (const type of this.#terms.order) {
      const policy = this.#task.identifiers[type]
      const isLatest = policy === "latest" || (typeof policy === "object" && policy.pick === "latest")
      const isOfType = (each: KnownIdentifier) => each.type === type
      // The first stays the same where others come.
      const pick = isLatest ? identifiers.findLast(isOfType) : identifiers.find(isOfType)
      if (pick !== undefined) inOrder.push(pick)
    }
    return inOrder
  }
}

/** Beside one of its own type there is nothing to mind: two of one type are two records. */
const alone = (identifier: KnownIdentifier, existingOnly: boolean, beside?: KnownIdentifier): Target => ({
  identifier,
  siblings: [],
  joins: [],
  existingOnly,
  beside: beside?.type === identifier.type ? undefined : beside
})

/**
 * Targets that are the same record: what is due to them travels together (R42).
 *
 * @category combinators
 * @since 0.1.0
 */
export const targetKey = ({ existingOnly, identifier, joins, siblings }: Target): string =>
  [identifier, ...siblings].map((each) => each.no).join(" ") + (existingOnly ? " existing" : "") + ` ${joins.length}`

/**
 * Identifiers as a call has them.
 *
 * @category combinators
 * @since 0.1.0
 */
export const plain = (identifiers: ReadonlyArray<KnownIdentifier>): ReadonlyArray<Identifier> =>
  identifiers.map(({ type, value }) => ({ type, value }))
