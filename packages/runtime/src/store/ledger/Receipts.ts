/**
 * Receipts: jobs that a vendor accepted and reports on later (R35).
 *
 * What an accepted job was sent is in the ledger from the start. Where a job failed whole, or the vendor has forgotten
 * it, all that it was sent is in doubt: another job may have said the same, and people may have left since. So
 * everybody in it is sent again, whichever way they are now.
 *
 * @since 0.1.0
 */
import type { Outcome } from "@tributary/core"
import { IdSet, type Ledger, type Plan } from "@tributary/core/runtime"
import { Clock, DateTime, Effect } from "effect"
import { SqlClient, type SqlError } from "effect/sql"
import { lane, mark, marksOf } from "../dirty/DirtySets.ts"
import { timestamp } from "../sql/Timestamp.ts"
import { markHolders } from "./Holders.ts"
import * as SentSets from "./SentSets.ts"

type Written = Effect.Effect<void, SqlError.SqlError, SqlClient.SqlClient>

/**
 * A job that is open.
 *
 * @category models
 * @since 0.1.0
 */
export interface Receipt {
  readonly no: bigint
  readonly form: "event" | "list"
  /** What the vendor calls the job. */
  readonly receipt: string
  /** How often the vendor was asked and did not know yet. */
  readonly polls: number
  /** The profiles that the job was sent, as a stored set. */
  readonly profiles: Uint8Array
}

const firstPollMillis = 60_000
const longestPollMillis = 3_600_000
const mostAtOnce = 100

/**
 * Keeps the receipts of a settled batch, with what each job was sent. Runs inside the caller's transaction.
 *
 * @category combinators
 * @since 0.1.0
 */
export const keep = Effect.fnUntraced(function* (
  claim: Ledger.Claim,
  receipts: ReadonlyArray<Ledger.ReceiptRecord>
): Effect.fn.Return<void, SqlError.SqlError, SqlClient.SqlClient> {
  if (receipts.length === 0) return
  const sql = yield* SqlClient.SqlClient
  const now = yield* Clock.currentTimeMillis
  for (const { profiles, receipt, settlements } of receipts) {
    const sent = SentSets.together(settlements)
    yield* sql`with kept as (
        insert into tributary.receipt (destination, form, receipt, accepted_at, poll_at, profiles)
        values (${claim.owner.destination}, ${sent[0]?.kind === "member" ? "list" : "event"}, ${receipt},
          ${timestamp(now)}::timestamptz, ${timestamp(now + firstPollMillis)}::timestamptz,
          ${IdSet.encode(IdSet.from(profiles))}::bytea) returning no)
      insert into tributary.receipt_told (receipt_no, activation_no, kind, identifiers)
      select kept.no, w.a, w.k, w.i from kept cross join unnest(${sent.map((part) => part.activation)}::int[],
        ${sent.map((part) => part.kind)}::text[],
        ${sent.map((part) => IdSet.encode(part.identifiers))}::bytea[]) w(a, k, i)`
  }
})

/**
 * The jobs that the vendor is to be asked about now, oldest first, up to 100.
 *
 * @category constructors
 * @since 0.1.0
 */
export const due = Effect.fnUntraced(function* (
  destination: string
): Effect.fn.Return<ReadonlyArray<Receipt>, SqlError.SqlError, SqlClient.SqlClient> {
  const sql = yield* SqlClient.SqlClient
  const now = yield* DateTime.nowAsDate
  return yield* sql<Receipt>`
    select no, form, receipt, polls, profiles from tributary.receipt
    where destination = ${destination} and poll_at <= ${now}::timestamptz order by poll_at limit ${mostAtOnce}`
})

/**
 * How many jobs of a destination are open.
 *
 * @category constructors
 * @since 0.1.0
 */
export const countOpen = Effect.fnUntraced(function* (
  destination: string
): Effect.fn.Return<number, SqlError.SqlError, SqlClient.SqlClient> {
  const sql = yield* SqlClient.SqlClient
  const [row] = yield* sql<{ count: number }>`
    select count(*)::int as count from tributary.receipt where destination = ${destination}`
  return row?.count ?? 0
})

/**
 * Applies what the vendor says of a job. Only the owner of the destination calls this, inside `fenced`.
 *
 * @category combinators
 * @since 0.1.0
 */
export const apply = (receipt: Receipt, result: Outcome.JobResult): Written =>
  result._tag === "Pending"
    ? postponePoll(receipt)
    : Effect.flatMap(drop(receipt), (sent) =>
        result._tag === "Finished"
          ? addUnattributed(activationsOf(sent), result.unattributed)
          : sendAgain(receipt, sent)
      )

/** One set for each activation and kind. */
interface SentByJob {
  readonly activation_no: number
  readonly kind: Plan.LedgerKind
  readonly identifiers: Uint8Array
}

const activationsOf = (sent: ReadonlyArray<SentByJob>) => [...new Set(sent.map((part) => part.activation_no))]

/** Asks again after a minute, then two, four, … up to an hour. */
const postponePoll = ({ no, polls }: Receipt): Written =>
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    const wait = Math.min(longestPollMillis, firstPollMillis * 2 ** polls)
    const at = timestamp((yield* Clock.currentTimeMillis) + wait)
    yield* sql`update tributary.receipt set polls = polls + 1, poll_at = ${at}::timestamptz where no = ${no}::bigint`
  })

/** Forgets a job, and returns what it was sent. */
const drop = Effect.fnUntraced(function* ({ no }: Receipt) {
  const sql = yield* SqlClient.SqlClient
  const sent = yield* sql<SentByJob>`
    delete from tributary.receipt_told where receipt_no = ${no}::bigint
    returning activation_no, kind, identifiers`
  yield* sql`delete from tributary.receipt where no = ${no}::bigint`
  return sent
})

/** Failures that the vendor counted without saying whose they are go to the last sync of each activation. */
const addUnattributed = (
  activations: ReadonlyArray<number>,
  unattributed: Extract<Outcome.JobResult, { readonly _tag: "Finished" }>["unattributed"]
): Written =>
  Effect.gen(function* () {
    if (unattributed.length === 0) return
    const sql = yield* SqlClient.SqlClient
    yield* sql`update tributary.sync s set unattributed = s.unattributed || ${JSON.stringify(unattributed)}::text::jsonb
      where s.no in (select max(no) from tributary.sync where activation_no = any(${activations}::int[])
        group by activation_no)`
  })

const sendAgain = (receipt: Receipt, sent: ReadonlyArray<SentByJob>): Written =>
  Effect.gen(function* () {
    const keys = sent.flatMap(({ activation_no, identifiers, kind }) =>
      IdSet.toArray(IdSet.decode(identifiers)).map((identifier) => ({ activation: activation_no, kind, identifier }))
    )
    yield* SentSets.doubt(keys)
    yield* markHolders(keys)
    const profiles = IdSet.decode(receipt.profiles)
    yield* mark(activationsOf(sent).flatMap((activation) => marksOf(activation, lane.live, profiles)))
  })
