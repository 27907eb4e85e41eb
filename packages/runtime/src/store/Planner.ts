/**
 * What PostgreSQL's planner must be told.
 *
 * @since 0.1.0
 */
import { Effect } from "effect"
import { SqlClient, type SqlError } from "effect/sql"

/**
 * Tells the planner how large a table is that was made a moment ago. Without it PostgreSQL takes it for tiny, and
 * compares each of a million profiles with each of a million others.
 *
 * @category combinators
 * @since 0.1.0
 */
export const analyze = (table: string): Effect.Effect<void, SqlError.SqlError, SqlClient.SqlClient> =>
  Effect.flatMap(SqlClient.SqlClient, (sql) => Effect.asVoid(sql`analyze ${sql(table)}`))
