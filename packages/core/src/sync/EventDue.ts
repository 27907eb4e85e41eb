/**
 * Dues: calls that a profile is owed, before they are put together.
 *
 * @since 0.1.0
 */
import type { CallKind } from "../contract/Call.ts"
import { canonical, fingerprint, type Json } from "../contract/Json.ts"
import type { Target } from "./JoinedDues.ts"
import type { FilledTerms, KnownIdentifier, KnownProfile, Settlement, Standing, Task, Terms } from "./Plan.ts"

/**
 * A call that is due for one identifier.
 *
 * @category models
 * @since 0.1.0
 */
export interface Due {
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
 *
 * @category models
 * @since 0.1.0
 */
export class OpenDue implements Settlement {
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
 * The dues of one call.
 *
 * @category models
 * @since 0.1.0
 */
export type Group = readonly [OpenDue, ...ReadonlyArray<OpenDue>]

/**
 * What an account's call says of its users, and whom of them the vendor can have put into it.
 *
 * @category combinators
 * @since 0.1.0
 */
export const usersOf = ({ reached = [], users }: KnownProfile): ReadonlyArray<string> =>
  reached.length === 0 ? users : [...users, "", ...reached]
