/**
 * Calls: what an event destination receives, one identify, track or group message for one identifier.
 *
 * A call is made from current data in the moment before it is sent, and never stored. A plugin maps it to its vendor's
 * wire form; `toMessage` is the mapping that Segment-compatible endpoints take, and the shape that rules R4–R12 name.
 *
 * @since 0.1.0
 */
import type { Identifier } from "./Identifier.ts"
import type { Json } from "./Json.ts"

/**
 * The kind of a call.
 *
 * @category models
 * @since 0.1.0
 */
export type CallKind = "identify" | "track" | "group"

/**
 * Where a call comes from: the first, or only, computation that it is about (R11).
 *
 * @category models
 * @since 0.1.0
 */
export interface Personas {
  readonly computation_class: "audience" | "trait"
  readonly computation_id: string
  readonly computation_key: string
  readonly namespace: string
  readonly space_id: string
}

interface CallBase<T extends string, P> {
  /** The identifier that the vendor is to find the person or account by. */
  readonly identifier: Identifier<T>
  /**
   * The profile's other identifiers, of types that the activation sends. Where the plugin's calls are per identifier,
   * each has a call of its own, and they stand here oldest first. Where they are per profile (R44), these are the ones
   * that belong on the same record, at most one of a type.
   */
  readonly siblings: ReadonlyArray<Identifier<T>>
  /**
   * Only where calls are per profile: siblings that were sent to before, when `identifier` was not known yet, so that
   * the vendor may keep a record of theirs. It is to be joined with this one.
   */
  readonly joins: ReadonlyArray<Identifier<T>>
  /**
   * Only where calls are per profile: whether the call is for a record that exists, and none is to be created: an exit,
   * or another address of a person whose own record has one already.
   */
  readonly existingOnly: boolean
  /**
   * Only where calls are per profile: for a further address of a person, the identifier that their own record is found
   * by. What has the address at the vendor may be that record, or somebody else's.
   */
  readonly beside?: Identifier<T> | undefined
  /** The properties that the plugin requires, filled in. */
  readonly required: P
  /** The same for a resend of the same change, so that a vendor can tell the two are one. */
  readonly messageId: string
  /** When the change was found, ISO 8601 in UTC. */
  readonly timestamp: string
  readonly personas: Personas
}

/**
 * Sets traits of a person: `{ total_revenue_180_days: 450 }`, or `{ first_time_shopper: true }`.
 *
 * **Details**
 *
 * A trait that disappeared is `null`. Where the plugin takes several traits in a call (`coalesce`), all that are due
 * for the identifier stand here, with the traits that the operator mapped onto the activation.
 *
 * @category models
 * @since 0.1.0
 */
export interface Identify<T extends string = string, P = unknown> extends CallBase<T, P> {
  readonly type: "identify"
  readonly traits: Readonly<Record<string, Json>>
}

/**
 * Tells of an event: `Trait Computed`, `Audience Entered`, `Audience Exited`, or the operator's names for them.
 *
 * @category models
 * @since 0.1.0
 */
export interface Track<T extends string = string, P = unknown> extends CallBase<T, P> {
  readonly type: "track"
  readonly event: string
  readonly properties: Readonly<Record<string, Json>>
}

/**
 * Sets traits of an account.
 *
 * @category models
 * @since 0.1.0
 */
export interface Group<T extends string = string, P = unknown> extends CallBase<T, P> {
  readonly type: "group"
  readonly groupId: string
  readonly traits: Readonly<Record<string, Json>>
  /** The `user_id`s of the account's users, where the plugin asks for them (`groupUsers`); else empty. */
  readonly users: ReadonlyArray<string>
}

/**
 * A call of one of the kinds `K`, for an identifier of one of the types `T`, with required properties `P`.
 *
 * @category models
 * @since 0.1.0
 */
export type Call<K extends CallKind = CallKind, T extends string = string, P = unknown> = Extract<
  Identify<T, P> | Track<T, P> | Group<T, P>,
  { readonly type: K }
>

/**
 * The call in Segment's own shape, as JSON.
 *
 * **Details**
 *
 * A `user_id` stands in `userId`; an email in `traits.email` of an identify and in `context.traits.email` of a track;
 * any other identifier in `context.externalIds` (R12).
 *
 * @category combinators
 * @since 0.1.0
 */
export const toMessage = (call: Call): { readonly [key: string]: Json } => {
  const { type, value } = call.identifier
  const isUser = type === "user_id"
  const isEmail = type === "email"
  const envelope = { messageId: call.messageId, timestamp: call.timestamp }
  const personas: Json = { ...call.personas }
  if (call.type === "group") {
    return { type: "group", groupId: call.groupId, traits: call.traits, context: { personas }, ...envelope }
  }
  const externalIds: ReadonlyArray<Json> =
    isUser || isEmail ? [] : [{ id: value, type, collection: "users", encoding: "none" }]
  const context = {
    personas,
    ...(externalIds.length === 0 ? {} : { externalIds }),
    ...(isEmail && call.type === "track" ? { traits: { email: value } } : {})
  }
  const who: { readonly [key: string]: Json } = isUser ? { userId: value } : {}
  return call.type === "identify"
    ? {
        type: "identify",
        ...who,
        traits: isEmail ? { ...call.traits, email: value } : call.traits,
        context,
        ...envelope
      }
    : { type: "track", ...who, event: call.event, properties: call.properties, context, ...envelope }
}
