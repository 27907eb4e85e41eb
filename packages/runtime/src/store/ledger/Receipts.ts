/**
 * Receipts: jobs that a vendor accepted and reports on later (R35).
 *
 * What an accepted job was sent is in the ledger from the start. Where a job failed, whole or in a part that the vendor
 * does not name, or where the vendor has forgotten it, all that it was sent is in doubt: another job may have said the
 * same, and people may have exited since. So everybody in it is sent again, whichever way they are now: as often as
 * `Resends` allows. After that they stay in doubt, and are sent again when something else about them changes.
 *
 * @since 0.1.0
 */
import type { Outcome } from "@tributary/core"
import { IdSet, type Ledger, type Plan } from "@tributary/core/runtime"
import { Clock, DateTime, Effect } from "effect"
import { SqlClient, type SqlError } from "effect/sql"
import { lane, mark, marksOf } from "../dirty/DirtySets.ts"
import { storable } from "../sql/Text.ts"
import { timestamp } from "../sql/Timestamp.ts"
import * as Holders from "./Holders.ts"
import * as NotConfirmed from "./NotConfirmed.ts"
import * as Resends from "./Resends.ts"
import * as SentSets from "../sent/SentSets.ts"

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
      insert into tributary.receipt_told (receipt_no, activation_no, kind, identifiers, removes, sync_no)
      select kept.no, w.a, w.k, w.i, ${settlements[0]?.sent === undefined}::bool,
        (select max(s.no) from tributary.sync s where s.activation_no = w.a) from kept cross join unnest(${sent.map((part) => part.activation)}::int[],
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
 * The identifiers of each activation whose jobs have not been answered, by the activation's number.
 *
 * @category constructors
 * @since 0.1.0
 */
export const unconfirmed: Effect.Effect<
  ReadonlyMap<number, number>,
  SqlError.SqlError,
  SqlClient.SqlClient
> = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const rows = yield* sql<{ activation_no: number; identifiers: Uint8Array }>`
    select activation_no, identifiers from tributary.receipt_told`
  return new Map(
    [...Map.groupBy(rows, (row) => row.activation_no)].map(([activation, own]) => [
      activation,
      IdSet.decodeAll(own.map((row) => row.identifiers)).size
    ])
  )
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
    : Effect.gen(function* () {
        const profiles = IdSet.decode(receipt.profiles)
        const sent = yield* drop(receipt)
        for (const part of sent) yield* NotConfirmed.forget(part)
        const failures = failuresOf(result, profiles.size)
        if (result._tag === "Finished") {
          for (const part of sent) yield* Resends.end(part)
          yield* sendUnordered(sent)
          yield* report(sent, failures, false)
          yield* keepNotConfirmed(sent, failures)
        } else
          yield* sendAgain(profiles, sent, failures, result._tag === "Lost" ? Resends.most.lost : Resends.most.partial)
      })

/**
 * Forgets what the jobs of an activation were sent, and what is known of those that failed: its list is gone, and says
 * nothing of the next one. Runs inside the caller's transaction.
 *
 * @category combinators
 * @since 0.1.0
 */
export const forgetJobs = (activation: number): Written =>
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    for (const table of ["receipt_told", "resend", "not_confirmed"]) {
      yield* sql`delete from tributary.${sql(table)} where activation_no = ${activation}`
    }
  })

/** Where the vendor does not say how many, it may be everybody in the job. */
const failuresOf = (
  result: Exclude<Outcome.JobResult, { readonly _tag: "Pending" }>,
  items: number
): ReadonlyArray<Outcome.Unattributed> =>
  result._tag === "Lost"
    ? [{ reason: result.reason, count: items }]
    : result.unattributed.map(({ count, reason }) => ({ reason, count: count === 0 ? items : count }))

/** What a job was sent of one activation and kind, and in which sync. */
interface SentPart extends Resends.Part {
  readonly sync: bigint | null
  /** Identifiers that another job moved the other way while this one was open. */
  readonly unordered: IdSet.IdSet
}

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
  yield* noteUnordered(no)
  const rows = yield* sql<{
    activation_no: number
    kind: string
    identifiers: Uint8Array
    sync_no: bigint | null
    unordered: Uint8Array
  }>`delete from tributary.receipt_told where receipt_no = ${no}::bigint
    returning activation_no, kind, identifiers, sync_no, unordered`
  yield* sql`delete from tributary.receipt where no = ${no}::bigint`
  return rows.map(({ activation_no, identifiers, kind, sync_no, unordered }): SentPart => ({
    activation: activation_no,
    kind: SentSets.kindOf(kind),
    identifiers: IdSet.decode(identifiers),
    sync: sync_no,
    unordered: IdSet.decode(unordered)
  }))
})

/**
 * Vendors promise no order of jobs: an add may be worked off after a removal that was accepted later. Where two jobs of
 * one list were open at a time and moved an identifier in opposite ways, nobody knows which came last. The job that is
 * answered last remembers it.
 */
const noteUnordered = Effect.fnUntraced(function* (receipt: bigint) {
  const sql = yield* SqlClient.SqlClient
  const rows = yield* sql<{ no: bigint; activation_no: number; own: Uint8Array; other: Uint8Array; known: Uint8Array }>`
    select o.receipt_no as no, o.activation_no, t.identifiers as own, o.identifiers as other, o.unordered as known
    from tributary.receipt_told t
    join tributary.receipt_told o on o.activation_no = t.activation_no and o.kind = t.kind and o.removes <> t.removes
    where t.receipt_no = ${receipt}::bigint and t.kind = 'member'`
  for (const { activation_no, known, no, other, own } of rows) {
    const both = IdSet.intersection(IdSet.decode(own), IdSet.decode(other))
    if (both.size === 0) continue
    yield* sql`update tributary.receipt_told set unordered = ${IdSet.encode(IdSet.union(IdSet.decode(known), both))}::bytea
      where receipt_no = ${no}::bigint and activation_no = ${activation_no} and kind = 'member'`
  }
})

/** They are sent again, whichever way they are now. That uses up no attempt: nothing has failed. */
const sendUnordered = (sent: ReadonlyArray<SentPart>): Written =>
  Effect.gen(function* () {
    const keys = keysOf(sent.map((part) => ({ ...part, identifiers: part.unordered })))
    yield* SentSets.doubt(keys)
    yield* Holders.markHolders(keys)
  })

/** Failures that the vendor counted without saying whose they are go to the syncs that the job was sent in. */
const report = (
  sent: ReadonlyArray<SentPart>,
  failures: ReadonlyArray<Outcome.Unattributed>,
  again: boolean
): Written =>
  Effect.gen(function* () {
    if (failures.length === 0) return
    const sql = yield* SqlClient.SqlClient
    const syncs = new Set(sent.flatMap(({ sync }) => (sync === null ? [] : [sync])))
    const found = JSON.stringify(
      failures.map(({ count, reason }) => ({ reason: storable(reason), count, ...(again ? { again } : {}) }))
    )
    const count = failures.reduce((sum, failure) => sum + failure.count, 0)
    for (const no of syncs) {
      yield* sql`update tributary.sync set unattributed = unattributed || ${found}::text::jsonb,
        not_confirmed = not_confirmed + ${count} where no = ${no}::bigint`
    }
  })

/** Once for each activation: the vendor counts items, and several kinds of call may be for one identifier. */
const keepNotConfirmed = (sent: ReadonlyArray<Resends.Part>, failures: ReadonlyArray<Outcome.Unattributed>): Written =>
  Effect.forEach(
    Map.groupBy(sent, (part) => part.activation).values(),
    ([part]) => (part === undefined ? Effect.void : NotConfirmed.keep(part, failures)),
    { discard: true }
  )

const sendAgain = (
  profiles: IdSet.IdSet,
  sent: ReadonlyArray<SentPart>,
  failures: ReadonlyArray<Outcome.Unattributed>,
  atMost: number
): Written =>
  Effect.gen(function* () {
    const again: Array<Resends.Part> = []
    const spent: Array<Resends.Part> = []
    for (const part of sent) {
      const counted = yield* Resends.count(part, atMost)
      if (counted.again.size > 0) again.push({ ...part, identifiers: counted.again })
      if (counted.spent.size > 0) spent.push({ ...part, identifiers: counted.spent })
    }
    yield* SentSets.doubt(keysOf([...again, ...spent]))
    // Whoever was sent again often enough waits for news of their own.
    const waiting = yield* Holders.of(keysOf(spent))
    for (const activation of new Set(again.map((part) => part.activation))) {
      const others = IdSet.difference(profiles, waiting.get(activation) ?? IdSet.empty)
      yield* mark(marksOf(activation, lane.live, others))
    }
    yield* Holders.markHolders(keysOf(again))
    yield* report(sent, failures, again.length > 0)
    yield* keepNotConfirmed(spent, failures)
  })

const keysOf = (parts: ReadonlyArray<Resends.Part>): ReadonlyArray<Plan.LedgerKey> =>
  parts.flatMap(({ activation, identifiers, kind }) =>
    IdSet.toArray(identifiers).map((identifier) => ({ activation, kind, identifier }))
  )
