/**
 * Rejections: what a destination refused, or could not be sent, with the reason (R34).
 *
 * A rejection holds the fingerprint of what was rejected: the same is not sent again until it changes, or somebody asks
 * for it.
 *
 * @since 0.1.0
 */
import type { Ledger, Plan } from "@tributary/core/runtime"
import { DateTime, Effect } from "effect"
import { SqlClient, type SqlError } from "effect/sql"
import { int4List } from "../sql/Columns.ts"
import { storable } from "../sql/Text.ts"

type Written = Effect.Effect<void, SqlError.SqlError, SqlClient.SqlClient>

/** Of one activation, by kind and identifier: the fingerprint of what was rejected. */
type Rejected = Plan.Standing["rejected"]

/**
 * Reads what was rejected of these identifiers, by activation. Activations without rejections cost nothing, if they are
 * not named.
 *
 * @category constructors
 * @since 0.1.0
 */
export const read = Effect.fnUntraced(function* (
  activations: ReadonlyArray<number>,
  identifiers: ReadonlyArray<number>
): Effect.fn.Return<ReadonlyMap<number, Rejected>, SqlError.SqlError, SqlClient.SqlClient> {
  if (activations.length === 0) return new Map()
  const sql = yield* SqlClient.SqlClient
  const rows = yield* sql<{ activation_no: number; kind: string; identifier_no: number; attempt: bigint }>`
    select activation_no, kind, identifier_no, attempt from tributary.rejection
    where activation_no = any(${activations}::int[]) and identifier_no = any(${int4List(identifiers)}::int[])`
  const rejections = new Map<number, Map<string, Map<number, bigint>>>()
  for (const { activation_no, attempt, identifier_no, kind } of rows) {
    const kinds = rejections.get(activation_no) ?? new Map<string, Map<number, bigint>>()
    rejections.set(activation_no, kinds)
    const attempts = kinds.get(kind) ?? new Map<number, bigint>()
    kinds.set(kind, attempts)
    attempts.set(identifier_no, BigInt.asUintN(64, attempt))
  }
  return new Map(
    [...rejections].map(([activation, kinds]) => [activation, (kind, identifier) => kinds.get(kind)?.get(identifier)])
  )
})

/**
 * Forgets what was rejected of these keys: something was acknowledged for them since, or they are obsolete. Runs inside
 * the caller's transaction.
 *
 * @category combinators
 * @since 0.1.0
 */
export const forget = (keys: ReadonlyArray<Plan.LedgerKey>): Written =>
  keys.length === 0
    ? Effect.void
    : Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        yield* sql`delete from tributary.rejection r
          using unnest(${keys.map((key) => key.activation)}::int[], ${keys.map((key) => key.kind)}::text[],
            ${keys.map((key) => key.identifier)}::int[]) w(a, k, i)
          where r.activation_no = w.a and r.kind = w.k and r.identifier_no = w.i`
      })

const signed = (fingerprint: bigint) => BigInt.asIntN(64, fingerprint)

/**
 * Keeps rejections, one for each key: the newest. Runs inside the caller's transaction.
 *
 * @category combinators
 * @since 0.1.0
 */
export const keep = (rejections: ReadonlyArray<Ledger.RejectionRecord>): Written =>
  rejections.length === 0
    ? Effect.void
    : Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        const at = yield* DateTime.nowAsDate
        const unique = new Map(
          rejections.map((r) => [`${r.settlement.activation} ${r.settlement.kind} ${r.settlement.identifier}`, r])
        )
        const rows = [...unique.values()]
        // An empty text for "no payload": PostgreSQL's driver cannot send an array of nulls alone.
        yield* sql`insert into tributary.rejection
            (activation_no, kind, identifier_no, profile_no, attempt, reason, payload, at)
          select a, k, i, p, f, r, nullif(d, '')::jsonb, ${at}::timestamptz
          from unnest(${rows.map((r) => r.settlement.activation)}::int[], ${rows.map((r) => r.settlement.kind)}::text[],
            ${rows.map((r) => r.settlement.identifier)}::int[], ${rows.map((r) => r.profile)}::int[],
            ${rows.map((r) => signed(r.settlement.attempt))}::bigint[], ${rows.map((r) => storable(r.reason))}::text[],
            ${rows.map((r) => (r.payload === null ? "" : JSON.stringify(r.payload)))}::text[]) w(a, k, i, p, f, r, d)
          on conflict (activation_no, kind, identifier_no) do update set profile_no = excluded.profile_no,
            attempt = excluded.attempt, reason = excluded.reason, payload = excluded.payload, at = excluded.at`
      })
