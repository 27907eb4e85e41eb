/**
 * External ids: what a destination knows a profile by.
 *
 * A profile is ours; a tool knows only `user_id`, `email`, `phone` and the like. One profile may hold several
 * identifiers, and several values of one type.
 *
 * @since 0.1.0
 */

/**
 * The type of an identifier: one of the well-known types, or a custom one.
 *
 * @category models
 * @since 0.1.0
 */
export type IdentifierType =
  | "user_id"
  | "email"
  | "phone"
  | "anonymous_id"
  | "group_id"
  | "ios.idfa"
  | "android.idfa"
  | (string & {})

/**
 * One external id, for example `{ type: "email", value: "ada@example.com" }`.
 *
 * @category models
 * @since 0.1.0
 */
export interface Identifier<out T extends string = string> {
  readonly type: T
  readonly value: string
}

/**
 * An identifier, or a value of one, as logs may show it: its first two characters (of a short one, the first), and stars
 * for the rest. `email:ad***` for an identifier, `ad***` for a value.
 *
 * @category combinators
 * @since 0.1.0
 */
export const masked = (shown: Identifier | string): string =>
  typeof shown === "string" ? maskedValue(shown) : `${shown.type}:${maskedValue(shown.value)}`

const maskedValue = (value: string): string => `${value.slice(0, value.length > 4 ? 2 : value.length > 1 ? 1 : 0)}***`
