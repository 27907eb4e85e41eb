/**
 * Recovery: what a process that ended had claimed, pending again.
 *
 * Until then it is safe where it is: nobody claims a profile that a claim holds.
 *
 * @since 0.1.0
 */
import { IdSet, type Ledger } from "@tributary/core/runtime"
import { Effect } from "effect"
import { SqlClient, type SqlError } from "effect/sql"
import { fenced } from "../../ownership/Ownership.ts"
import { mark, marksOf } from "../dirty/DirtySets.ts"
import * as Doubts from "./Doubts.ts"
import { markHolders } from "./Holders.ts"
import * as Intents from "./Intents.ts"

interface ClaimRow {
  readonly activation_no: number
  readonly lane: number
  readonly bits: Uint8Array
  readonly intents: Uint8Array
}

/**
 * Returns claims on a destination to the dirty sets: of these activations, or all. Call it only while nothing of theirs
 * is in flight: after `take`, and before a sync. What they were about to send is in doubt from now on.
 *
 * @category combinators
 * @since 0.1.0
 */
export const recover = Effect.fn("Recovery.recover")(function* (
  owner: Ledger.Ownership,
  activations: ReadonlyArray<number> | undefined
): Effect.fn.Return<void, SqlError.SqlError | Ledger.Fenced, SqlClient.SqlClient> {
  const sql = yield* SqlClient.SqlClient
  yield* fenced(
    owner,
    Effect.gen(function* () {
      const claims = yield* sql<ClaimRow>`
        delete from tributary.claim where destination = ${owner.destination}
          and (${activations === undefined} or activation_no = any(${activations ?? []}::int[]))
        returning activation_no, lane::int as lane, bits, intents`
      const held = claims.map((claim) => ({ ...claim, profiles: IdSet.decode(claim.bits) }))
      const left = held.flatMap(({ activation_no, intents, profiles }) =>
        Intents.left(activation_no, profiles, intents)
      )
      yield* Doubts.enter(left)
      const profiles = IdSet.unionAll(held.map((claim) => claim.profiles))
      yield* markHolders(left, profiles)
      yield* mark(held.flatMap((claim) => marksOf(claim.activation_no, claim.lane, claim.profiles)))
    })
  )
})
