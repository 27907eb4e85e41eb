/**
 * What a query returns, found without running it; and where in it a mistake is.
 *
 * @since 0.1.0
 */
import { Effect } from "effect"
import type { SqlClient, SqlError } from "effect/sql"
import { type Query, toFragment, wrapped } from "../config/Query.ts"
import { sqlReason } from "../store/sql/failures.ts"
import type { Described } from "./Columns.ts"

const prefix = "select * from ("

/**
 * The columns of a query in their order, or what is wrong with the query, with its line.
 *
 * @category constructors
 * @since 0.1.0
 */
export const describe = (
  sql: SqlClient.SqlClient,
  query: Query
): Effect.Effect<ReadonlyArray<Described>, SqlError.SqlError> =>
  Effect.map(sql`${sql.literal(prefix)}${toFragment(query)}) q limit 0`.raw, (result) => fieldsOf(result))

/** The two drivers describe alike, but for the spelling of a type's number. */
const fieldsOf = (result: unknown): ReadonlyArray<Described> => {
  const fields = property(result, "fields")
  return Array.isArray(fields)
    ? fields.map((field: unknown) => ({
        name: String(property(field, "name")),
        type: Number(property(field, "dataTypeId") ?? property(field, "dataTypeID"))
      }))
    : []
}

const property = (of: unknown, name: string): unknown =>
  typeof of === "object" && of !== null ? Reflect.get(of, name) : undefined

/**
 * Why a query could not be described: the database's words, and the line and column of the query that they are about.
 * What stands in `${}` counts as its number (`$1`).
 *
 * @category combinators
 * @since 0.1.0
 */
export const reasonOf = (error: SqlError.SqlError, query: Query): string => {
  const position = Number(property(error.reason.cause, "position"))
  const reason = sqlReason(error)
  if (!(position > prefix.length)) return reason
  const { texts } = wrapped(query)
  // PostgreSQL counts characters, and JavaScript counts the halves of some.
  const characters = [...texts.reduce((all, text, i) => (i === 0 ? text : `${all}$${i}${text}`), "")]
  const before = characters.slice(0, position - prefix.length - 1)
  const line = before.filter((character) => character === "\n").length + 1
  const column = before.length - before.lastIndexOf("\n")
  return `${reason} (line ${line}, column ${column} of the query)`
}
