/**
 * Activations: which computation is sent to which destination, and how.
 *
 * @since 0.1.0
 */
import { Duration } from "effect"
import type { CallKind } from "../contract/Call.ts"
import type { Audience, Computation } from "./Computation.ts"
import type { Destination, HasEvent, HasList } from "../contract/Destination.ts"

/**
 * Which of several identifiers of one type are sent (R23): all, the most recently added, or the first, and at most
 * how many. An exit goes to all that were sent, whatever the policy says.
 *
 * @category models
 * @since 0.1.0
 */
export type IdentifierPolicy =
  | "all"
  | "latest"
  | "first"
  | "none"
  | { readonly pick: "latest" | "first"; readonly max: number }

/**
 * When a sync waits for `approve` (R36): it would remove more than this share of the identifiers sent, of at
 * least this many profiles.
 *
 * @category models
 * @since 0.1.0
 */
export interface HoldPolicy {
  /** Between 0 and 1. Default: 0.3. */
  readonly share?: number
  /** Profiles. Default: 100. */
  readonly least?: number
}

interface CommonOptions {
  /** The name of the activation on the command line. Default: `<destination>/<key>`. */
  readonly id?: string
  /** Per identifier type. Default: `all` of every type that the plugin takes. */
  readonly identifiers?: Readonly<Record<string, IdentifierPolicy>>
  /** `false` takes today's members or values as known and sends only changes (R30). Default: true. */
  readonly historical?: boolean
  /** Whether an unchanged value is sent to a new identifier (R22). Default: true. */
  readonly newIdentifiers?: boolean
  /** When a sync waits for `approve` (R36); `false` never holds. Default: `{ share: 0.3, least: 100 }`. */
  readonly hold?: HoldPolicy | false
}

/**
 * What happens at the destination when an activation is taken out of the configuration (R39): `keep` changes nothing
 * there, `exit` sends an exit for everybody who was sent an entry. For exits the destination must stay in the
 * configuration until they are sent.
 *
 * @category models
 * @since 0.1.0
 */
export type OnRemoval = "keep" | "exit"

/**
 * Options of an activation on an event destination.
 *
 * @category models
 * @since 0.1.0
 */
export interface EventOptions<K extends CallKind = CallKind> extends CommonOptions {
  /** The kinds of calls to send. Default: `identify` for users and `group` for accounts, where the plugin accepts them. */
  readonly calls?: ReadonlyArray<K>
  /**
   * `"identifier"` sends a call for each identifier, also where the vendor joins them (R20, R44). Default: what the
   * plugin declares.
   */
  readonly per?: "identifier"
  /** Names of the track events (R10). Default: `Audience Entered`, `Audience Exited` and `Trait Computed`. */
  readonly events?: { readonly entered?: string; readonly exited?: string; readonly computed?: string }
  /**
   * An account audience as one call per account, or as calls for each of its users (R9). Default: `group` where the plugin
   * accepts group calls, else `users`.
   */
  readonly accounts?: "group" | "users"
  /** What happens at the destination when the activation is taken out of the configuration (R39). Default: `keep`. */
  readonly onRemoval?: OnRemoval
  /** Traits to send along: their name in the payload, and the trait's name on the profile (R25). */
  readonly traits?: Readonly<Record<string, string>>
}

/**
 * Options of an activation on a list destination.
 *
 * @category models
 * @since 0.1.0
 */
export interface ListOptions extends CommonOptions {
  /** Time between two syncs. Default: the plugin's cadence, one hour at least. */
  readonly every?: Duration.Input
  /** The list's name downstream. Default: the audience's name. */
  readonly name?: string
  /** As for events, or the list is deleted downstream. Default: `keep`. */
  readonly onRemoval?: OnRemoval | "delete"
}

/**
 * A computation that is sent to an event destination.
 *
 * @category models
 * @since 0.1.0
 */
export interface EventActivation<C extends Computation = Computation> {
  readonly _tag: "EventActivation"
  readonly id: string
  readonly computation: C
  readonly destination: Destination
  readonly options: EventOptions
}

/**
 * An audience that is sent to a list destination.
 *
 * @category models
 * @since 0.1.0
 */
export interface ListActivation<C extends Audience = Audience> {
  readonly _tag: "ListActivation"
  readonly id: string
  readonly computation: C
  readonly destination: Destination
  readonly options: ListOptions
}

/**
 * @category models
 * @since 0.1.0
 */
export type Activation<C extends Computation = Computation> = EventActivation<C> | ListActivation<C & Audience>

/**
 * Sends a computed trait or an audience to an event destination.
 *
 * @example
 * ```ts
 * Activation.events(firstTime, braze, { calls: ["identify", "track"], events: { entered: "Became a first-time shopper" } })
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const events = <C extends Computation, K extends CallKind>(
  computation: C,
  destination: Destination<HasEvent<K>>,
  options: EventOptions<NoInfer<K>> = {}
): EventActivation<C> => ({
  _tag: "EventActivation",
  id: options.id ?? `${destination.id}/${computation.key}`,
  computation,
  destination,
  options
})

/**
 * Sends an audience to a list destination.
 *
 * @example
 * ```ts
 * Activation.list(firstTime, ads, { every: "6 hours" })
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const list = <C extends Audience>(
  computation: C,
  destination: Destination<HasList>,
  options: ListOptions = {}
): ListActivation<C> => ({
  _tag: "ListActivation",
  id: options.id ?? `${destination.id}/${computation.key}`,
  computation,
  destination,
  options
})
