/**
 * The ledger's contract with the store: claim, read, intend, settle.
 *
 * A worker claims dirty profiles *before* it reads them, so that a change which lands meanwhile makes them dirty again;
 * it writes to the ledger only what was acknowledged, in one transaction with the release of the claim; and every write
 * is fenced by the owner's epoch, so that an owner who lost the destination cannot write any more.
 *
 * @since 0.1.0
 */
import { Context, type Effect, type Option, Schema } from "effect"
import type { Json } from "../contract/Json.ts"
import type { BoundKeys } from "../contract/Key.ts"
import type { IdSet } from "../sets/IdSet.ts"
import type { Doubt, Item, KnownProfile, LedgerKind, LedgerKey, Settlement, Standing } from "./Plan.ts"

/**
 * The store did not answer, or refused.
 *
 * @category errors
 * @since 0.1.0
 */
export class LedgerError extends Schema.TaggedError<LedgerError>()("LedgerError", { reason: Schema.String }) {
  override get message(): string {
    return `The store failed: ${this.reason}`
  }
}

/**
 * Another process owns the destination now. What this one had in flight is sent again by the new owner.
 *
 * @category errors
 * @since 0.1.0
 */
export class Fenced extends Schema.TaggedError<Fenced>()("Fenced", { destination: Schema.String }) {
  override get message(): string {
    return `Another process has taken over destination "${this.destination}". This one stops writing to it.`
  }
}

/**
 * Since an activation was cleared, something has come in that it may have to be held for. Nothing is sent under that
 * clearance any more: ask again.
 *
 * @category errors
 * @since 0.1.0
 */
export class Uncleared extends Schema.TaggedError<Uncleared>()("Uncleared", { activation: Schema.Number }) {
  override get message(): string {
    return `Something has come in for activation ${this.activation} since it was cleared.`
  }
}

/**
 * Activations that may be claimed, each with what its clearance was decided by. Where that is `undefined` nothing is held
 * (a baseline, a preview), and nothing is compared.
 *
 * @category models
 * @since 0.1.0
 */
export type Cleared = ReadonlyMap<number, string | undefined>

/**
 * Proof of ownership: writes under an older epoch fail.
 *
 * @category models
 * @since 0.1.0
 */
export interface Ownership {
  readonly destination: string
  readonly epoch: bigint
}

/**
 * Profiles taken from the dirty sets, of one chunk or of many.
 *
 * @category models
 * @since 0.1.0
 */
export interface Claim {
  readonly owner: Ownership
  /** Whether it was taken from the live lane. */
  readonly isLive: boolean
  /** All claimed profiles. */
  readonly profiles: IdSet
  /** By activation, who of them was dirty for it. */
  readonly byActivation: ReadonlyMap<number, IdSet>
  /** How often identifiers had moved between profiles when it was taken. */
  readonly moves: number
  /** What its activations were cleared by. */
  readonly cleared: Cleared
  /** Names the claim's rows in the store: one for each activation and lane. */
  readonly rows: ReadonlyArray<{ readonly row: bigint; readonly activation: number }>
}

/**
 * What to claim.
 *
 * @category models
 * @since 0.1.0
 */
export interface ClaimRequest {
  /** Of these activations; what is pending for the first of them comes first. */
  readonly activations: ReadonlyArray<number>
  /** Only what is live, and not the backlog of a first sync (R31). */
  readonly liveOnly: boolean
  /** Profiles at most. */
  readonly limit: number
  /** What the activations were cleared by. Where that has changed, nothing is claimed (R36). */
  readonly cleared?: Cleared | undefined
}

/**
 * What to read of claimed profiles.
 *
 * @category models
 * @since 0.1.0
 */
export interface ReadRequest {
  readonly identifierTypes: ReadonlyArray<string>
  /** By what the vendor matches identifiers (R43); none where it matches by the spelling. */
  readonly keys: BoundKeys
  /** Whether the vendor joins identifiers: then it must be known which of several somebody else has too (R44). */
  readonly joins: boolean
  /** Whether traits are needed (required properties, mapped traits). */
  readonly traits: boolean
  /** Whether the users of accounts are needed. */
  readonly users: boolean
  /** Whether it is needed whom of them the destination has acknowledged. */
  readonly reached: boolean
  readonly kinds: ReadonlyArray<LedgerKind>
}

/**
 * Claimed profiles as they are now.
 *
 * @category models
 * @since 0.1.0
 */
export interface Reading {
  readonly profiles: ReadonlyArray<KnownProfile>
  readonly standing: (activation: number, profile: number) => Standing
}

/**
 * A rejection to remember.
 *
 * @category models
 * @since 0.1.0
 */
export interface RejectionRecord {
  readonly profile: number
  readonly settlement: Settlement
  readonly reason: string
  /** The call or member, as JSON; `null` where nothing could be made. */
  readonly payload: Json
}

/**
 * A job to ask about later, and what to take back should it turn out lost.
 *
 * @category models
 * @since 0.1.0
 */
export interface ReceiptRecord {
  readonly receipt: string
  readonly settlements: ReadonlyArray<Settlement>
  readonly profiles: ReadonlyArray<number>
}

/**
 * Profiles that wait before they are tried again.
 *
 * @category models
 * @since 0.1.0
 */
export interface Postponement {
  readonly profile: number
  readonly activation: number
  readonly reason: string
  /** Milliseconds; where absent, the store doubles the wait at each attempt. */
  readonly afterMillis: number | undefined
}

/**
 * A call or a member that is about to be sent.
 *
 * @category models
 * @since 0.1.0
 */
export type Intent = Pick<Item<unknown>, "profile" | "settles">

/**
 * What a claim will send, and what is known of the rest of it before anything is sent.
 *
 * @category models
 * @since 0.1.0
 */
export interface Intended {
  /** The store knows them before the vendor does. A crash leaves them in doubt. */
  readonly intents: ReadonlyArray<Intent>
  /** What the vendor's record has already, although no call said so of this identifier (R44). */
  readonly covered: ReadonlyArray<Settlement>
  /** What cannot be sent, such as a missing property. */
  readonly rejections: ReadonlyArray<RejectionRecord>
  /** Rejections to forget, as nothing is pending there any more. */
  readonly obsolete: ReadonlyArray<LedgerKey>
  /** Claimed profiles with nothing to send. */
  readonly released: ReadonlyArray<number>
}

/**
 * Everything that one settling transaction writes.
 *
 * @category models
 * @since 0.1.0
 */
export interface Settled {
  readonly acknowledged: ReadonlyArray<Settlement>
  /** What was sent and not answered: the vendor may have taken it, so it is sent again, an exit too. */
  readonly doubted: ReadonlyArray<Doubt>
  readonly rejections: ReadonlyArray<RejectionRecord>
  readonly receipts: ReadonlyArray<ReceiptRecord>
  readonly postponed: ReadonlyArray<Postponement>
  /** Claimed profiles with nothing left in flight. */
  readonly released: ReadonlyArray<number>
  /** Claimed profiles that go back to the dirty sets as they were. */
  readonly returned: ReadonlyArray<number>
}

/**
 * A settlement that writes nothing, to begin one with.
 *
 * @category constructors
 * @since 0.1.0
 */
export const nothingSettled: Settled = {
  doubted: [],
  acknowledged: [],
  rejections: [],
  receipts: [],
  postponed: [],
  released: [],
  returned: []
}

/**
 * What a destination has acknowledged, and what may differ from it.
 *
 * @category services
 * @since 0.1.0
 */
export class Ledger extends Context.Service<
  Ledger,
  {
    /** Takes dirty profiles that no claim holds, live lane first, if the activations are cleared still. */
    readonly claim: (
      owner: Ownership,
      request: ClaimRequest
    ) => Effect.Effect<Option.Option<Claim>, LedgerError | Fenced | Uncleared>
    /** Reads claimed profiles as they are now. */
    readonly read: (claim: Claim, request: ReadRequest) => Effect.Effect<Reading, LedgerError | Fenced>
    /**
     * Writes what is about to be sent, and releases the profiles with nothing to send, in one transaction, if the
     * activations are cleared still: what was read since the claim may be news.
     */
    readonly intend: (claim: Claim, intended: Intended) => Effect.Effect<void, LedgerError | Fenced | Uncleared>
    /** Writes outcomes and releases, in one transaction. */
    readonly settle: (claim: Claim, settled: Settled) => Effect.Effect<void, LedgerError | Fenced>
    /** Which traits the destination was made ready for, as `users:key`. */
    readonly prepared: (destination: string) => Effect.Effect<ReadonlySet<string>, LedgerError | Fenced>
    readonly markPrepared: (
      owner: Ownership,
      fields: ReadonlyArray<string>
    ) => Effect.Effect<void, LedgerError | Fenced>
  }
>()("@tributary/core/Ledger") {}
