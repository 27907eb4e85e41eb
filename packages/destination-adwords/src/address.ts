/**
 * Postal addresses: Google matches given name, family name, country and postal code together, as one identifier.
 *
 * @since 0.1.0
 */
import { Enrichment } from "@tributary/core"
import { prehashed, type Unusable } from "./hashes.ts"
import { hashed } from "./keys.ts"
import * as Normalise from "./normalise.ts"

/**
 * The parts of an address as the profile has them.
 *
 * @category models
 * @since 0.1.0
 */
export interface Parts {
  readonly givenName: string
  readonly familyName: string
  readonly regionCode: string
  readonly postalCode: string
}

const firstName = Enrichment.trait("first_name")
const lastName = Enrichment.trait("last_name")
const country = Enrichment.trait("country")
const postal = Enrichment.trait("postal_code")

/**
 * The parts from the profile's traits: one property and not four, so that who lacks the first costs one look-up.
 *
 * @category constants
 * @since 0.1.0
 */
export const addressTraits: Enrichment.Enrichment<Parts> = Enrichment.make(
  "traits first_name + last_name + country + postal_code",
  (facts) => {
    const givenName = firstName.resolve(facts)
    if (givenName === undefined) return undefined
    const familyName = lastName.resolve(facts)
    const regionCode = country.resolve(facts)
    const postalCode = postal.resolve(facts)
    return familyName === undefined || regionCode === undefined || postalCode === undefined
      ? undefined
      : { givenName, familyName, regionCode, postalCode }
  }
)

/**
 * An address on the wire.
 *
 * @category models
 * @since 0.1.0
 */
export interface AddressInfo {
  /** SHA-256 in hexadecimal. */
  readonly givenName: string
  /** SHA-256 in hexadecimal. */
  readonly familyName: string
  readonly regionCode: string
  readonly postalCode: string
}

/**
 * The address on the wire, or `undefined` where one of its parts has no form that Google takes.
 *
 * **Gotchas**
 *
 * Google refuses a request whole for an address that lacks a part, so an incomplete one is left out. Names are hashed,
 * country and postal code are not (source: google/ads/datamanager/v1/user_data.proto).
 *
 * @category combinators
 * @since 0.1.0
 */
export const addressOf = (parts: Parts): AddressInfo | undefined => {
  const givenName = hashedName(parts.givenName, Normalise.givenName)
  const familyName = hashedName(parts.familyName, Normalise.familyName)
  const regionCode = Normalise.regionCode(parts.regionCode)
  if (givenName === undefined || familyName === undefined || typeof regionCode !== "string") return undefined
  const postalCode = Normalise.postalCode(parts.postalCode, regionCode)
  return typeof postalCode === "string" ? { givenName, familyName, regionCode, postalCode } : undefined
}

const hashedName = (name: string, normal: (name: string) => string | Unusable): string | undefined => {
  const hash = prehashed(name)
  if (hash !== undefined) return hash
  const form = normal(name)
  return typeof form === "string" ? hashed(form) : undefined
}
