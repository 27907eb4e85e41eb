/**
 * Spelling: the one text of an id, whatever type it has where it comes from.
 *
 * One person comes from several queries and files, and is one person only where all of them spell the id alike. A number
 * has neither trailing zeros nor an exponent (`12.0` and `1.2e1` are `12`), `char(n)` has no padding, and all else is the
 * text that PostgreSQL has for it in JSON.
 *
 * @since 0.1.0
 */

/** Types by their numbers in PostgreSQL's catalogue. A domain is described as the type that it is made of. */
const oid = {
  bool: 16,
  char: 18,
  name: 19,
  int8: 20,
  int2: 21,
  int4: 23,
  text: 25,
  json: 114,
  float4: 700,
  float8: 701,
  bpchar: 1042,
  varchar: 1043,
  numeric: 1700,
  uuid: 2950,
  jsonb: 3802
} as const

/** Their text is their spelling, and none of them can be misshapen. */
const plain: ReadonlySet<number> = new Set([
  oid.bool,
  oid.char,
  oid.name,
  oid.int8,
  oid.int2,
  oid.int4,
  oid.text,
  oid.bpchar,
  oid.varchar,
  oid.uuid
])

const floats: ReadonlySet<number> = new Set([oid.float4, oid.float8])

/** Lists of floats and of numerics. */
const listsOfNumbers: ReadonlySet<number> = new Set([1021, 1022, 1231])

const integers: ReadonlySet<number> = new Set([oid.int2, oid.int4, oid.int8])

/** Beyond this a number is infinite in JavaScript, and in most of what reads JSON. */
const largest = "1.7976931348623157e308"

/** In the text of JSON: a NUL, or half of a surrogate pair. PostgreSQL's `json` takes them, and its `jsonb` does not. */
const unstorable = String.raw`(?<!\\)(?:\\\\)*\\u(?:0000|d[89ab][0-9a-f]{2}(?!\\ud[c-f])|(?<!\\ud[89ab][0-9a-f]{2}\\u)d[c-f][0-9a-f]{2})`

/**
 * A text in SQL.
 *
 * @category combinators
 * @since 0.1.0
 */
export const quoted = (text: string): string =>
  `${text.includes("\\") ? "e" : ""}'${text.replaceAll("\\", "\\\\").replaceAll("'", "''")}'`

/**
 * The spelling of a jsonb expression.
 *
 * @category combinators
 * @since 0.1.0
 */
export const ofJson = (json: string): string =>
  `case jsonb_typeof(${json}) when 'number' then trim_scale((${json})::numeric)::text else ${json} #>> '{}' end`

/**
 * The spelling of a column of a type.
 *
 * @category combinators
 * @since 0.1.0
 */
export const ofColumn = (column: string, type: number): string => {
  if (plain.has(type)) return `${column}::text`
  if (type === oid.numeric) return `trim_scale(${column})::text`
  // By its text: a cast from a float to numeric keeps 15 digits.
  if (floats.has(type)) return `trim_scale(${column}::text::numeric)::text`
  return ofJson(jsonOf(column, type))
}

/**
 * A column as jsonb; null where the column holds what jsonb cannot.
 *
 * @category combinators
 * @since 0.1.0
 */
export const jsonOf = (column: string, type: number): string => {
  if (type === oid.bpchar) return `to_jsonb(${column}::text)`
  return type === oid.json
    ? `(case when ${column}::text !~* ${quoted(unstorable)} then ${column} end)::jsonb`
    : `to_jsonb(${column})`
}

/**
 * Conditions under which a column holds what JSON has no words for, each with the reason. None for most types.
 *
 * @category combinators
 * @since 0.1.0
 */
export const inexpressible = (
  column: string,
  type: number
): ReadonlyArray<{ readonly condition: string; readonly reason: string }> => {
  const number = (condition: string) => ({
    condition,
    reason: "holds NaN, infinity or a number beyond 1e308, which JSON cannot express"
  })
  // NaN is larger than any number.
  if (type === oid.numeric) return [number(`abs(${column}) > ${largest}`)]
  if (floats.has(type)) return [number(`abs(${column}::float8) > '${largest}'::float8`)]
  if (listsOfNumbers.has(type)) return [number(`${column}::text ~ 'NaN|Infinity'`)]
  if (type !== oid.json && type !== oid.jsonb) return []
  const tooLarge = number(`jsonb_path_exists(${jsonOf(column, type)}, '$.** ? (@ > ${largest} || @ < -${largest})')`)
  return type === oid.jsonb
    ? [tooLarge]
    : [
        {
          condition: `${column}::text ~* ${quoted(unstorable)}`,
          reason: "holds a character that PostgreSQL cannot hold (a NUL, or half of a surrogate pair)"
        },
        tooLarge
      ]
}

/**
 * Whether a column may hold a list or an object.
 *
 * @category combinators
 * @since 0.1.0
 */
export const mayBeMisshapen = (type: number): boolean => !plain.has(type) && !floats.has(type) && type !== oid.numeric

/** PostgreSQL compares no two of `json`, `xml`, `point` or `polygon`. */
const incomparable: ReadonlySet<number> = new Set([oid.json, 142, 600, 604])

/**
 * Whether columns of two types can be compared as they are, so that an index may be used.
 *
 * @category combinators
 * @since 0.1.0
 */
export const areComparable = (a: number, b: number): boolean =>
  (a === b && !incomparable.has(a)) || (integers.has(a) && integers.has(b))

/** The types of an id, what PostgreSQL calls them, and what a text must be like to be one. */
const castable: Readonly<Record<number, { readonly name: string; readonly pattern: RegExp }>> = {
  [oid.text]: { name: "text", pattern: /^/ },
  [oid.varchar]: { name: "varchar", pattern: /^/ },
  [oid.bpchar]: { name: "bpchar", pattern: /^/ },
  [oid.int8]: { name: "bigint", pattern: /^-?\d{1,18}$/ },
  [oid.int4]: { name: "integer", pattern: /^-?\d{1,9}$/ },
  [oid.int2]: { name: "smallint", pattern: /^-?\d{1,4}$/ },
  [oid.uuid]: { name: "uuid", pattern: /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i }
}

/**
 * How the spelling of an id becomes its own type again; `undefined` where it is looked for by its spelling.
 *
 * @category combinators
 * @since 0.1.0
 */
export const castOf = (type: number): { readonly name: string; readonly pattern: RegExp } | undefined => castable[type]
