/**
 * Sources: what the store keeps of each source of profiles: when it was imported, how far it was read, what failed.
 *
 * @since 0.1.0
 */
import { Effect } from "effect"
import { SqlClient, type SqlError } from "effect/sql"
import type { Kept } from "../../sources/Look.ts"

/**
 * When the source was last imported; `undefined` where it never was.
 *
 * @category constructors
 * @since 0.1.0
 */
export const lastImported = Effect.fnUntraced(function* (
  source: string
): Effect.fn.Return<Date | undefined, SqlError.SqlError, SqlClient.SqlClient> {
  const sql = yield* SqlClient.SqlClient
  const [row] = yield* sql<{ at: Date | null }>`select imported_at as at from tributary.source where id = ${source}`
  return row?.at ?? undefined
})

/**
 * How far the source's changes were read; `undefined` where it was never looked at.
 *
 * @category constructors
 * @since 0.1.0
 */
export const keptLook = Effect.fnUntraced(function* (
  source: string
): Effect.fn.Return<Kept | undefined, SqlError.SqlError, SqlClient.SqlClient> {
  const sql = yield* SqlClient.SqlClient
  const [kept] = yield* sql<Kept>`select position, position_type, basis, full_at from tributary.source
    where id = ${source}`
  return kept
})

/**
 * Keeps why the last import failed, for `status`. The next import that succeeds clears it.
 *
 * @category combinators
 * @since 0.1.0
 */
export const rememberError = Effect.fnUntraced(function* (
  source: string,
  message: string
): Effect.fn.Return<void, SqlError.SqlError, SqlClient.SqlClient> {
  const sql = yield* SqlClient.SqlClient
  yield* sql`insert into tributary.source (id, error) values (${source}, ${message})
    on conflict (id) do update set error = excluded.error`
})
