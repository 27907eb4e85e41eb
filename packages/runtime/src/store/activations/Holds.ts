/**
 * Holds: a sync that would remove too many waits for an operator (R36).
 *
 * A source that breaks looks like an audience that everybody exited. So before anything is sent, those about to be removed
 * are counted against those that were sent.
 *
 * @since 0.1.0
 */
import { IdSet } from "@tributary/core/runtime"
import { Effect } from "effect"
import { SqlClient, type SqlError } from "effect/sql"
import type { Activation } from "../../config/Activation.ts"
import { pending } from "../dirty/DirtySets.ts"
import { sentIdentifiers, wanted } from "./Reach.ts"

/**
 * Holds the activation, or lets go of it, as its pending changes ask for. Returns why it is held.
 *
 * @category combinators
 * @since 0.1.0
 */
export const check = Effect.fnUntraced(function* (
  no: number,
  policy: Activation["hold"]
): Effect.fn.Return<string | undefined, SqlError.SqlError, SqlClient.SqlClient> {
  const sql = yield* SqlClient.SqlClient
  const [row] = yield* sql<{ approved: boolean; held: string | null }>`
    select approved, held from tributary.activation where no = ${no}`
  const reason = policy === undefined || row?.approved === true ? undefined : yield* reasonToHold(no, policy)
  if ((row?.held ?? undefined) !== reason) {
    yield* sql`update tributary.activation set held = ${reason ?? null}::text where no = ${no}`
  }
  return reason
})

const reasonToHold = Effect.fnUntraced(function* (no: number, policy: NonNullable<Activation["hold"]>) {
  const sql = yield* SqlClient.SqlClient
  const present = yield* wanted(no)
  const exits = IdSet.difference(yield* pending(no), present)
  if (exits.size === 0 || (present.size > 0 && exits.size < policy.least)) return undefined
  const sent = yield* sentIdentifiers(no)
  const rows = yield* sql<{ no: number; profile_no: number }>`
    select no, profile_no from tributary.identifier where profile_no = any(${[...exits]}::int[])`
  const removed = rows.filter((row) => sent.has(row.no))
  const profiles = new Set(removed.map((row) => row.profile_no)).size
  if (profiles === 0) return undefined
  const share = removed.length / sent.size
  const percent = `${Math.round(share * 100)} %`
  if (present.size === 0) {
    return `its source turned empty: all ${inWords(profiles)} that were sent would be removed`
  }
  return profiles >= policy.least && share > policy.share
    ? `it would remove ${inWords(profiles)}, ${percent} of those sent (allowed: ${Math.round(policy.share * 100)} %)`
    : undefined
})

const inWords = (profiles: number) => (profiles === 1 ? "1 profile" : `${profiles} profiles`)
