/**
 * What PostgreSQL's planner must know.
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

/**
 * The same for tables of the store, where they have grown by more than half since the planner last heard of them: a first
 * import of ten million then tells it a dozen times, and not fifty. It cannot wait for autovacuum, which comes a minute
 * later and to PGlite never: until then each of nine thousand profiles is compared with each other, which takes ten
 * seconds.
 *
 * @category combinators
 * @since 0.1.0
 */
export const analyzeGrown = Effect.fnUntraced(function* (
  ...tables: ReadonlyArray<"profile" | "identifier">
): Effect.fn.Return<void, SqlError.SqlError, SqlClient.SqlClient> {
  const sql = yield* SqlClient.SqlClient
  const grown = yield* sql<{ name: string }>`
    select c.relname as name from pg_class c
    where c.relnamespace = 'tributary'::regnamespace and c.relname = any(${tables}::text[])
      and pg_relation_size(c.oid) > (1.5 * c.relpages + 2) * current_setting('block_size')::int`
  for (const { name } of grown) yield* sql`analyze tributary.${sql(name)}`
})

/**
 * For the rest of a transaction: large joins by all workers that the server allows. A planner that counts what it costs
 * to hand a row from one process to another leaves ten million of them to one; and code compiled for one query of a few
 * seconds costs more than it saves.
 *
 * @category combinators
 * @since 0.1.0
 */
export const readLarge: Effect.Effect<void, SqlError.SqlError, SqlClient.SqlClient> = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  yield* sql`select set_config('jit', 'off', true), set_config('parallel_setup_cost', '0', true),
    set_config('parallel_tuple_cost', '0', true)`
})
