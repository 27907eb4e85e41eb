// Calls as the runtime makes them, for the tests of this package.
import type { Call, Json } from "@tributary/core"

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
