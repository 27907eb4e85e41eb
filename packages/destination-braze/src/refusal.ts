/**
 * What Braze is known to refuse, to misread or to drop in silence: told before anything is sent, by the one call that
 * is concerned.
 *
 * Lengths are counted in characters (code points), so that nothing is refused here that Braze would take.
 *
 * @since 0.1.0
 */
import type { Call, Identifier, Json } from "@tributary/core"

/**
 * The identifier types that Braze takes.
 *
 * @category models
 * @since 0.1.0
 */
export type IdentifierType = "user_id" | "email" | "phone" | "anonymous_id" | "braze_id"

/**
 * A call that Braze takes.
 *
 * @category models
 * @since 0.1.0
 */
export type BrazeCall = Call.Call<"identify" | "track", IdentifierType>

/**
 * Why Braze would not take this call, or `undefined` where nothing is known against it.
 *
 * @category combinators
 * @since 0.1.0
 */
export const refusal = (call: BrazeCall): string | undefined =>
  identifierRefusal(call.identifier) ??
  (call.type === "identify" ? traitsRefusal(call.traits) : eventRefusal(call.event, call.properties))

const maxCharacters = 255

// A string has no more characters than UTF-16 units, so most need no second count.
const isTooLong = (text: string) => text.length > maxCharacters && [...text].length > maxCharacters

/** "'external_id' must be fewer than 988 bytes" is Braze's own text. */
const maxExternalIdBytes = 987

const identifierRefusal = ({ type, value }: Identifier.Identifier<IdentifierType>): string | undefined => {
  if (value.trim() === "") return `The ${type} is empty.`
  if (type === "user_id") {
    return Buffer.byteLength(value) > maxExternalIdBytes
      ? "The user_id has 988 bytes or more; Braze takes fewer as external_id."
      : undefined
  }
  if (isTooLong(value)) return `The ${type} is longer than the 255 characters that Braze takes.`
  if (type === "email" && !/^[^\s@]+@[^\s@]+\.[^\s@.]+$/.test(value)) {
    return "The email is not a valid e-mail address, and Braze takes no other."
  }
  return undefined
}

const identityFields = new Set(["alias_label", "alias_name", "braze_id", "email", "external_id", "phone", "user_alias"])

const ownFields = new Set([
  "_merge_objects",
  "_update_existing_only",
  "bio",
  "current_location",
  "date_of_first_session",
  "date_of_last_session",
  "email_click_tracking_disabled",
  "email_open_tracking_disabled",
  "email_subscribe",
  "facebook",
  "marked_email_as_spam_at",
  "push_subscribe",
  "push_token_import",
  "push_tokens",
  "subscription_groups",
  "twitter"
])

/** Braze's own fields that say something about a person and change nothing else: an operator may map a trait to them. */
const textFields = new Set(["country", "first_name", "home_city", "image_url", "language", "last_name", "time_zone"])
const genders = new Set<Json.Json>(["M", "F", "O", "N", "P"])

/** Source: braze-docs `_docs/_api/objects_filters/user_attributes_object.md`, "Braze User Profile Fields". */
const fieldRefusal = (name: string, value: Json.Json): string | undefined => {
  if (identityFields.has(name)) {
    return `"${name}" is Braze's own and would change who the profile is. Give the trait another key.`
  }
  if (ownFields.has(name)) {
    return `"${name}" is Braze's own and would change how Braze treats the profile. Give the trait another key.`
  }
  if (value === null) return undefined
  if (textFields.has(name) && typeof value !== "string") {
    return `"${name}" is a field of Braze's own that takes text only. Give the trait another key.`
  }
  if (name === "gender" && !genders.has(value)) {
    return `"gender" is a field of Braze's own that takes M, F, O, N or P. Give the trait another key.`
  }
  if (name === "dob" && !(typeof value === "string" && /^\d{4}-\d{2}-\d{2}$/.test(value))) {
    return `"dob" is a field of Braze's own that takes a date as YYYY-MM-DD. Give the trait another key.`
  }
  return undefined
}

const traitsRefusal = (traits: Readonly<Record<string, Json.Json>>): string | undefined => {
  for (const [name, value] of Object.entries(traits)) {
    if (name === "") return "A trait has no name."
    if (isTooLong(name)) return "The name of a trait is longer than the 255 characters that Braze takes."
    const refused = fieldRefusal(name, value) ?? valueRefusal(name, value)
    if (refused !== undefined) return refused
  }
  return undefined
}

/** `{ inc: 5 }` as a value would add 5 to what Braze holds, again with every resend. */
const operators = new Set(["inc", "add", "remove", "update", "$add", "$remove", "$update"])

const valueRefusal = (name: string, value: Json.Json): string | undefined => {
  if (typeof value === "string") {
    return isTooLong(value) ? `The value of "${name}" is longer than the 255 characters that Braze takes.` : undefined
  }
  if (typeof value !== "object" || value === null) return undefined
  const operator = Array.isArray(value) ? undefined : Object.keys(value).find((key) => operators.has(key))
  if (operator !== undefined) {
    return `The value of "${name}" has the key "${operator}", which Braze reads as a command. Rename that key.`
  }
  const fault = nestedFault(value)
  return fault === undefined ? undefined : `The value of "${name}" holds ${fault}, and Braze would drop it in silence.`
}

/** One invalid nested value makes Braze drop all nested values of the object, behind a 201 (`post_user_track.md`). */
const nestedFault = (value: Json.Json): string | undefined => {
  if (value === null) return "a null"
  if (typeof value === "string") return isTooLong(value) ? "a text longer than 255 characters" : undefined
  if (typeof value !== "object") return undefined
  if (Array.isArray(value)) {
    for (const element of value) {
      const fault = Array.isArray(element) ? "an array within an array" : nestedFault(element)
      if (fault !== undefined) return fault
    }
    return undefined
  }
  for (const [key, field] of Object.entries(value)) {
    const fault = isTooLong(key) ? "a key longer than 255 characters" : nestedFault(field)
    if (fault !== undefined) return fault
  }
  return undefined
}

/** Source: braze-docs `_docs/_api/objects_filters/event_object.md`, "Event properties object" and "Reserved keys". */
const eventRefusal = (event: string, properties: Readonly<Record<string, Json.Json>>): string | undefined => {
  if (event === "") return "The event has no name."
  if (isTooLong(event)) return "The event's name is longer than the 255 characters that Braze takes."
  for (const [name, value] of Object.entries(properties)) {
    if (name === "") return "A property of the event has no name."
    if (isTooLong(name)) return "The name of a property is longer than the 255 characters that Braze takes."
    if (name.startsWith("$")) return `The property "${name}" begins with "$", which Braze refuses. Rename it.`
    if (name === "time" || name === "event_name") {
      return `The property "${name}" is reserved by Braze. Give the trait another key.`
    }
    if (typeof value === "string" && isTooLong(value)) {
      return `The property "${name}" is longer than the 255 characters that Braze takes.`
    }
  }
  return undefined
}
