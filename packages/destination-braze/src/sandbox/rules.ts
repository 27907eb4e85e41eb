/**
 * What Braze finds wrong with one object of a request, from its documents alone.
 *
 * Sources: braze-docs `_docs/_api/endpoints/user_data/post_user_track.md`, `objects_filters/user_attributes_object.md`,
 * `objects_filters/event_object.md`. Where the documents name a rule and no text for it, the text is ours (UNVERIFIED).
 *
 * @since 0.1.0
 */
import type { Json } from "@tributary/core"

/**
 * A JSON object of a request.
 *
 * @category models
 * @since 0.1.0
 */
export interface JsonObject {
  readonly [key: string]: Json.Json
}

/**
 * The three arrays of a request.
 *
 * @category models
 * @since 0.1.0
 */
export type InputArray = "attributes" | "events" | "purchases"

/**
 * @category combinators
 * @since 0.1.0
 */
export const isJsonObject = (value: Json.Json | undefined): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value)

const identityFields = ["external_id", "user_alias", "braze_id"]
const isoTime = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}([.:]\d+)?)?\s?(Z|[+-]\d{2}:?\d{2})?)?$/
const isoDate = /^\d{4}-\d{2}-\d{2}$/
const maxPropertyBytes = 50 * 1024

const tooLong = (text: string) => text.length > 255 && [...text].length > 255

/**
 * Braze's text on an object that it refuses, or `undefined` where it takes it.
 *
 * @category combinators
 * @since 0.1.0
 */
export const refusal = (array: InputArray, object: Json.Json, blacklist: ReadonlySet<string>): string | undefined => {
  if (!isJsonObject(object)) return `'${array}' must be an array of objects`
  const identity = identityRefusal(object, blacklist)
  if (identity !== undefined) return identity
  if (object["_update_existing_only"] !== undefined && typeof object["_update_existing_only"] !== "boolean") {
    return "'_update_existing_only' is not valid"
  }
  if (array === "attributes") return attributesRefusal(object)
  return array === "events" ? eventRefusal(object) : purchaseRefusal(object)
}

const identityRefusal = (object: JsonObject, blacklist: ReadonlySet<string>): string | undefined => {
  const named = identityFields.filter((field) => object[field] !== undefined && object[field] !== null)
  if (named.length > 1) return "only one of 'external_id', 'braze_id' or 'user_alias' is allowed"
  const { external_id, user_alias, braze_id, email, phone } = object
  if (named.length === 0 && typeof email !== "string" && typeof phone !== "string") {
    return "'external_id', 'braze_id', 'user_alias', 'email' or 'phone' is required"
  }
  if (external_id !== undefined && external_id !== null) {
    if (typeof external_id !== "string" || external_id === "") return "'external_id' is not valid"
    if (external_id.length > 329 && Buffer.byteLength(external_id) >= 988) {
      return "'external_id' must be fewer than 988 bytes"
    }
    if (blacklist.has(external_id)) return "BLACKLISTED_EXTERNAL_USER_ID"
  }
  if (user_alias !== undefined && user_alias !== null && !isAlias(user_alias)) {
    return "'user_alias' must have an 'alias_name' and an 'alias_label'"
  }
  if (braze_id !== undefined && braze_id !== null && typeof braze_id !== "string") return "'braze_id' is not valid"
  if (email !== undefined && email !== null && (typeof email !== "string" || !isEmail(email))) {
    return "The value provided for the 'email' field is not a valid email."
  }
  if (phone !== undefined && phone !== null && (typeof phone !== "string" || normalPhone(phone) === undefined)) {
    return "The value provided for the 'phone' field is not a valid phone number."
  }
  return undefined
}

/**
 * Whether Braze takes it for an address. White space is refused wherever it stands; a host is of letters, digits and
 * hyphens, and names of other scripts are written in Punycode. The list of top-level domains is left out.
 *
 * Source: braze-docs `email_validation.md`.
 */
const isEmail = (text: string): boolean => {
  if (/\s/.test(text) || tooLong(text)) return false
  const at = text.lastIndexOf("@")
  const local = text.slice(0, Math.max(0, at))
  const labels = text
    .slice(at + 1)
    .toLowerCase()
    .split(".")
  if (local === "" || local.includes("@") || labels.length < 2) return false
  if (labels.some((label) => !/^[a-z0-9-]+$/.test(label)) || /^\d+$/.test(labels.at(-1) ?? "")) return false
  if (/^[^\p{L}\p{N}]|[^\p{L}\p{N}]$/u.test(local)) return false
  const [name = ""] = labels
  if (name === "gmail" && labels.length === 2 && local.length === 1) return false
  const isMicrosoft = name === "msn" || name === "hotmail" || name === "outlook" || name === "live"
  return !isMicrosoft || /^[\w-]+(\.[\w-]+)*$/.test(local.split("+")[0] ?? "")
}

/**
 * A phone number as Braze compares it, or `undefined` where it is none: digits, and ten of them without a "+" are a
 * number of the United States.
 *
 * Source: braze-docs `user_phone_numbers.md`.
 *
 * @category combinators
 * @since 0.1.0
 */
export const normalPhone = (text: string): string | undefined => {
  const digits = text.replace(/\D/g, "")
  if (!text.trim().startsWith("+")) return digits.length === 10 ? `+1${digits}` : undefined
  return /^[1-9]\d{6,14}$/.test(digits) ? `+${digits}` : undefined
}

const isAlias = (value: Json.Json | undefined) =>
  isJsonObject(value) &&
  typeof value["alias_name"] === "string" &&
  value["alias_name"] !== "" &&
  typeof value["alias_label"] === "string" &&
  value["alias_label"] !== ""

const textFields = new Set([
  "country",
  "date_of_first_session",
  "date_of_last_session",
  "first_name",
  "home_city",
  "image_url",
  "language",
  "last_name",
  "marked_email_as_spam_at",
  "time_zone"
])
const objectFields = new Set(["current_location", "facebook", "twitter"])
const arrayFields = new Set(["push_tokens", "subscription_groups"])
const subscriptionStates = new Set<Json.Json>(["opted_in", "subscribed", "unsubscribed"])
const genders = new Set<Json.Json>(["M", "F", "O", "N", "P"])

/** `null` clears, so it is right for every field. */
const isFieldValue = (name: string, value: Json.Json): boolean => {
  if (value === null) return true
  if (textFields.has(name)) return typeof value === "string"
  if (objectFields.has(name)) return isJsonObject(value)
  if (arrayFields.has(name)) return Array.isArray(value)
  if (name === "gender") return genders.has(value)
  if (name === "dob") return typeof value === "string" && isoDate.test(value)
  if (name === "email_subscribe" || name === "push_subscribe") return subscriptionStates.has(value)
  if (name === "push_token_import") return typeof value === "boolean"
  return true
}

const attributesRefusal = (object: JsonObject): string | undefined => {
  for (const name in object) {
    const value = object[name]
    if (value === undefined) continue
    if (name === "" || tooLong(name)) return "attribute names must be 1 to 255 characters long"
    if (!isFieldValue(name, value)) return `The value provided for the '${name}' field is not valid.`
  }
  return undefined
}

const propertiesRefusal = (properties: Json.Json | undefined): string | undefined => {
  if (properties === undefined || properties === null) return undefined
  if (!isJsonObject(properties)) return "Invalid 'properties' field"
  let hasNested = false
  for (const name in properties) {
    const value = properties[name]
    const isReserved = name === "time" || name === "event_name"
    if (name === "" || name.startsWith("$") || isReserved || tooLong(name)) return "Invalid 'properties' field"
    if (typeof value === "string" && tooLong(value)) return "Invalid 'properties' field"
    if (typeof value === "object" && value !== null) hasNested = true
  }
  return hasNested && Buffer.byteLength(JSON.stringify(properties)) > maxPropertyBytes
    ? "'properties' is larger than 50KB"
    : undefined
}

const isTime = (value: Json.Json | undefined) => typeof value === "string" && isoTime.test(value)

const eventRefusal = (event: JsonObject): string | undefined => {
  const name = event["name"]
  if (typeof name !== "string" || name === "") return "'name' is required"
  if (tooLong(name)) return "'name' is longer than 255 characters"
  if (!isTime(event["time"])) return "'time' is not valid"
  return propertiesRefusal(event["properties"])
}

const purchaseRefusal = (purchase: JsonObject): string | undefined => {
  const { product_id, currency, price, quantity, time } = purchase
  if (typeof product_id !== "string" || product_id === "") return "'product_id' is required"
  if (typeof currency !== "string" || !/^[A-Z]{3}$/.test(currency)) return "'currency' is not valid"
  if (typeof price !== "number") return "'price' is not valid"
  if (quantity !== undefined && (typeof quantity !== "number" || !Number.isInteger(quantity) || quantity < 1)) {
    return "'quantity' is not valid"
  }
  if (!isTime(time)) return "'time' is not valid"
  return propertiesRefusal(purchase["properties"])
}

/**
 * Whether an attribute keeps its value although the object is taken: a text that is too long, or a nested value with
 * something within that Braze does not take there. The answer does not say so.
 *
 * Source: braze-docs `post_user_track_synchronous.md`, `post_user_track.md`.
 *
 * @category combinators
 * @since 0.1.0
 */
export const isDropped = (value: Json.Json, depth = 0): boolean => {
  if (value === null) return depth > 0
  if (typeof value === "string") return tooLong(value)
  if (typeof value !== "object") return false
  if (Array.isArray(value)) {
    return value.some((element) => Array.isArray(element) || isDropped(element, depth + 1))
  }
  return Object.entries(value).some(([name, field]) => tooLong(name) || isDropped(field, depth + 1))
}

/**
 * The arrays of a request that joins records.
 *
 * @category models
 * @since 0.1.0
 */
export type IdentifyArray = "aliases_to_identify" | "emails_to_identify" | "phone_numbers_to_identify"

const priorities = new Set<Json.Json>(["identified", "unidentified", "most_recently_updated", "least_recently_updated"])

/**
 * Braze's text on an object of `POST /users/identify` that it refuses. The texts are ours (UNVERIFIED).
 *
 * Source: braze-docs `_docs/_api/endpoints/user_data/post_user_identify.md`.
 *
 * @category combinators
 * @since 0.1.0
 */
export const identifyRefusal = (array: IdentifyArray, object: Json.Json): string | undefined => {
  if (!isJsonObject(object)) return `'${array}' must be an array of objects`
  const { email, external_id, phone, prioritization, user_alias } = object
  if (typeof external_id !== "string" || external_id === "") return "'external_id' is required"
  if (Buffer.byteLength(external_id) >= 988) return "'external_id' must be fewer than 988 bytes"
  if (array === "aliases_to_identify") return isAlias(user_alias) ? undefined : "'user_alias' is not valid"
  const isAddress =
    array === "emails_to_identify"
      ? typeof email === "string" && isEmail(email)
      : typeof phone === "string" && normalPhone(phone) !== undefined
  if (!isAddress) return "The address is not valid"
  const isPrioritized =
    Array.isArray(prioritization) &&
    prioritization.length > 0 &&
    prioritization.every((word) => priorities.has(word)) &&
    !(prioritization.includes("identified") && prioritization.includes("unidentified"))
  return isPrioritized ? undefined : "'prioritization' is required"
}
