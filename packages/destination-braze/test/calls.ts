// Calls as the runtime makes them, for the tests of this package.
import type { Call, Identifier, Json } from "@tributary/core"
import type { BrazeCall } from "../src/refusal.ts"

type IdentifierType = "user_id" | "email" | "phone" | "anonymous_id" | "braze_id"

const envelope = (type: IdentifierType, value: string, computationClass: "audience" | "trait", key: string) => ({
  identifier: { type, value },
  required: {},
  messageId: `message-${value}-${key}`,
  timestamp: "2026-11-23T09:30:00.000Z",
  siblings: [],
  joins: [],
  existingOnly: false,
  personas: {
    computation_class: computationClass,
    computation_id: `acme/${key}`,
    computation_key: key,
    namespace: "acme",
    space_id: "acme"
  }
})

export const identify = (
  type: IdentifierType,
  value: string,
  traits: Readonly<Record<string, Json.Json>>
): Call.Identify<IdentifierType, {}> => ({
  type: "identify",
  ...envelope(type, value, "trait", Object.keys(traits)[0] ?? "none"),
  traits
})

export const track = (
  type: IdentifierType,
  value: string,
  event: string,
  properties: Readonly<Record<string, Json.Json>>
): Call.Track<IdentifierType, {}> => ({
  type: "track",
  ...envelope(type, value, "audience", String(properties["audience_key"] ?? properties["trait_key"] ?? "none")),
  event,
  properties
})

export const entered = (type: IdentifierType, value: string) =>
  track(type, value, "Audience Entered", { audience_key: "first_time_shopper", first_time_shopper: true })

/** Identifiers as the runtime gives them: `{ email: "ada@example.com" }`. */
type Others = { readonly [K in IdentifierType]?: string }

const listed = (others: Others = {}): ReadonlyArray<Identifier.Identifier<IdentifierType>> =>
  (["user_id", "braze_id", "anonymous_id", "email", "phone"] as const).flatMap((type) => {
    const value = others[type]
    return value === undefined ? [] : [{ type, value }]
  })

/** A call for a record that other identifiers belong to as well. */
export const beside = <C extends BrazeCall>(call: C, siblings: Others, joins?: Others): C => ({
  ...call,
  siblings: listed(siblings),
  joins: listed(joins)
})

/** A call that creates no record. */
export const existing = <C extends BrazeCall>(call: C): C => ({ ...call, existingOnly: true })
