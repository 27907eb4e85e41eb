/**
 * Keys: what Braze matches a person by, for each identifier type.
 *
 * What Braze is known to refuse as an identifier has a reason in the place of a key. Then it is left out where the person
 * has another one, and shown as a rejection.
 *
 * Sources: braze-docs `email_validation.md`, `user_phone_numbers.md`, `post_user_track.md`.
 *
 * @since 0.1.0
 */
import { Key } from "@tributary/core"
import { domainToASCII } from "node:url"

/**
 * The identifier types that Braze takes.
 *
 * @category models
 * @since 0.1.0
 */
export type IdentifierType = "user_id" | "braze_id" | "anonymous_id" | "email" | "phone"

const maxCharacters = 255

/**
 * Whether a text has more characters than Braze takes: 255 code points, so that nothing is refused that Braze would take.
 *
 * @category guards
 * @since 0.1.0
 */
// A string has no more characters than UTF-16 units, so most need no second count.
export const isTooLong = (text: string): boolean => text.length > maxCharacters && [...text].length > maxCharacters

const tooLong: Key.Key = { reason: "it is longer than the 255 characters that Braze takes" }
const empty: Key.Key = { reason: "it is empty" }

/** "'external_id' must be fewer than 988 bytes" is Braze's own text. */
const maxExternalIdBytes = 987

/** An external id is compared byte for byte. */
const userId = (value: string): Key.Key => {
  if (value.trim() === "") return empty
  return Buffer.byteLength(value) > maxExternalIdBytes
    ? { reason: "it has 988 bytes or more, and Braze takes fewer as external_id" }
    : { key: value }
}

const asSpelled = (value: string): Key.Key => {
  if (value.trim() === "") return empty
  return isTooLong(value) ? tooLong : { key: value }
}

/** Hosts of Microsoft's, for whose addresses Braze has rules of its own. */
const microsoftHost = /^(msn|hotmail|outlook|live)\./

/** What Braze finds wrong with an address in lower case, in the words of a sentence. */
const emailFault = (local: string, host: string): string | undefined => {
  const labels = host.split(".")
  const top = labels.at(-1) ?? ""
  if (labels.length < 2 || !labels.every((label) => /^[a-z0-9-]+$/.test(label))) return "its host is none"
  if (/^\d+$/.test(top)) return "its host is a number"
  if (!/^[\p{L}\p{N}]/u.test(local) || !/[\p{L}\p{N}]$/u.test(local)) {
    return "what stands before the @ begins or ends with a special character"
  }
  if (host === "gmail.com" && local.length === 1) return "Gmail has no addresses of one character"
  if (microsoftHost.test(host) && !/^[\w-]+(\.[\w-]+)*$/.test(local.replace(/\+.*$/, ""))) {
    return "Microsoft has no addresses of these characters"
  }
  return undefined
}

/**
 * An address without surrounding white space, in lower case, its host in ASCII: Braze takes names of other scripts as
 * Punycode only.
 */
const email = (value: string): Key.Key => {
  const text = value.trim().toLowerCase()
  if (text === "") return empty
  if (isTooLong(text)) return tooLong
  const [local = "", host = "", ...rest] = text.split("@")
  const ascii = /^\p{ASCII}*$/u.test(host) ? host : domainToASCII(host)
  const fault =
    rest.length > 0 || local === "" || host === ""
      ? "it needs one @ with something on both sides"
      : /\s/.test(text)
        ? "there is white space in it"
        : emailFault(local, ascii)
  return fault === undefined
    ? { key: `${local}@${ascii}` }
    : { reason: `it is not a valid e-mail address for Braze: ${fault}` }
}

/** A number in E.164: Braze reads one without a country code as a number of the United States. */
const phone = (value: string): Key.Key => {
  const text = value.trim()
  if (text === "") return empty
  const number = text.replace(/[\s().\-/]/gu, "")
  return /^\+[1-9]\d{6,14}$/.test(number)
    ? { key: number }
    : { reason: "it is not a phone number with + and a country code (E.164)" }
}

/**
 * What Braze matches an identifier by, by type.
 *
 * @category constants
 * @since 0.1.0
 */
export const keys: { readonly [K in IdentifierType]: (value: string) => Key.Key } = {
  user_id: userId,
  braze_id: asSpelled,
  anonymous_id: asSpelled,
  email,
  phone
}

/**
 * The key as it is sent, or `undefined` where Braze takes the identifier as nothing.
 *
 * @category combinators
 * @since 0.1.0
 */
export const keyOf = (type: IdentifierType, value: string): string | undefined => {
  const key = keys[type](value)
  return "key" in key ? key.key : undefined
}

/**
 * Why Braze would not take an identifier.
 *
 * @category combinators
 * @since 0.1.0
 */
export const reasonOf = (type: IdentifierType, value: string): string | undefined => {
  const key = keys[type](value)
  return "reason" in key ? key.reason : undefined
}
