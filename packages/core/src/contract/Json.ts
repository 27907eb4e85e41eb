/**
 * JSON values, and the equality that decides whether a value is news.
 *
 * Only changes are sent to a destination (R3), so "is it the same value?" is asked for every profile at every
 * evaluation. The answer is JSON equality: `450` and `450.00` are one value, and key order means nothing. The
 * canonical text gives equal values one spelling, and its fingerprint is what a ledger remembers.
 *
 * A number that JavaScript would round (`9007199254740993`, `33.3333333333333333`) is kept as an exact number, which
 * `JSON.stringify` writes digit by digit (R45).
 *
 * @since 0.1.0
 */
import { hash } from "node:crypto"

/**
 * Any JSON value. A number that JavaScript cannot hold is an object of its digits (`Exact`): passed on, it is that number
 * in the JSON that is sent.
 *
 * @category models
 * @since 0.1.0
 */
export type Json = null | boolean | number | string | ReadonlyArray<Json> | { readonly [key: string]: Json }

/**
 * A number with all of its digits, as `JSON.rawJSON` makes it. `JSON.stringify` writes the digits as a number. A copy of
 * it (`{ ...value }`, `structuredClone`) is not one any more.
 *
 * @category models
 * @since 0.1.0
 */
export interface Exact {
  readonly rawJSON: string
}

declare global {
  // In every Node that this runs on (21 and later), and not yet in TypeScript's library.
  interface JSON {
    rawJSON(text: string): Exact
    isRawJSON(value: unknown): value is Exact
  }
}

/**
 * Whether a value is a number that JavaScript would round: its digits are in `rawJSON`.
 *
 * @category guards
 * @since 0.1.0
 */
export const isExact = (value: unknown): value is Exact =>
  typeof value === "object" && value !== null && JSON.isRawJSON(value)

/** Up to 15 digits without an exponent are the same number in JavaScript. Texts that look longer cost a second look. */
const mayRound = /[\d.]{16}|\d[eE]/

/**
 * Reads JSON; numbers that JavaScript would round are exact numbers. It throws where the text is not JSON.
 *
 * @category constructors
 * @since 0.1.0
 */
export const parse = (text: string): Json => (mayRound.test(text) ? JSON.parse(text, exactly) : JSON.parse(text))

const exactly = (_key: string, value: unknown, context?: { readonly source?: string }): unknown =>
  typeof value !== "number" || context?.source === undefined || digitsOf(context.source) === digitsOf(String(value))
    ? value
    : JSON.rawJSON(context.source)

/**
 * The digits of a number, without an exponent and without zeros that say nothing: `12.0` and `1.2e1` are `12`.
 *
 * @category combinators
 * @since 0.1.0
 */
export const digits = (number: number | Exact): string =>
  digitsOf(typeof number === "number" ? String(number) : number.rawJSON)

/** A decimal number in its one spelling: without an exponent, and without zeros that say nothing. */
const digitsOf = (number: string): string => {
  const [, sign = "", whole = "", fraction = "", exponent = "0"] =
    /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(number) ?? []
  const all = whole + fraction
  const point = whole.length + Number(exponent)
  // An exponent that no number of a vendor or a database has stays one.
  if (whole === "" || Math.abs(point) > 1_000) return number
  const padded = point < 0 ? "0".repeat(-point) + all : all.padEnd(point, "0")
  const before = padded.slice(0, Math.max(0, point)).replace(/^0+/, "") || "0"
  const after = padded.slice(Math.max(0, point)).replace(/0+$/, "")
  const text = after === "" ? before : `${before}.${after}`
  return text === "0" ? text : `${sign}${text}`
}

/**
 * The one spelling of a value: keys sorted, numbers in their shortest form.
 *
 * @category combinators
 * @since 0.1.0
 */
export const canonical = (value: Json): string => {
  if (value === null || typeof value !== "object") return JSON.stringify(value)
  if (isExact(value)) return digits(value)
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`
  const fields = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
  return `{${fields.map(([key, field]) => `${JSON.stringify(key)}:${canonical(field)}`).join(",")}}`
}

/**
 * 64 bits of SHA-256 over the given texts, never 0, so that 0 can stand for "nothing sent".
 *
 * **Details**
 *
 * Texts are separated by a zero byte, which JSON never contains, so `("ab", "c")` and `("a", "bc")` differ.
 *
 * @category combinators
 * @since 0.1.0
 */
export const fingerprint = (...texts: ReadonlyArray<string>): bigint => {
  // A text of a byte a character is a third of the time that a Buffer takes to make.
  const digest = hash("sha256", texts.length === 1 ? (texts[0] ?? "") : texts.join("\u0000"), "binary")
  for (let i = 0; i < 8; i++) first8.setUint8(i, digest.charCodeAt(i))
  const bits = first8.getBigUint64(0)
  return bits === 0n ? 1n : bits
}

const first8 = new DataView(new ArrayBuffer(8))
