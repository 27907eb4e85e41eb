/**
 * Options as somebody may write them without a compiler in the way: checked for their shape, with the path of each
 * mistake. What a value means is checked where it is used.
 *
 * @since 0.1.0
 */
import { Result, Schema, SchemaIssue } from "effect"

const optional = Schema.optionalKey
const orUndefined = <S extends Schema.Constraint>(schema: S) => optional(Schema.UndefinedOr(schema))

/**
 * Which identifiers of a type are sent (R23).
 *
 * @category schemas
 * @since 0.1.0
 */
export const Policy = Schema.Union([
  Schema.Literals(["all", "latest", "first", "none"]),
  Schema.Struct({
    pick: Schema.Literals(["latest", "first"]),
    max: Schema.Int.check(Schema.isGreaterThanOrEqualTo(1))
  })
])

const common = {
  id: orUndefined(Schema.NonEmptyString),
  identifiers: orUndefined(Schema.Record(Schema.String, Schema.Unknown)),
  historical: orUndefined(Schema.Boolean),
  newIdentifiers: orUndefined(Schema.Boolean),
  hold: orUndefined(
    Schema.Union([
      Schema.Literal(false),
      Schema.Struct({ share: orUndefined(Schema.Finite), least: orUndefined(Schema.Finite) })
    ])
  ),
  onRemoval: orUndefined(Schema.String)
}

/**
 * @category schemas
 * @since 0.1.0
 */
export const EventOptions = Schema.Struct({
  ...common,
  calls: orUndefined(Schema.Array(Schema.String)),
  per: orUndefined(Schema.Literal("identifier")),
  events: orUndefined(
    Schema.Struct({
      entered: orUndefined(Schema.NonEmptyString),
      exited: orUndefined(Schema.NonEmptyString),
      computed: orUndefined(Schema.NonEmptyString)
    })
  ),
  accounts: orUndefined(Schema.Literals(["group", "users"])),
  traits: orUndefined(Schema.Record(Schema.String, Schema.String))
})

/**
 * @category schemas
 * @since 0.1.0
 */
export const ListOptions = Schema.Struct({
  ...common,
  every: Schema.optionalKey(Schema.Unknown),
  name: orUndefined(Schema.NonEmptyString)
})

const format = SchemaIssue.makeFormatterStandardSchemaV1()

/**
 * What is wrong with the shape of options: each mistake with its path below them.
 *
 * @category combinators
 * @since 0.1.0
 */
export const mistakesIn = (
  schema: typeof EventOptions | typeof ListOptions,
  options: unknown
): ReadonlyArray<{ readonly path: string; readonly message: string }> =>
  Result.match(Schema.decodeUnknownResult(schema)(options, { errors: "all" }), {
    onSuccess: () => [],
    onFailure: (error) =>
      format(error.issue).issues.map((issue) => ({
        path: (issue.path ?? []).map((part) => `.${String(part)}`).join(""),
        message: issue.message.replaceAll(" | undefined", "")
      }))
  })
