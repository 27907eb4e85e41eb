/**
 * Google's normal form of identifiers.
 *
 * Google compares hashes and nothing else: a hash of anything but the normal form is accepted and never matches, without
 * a word. So the normal form is made here, and what has none is rejected with a reason before anything is sent.
 *
 * Sources: googleads/data-manager-node, `util/src/formatter.ts`; google/ads/datamanager/v1/user_data.proto;
 * developers.google.com/data-manager/api/devguides/concepts/formatting.
 *
 * @since 0.1.0
 */
import { type Unusable, unlessHash, unusable } from "./hashes.ts"
import { isCountry } from "./phone.ts"

const whiteSpace = /\s/

const noAddress = unusable("An e-mail address has exactly one @, with text on both sides.")
const innerSpace = unusable("An e-mail address has no white space inside.")
const emptyGmail = unusable("Nothing is left of the gmail.com address without its dots and its +suffix.")

/**
 * The normal form of an e-mail address: trimmed, in lower case, and for gmail.com and googlemail.com without dots and
 * `+suffix` before the `@`.
 *
 * **Gotchas**
 *
 * `a@gmail.com` and `a@googlemail.com` stay two: Google's formatter keeps the domain. Its documentation says to delete
 * white space inside, its formatter refuses it: it is refused.
 *
 * @category combinators
 * @since 0.1.0
 */
export const email = (value: string): string | Unusable => {
  const address = value.trim().toLowerCase()
  const at = address.indexOf("@")
  if (at < 1 || at === address.length - 1 || address.includes("@", at + 1)) {
    return unlessHash(address, noAddress)
  }
  if (whiteSpace.test(address)) return innerSpace
  const domain = address.slice(at + 1)
  if (domain !== "gmail.com" && domain !== "googlemail.com") return address
  const plus = address.indexOf("+")
  const local = address.slice(0, plus === -1 || plus > at ? at : plus).replaceAll(".", "")
  return local === "" ? emptyGmail : `${local}@${domain}`
}

const noName = unusable("Nothing is left of the name without its titles.")
const title = /^(?:mr|mrs|ms|dr)\.(?:\s|$)/
const generation = /(?:,\s*|\s+)(?:jr\.?|sr\.?|2nd|3rd|ii|iii|iv|v|vi|cpa|dc|dds|vm|jd|md|phd)\s?$/

/**
 * The normal form of a given name: trimmed, in lower case, without `Mr.`, `Mrs.`, `Ms.`, `Dr.` in front.
 *
 * @category combinators
 * @since 0.1.0
 */
export const givenName = (value: string): string | Unusable => {
  const name = value.trim().toLowerCase().replace(title, "").trim()
  return name === "" ? noName : name
}

/**
 * The normal form of a family name: trimmed, in lower case, without `Jr.`, `III`, `PhD` and the like behind it.
 *
 * @category combinators
 * @since 0.1.0
 */
export const familyName = (value: string): string | Unusable => {
  let name = value.trim().toLowerCase()
  while (generation.test(name)) name = name.replace(generation, "").trim()
  return name === "" ? noName : name
}

const noRegion = unusable("A country is two letters of ISO 3166-1, such as GB.")

/** Not in ISO 3166-1: the library knows them by their phone numbers. */
const notIso = new Set(["AC", "TA", "XK"])

/**
 * The normal form of a country: two capital letters of ISO 3166-1. Google refuses a request whole for another.
 *
 * @category combinators
 * @since 0.1.0
 */
export const regionCode = (value: string): string | Unusable => {
  const code = value.trim().toUpperCase()
  return isCountry(code) && !notIso.has(code) ? code : noRegion
}

const noPostalCode = unusable("A postal code is not blank; in the US it has 5 digits, or 5 and 4.")

/**
 * The normal form of a postal code: trimmed. In the US it has 5 digits, or 5 and 4.
 *
 * @category combinators
 * @since 0.1.0
 */
export const postalCode = (value: string, region: string): string | Unusable => {
  const code = value.trim()
  return code === "" || (region === "US" && !/^\d{5}(?:-?\d{4})?$/.test(code)) ? noPostalCode : code
}

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i
const optedOut = /^[0-]+$/

const noMobileId = unusable("A mobile advertising id is a UUID, and not only zeros, as after an opt-out.")

/**
 * A mobile advertising id as its system writes it: in capitals on iOS, in small letters on Android.
 *
 * **Details**
 *
 * Google does not say whether it tells capitals from small letters. In one spelling a device is one member either way.
 *
 * @category combinators
 * @since 0.1.0
 */
export const mobileId = (value: string, keySpace: "IOS" | "ANDROID"): string | Unusable => {
  const id = value.trim()
  if (!uuid.test(id) || optedOut.test(id)) return noMobileId
  return keySpace === "IOS" ? id.toUpperCase() : id.toLowerCase()
}

const blankUserId = unusable("The user_id is blank.")

/**
 * A user id as it is sent: unhashed and unchanged.
 *
 * @category combinators
 * @since 0.1.0
 */
export const userId = (value: string): string | Unusable => (value.trim() === "" ? blankUserId : value)
