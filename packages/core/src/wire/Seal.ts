/**
 * Seals: secrets that must be stored, of no use to whoever has only the store.
 *
 * @since 0.1.0
 */
import { Option, Redacted } from "effect"
import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from "node:crypto"

/**
 * Closes and opens sealed texts.
 *
 * @category models
 * @since 0.1.0
 */
export interface Seal {
  readonly close: (text: string) => string
  /** `None` where another secret sealed it, or it was tampered with. */
  readonly open: (sealed: string) => Option.Option<string>
}

/**
 * AES-256-GCM under a key derived from a secret of the environment, so that a stored token is of no use alone.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (secret: Redacted.Redacted): Seal => {
  const key = Buffer.from(hkdfSync("sha256", Redacted.value(secret), "tributary", "token", 32))
  return {
    close: (text: string): string => {
      const iv = randomBytes(12)
      const cipher = createCipheriv("aes-256-gcm", key, iv)
      const sealed = Buffer.concat([cipher.update(text, "utf8"), cipher.final()])
      return Buffer.concat([iv, cipher.getAuthTag(), sealed]).toString("base64")
    },
    open: (sealed: string): Option.Option<string> => {
      const bytes = Buffer.from(sealed, "base64")
      try {
        const decipher = createDecipheriv("aes-256-gcm", key, bytes.subarray(0, 12))
        decipher.setAuthTag(bytes.subarray(12, 28))
        return Option.some(Buffer.concat([decipher.update(bytes.subarray(28)), decipher.final()]).toString("utf8"))
      } catch {
        return Option.none()
      }
    }
  }
}
