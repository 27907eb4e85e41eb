/**
 * Enrichment: what a tool needs beside the news itself.
 *
 * Zendesk takes no user without a `name`. A plugin declares such properties with the ways to fill them, in order; what
 * cannot be filled is a rejection with the property's name, and nothing is sent (R24).
 *
 * @since 0.1.0
 */
import type { Identifier } from "./Identifier.ts"
import { canonical, isExact, type Json } from "./Json.ts"

/**
 * What is known of the profile at hand.
 *
 * @category models
 * @since 0.1.0
 */
export interface Facts {
  readonly traits: Readonly<Record<string, Json>>
  readonly identifiers: ReadonlyArray<Identifier>
}

/**
 * A way to fill a property, or several tried in order.
 *
 * @category models
 * @since 0.1.0
 */
export interface Enrichment<out A> {
  /** The value, or `undefined` where the profile does not have it. */
  readonly resolve: (facts: Facts) => A | undefined
  /** For messages and reference pages: `trait name, else first_name + last_name`. */
  readonly description: string
  /** Tries `that` where this one finds nothing. */
  readonly orElse: <B>(that: Enrichment<B>) => Enrichment<A | B>
}

/**
 * An enrichment from a function. It must be pure.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = <A>(description: string, resolve: (facts: Facts) => A | undefined): Enrichment<A> => ({
  description,
  resolve,
  orElse: (that) =>
    make(`${description}, else ${that.description}`, (facts) => {
      const value = resolve(facts)
      return value === undefined ? that.resolve(facts) : value
    })
})

const text = (value: Json | undefined): string | undefined => {
  if (typeof value === "number" || typeof value === "boolean") return String(value)
  if (isExact(value)) return canonical(value)
  return typeof value === "string" && value.trim() !== "" ? value : undefined
}

/**
 * A trait of the profile, as text. Blank text counts as missing.
 *
 * @category constructors
 * @since 0.1.0
 */
export const trait = (name: string): Enrichment<string> => make(`trait ${name}`, (facts) => text(facts.traits[name]))

/**
 * Several traits joined by a space; those that are missing are left out, and at least one must be there.
 *
 * @category constructors
 * @since 0.1.0
 */
export const join = (...names: ReadonlyArray<string>): Enrichment<string> =>
  make(names.join(" + "), (facts) => {
    const parts = names.flatMap((name) => text(facts.traits[name])?.trim() ?? [])
    return parts.length === 0 ? undefined : parts.join(" ")
  })

/**
 * The first identifier of a type.
 *
 * @category constructors
 * @since 0.1.0
 */
export const identifier = (type: string): Enrichment<string> =>
  make(`identifier ${type}`, (facts) => facts.identifiers.find((candidate) => candidate.type === type)?.value)

/**
 * Always the same value.
 *
 * @category constructors
 * @since 0.1.0
 */
export const constant = <const A>(value: A): Enrichment<A> => make(JSON.stringify(value), () => value)

/**
 * Leaves the property out where nothing fills it: for properties that a vendor likes but does not need.
 *
 * @category combinators
 * @since 0.1.0
 */
export const optional = <A>(self: Enrichment<A>): Enrichment<A | null> => self.orElse(make("nothing", () => null))

/**
 * The properties that a plugin requires, by name.
 *
 * @category models
 * @since 0.1.0
 */
export interface Requirements {
  readonly [property: string]: Enrichment<unknown>
}

/**
 * The type that filled requirements have.
 *
 * @category models
 * @since 0.1.0
 */
export type Filled<R extends Requirements> = {
  readonly [K in keyof R]: R[K] extends Enrichment<infer A> ? A : never
}
