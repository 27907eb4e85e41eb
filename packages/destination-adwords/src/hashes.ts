/**
 * Identifiers that are hashed already, and the reasons why others cannot be used.
 *
 * @since 0.1.0
 */

/**
 * Why an identifier has no normal form. It says what is wrong and does not quote the identifier.
 *
 * @category models
 * @since 0.1.0
 */
export interface Unusable {
  readonly reason: string
}

/**
 * @category constructors
 * @since 0.1.0
 */
export const unusable = (reason: string): Unusable => ({ reason })

const sha256 = /^[0-9a-f]{64}$/i

/**
 * A value that is a SHA-256 hash already, in lower case; `undefined` where it is not one.
 *
 * @category combinators
 * @since 0.1.0
 */
export const prehashed = (value: string): string | undefined => {
  if (value.length < 64) return undefined
  const text = value.trim()
  return sha256.test(text) ? text.toLowerCase() : undefined
}

const otherHash = /^(?:[0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{56}|[0-9a-f]{96}|[0-9a-f]{128})$/i
const wrongHash = unusable("A hash is SHA-256 in 64 hexadecimal digits: Google matches no other.")

/**
 * The reason why a value that is some other hash cannot be used, else `reason`.
 *
 * @category combinators
 * @since 0.1.0
 */
export const unlessHash = (text: string, reason: Unusable): Unusable => (otherHash.test(text) ? wrongHash : reason)
