/**
 * Users of accounts: a computation over accounts can be sent for their users (R9, R17).
 *
 * @since 0.1.0
 */
import type { IdSet } from "@tributary/core/runtime"
import { Effect } from "effect"
import { SqlClient, type SqlError } from "effect/sql"
import { int4List, int4Set } from "../sql/Columns.ts"

/**
 * The users of these accounts, without those that were deleted: whoever was deleted is pending since then.
 *
 * @category constructors
 * @since 0.1.0
 */
export const usersOf = Effect.fnUntraced(function* (
  accounts: IdSet.IdSet
): Effect.fn.Return<IdSet.IdSet, SqlError.SqlError, SqlClient.SqlClient> {
  const sql = yield* SqlClient.SqlClient
  const [row] = yield* sql<{ nos: Uint8Array | null }>`
    select string_agg(int4send(m.user_no), ''::bytea) as nos from tributary.account_user m
    join tributary.profile p on p.no = m.user_no and not p.gone
    where m.account_no = any(${int4List([...accounts])}::int[]) and not m.gone`
  return int4Set(row?.nos)
})
