/**
 * Computations: a computed trait or an audience, over users or over accounts (R1).
 *
 * @since 0.1.0
 */
import { Result, Schema } from "effect"
import { Collection } from "../contract/Collection.ts"

export { Collection } from "../contract/Collection.ts"

/**
 * A JSON value per profile.
 *
 * @category models
 * @since 0.1.0
 */
export interface ComputedTrait {
  readonly _tag: "ComputedTrait"
  readonly name: string
  readonly key: string
  readonly collection: Collection
}

/**
 * Membership: a profile is in, or it is not.
 *
 * @category models
 * @since 0.1.0
 */
export interface Audience {
  readonly _tag: "Audience"
  readonly name: string
  readonly key: string
  readonly collection: Collection
}

/**
 * A computed trait or an audience.
 *
 * @category models
 * @since 0.1.0
 */
export type Computation = ComputedTrait | Audience

/**
 * What every key looks like (R2).
 *
 * @category models
 * @since 0.1.0
 */
export const keyPattern = /^[a-z][a-z0-9_]{0,254}$/

/**
 * A name gives no key, or an explicit key is none.
 *
 * @category errors
 * @since 0.1.0
 */
export class BadKey extends Schema.TaggedError<BadKey>()("BadKey", { name: Schema.String, key: Schema.String }) {
  override get message(): string {
    return (
      `"${this.name}" gives the key "${this.key}", which is not a key: a letter, then letters, digits and underscores, ` +
      `255 at most. Set "key" to one that is.`
    )
  }
}

/** Letters that Unicode does not take apart into a plain one and its mark. */
const plainLetters: Readonly<Record<string, string>> = { ß: "ss", æ: "ae", ø: "o", ł: "l", đ: "d" }

/**
 * The key of a computation: the snake_case of its name, or the explicit key (R2).
 *
 * @example
 * ```ts
 * keyOf("Order completed last 30days") // order_completed_last_30days
 * ```
 *
 * @category combinators
 * @since 0.1.0
 */
export const keyOf = (name: string, explicit?: string): Result.Result<string, BadKey> => {
  const key =
    explicit ??
    String(name)
      .replace(/[ßæøłđ]/gi, (letter) => plainLetters[letter.toLowerCase()] ?? letter)
      .normalize("NFKD")
      .replace(/\p{M}/gu, "")
      .replace(/([a-z0-9])([A-Z])/g, "$1_$2")
      .replace(/([A-Z]+)([A-Z][a-z])/g, "$1_$2")
      .toLowerCase()
      .replace(/[^a-z0-9]+/g, "_")
      .replace(/^_+|_+$/g, "")
  // Without a compiler in the way both may be anything.
  return typeof key === "string" && keyPattern.test(key)
    ? Result.succeed(key)
    : Result.fail(new BadKey({ name: String(name), key: typeof key === "string" ? key : JSON.stringify(key) }))
}
