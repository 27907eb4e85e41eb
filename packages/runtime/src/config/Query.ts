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
 * Queries and texts of ours as one query.
 *
 * @category combinators
 * @since 0.1.0
 */
export const wrapped = (...parts: ReadonlyArray<string | Query>): Query => {
  const texts = [""]
  const values: Array<unknown> = []
  const append = (text: string) => {
    texts[texts.length - 1] += text
  }
  for (const part of parts) {
    if (typeof part === "string") {
      append(part)
      continue
    }
    part.texts.forEach((text, i) => {
      const isLast = i === part.texts.length - 1
      // The line break ends a comment that the query may end with.
      append(isLast ? `${withoutEnd(text)}\n` : text)
      if (!isLast) {
        values.push(part.values[i])
        texts.push("")
      }
    })
  }
  return { _tag: "Query", texts, values }
}

/** Texts, names and comments of SQL, in which a semicolon ends nothing; a semicolon; or anything else. */
const tokens =
  /[eE]'(?:[^'\\]|\\[\s\S]|'')*'|'(?:[^']|'')*'|"(?:[^"]|"")*"|(\$(?:[A-Za-z_]\w*)?\$)[\s\S]*?\1|--[^\r\n]*|\/\*[\s\S]*?\*\/|;|\w+|[\s\S]/g

/** The query without the semicolons that it ends with. Blanks stand in for them: what follows keeps its place. */
const withoutEnd = (text: string): string => {
  if (!text.includes(";")) return text
  const ends: Array<number> = []
  for (const { 0: token, index } of text.matchAll(tokens)) {
    if (token === ";") ends.push(index)
    else if (!/^(?:\s|--|\/\*)/.test(token)) ends.length = 0
  }
  return ends.reduce((kept, end) => `${kept.slice(0, end)} ${kept.slice(end + 1)}`, text)
}

/**
 * The query as a fragment for a statement of any client.
 *
 * @category combinators
 * @since 0.1.0
 */
export const toFragment = (query: Query): Statement.Fragment => {
  const { texts, values } = wrapped(query)
  return Statement.fragment(
    texts.flatMap((text, i) => {
      const literal = Statement.literal(text)
      return i < values.length ? [literal, Statement.parameter(values[i])] : [literal]
    })
  )
}
