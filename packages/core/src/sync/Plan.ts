/**
 * Plans: what a profile's activations owe a destination. Here: the words that both forms of a plan share.
 *
 * Level-triggered and pure. What should be (present or not, with which value) is compared with what was told, per
 * identifier and call kind; the difference becomes calls (`EventPlan`) or members (`ListPlan`). Nothing here knows why a
 * profile is looked at, so a first sync, a change, a new identifier and a recovery after a crash are the same code.
 *
 * @since 0.1.0
 */
import { Result } from "effect"
import type { IdentifierPolicy } from "../activation/Activation.ts"
import type { CallKind, Personas } from "../contract/Call.ts"
import type { Facts, Requirements } from "../contract/Enrichment.ts"
import type { Enricher } from "../enrichment/Enricher.ts"
import type { Identifier } from "../contract/Identifier.ts"
import type { Json } from "../contract/Json.ts"
import { none, those } from "./ShortLists.ts"

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
  /** Whether calls are for identifiers, or for profiles whose identifiers the vendor joins (R44). */
  readonly per: "identifier" | "profile"
  readonly events: { readonly entered: string; readonly exited: string; readonly computed: string }
  readonly identifiers: Readonly<Record<string, IdentifierPolicy>>
  readonly newIdentifiers: boolean
  readonly traits: Readonly<Record<string, string>>
}

/**
 * An identifier as the ledger counts it: one for all spellings of a profile that the vendor cannot tell apart (R43). One
 * that is `gone` was taken from the profile and has no new holder.
 *
 * @category models
 * @since 0.1.0
 */
export interface KnownIdentifier extends Identifier {
  /** The number of its key in the ledger; its own where the vendor matches by the spelling. */
  readonly no: number
  readonly gone: boolean
  /** Why the vendor cannot take it, where that is known before it is sent. */
  readonly refusal?: string | undefined
  /**
   * Whether it stands on a record already, or another profile has it too. Known of one of several of a type, and of one
   * that went (R44).
   */
  readonly isElsewhere?: boolean | undefined
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
  /**
   * Those of them whom the destination has acknowledged, sorted, where the plugin asks (`groupUsers: "known"`). With one
   * more of them the account's call is due again.
   */
  readonly reached?: ReadonlyArray<string> | undefined
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
  readonly sent: (kind: LedgerKind, identifier: number) => bigint | undefined
  /** Whether it is to be told again though the ledger has it (`resync`, refresh). */
  readonly again: (kind: LedgerKind, identifier: number) => boolean
  /** Whether another profile that is wanted holds a spelling of the same key: then an exit would remove that one. */
  readonly heldElsewhere?: ((identifier: number) => boolean) | undefined
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
  /** The identifier as it stands in the call or member. */
  readonly of: Identifier
  /** The fingerprint to remember, or `undefined` to forget the identifier. */
  readonly sent: bigint | undefined
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
  /** The same in smaller calls, where it tells several things: one that is refused must not cost the others (R33). */
  readonly split?: (() => ReadonlyArray<Item<Payload>>) | undefined
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
export type LedgerKey = Pick<Settlement, "activation" | "kind" | "identifier">

/**
 * What was sent and not answered, with what its acknowledgement would have written: if the vendor took it, an identifier
 * stands on the record that it was sent with (R44).
 *
 * @category models
 * @since 0.1.0
 */
export type Doubt = LedgerKey & Pick<Settlement, "sent">

/**
 * What planning needs to know of the destination.
 *
 * @category models
 * @since 0.1.0
 */
export interface Terms {
  readonly requirements: Requirements
  readonly coalesce: boolean
  /** The identifier types that the vendor takes, in the order in which it prefers them. */
  readonly identifierTypes: ReadonlyArray<string>
  /** Plugin version and settings: a rejection under other terms is tried again. */
  readonly version: string
  readonly enricher: Enricher["Service"]
}

/**
 * What the ledger of an audience holds of everyone who was told `true`.
 *
 * @category constants
 * @since 0.1.0
 */
export const sentTrue = 1n

/**
 * What the ledger has, in place of a value's fingerprint, of an identifier that stands on the record of another (R44).
 *
 * @category constructors
 * @since 0.1.0
 */
export const standsOn = (main: Pick<KnownIdentifier, "no">): bigint => firstRecord | BigInt(main.no)

/**
 * The number of the identifier whose record it is, or `undefined` where it stands alone.
 *
 * @category combinators
 * @since 0.1.0
 */
export const recordIn = (sent: bigint | undefined): number | undefined =>
  sent !== undefined && sent >= firstRecord ? Number(BigInt.asUintN(32, sent)) : undefined

/** Values from here on are numbers of records, and no fingerprints. */
const firstRecord = 0xffff_ffff_0000_0000n

const pick = (candidates: ReadonlyArray<KnownIdentifier>, policy: IdentifierPolicy): ReadonlyArray<KnownIdentifier> => {
  if (policy === "all") return candidates
  if (policy === "none") return []
  const { max, pick: order } = typeof policy === "string" ? { max: 1, pick: policy } : policy
  return order === "first" ? candidates.slice(0, max) : candidates.slice(-max)
}

/**
 * The identifiers to tell of a value: those still held, as many of each type as the policy allows (R20, R21, R23).
 *
 * @category combinators
 * @since 0.1.0
 */
export const chosen = (profile: KnownProfile, policies: Task["identifiers"]): ReadonlyArray<KnownIdentifier> => {
  const held = those(profile.identifiers, isHeld)
  if (Object.keys(policies).length === 0) return held
  const types = [...new Set(held.map((identifier) => identifier.type))]
  return types.flatMap((type) =>
    pick(
      held.filter((identifier) => identifier.type === type),
      policies[type] ?? "all"
    )
  )
}

/**
 * Rejections on record for what is not due, of one kind.
 *
 * @category combinators
 * @since 0.1.0
 */
export const obsoleteRejections = (
  profile: KnownProfile,
  task: Task,
  standing: Standing,
  kind: LedgerKind,
  isDue: (identifier: KnownIdentifier) => boolean
): ReadonlyArray<LedgerKey> => {
  const refused = those(
    profile.identifiers,
    (identifier) => standing.rejected(kind, identifier.no) !== undefined && !isDue(identifier)
  )
  return refused.length === 0 ? none : refused.map(({ no }) => ({ activation: task.activation, kind, identifier: no }))
}

/**
 * The required properties of a profile, or what is missing; and either as text, which a rejection is remembered by.
 *
 * @category models
 * @since 0.1.0
 */
export type FilledTerms =
  | {
      readonly _tag: "Filled"
      readonly required: Readonly<Record<string, unknown>>
      /** Made when it is asked for. */
      readonly text: string
    }
  | { readonly _tag: "Missing"; readonly reason: string; readonly text: string }

const isHeld = ({ gone }: KnownIdentifier): boolean => !gone

const requiresAny = (requirements: Requirements): boolean => {
  for (const _ in requirements) return true
  return false
}

/** One getter for all, and not one for each of millions (bench `list`). */
class Filled {
  readonly _tag = "Filled"
  readonly required: Readonly<Record<string, unknown>>
  constructor(required: Readonly<Record<string, unknown>>) {
    this.required = required
  }
  get text(): string {
    return JSON.stringify(this.required)
  }
}

const nothingRequired: FilledTerms = { _tag: "Filled", required: {}, text: "{}" }

/**
 * Fills the properties that the plugin requires.
 *
 * @category combinators
 * @since 0.1.0
 */
export const fill = (profile: KnownProfile, terms: Terms): FilledTerms => {
  if (!requiresAny(terms.requirements)) return nothingRequired
  const facts: Facts = { traits: profile.traits, identifiers: those(profile.identifiers, isHeld) }
  const filled = terms.enricher.fill(terms.requirements, facts)
  if (Result.isSuccess(filled)) return new Filled(filled.success)
  const { filledFrom, property } = filled.failure
  return {
    _tag: "Missing",
    reason: `Missing property "${property}" (filled from ${filledFrom}). Nothing was sent; it goes out by itself when the profile has it.`,
    text: `missing ${property}`
  }
}
