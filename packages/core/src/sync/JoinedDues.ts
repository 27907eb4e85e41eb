/**
 * What is due of a profile at a vendor that joins identifiers on one record (R44).
 *
 * One call is for the record: it is named by the first identifier type that the profile has, and carries one identifier
 * of each other type. Further addresses reach records that exist, and create none. The ledger remembers every identifier
 * that a call carried, so that nobody hears of an entry twice.
 *
 * @since 0.1.0
 */
import type { CallKind } from "../contract/Call.ts"
import type { Identifier } from "../contract/Identifier.ts"
import type { Json } from "../contract/Json.ts"
import { chosen, type KnownIdentifier, type KnownProfile, type Settlement, type Standing, type Task } from "./Plan.ts"

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
  readonly carried: ReadonlyArray<KnownIdentifier>
  readonly value: Json
  /** The fingerprint to remember, or `undefined` for an exit. */
  readonly sent: bigint | undefined
  /** Why it cannot be sent, where that is known before. */
  readonly reason?: string | undefined
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

interface Record {
  readonly main: KnownIdentifier
  readonly siblings: ReadonlyArray<KnownIdentifier>
  /** Identifiers of types that the record has one of already. */
  readonly extras: ReadonlyArray<KnownIdentifier>
}

/** Of several of one type: the newest where the policy asks for the latest, else the first, which stays the same. */
const pickOf = (type: string, own: ReadonlyArray<KnownIdentifier>, { identifiers }: Task) => {
  const policy = identifiers[type]
  const isLatest = policy === "latest" || (typeof policy === "object" && policy.pick === "latest")
  return isLatest ? own.at(-1) : own[0]
}

const recordOf = (
  identifiers: ReadonlyArray<KnownIdentifier>,
  order: ReadonlyArray<string>,
  task: Task
): Record | undefined => {
  const [main, ...siblings] = order.flatMap((type) => {
    const pick = pickOf(
      type,
      identifiers.filter((each) => each.type === type),
      task
    )
    return pick === undefined ? [] : [pick]
  })
  if (main === undefined) return undefined
  return { main, siblings, extras: identifiers.filter((each) => each !== main && !siblings.includes(each)) }
}

const alone = (identifier: KnownIdentifier, existingOnly: boolean, beside?: KnownIdentifier): Target => ({
  identifier,
  siblings: [],
  joins: [],
  existingOnly,
  beside
})

/** Two of one type are two records. */
const besideOf = (extra: KnownIdentifier, main: KnownIdentifier) => (extra.type === main.type ? undefined : main)

/**
 * What is due of one activation to the records of a profile.
 *
 * @category combinators
 * @since 0.1.0
 */
export const joinedDues = (
  profile: KnownProfile,
  task: Task,
  standing: Standing,
  order: ReadonlyArray<string>,
  fingerprintOf: (kind: CallKind, value: Json) => bigint,
  isRefused: (kind: CallKind, identifier: KnownIdentifier, value: Json, sent: bigint | undefined) => boolean
): JoinedDues => {
  const dues: Array<JoinedDue> = []
  const covered: Array<Settlement> = []
  const exit = task.personas.computation_class === "audience" ? false : null
  const { value } = standing
  const picked = value === undefined ? [] : chosen(profile, task.identifiers)
  const record = recordOf(
    picked.filter((each) => each.refusal === undefined),
    order,
    task
  )
  for (const kind of task.calls) {
    const sentOf = ({ no }: KnownIdentifier) => standing.sent(kind, no)
    const cover = (identifier: KnownIdentifier, sent: bigint | undefined) =>
      covered.push({ activation: task.activation, kind, identifier: identifier.no, of: identifier, sent, attempt: 0n })
    const exits = profile.identifiers.filter(
      (each) =>
        (value === undefined || each.gone) && sentOf(each) !== undefined && standing.heldElsewhere?.(each.no) !== true
    )
    if (value === undefined) {
      leave(kind, exits)
      continue
    }
    for (const identifier of exits) {
      // An address that left a person stands on no record of its own, as long as the record has a better name.
      if (record !== undefined && record.main.type !== identifier.type) cover(identifier, undefined)
      else leave(kind, [identifier])
    }
    if (record !== undefined) enter(kind, record, value)
    refuse(kind, value)

    /** What the vendor cannot take is left out, and shown. */
    function refuse(kind: CallKind, value: Json) {
      for (const identifier of picked) {
        if (identifier.refusal === undefined || sentOf(identifier) !== undefined) continue
        const sent = fingerprintOf(kind, value)
        if (isRefused(kind, identifier, value, sent)) continue
        const reason = identifier.refusal
        dues.push({ kind, target: alone(identifier, true), carried: [identifier], value, sent, reason })
      }
    }

    function leave(kind: CallKind, those: ReadonlyArray<KnownIdentifier>) {
      const left = recordOf(those, order, task)
      if (left === undefined) return
      const { extras, main, siblings } = left
      const isEvent = kind === "track"
      dues.push({
        kind,
        target: alone(main, true),
        carried: [main, ...siblings, ...(isEvent ? extras : [])],
        value: exit,
        sent: undefined
      })
      if (isEvent) return
      for (const extra of extras) {
        dues.push({
          kind,
          target: alone(extra, true, besideOf(extra, main)),
          carried: [extra],
          value: exit,
          sent: undefined
        })
      }
    }

    function enter(kind: CallKind, { extras, main, siblings }: Record, value: Json) {
      const wanted = fingerprintOf(kind, value)
      const own = [main, ...siblings]
      const everybody = [...own, ...extras]
      const isKnown = everybody.some((each) => sentOf(each) !== undefined)
      const isNewer = (each: KnownIdentifier) =>
        isKnown && sentOf(each) === undefined && !task.newIdentifiers && each.addedAt > standing.changedAt
      const isDue = (each: KnownIdentifier) =>
        !isNewer(each) &&
        (sentOf(each) !== wanted || standing.again(kind, each.no)) &&
        !isRefused(kind, each, value, wanted)
      const joins = sentOf(main) === undefined ? siblings.filter((each) => sentOf(each) !== undefined) : []
      const target: Target = { identifier: main, siblings, joins, existingOnly: false }
      if (kind === "track") {
        // An event is heard once by a person, whatever addresses they are known by.
        const hasHeard = everybody.some((each) => sentOf(each) === wanted && !standing.again(kind, each.no))
        if (!hasHeard && everybody.some(isDue)) {
          dues.push({ kind, target, carried: everybody.filter((each) => !isNewer(each)), value, sent: wanted })
        } else for (const each of everybody.filter(isDue)) cover(each, wanted)
        return
      }
      if (own.some(isDue)) {
        dues.push({ kind, target, carried: own.filter((each) => !isNewer(each)), value, sent: wanted })
      }
      for (const extra of extras.filter(isDue)) {
        const existingOnly = extra.type !== main.type
        dues.push({
          kind,
          target: alone(extra, existingOnly, besideOf(extra, main)),
          carried: [extra],
          value,
          sent: wanted
        })
      }
    }
  }
  return { dues, covered }
}

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
