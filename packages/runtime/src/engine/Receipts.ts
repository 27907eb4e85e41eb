/**
 * Receipts: jobs that a vendor accepted and answers for later (R35).
 *
 * What an accepted job was told stands in the ledger from the start. Where a job failed whole, or the vendor has
 * forgotten it, all that it was told is in doubt: another job may have said the same, and people may have left since.
 * So everybody in it is told again, whichever way they are now.
 *
 * @since 0.1.0
 */
import { type Destination, Outcome } from "@tributary/core"
import { IdSet, type Ledger, type Plan } from "@tributary/core/runtime"
import { Clock, DateTime, Effect } from "effect"
import { SqlClient, type SqlError } from "effect/sql"
import { lane, mark, marksOf } from "../store/dirty/DirtySets.ts"
import { toLedgerError } from "../store/sql/failures.ts"
import { fenced } from "../ownership/Ownership.ts"
import { markHolders } from "../store/ledger/Holders.ts"
import * as SentSets from "../store/ledger/SentSets.ts"
import type { Connected } from "./Destinations.ts"
import { timestamp } from "../store/sql/Timestamp.ts"

interface ReceiptRow {
  readonly no: bigint
  readonly form: string
  readonly receipt: string
  readonly polls: number
  readonly profiles: Uint8Array
}

interface ToldRow {
  readonly activation_no: number
  readonly kind: Plan.LedgerKind
  readonly identifiers: Uint8Array
}

const longestPollMillis = 3_600_000

/**
 * Asks the vendor about every job that is due, and applies what it says. Answers how many are still open.
 *
 * @category combinators
 * @since 0.1.0
 */
export const pollReceipts = Effect.fnUntraced(function* (
  connected: Connected,
  owner: Ledger.Ownership
): Effect.fn.Return<number, SqlError.SqlError | Ledger.Fenced, SqlClient.SqlClient> {
  const sql = yield* SqlClient.SqlClient
  const now = yield* DateTime.nowAsDate
  const due = yield* sql<ReceiptRow>`
    select no, form, receipt, polls, profiles from tributary.receipt
    where destination = ${owner.destination} and poll_at <= ${now}::timestamptz order by poll_at limit 100`
  for (const row of due) {
    const result = yield* ask(connected, row)
    yield* fenced(owner, apply(owner, row, result))
  }
  const [left] = yield* sql<{ count: number }>`
    select count(*)::int as count from tributary.receipt where destination = ${owner.destination}`
  return left?.count ?? 0
})

/**
 * As `pollReceipts`, once for each job that is due, with the store's failures as the ledger reports them.
 *
 * @category combinators
 * @since 0.1.0
 */
export const pollAll = (owned: { readonly connected: Connected; readonly owner: Ledger.Ownership }) =>
  Effect.catchTag(pollReceipts(owned.connected, owned.owner), "SqlError", toLedgerError)

/** A vendor that does not answer now is asked again later. */
const ask = (connected: Connected, row: ReceiptRow): Effect.Effect<Outcome.JobResult> => {
  const { bound, forms } = connected
  const form = row.form === "list" ? bound.list : bound.event
  const line = row.form === "list" ? forms.list : forms.event
  const context: Destination.Context<unknown> = { client: line.client, settings: bound.settings }
  return form?.poll === undefined
    ? Effect.succeed<Outcome.JobResult>({ _tag: "Finished", unattributed: [] })
    : form.poll(row.receipt, context).pipe(
        Effect.catchDefect(() => Effect.succeed<Outcome.JobResult>({ _tag: "Pending" })),
        Effect.catch(() => Effect.succeed<Outcome.JobResult>({ _tag: "Pending" }))
      )
}

const apply = Effect.fnUntraced(function* (owner: Ledger.Ownership, row: ReceiptRow, result: Outcome.JobResult) {
  const sql = yield* SqlClient.SqlClient
  if (result._tag === "Pending") {
    const wait = Math.min(longestPollMillis, 60_000 * 2 ** row.polls)
    const at = timestamp((yield* Clock.currentTimeMillis) + wait)
    yield* sql`update tributary.receipt set polls = polls + 1, poll_at = ${at}::timestamptz where no = ${row.no}::bigint`
    return
  }
  const kept = yield* sql<ToldRow>`
    delete from tributary.receipt_told where receipt_no = ${row.no}::bigint
    returning activation_no, kind, identifiers`
  yield* sql`delete from tributary.receipt where no = ${row.no}::bigint`
  const activations = [...new Set(kept.map((part) => part.activation_no))]
  if (result._tag === "Finished") {
    if (result.unattributed.length > 0) {
      yield* sql`update tributary.sync s set unattributed = s.unattributed || ${JSON.stringify(result.unattributed)}::text::jsonb
        where s.no in (select max(no) from tributary.sync where activation_no = any(${activations}::int[]) group by activation_no)`
    }
    return
  }
  const sent = kept.flatMap(({ activation_no, identifiers, kind }) =>
    IdSet.toArray(IdSet.decode(identifiers)).map((identifier) => ({ activation: activation_no, kind, identifier }))
  )
  yield* SentSets.doubt(sent)
  yield* markHolders(sent)
  const profiles = IdSet.decode(row.profiles)
  yield* mark(activations.flatMap((activation) => marksOf(activation, lane.live, profiles)))
})
