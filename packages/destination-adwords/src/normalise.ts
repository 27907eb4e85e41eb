/**
 * Google's normal form of identifiers, and their hashes.
 *
 * A hash of anything but the normal form is taken and never matches, without a word. So what has no normal form is
 * told here, before it is sent (source: googleads/data-manager-node, `util`, formatter; the fields of audience.proto).
 *
 * @since 0.1.0
 */
import { hash } from "node:crypto"

/**
 * SHA-256 of a normal form, in hexadecimal.
 *
 * @category combinators
 * @since 0.1.0
 */
export const hashed = (normal: string): string => hash("sha256", normal, "hex")

const whiteSpace = /\s/

/**
 * The normal form of an e-mail address: trimmed, in lower case, and for gmail.com and googlemail.com without dots and
 * `+suffix` before the `@`. `undefined` where it is no address.
 *
 * @category combinators
 * @since 0.1.0
 */
export const email = (value: string): string | undefined => {
  const address = value.trim().toLowerCase()
  const at = address.indexOf("@")
  if (at < 1 || at === address.length - 1 || address.includes("@", at + 1) || whiteSpace.test(address)) return undefined
  const domain = address.slice(at + 1)
  if (domain !== "gmail.com" && domain !== "googlemail.com") return address
  const plus = address.indexOf("+")
  const local = address.slice(0, plus === -1 || plus > at ? at : plus).replaceAll(".", "")
  return local === "" ? undefined : `${local}@${domain}`
}

const plus = 43
const zero = 48

/** What people write between digits: white space and `( ) - . /`. */
const isSeparator = (code: number) =>
  code === 32 || code === 45 || code === 40 || code === 41 || code === 46 || code === 47 || code === 9 || code === 160

/**
 * The normal form of a phone number: `+`, country code and number, 7 to 15 digits (E.164). `undefined` where it has a
 * letter or starts with 0, since nobody but its owner knows the country then.
 *
 * @category combinators
 * @since 0.1.0
 */
export const phone = (value: string): string | undefined => {
  let digits = 0
  let first = 0
  let isSigned = false
  for (let i = 0; i < value.length; i++) {
    const code = value.charCodeAt(i)
    if (code >= 48 && code <= 57) {
      if (++digits === 1) first = code
    } else if (code === plus && digits === 0 && !isSigned) isSigned = true
    else if (!isSeparator(code)) return undefined
  }
  if (digits < 7 || digits > 15 || first === zero) return undefined
  // Mostly it is in its normal form, or lacks the sign.
  if (value.length === digits + 1 && isSigned) return value
  return `+${value.length === digits ? value : value.replace(/\D/g, "")}`
}

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i
const optedOut = /^[0-]+$/

/**
 * A mobile advertising id as it is sent, unhashed. `undefined` where it is none, or the zeros that a phone gives when
 * its owner opted out.
 *
 * @category combinators
 * @since 0.1.0
 */
export const mobileId = (value: string): string | undefined => {
  const id = value.trim()
  return uuid.test(id) && !optedOut.test(id) ? id : undefined
}

/**
 * A user id as it is sent, unhashed and unchanged. `undefined` where it is blank.
 *
 * @category combinators
 * @since 0.1.0
 */
export const userId = (value: string): string | undefined => (value.trim() === "" ? undefined : value)
