/**
 * Postal addresses: Google matches given name, family name, country and postal code together, as one identifier.
 *
 * @since 0.1.0
 */
import { prehashed, type Unusable } from "./hashes.ts"
import { hashed } from "./keys.ts"
import * as Normalise from "./normalise.ts"

/**
 * The parts of an address as the profile has them: text, or `null` where a trait is missing. A removal may know none.
 *
 * @category models
 * @since 0.1.0
 */
export interface Parts {
  readonly givenName?: string | null
  readonly familyName?: string | null
  readonly regionCode?: string | null
  readonly postalCode?: string | null
}

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
 * The address of a profile, or `undefined` unless it has all four parts in a form that Google takes.
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
  const { familyName, givenName, postalCode, regionCode } = parts
  if (givenName == null || familyName == null || regionCode == null || postalCode == null) return undefined
  const given = prehashed(givenName) ?? hashedName(Normalise.givenName(givenName))
  const family = prehashed(familyName) ?? hashedName(Normalise.familyName(familyName))
  const region = Normalise.regionCode(regionCode)
  if (given === undefined || family === undefined || typeof region !== "string") return undefined
  const postal = Normalise.postalCode(postalCode, region)
  if (typeof postal !== "string") return undefined
  return { givenName: given, familyName: family, regionCode: region, postalCode: postal }
}

const hashedName = (name: string | Unusable): string | undefined =>
  typeof name === "string" ? hashed(name) : undefined
