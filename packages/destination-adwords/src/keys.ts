/**
 * Keys: what Google matches a member by, for each identifier type.
 *
 * Two spellings with one key are one member of a list at Google: adding both adds one, and removing either removes it.
 * The functions are pure, and the key of a key is the key itself.
 *
 * @since 0.1.0
 */
import type { Key as Contract } from "@tributary/core"
import { hash } from "node:crypto"
import { prehashed, type Unusable } from "./hashes.ts"
import * as Normalise from "./normalise.ts"
import { phone } from "./phone.ts"
import type { Settings } from "./settings.ts"

/**
 * What Google matches an identifier by, or the reason why it can match it by nothing.
 *
 * @category models
 * @since 0.1.0
 */
export type Key = Contract.Key

/**
 * The settings that a key depends on.
 *
 * @category models
 * @since 0.1.0
 */
export type KeySettings = Pick<Settings, "defaultCountry">

/**
 * SHA-256 of a normal form, in hexadecimal.
 *
 * @category combinators
 * @since 0.1.0
 */
export const hashed = (normal: string): string => hash("sha256", normal, "hex")

const keyOf = (normal: string | Unusable): Key => (typeof normal === "string" ? { key: normal } : normal)

const hashedKeyOf = (normal: string | Unusable): Key => (typeof normal === "string" ? { key: hashed(normal) } : normal)

/**
 * An e-mail address is matched by the SHA-256 hash of its normal form. A hash is taken as it is, in lower case.
 *
 * @category combinators
 * @since 0.1.0
 */
export const keyEmail = (value: string): Key => {
  const key = prehashed(value)
  return key === undefined ? hashedKeyOf(Normalise.email(value)) : { key }
}

/**
 * A phone number is matched by the SHA-256 hash of its E.164 form. A hash is taken as it is, in lower case.
 *
 * @category combinators
 * @since 0.1.0
 */
export const keyPhone = (value: string, { defaultCountry }: KeySettings): Key => {
  const key = prehashed(value)
  return key === undefined ? hashedKeyOf(phone(value, defaultCountry)) : { key }
}

/**
 * An iOS device is matched by its advertising id, unhashed, in capitals.
 *
 * @category combinators
 * @since 0.1.0
 */
export const keyIosIdfa = (value: string): Key => keyOf(Normalise.mobileId(value, "IOS"))

/**
 * An Android device is matched by its advertising id, unhashed, in small letters.
 *
 * @category combinators
 * @since 0.1.0
 */
export const keyAndroidIdfa = (value: string): Key => keyOf(Normalise.mobileId(value, "ANDROID"))

/**
 * A user id is matched as it is, byte for byte.
 *
 * @category combinators
 * @since 0.1.0
 */
export const keyUserId = (value: string): Key => keyOf(Normalise.userId(value))

/**
 * The key function of each identifier type.
 *
 * @category constants
 * @since 0.1.0
 */
export const keys = {
  email: keyEmail,
  phone: keyPhone,
  "ios.idfa": keyIosIdfa,
  "android.idfa": keyAndroidIdfa,
  user_id: keyUserId
} as const satisfies Readonly<Record<string, (value: string, settings: KeySettings) => Key>>

/**
 * By what the ledger counts identifiers: the normal form that is hashed, and a hash as it is.
 *
 * **Details**
 *
 * It tells the same identifiers apart as their hashes do, and is mostly the spelling itself, of which the store keeps
 * nothing. An address and its own hash are two entries: nobody can tell from a hash whose it is.
 *
 * @category constants
 * @since 0.1.0
 */
export const ledgerKeys = {
  email: (value: string): Key => {
    const key = prehashed(value)
    return key === undefined ? keyOf(Normalise.email(value)) : { key }
  },
  phone: (value: string, { defaultCountry }: KeySettings): Key => {
    const key = prehashed(value)
    return key === undefined ? keyOf(phone(value, defaultCountry)) : { key }
  },
  "ios.idfa": keyIosIdfa,
  "android.idfa": keyAndroidIdfa,
  user_id: keyUserId
} as const satisfies Readonly<Record<string, (value: string, settings: KeySettings) => Key>>
