/**
 * Settlements: outcomes written to the ledger, in one transaction with the release of what was claimed.
 *
 * @since 0.1.0
 */
import { IdSet, type Ledger } from "@tributary/core/runtime"
import { Effect } from "effect"
import { SqlClient, type SqlError } from "effect/sql"
import { fence } from "../../ownership/Ownership.ts"
import { movesSoFar, release } from "../dirty/Claims.ts"
import * as News from "../dirty/News.ts"
import * as Doubts from "./Doubts.ts"
import { markHolders } from "./Holders.ts"
import * as Intents from "./Intents.ts"
import * as NotConfirmed from "./NotConfirmed.ts"
import * as Postponed from "./Postponed.ts"
import * as Reached from "./Reached.ts"
import * as Receipts from "./Receipts.ts"
import * as Rejections from "./Rejections.ts"
import * as Resends from "./Resends.ts"
import * as SentSets from "../sent/SentSets.ts"
import * as SentValues from "../sent/SentValues.ts"

/**
 * Writes what a claim is about to send, and releases who has nothing to be sent. Runs inside the caller's transaction.
 *
 * @category combinators
 * @since 0.1.0
 */
export const intend = Effect.fn("Settlements.intend")(function* (
  claim: Ledger.Claim,
  { covered, intents, obsolete, rejections, released }: Ledger.Intended
): Effect.fn.Return<void, SqlError.SqlError | Ledger.Fenced | Ledger.Uncleared, SqlClient.SqlClient> {
  yield* fence(claim.owner)
  yield* News.compare([...claim.byActivation.keys()], claim.cleared)
  yield* Intents.keep(claim, intents)
  if (covered.length > 0) {
    yield* SentSets.acknowledge(covered)
    yield* SentValues.acknowledge(covered)
  }
  const remembered = yield* remembers([...claim.byActivation.keys()])
  if (remembered.rejections) yield* Rejections.forget(obsolete)
  yield* Rejections.keep(rejections)
  if (remembered.postponed) yield* Postponed.forget(claim, released)
  yield* release(claim, IdSet.from(released), IdSet.empty)
})

/**
 * Writes everything that a group of settled batches means. Runs inside the caller's transaction.
 *
 * @category combinators
 * @since 0.1.0
 */
export const settle = Effect.fn("Settlements.settle")(function* (
  claim: Ledger.Claim,
  settled: Ledger.Settled
): Effect.fn.Return<void, SqlError.SqlError | Ledger.Fenced, SqlClient.SqlClient> {
  yield* fence(claim.owner)
  const accounts = yield* Reached.accountsOfReached(claim.owner, settled.acknowledged)
  yield* SentSets.acknowledge(settled.acknowledged)
  yield* SentValues.acknowledge(settled.acknowledged)
  yield* Doubts.enter(settled.doubted)
  const remembered = yield* remembers([...claim.byActivation.keys()])
  if (remembered.moves !== claim.moves)
    yield* markHolders([...settled.acknowledged, ...settled.doubted], claim.profiles)
  if (remembered.rejections) yield* Rejections.forget(settled.acknowledged)
  yield* Rejections.keep(settled.rejections)
  if (remembered.postponed) yield* Postponed.forget(claim, sentOf(settled))
  yield* Postponed.keep(settled.postponed)
  if (remembered.failures) yield* confirm(settled)
  yield* Receipts.keep(claim, settled.receipts)
  yield* release(claim, IdSet.from(settled.released), IdSet.from(settled.returned), accounts)
})

/**
 * Whether there is anything to forget, as mostly there is not, and asking costs less than thousands of keys; and how
 * often identifiers have moved by now.
 */
const remembers = Effect.fnUntraced(function* (activations: ReadonlyArray<number>) {
  const sql = yield* SqlClient.SqlClient
  const [row] = yield* sql<{ rejections: boolean; postponed: boolean; failures: boolean; moves: number }>`
    select exists (select 1 from tributary.rejection where activation_no = any(${activations}::int[])) as rejections,
      exists (select 1 from tributary.postponed where activation_no = any(${activations}::int[])) as postponed,
      exists (select 1 from tributary.resend where activation_no = any(${activations}::int[])) or
        exists (select 1 from tributary.not_confirmed where activation_no = any(${activations}::int[])) as failures,
      ${movesSoFar(sql)} as moves`
  return row ?? { rejections: true, postponed: true, failures: true, moves: -1 }
})

/** What a vendor confirms at once, without a job, ends what is known of jobs that failed. */
const confirm = Effect.fnUntraced(function* ({ acknowledged, receipts }: Ledger.Settled) {
  const accepted = new Set(receipts.flatMap((receipt) => receipt.settlements))
  for (const part of SentSets.together(acknowledged.filter((settlement) => !accepted.has(settlement)))) {
    yield* Resends.end(part)
    yield* NotConfirmed.forget(part)
  }
})

/** Those that are done with: of the released, whoever does not wait. */
const sentOf = ({ postponed, released }: Ledger.Settled): ReadonlyArray<number> => {
  const waiting = new Set(postponed.map((postponement) => postponement.profile))
  return released.filter((profile) => !waiting.has(profile))
}
