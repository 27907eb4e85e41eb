/**
 * Postponed: profiles that a destination could not take now, and when each is tried again.
 *
 * Such a profile is neither dirty nor claimed while it waits: `Claims.claim` makes it dirty when its wait is over, and
 * the row stays, so that a next failure waits longer.
 *
 * @since 0.1.0
 */
import type { Ledger } from "@tributary/core/runtime"
import { Clock, Effect, Random } from "effect"
import { SqlClient, type SqlError } from "effect/sql"
import { storable } from "../sql/Text.ts"
import { timestamp } from "../sql/Timestamp.ts"

type Written = Effect.Effect<void, SqlError.SqlError, SqlClient.SqlClient>

const firstWaitMillis = 2_000
const longestPostponementMillis = 3_600_000

/**
 * Forgets that profiles waited, which were sent now: the next failure of theirs starts with a short wait. Runs inside the
 * caller's transaction.
 *
 * @category combinators
 * @since 0.1.0
 */
export const forget = (claim: Ledger.Claim, sent: ReadonlyArray<number>): Written =>
  sent.length === 0
    ? Effect.void
    : Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        yield* sql`delete from tributary.postponed
          where not_before = 'infinity' and activation_no = any(${[...claim.byActivation.keys()]}::int[])
            and profile_no = any(${sent}::int[])`
      })

/**
 * Keeps profiles that are to be tried again later: when the vendor says, else after 2 s, 4 s, 8 s, … up to an hour, with
 * jitter. Runs inside the caller's transaction.
 *
 * @category combinators
 * @since 0.1.0
 */
export const keep = (postponements: ReadonlyArray<Ledger.Postponement>): Written =>
  postponements.length === 0
    ? Effect.void
    : Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        const now = yield* Clock.currentTimeMillis
        const unique = new Map(postponements.map((p) => [`${p.activation} ${p.profile}`, p]))
        const rows = [...unique.values()]
        const known = yield* sql<{ activation_no: number; profile_no: number; attempts: number }>`
          select activation_no, profile_no, attempts from tributary.postponed
          where activation_no = any(${rows.map((p) => p.activation)}::int[])
            and profile_no = any(${rows.map((p) => p.profile)}::int[])`
        const attempts = new Map(known.map((row) => [`${row.activation_no} ${row.profile_no}`, row.attempts]))
        const jitter = 0.5 + (yield* Random.next)
        const notBefore = (p: Ledger.Postponement) => {
          const backoff = firstWaitMillis * jitter * 2 ** (attempts.get(`${p.activation} ${p.profile}`) ?? 0)
          return timestamp(now + (p.afterMillis ?? Math.min(longestPostponementMillis, backoff)))
        }
        yield* sql`insert into tributary.postponed as old (activation_no, profile_no, attempts, not_before, reason)
          select a, p, 1, t, r from unnest(${rows.map((p) => p.activation)}::int[], ${rows.map((p) => p.profile)}::int[],
            ${rows.map(notBefore)}::timestamptz[], ${rows.map((p) => storable(p.reason))}::text[]) w(a, p, t, r)
          on conflict (activation_no, profile_no) do update set attempts = old.attempts + 1,
            not_before = excluded.not_before, reason = excluded.reason`
      })
