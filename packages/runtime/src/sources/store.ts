/**
 * The store's own database as a source: its queries run in place, and no row leaves it.
 *
 * @since 0.1.0
 */
import { Effect } from "effect"
import { SqlClient } from "effect/sql"
import type { Query } from "../config/Query.ts"
import { describe } from "./Describe.ts"
import { failing, type Place, type Shape, type SqlSource } from "./Source.ts"

/**
 * @category constants
 * @since 0.1.0
 */
export const shape: Shape = { title: "the query", isChecked: false, isTyped: true }

/**
 * Opens a query on the store's own database.
 *
 * @category constructors
 * @since 0.1.0
 */
export const open = (query: Query, place: Place): SqlSource => {
  const fail = failing(place)
  return {
    _tag: "Sql",
    query,
    describe: (asked, title) =>
      Effect.flatMap(SqlClient.SqlClient, (sql) =>
        Effect.mapError(describe(sql, asked), ({ reason }) => fail(`${title} failed: ${reason}`))
      ),
    run: (asked) => ({ _tag: "InStore", query: asked })
  }
}
