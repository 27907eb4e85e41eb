/**
 * Queries as an operator writes them: SQL whose values stay parameters.
 *
 * @since 0.1.0
 */
import { Statement } from "effect/sql"

/**
 * SQL text with its values apart.
 *
 * @category models
 * @since 0.1.0
 */
export interface Query {
  readonly _tag: "Query"
  readonly texts: ReadonlyArray<string>
  readonly values: ReadonlyArray<unknown>
}

/**
 * A query. What stands in `${}` becomes a parameter, never text.
 *
 * @example
 * ```ts
 * sql`select customer_id as id from orders where total > ${1000}`
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const sql = (texts: TemplateStringsArray, ...values: ReadonlyArray<unknown>): Query => ({
  _tag: "Query",
  texts,
  values
})

/**
 * The query as a fragment for a statement of any client.
 *
 * @category combinators
 * @since 0.1.0
 */
export const toFragment = (query: Query): Statement.Fragment =>
  Statement.fragment(
    query.texts.flatMap((text, i) => {
      // The line break ends a comment that the query may end with.
      const literal = Statement.literal(i === query.texts.length - 1 ? `${text.replace(/;\s*$/, "")}\n` : text)
      return i < query.values.length ? [literal, Statement.parameter(query.values[i])] : [literal]
    })
  )
