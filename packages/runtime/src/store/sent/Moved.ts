/**
 * Moved identifiers: what another profile has now stands on the wrong record of a vendor that joins identifiers (R44).
 *
 * The ledger has it as sent, and it was, with the record of whoever had it before. So it is sent again with the new one.
 * Where a vendor keeps a record for each identifier the record moves with it, and nothing is sent (R26).
 *
 * @since 0.1.0
 */
import { IdSet } from "@tributary/core/runtime"
import { Effect } from "effect"
import { SqlClient, type SqlError } from "effect/sql"
import { int4List } from "../sql/Columns.ts"
import * as SentSets from "./SentSets.ts"

/**
 * Marks what these profiles got at this time to be sent again with their records. The ids that records are found by are
 * left alone: their records go where they go. Runs inside the caller's transaction, before anybody is marked dirty.
 *
 * @category combinators
 * @since 0.1.0
 */
export const sendAgain = Effect.fnUntraced(function* (
  holders: IdSet.IdSet,
  at: Date
): Effect.fn.Return<void, SqlError.SqlError, SqlClient.SqlClient> {
  const sql = yield* SqlClient.SqlClient
  const moved = yield* sql<{ activation: number; key: number }>`
    select a.no as activation, coalesce(s.key_no, i.no) as key from tributary.identifier i
    cross join tributary.activation a
    left join tributary.spelling s on s.destination = a.destination and s.identifier_no = i.no
    where i.profile_no = any(${int4List([...holders])}::int[]) and i.added_at = ${at}::timestamptz
      and i.type <> 'user_id' and not i.gone
      and not a.removed and a.form = 'event' and a.told_as ->> 'per' = 'profile'`
  if (moved.length === 0) return
  const activations = [...new Set(moved.map(({ activation }) => activation))]
  const chunks = [...new Set(moved.map(({ key }) => IdSet.chunkOf(key)))]
  const sent = (yield* SentSets.read(activations, chunks)).filter(({ kind }) => kind === "identify")
  yield* SentSets.doubt(
    moved.flatMap(({ activation, key }) =>
      sent.some((chunk) => chunk.activation === activation && chunk.isSent(key))
        ? [{ activation, kind: "identify" as const, identifier: key }]
        : []
    )
  )
})
