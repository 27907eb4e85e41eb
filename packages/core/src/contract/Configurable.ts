/**
 * Values that may be read from the environment: what an operator writes into a configuration in their place.
 *
 * @since 0.1.0
 */
import { Config, Effect, Predicate, Redacted, type Schema, SchemaIssue } from "effect"

/**
 * A value, or where to read it from: `Config.Redacted("BRAZE_KEY")`.
 *
 * @category models
 * @since 0.1.0
 */
export type Configurable<A> =
  | A
  | Config.Config<A>
  | (A extends Redacted.Redacted | ReadonlyArray<unknown>
      ? never
      : A extends object
        ? { readonly [K in keyof A]: Configurable<A[K]> }
        : never)

/**
 * Reads every `Config` in a value; one that fails is a mistake with its path.
 *
 * @category combinators
 * @since 0.1.0
 */
export const resolve: (value: unknown, path: ReadonlyArray<string>, mistakes: Array<string>) => Effect.Effect<unknown> =
  Effect.fnUntraced(function* (value, path, mistakes) {
    if (Config.isConfig(value)) {
      return yield* value.pipe(
        Effect.catchTag("ConfigError", (error) => {
          mistakes.push(`${path.join(".")}: ${unreadable(error)}`)
          return Effect.succeed(undefined)
        })
      )
    }
    if (!Predicate.isObject(value) || Array.isArray(value) || Redacted.isRedacted(value)) return value
    const fields: Record<string, unknown> = {}
    for (const [key, field] of Object.entries(value)) fields[key] = yield* resolve(field, [...path, key], mistakes)
    return fields
  })

/** Says which variable, and never what it holds. */
const unreadable = (error: Config.ConfigError): string => {
  if (error.cause._tag !== "SchemaError") return "cannot be read from the environment"
  const names = formatIssue(error.cause.issue).issues.map((issue) => (issue.path ?? []).map(String).join("_"))
  return `cannot be read from ${names.join(", ")}; set it in the environment`
}

const formatIssue = SchemaIssue.makeFormatterStandardSchemaV1()

/**
 * What a schema found wrong: every mistake with its path, and no value.
 *
 * @category combinators
 * @since 0.1.0
 */
export const mistakesOf = (error: Schema.SchemaError): ReadonlyArray<string> =>
  formatIssue(error.issue).issues.map(({ message, path }) =>
    path === undefined || path.length === 0 ? message : `${path.map(String).join(".")}: ${message}`
  )
