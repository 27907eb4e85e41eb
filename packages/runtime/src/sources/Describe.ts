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

/**
 * Why a query cannot be described: in the database's words, with the line and column of the query that they are about.
 *
 * @category models
 * @since 0.1.0
 */
export interface Undescribed {
  readonly error: SqlError.SqlError
  readonly reason: string
}

/**
 * The columns of a query in their order, or what is wrong with the query.
 *
 * @category constructors
 * @since 0.1.0
 */
export const describe = (
  sql: SqlClient.SqlClient,
  query: Query
): Effect.Effect<ReadonlyArray<Described>, Undescribed> => {
  const within = (prefix: string, suffix: string) =>
    Effect.mapError(sql`${sql.literal(prefix)}${toFragment(query)}${sql.literal(suffix)}`.raw, (error) => ({
      error,
      reason: reasonOf(error, query, prefix)
    }))
  return within("select * from (", ") q limit 0").pipe(
    // A misspelt `select` is a table's name there, and the mistake elsewhere. Here nothing but a query may stand.
    Effect.tapError(({ error }) =>
      error.reason._tag === "SqlSyntaxError" ? within("select exists (", ") limit 0") : Effect.void
    ),
    Effect.map(fieldsOf)
  )
}

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

/** What stands in `${}` counts as its number (`$1`). */
const reasonOf = (error: SqlError.SqlError, query: Query, prefix: string): string => {
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
