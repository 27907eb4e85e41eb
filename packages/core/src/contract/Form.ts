/**
 * The two forms of a plugin: how calls reach an event destination, and how members reach a list destination.
 *
 * @since 0.1.0
 */
import type { Duration, Effect, Option } from "effect"
import type { Call, CallKind } from "./Call.ts"
import type { Client } from "./Client.ts"
import type { Collection } from "./Collection.ts"
import type { Batch } from "./Declaration.ts"
import type { DeliveryError } from "./DeliveryError.ts"
import type { Json } from "./Json.ts"
import type { Member } from "./Member.ts"
import type { JobResult, Outcome } from "./Outcome.ts"
import type { RateLimit } from "./RateLimit.ts"

/**
 * At least one.
 *
 * @category models
 * @since 0.1.0
 */
export type NonEmpty<A> = readonly [A, ...ReadonlyArray<A>]

/**
 * What a plugin's functions are given beside their items.
 *
 * @category models
 * @since 0.1.0
 */
export interface Context<out S> {
  readonly client: Client
  readonly settings: S
}

/**
 * A trait that an activation is about to write for the first time.
 *
 * @category models
 * @since 0.1.0
 */
export interface Field {
  readonly key: string
  /** The computation's name, for vendors that show one. */
  readonly title: string
  readonly collection: Collection
  /** A value that is about to be sent; `null` does not occur. */
  readonly sample: Json
}

/**
 * How calls reach an event destination: one call per identifier, in batches.
 *
 * @category models
 * @since 0.1.0
 */
export interface EventForm<S, T extends string, K extends CallKind, P> {
  readonly calls: ReadonlyArray<K>
  readonly batch: Batch
  /** Of this form's requests, in addition to the plugin's limits. Default: none of its own. */
  readonly limits?: ReadonlyArray<RateLimit>
  /** How long a request of this form may take: 1 second to 5 minutes. Default: the plugin's. */
  readonly timeout?: Duration.Input
  /**
   * Whether the vendor keeps a record for each identifier, or joins several on one record (R44). Where it joins, a call
   * is for a profile: `identifier` is the first that the profile has in the order of `requires.identifiers`, and
   * `siblings` are the others of the same record. Default: "identifier".
   */
  readonly per?: "identifier" | "profile"
  /** Whether one identify (or group) may carry several traits (R42). Default: false. */
  readonly coalesce?: boolean
  /**
   * Whether group calls should name the account's users. `"known"` is for vendors that put only people into an account
   * whom they know: the call is due again when one more of its users was acknowledged. Default: false.
   */
  readonly groupUsers?: boolean | "known"
  /** Makes the vendor ready for traits that it has not seen before. Called before their first delivery, once each. */
  readonly prepare?: (fields: NonEmpty<Field>, context: Context<S>) => Effect.Effect<void, DeliveryError>
  /** Delivers a batch: one outcome per call, in their order. */
  readonly deliver: (
    calls: NonEmpty<Call<NoInfer<K>, NoInfer<T>, NoInfer<P>>>,
    context: Context<S>
  ) => Effect.Effect<ReadonlyArray<Outcome>, DeliveryError>
  /** What became of a job. Needed where `deliver` returns `accepted`. */
  readonly poll?: (receipt: string, context: Context<S>) => Effect.Effect<JobResult, DeliveryError>
}

/**
 * A list as the operator names it.
 *
 * @category models
 * @since 0.1.0
 */
export interface ListName {
  readonly name: string
  readonly description: string
}

/**
 * How members reach a list destination: batches of adds and discards, on a cadence.
 *
 * @category models
 * @since 0.1.0
 */
export interface ListForm<S, T extends string, P> {
  /** The shortest time between two syncs of a list. Default, and floor of every default: one hour. */
  readonly cadence?: Duration.Input
  readonly batch: Batch
  /** Of this form's requests, in addition to the plugin's limits. Default: none of its own. */
  readonly limits?: ReadonlyArray<RateLimit>
  /** How long a request of this form may take: 1 second to 5 minutes. Default: the plugin's. */
  readonly timeout?: Duration.Input
  /** Whether the vendor takes members from before the list was set up (R30). Default: true. */
  readonly acceptsHistorical?: boolean
  /** Members are added again after this time, because the vendor lets them expire. Default: never. */
  readonly refreshAfter?: Duration.Input
  /** Creates a list and returns the vendor's id for it. */
  readonly create: (list: ListName, context: Context<S>) => Effect.Effect<string, DeliveryError>
  /** The vendor's id of the list with this name. */
  readonly find: (name: string, context: Context<S>) => Effect.Effect<Option.Option<string>, DeliveryError>
  readonly rename?: (list: string, to: ListName, context: Context<S>) => Effect.Effect<void, DeliveryError>
  /** Deletes the list. */
  readonly remove?: (list: string, context: Context<S>) => Effect.Effect<void, DeliveryError>
  /** Adds members: one outcome each, in their order. */
  readonly add: (
    list: string,
    members: NonEmpty<Member<NoInfer<T>, NoInfer<P>>>,
    context: Context<S>
  ) => Effect.Effect<ReadonlyArray<Outcome>, DeliveryError>
  /** Removes members: one outcome each, in their order. */
  readonly discard: (
    list: string,
    members: NonEmpty<Member<NoInfer<T>, NoInfer<P>>>,
    context: Context<S>
  ) => Effect.Effect<ReadonlyArray<Outcome>, DeliveryError>
  /** What became of a job. Needed where `add` or `discard` returns `accepted`. */
  readonly poll?: (receipt: string, context: Context<S>) => Effect.Effect<JobResult, DeliveryError>
}

// Method signatures, whose parameters TypeScript compares both ways: a form for declared calls stands where one for any
// call is asked for. The reconciler keeps the promise: it makes no call, and no member, that was not declared.
/**
 * An event form, whatever its plugin.
 *
 * @category models
 * @since 0.1.0
 */
export interface AnyEventForm {
  prepare?(fields: NonEmpty<Field>, context: Context<unknown>): Effect.Effect<void, DeliveryError>
  deliver(calls: NonEmpty<Call>, context: Context<unknown>): Effect.Effect<ReadonlyArray<Outcome>, DeliveryError>
  poll?(receipt: string, context: Context<unknown>): Effect.Effect<JobResult, DeliveryError>
}
/**
 * A list form, whatever its plugin.
 *
 * @category models
 * @since 0.1.0
 */
export interface AnyListForm {
  create(list: ListName, context: Context<unknown>): Effect.Effect<string, DeliveryError>
  find(name: string, context: Context<unknown>): Effect.Effect<Option.Option<string>, DeliveryError>
  rename?(list: string, to: ListName, context: Context<unknown>): Effect.Effect<void, DeliveryError>
  remove?(list: string, context: Context<unknown>): Effect.Effect<void, DeliveryError>
  add(
    list: string,
    members: NonEmpty<Member>,
    context: Context<unknown>
  ): Effect.Effect<ReadonlyArray<Outcome>, DeliveryError>
  discard(
    list: string,
    members: NonEmpty<Member>,
    context: Context<unknown>
  ): Effect.Effect<ReadonlyArray<Outcome>, DeliveryError>
  poll?(receipt: string, context: Context<unknown>): Effect.Effect<JobResult, DeliveryError>
}
