/**
 * Columns: of all that a source returns, what the configuration names.
 *
 * A query is described first, and its columns are then read by their places: a name that the query returns twice is
 * refused, a name of ours cannot be mistaken for one of the query's, and what nobody asked for is not read.
 *
 * @since 0.1.0
 */
import { Identifier, Json } from "@tributary/core"
import { Result } from "effect"
import { type Query, wrapped } from "../config/Query.ts"
import * as Spelling from "./Spelling.ts"

/**
 * What is asked of a source.
 *
 * @category models
 * @since 0.1.0
 */
export interface Columns {
  /** Columns to read as ids are spelled: ids, identifiers, accounts. */
  readonly texts: ReadonlyArray<string>
  /** Columns to read as JSON: traits, and the value of a computed trait. */
  readonly values: ReadonlyArray<string>
}

/**
 * @category constructors
 * @since 0.1.0
 */
export const make = (texts: ReadonlyArray<string>, values: ReadonlyArray<string>): Columns => ({
  texts: [...new Set(texts)],
  values: [...new Set(values)]
})

/**
 * What the rows of a source call a column that is read as text.
 *
 * @category combinators
 * @since 0.1.0
 */
export const text = ({ texts }: Columns, name: string): string => `t${texts.indexOf(name)}`

/**
 * What the rows of a source call a column that is read as JSON.
 *
 * @category combinators
 * @since 0.1.0
 */
export const value = ({ values }: Columns, name: string): string => `v${values.indexOf(name)}`

/**
 * A column that a query returns.
 *
 * @category models
 * @since 0.1.0
 */
export interface Described {
  readonly name: string
  /** Its type, by its number in PostgreSQL's catalogue. */
  readonly type: number
}

/**
 * A column of a query by its place: how SQL names it where the query is `(query) alias(…)` of `renamed`, and its type.
 *
 * @category combinators
 * @since 0.1.0
 */
export const find = (
  described: ReadonlyArray<Described>,
  name: string,
  alias = "q"
): Result.Result<{ readonly column: string; readonly type: number }, string> => {
  const places = described.flatMap((each, place) => (each.name === name ? [place] : []))
  const [place] = places
  const found = place === undefined ? undefined : described[place]
  if (place === undefined || found === undefined) return Result.fail(`the query has no column "${name}"`)
  return places.length > 1
    ? Result.fail(
        `the query returns ${places.length} columns named "${name}"; name the columns that are meant, and give each a name of its own`
      )
    : Result.succeed({ column: `${alias}.c${place}`, type: found.type })
}

/**
 * A query as a relation whose columns are named after their places.
 *
 * @category combinators
 * @since 0.1.0
 */
export const renamed = (query: Query, described: ReadonlyArray<Described>, alias = "q"): Query =>
  wrapped(`(`, query, `) ${alias}(${described.map((_, place) => `c${place}`).join(", ")})`)

/**
 * A query that returns what is asked of a relation of `renamed`, a column each (`t0`, `t1`…, `v0`, `v1`…); what of a row JSON
 * cannot express (`misfit`, a reason); and which of its texts is a list or an object (`misshapen`, a name).
 *
 * @category combinators
 * @since 0.1.0
 */
export const projected = (
  relation: Query,
  described: ReadonlyArray<Described>,
  { texts, values }: Columns
): Result.Result<Query, string> =>
  Result.gen(function* () {
    const selected: Array<string> = []
    const misfits: Array<string> = []
    const misshapen: Array<string> = []
    const seen = new Set<string>()
    const look = function* (name: string) {
      const found = yield* find(described, name)
      if (!seen.has(name)) {
        for (const { condition, reason } of Spelling.inexpressible(found.column, found.type)) {
          misfits.push(`when ${condition} then ${Spelling.quoted(`column "${name}" ${reason}`)}`)
        }
      }
      seen.add(name)
      return found
    }
    for (const [i, name] of texts.entries()) {
      const { column, type } = yield* look(name)
      selected.push(`${Spelling.ofColumn(column, type)} as t${i}`)
      if (Spelling.mayBeMisshapen(type)) {
        const shape = `jsonb_typeof(${Spelling.jsonOf(column, type)})`
        misshapen.push(`when ${shape} in ('array', 'object') then ${Spelling.quoted(name)}`)
      }
    }
    for (const [i, name] of values.entries()) {
      const { column, type } = yield* look(name)
      selected.push(`${Spelling.jsonOf(column, type)} as v${i}`)
    }
    selected.push(`${firstOf(misfits)} as misfit`, `${firstOf(misshapen)} as misshapen`)
    return wrapped(`select ${selected.join(", ")} from `, relation)
  })

const firstOf = (cases: ReadonlyArray<string>) => (cases.length === 0 ? "null::text" : `case ${cases.join(" ")} end`)

/**
 * The same columns of rows that were staged as JSON, each an object of the names that the columns have here.
 *
 * @category combinators
 * @since 0.1.0
 */
export const ofRow = ({ texts, values }: Columns, row: string): string =>
  [
    ...texts.map((_, i) => `${row} ->> 't${i}' as t${i}`),
    ...values.map((_, i) => `${row} -> 'v${i}' as v${i}`),
    `${row} ->> 'misfit' as misfit`,
    `${row} ->> 'misshapen' as misshapen`
  ].join(", ")

/**
 * A row of a file as it is staged: what is asked of it, under the names that the columns have here.
 *
 * @category combinators
 * @since 0.1.0
 */
export const picked = (
  { texts, values }: Columns,
  cell: (name: string) => Json.Json | undefined
): Readonly<Record<string, Json.Json>> => {
  const row: Record<string, Json.Json> = {}
  texts.forEach((name, i) => {
    const found = cell(name)
    if (found === undefined) return
    const isNumber = typeof found === "number" || Json.isExact(found)
    row[`t${i}`] = isNumber ? Json.digits(found) : found
    if (typeof found === "object" && found !== null && !isNumber) row["misshapen"] ??= name
  })
  values.forEach((name, i) => {
    const found = cell(name)
    if (found !== undefined) row[`v${i}`] = found
  })
  return row
}

/**
 * Says which row holds what cannot be sent.
 *
 * @category combinators
 * @since 0.1.0
 */
export const misfitIn = (id: string, misfit: string): string => `profile ${Identifier.masked(id)}: ${misfit}`
