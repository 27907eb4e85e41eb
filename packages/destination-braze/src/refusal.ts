/**
 * What Braze is known to refuse, to misread or to drop in silence: told before anything is sent, by the one call that
 * is concerned.
 *
 * Lengths are counted in characters (code points), so that nothing is refused here that Braze would take.
 *
 * @since 0.1.0
 */
import type { Call, Json } from "@tributary/core"
import { type IdentifierType, isTooLong, keyOf, reasonOf } from "./keys.ts"

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
  identifierRefusal(call) ??
  (call.type === "identify" ? traitsRefusal(call) : eventRefusal(call.event, call.properties))

const identifierRefusal = ({ identifier: { type, value } }: BrazeCall): string | undefined => {
  const reason = reasonOf(type, value)
  return reason === undefined ? undefined : `${type} is refused: ${reason}.`
}

const identityFields = new Set(["alias_label", "alias_name", "braze_id", "external_id", "user_alias"])

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

/**
 * A trait named `email` or `phone` is a plain attribute of a profile that is named by something else. Where the profile is
 * named by an address, another one would name another profile.
 */
const addressRefusal = (name: "email" | "phone", value: Json.Json, { existingOnly, identifier }: BrazeCall) => {
  if (identifier.type === name || (identifier.type === "phone" && name === "email")) {
    // The record's own call carries it; this one reaches others by their address, and leaves the trait out.
    if (existingOnly) return undefined
    return typeof value === "string" && identifier.type === name && keyOf(name, value) === keyOf(name, identifier.value)
      ? undefined
      : `A trait named "${name}" would change who the profile is, as it is known by ${identifier.type} alone. Give the trait another key.`
  }
  if (value === null) return undefined
  const reason = typeof value === "string" ? reasonOf(name, value) : "it is not a text"
  return reason === undefined ? undefined : `The value of "${name}" is refused: ${reason}.`
}

const traitsRefusal = (call: Extract<BrazeCall, { readonly type: "identify" }>): string | undefined => {
  for (const [name, value] of Object.entries(call.traits)) {
    if (name === "") return "A trait has no name."
    if (isTooLong(name)) return "The name of a trait is longer than the 255 characters that Braze takes."
    const refused =
      name === "email" || name === "phone"
        ? addressRefusal(name, value, call)
        : (fieldRefusal(name, value) ?? valueRefusal(name, value))
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

/** One invalid value within it makes Braze drop the whole update of the attribute, behind a 201 (`post_user_track.md`). */
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
