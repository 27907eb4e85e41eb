/**
 * Settlements: outcomes written to the ledger, in one transaction with the release of what was claimed.
 *
 * @since 0.1.0
 */
import { Fingerprints, IdSet, type Ledger, Plan } from "@tributary/core/runtime"
import { Clock, DateTime, Effect, Random } from "effect"
import { SqlClient, type SqlError } from "effect/sql"
import { fence, movesSoFar, release } from "../dirty/Claims.ts"
import { markHolders } from "./Holders.ts"
import * as Intents from "./Intents.ts"
import * as Receipts from "./Receipts.ts"
import { storable } from "../sql/Text.ts"
import { timestamp } from "../sql/Timestamp.ts"
import * as SentSets from "./SentSets.ts"

type Written = Effect.Effect<void, SqlError.SqlError, SqlClient.SqlClient>

/**
 * Writes what a claim is about to send, and releases who has nothing to be sent. Runs inside the caller's transaction.
 *
 * @category combinators
 * @since 0.1.0
 */
export const intend = Effect.fnUntraced(function* (
  claim: Ledger.Claim,
  { intents, obsolete, rejections, released }: Ledger.Intended
): Effect.fn.Return<void, SqlError.SqlError | Ledger.Fenced, SqlClient.SqlClient> {
  yield* fence(claim.owner)
  yield* Intents.keep(claim, intents)
  const remembered = yield* remembers([...claim.byActivation.keys()])
  if (remembered.rejections) yield* forgetRejections(obsolete)
  yield* reject(rejections)
  if (remembered.postponed) yield* forgetPostponed(claim, released)
  yield* release(claim, IdSet.from(released), IdSet.empty)
})

/**
 * Writes everything that a group of settled batches means. Runs inside the caller's transaction.
 *
 * @category combinators
 * @since 0.1.0
 */
export const settle = Effect.fnUntraced(function* (
  claim: Ledger.Claim,
  settled: Ledger.Settled
): Effect.fn.Return<void, SqlError.SqlError | Ledger.Fenced, SqlClient.SqlClient> {
  yield* fence(claim.owner)
  yield* SentSets.acknowledge(settled.acknowledged)
  yield* amendValues(settled.acknowledged)
  yield* SentSets.doubt(settled.doubted)
  const remembered = yield* remembers([...claim.byActivation.keys()])
  if (remembered.moves !== claim.moves)
    yield* markHolders([...settled.acknowledged, ...settled.doubted], claim.profiles)
  if (remembered.rejections) yield* forgetRejections(settled.acknowledged)
  yield* reject(settled.rejections)
  if (remembered.postponed) yield* forgetPostponed(claim, sentOf(settled))
  yield* postpone(settled.postponed)
  yield* Receipts.keep(claim, settled.receipts)
  yield* release(claim, IdSet.from(settled.released), IdSet.from(settled.returned))
})

/**
 * Whether there is anything to forget, as mostly there is not, and asking costs less than thousands of keys; and how
 * often identifiers have moved by now.
 */
const remembers = Effect.fnUntraced(function* (activations: ReadonlyArray<number>) {
  const sql = yield* SqlClient.SqlClient
  const [row] = yield* sql<{ rejections: boolean; postponed: boolean; moves: number }>`
    select exists (select 1 from tributary.rejection where activation_no = any(${activations}::int[])) as rejections,
      exists (select 1 from tributary.postponed where activation_no = any(${activations}::int[])) as postponed,
      ${movesSoFar(sql)} as moves`
  return row ?? { rejections: true, postponed: true, moves: -1 }
})

/** Enters which values were told: one row per activation, kind and block of identifiers. */
const amendValues = Effect.fnUntraced(function* (settlements: ReadonlyArray<Plan.Settlement>) {
  if (settlements.length === 0) return
  const sql = yield* SqlClient.SqlClient
  const blocks = new Map<string, ValueBlock>()
  let last: ValueBlock | undefined
  for (const { activation, identifier, kind, sent } of settlements) {
    // A member of a list has no value.
    if (kind === "member") continue
    const block = Fingerprints.blockOf(identifier)
    if (last === undefined || last.block !== block || last.activation !== activation || last.kind !== kind) {
      const key = `${activation} ${kind} ${block}`
      last = blocks.get(key) ?? { activation, kind, block, hasValue: false, values: new Map() }
      blocks.set(key, last)
    }
    const value = sent === Plan.sentTrue ? undefined : sent
    last.hasValue ||= value !== undefined
    last.values.set(identifier, value)
  }
  const wanted = [...blocks.values()]
  if (wanted.length === 0) return
  if (!wanted.some((block) => block.hasValue)) {
    // Audiences have no values to forget.
    const activations = [...new Set(wanted.map((block) => block.activation))]
    const known =
      yield* sql`select 1 from tributary.told_value where activation_no = any(${activations}::int[]) limit 1`
    if (known.length === 0) return
  }
  const locked = sql<ValueRow>`
    select v.activation_no, v.kind, v.block, v.fingerprints from tributary.told_value v
    join unnest(${wanted.map((block) => block.activation)}::int[], ${wanted.map((block) => block.kind)}::text[],
      ${wanted.map((block) => block.block)}::int[]) w(a, k, b)
      on v.activation_no = w.a and v.kind = w.k and v.block = w.b
    order by v.activation_no, v.kind, v.block for update of v`
  let rows = yield* locked
  const present = new Set(rows.map((row) => `${row.activation_no} ${row.kind} ${row.block}`))
  const missing = [...blocks].filter(([key, { hasValue }]) => hasValue && !present.has(key)).map(([, block]) => block)
  if (missing.length > 0) {
    yield* sql`insert into tributary.told_value (activation_no, kind, block, fingerprints)
      select a, k, b, ''::bytea from unnest(${missing.map((block) => block.activation)}::int[],
        ${missing.map((block) => block.kind)}::text[], ${missing.map((block) => block.block)}::int[]) w(a, k, b)
      order by a, k, b on conflict do nothing`
    rows = yield* locked
  }
  if (rows.length === 0) return
  const amended = rows.map((row) => {
    const changes = blocks.get(`${row.activation_no} ${row.kind} ${row.block}`)?.values ?? new Map()
    return Fingerprints.amend(row.fingerprints, changes)
  })
  yield* sql`update tributary.told_value v set fingerprints = w.f
    from unnest(${rows.map((row) => row.activation_no)}::int[], ${rows.map((row) => row.kind)}::text[],
      ${rows.map((row) => row.block)}::int[], ${amended}::bytea[]) w(a, k, b, f)
    where v.activation_no = w.a and v.kind = w.k and v.block = w.b`
})

interface ValueBlock {
  readonly activation: number
  readonly kind: Plan.LedgerKind
  readonly block: number
  hasValue: boolean
  readonly values: Map<number, bigint | undefined>
}

interface ValueRow {
  readonly activation_no: number
  readonly kind: string
  readonly block: number
  readonly fingerprints: Uint8Array
}

const forgetRejections = (settlements: ReadonlyArray<Plan.LedgerKey>): Written =>
  settlements.length === 0
    ? Effect.void
    : Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        yield* sql`delete from tributary.rejection r
          using unnest(${settlements.map((s) => s.activation)}::int[], ${settlements.map((s) => s.kind)}::text[],
            ${settlements.map((s) => s.identifier)}::int[]) w(a, k, i)
          where r.activation_no = w.a and r.kind = w.k and r.identifier_no = w.i`
      })

const signed = (fingerprint: bigint) => BigInt.asIntN(64, fingerprint)

const reject = (rejections: ReadonlyArray<Ledger.RejectionRecord>): Written =>
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

/** A profile with nothing left to send is no longer waiting, and its next failure starts with a short wait. */
const forgetPostponed = (claim: Ledger.Claim, sent: ReadonlyArray<number>): Written =>
  sent.length === 0
    ? Effect.void
    : Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        yield* sql`delete from tributary.postponed
          where not_before = 'infinity' and activation_no = any(${[...claim.byActivation.keys()]}::int[])
            and profile_no = any(${sent}::int[])`
      })

const sentOf = ({ postponed, released }: Ledger.Settled): ReadonlyArray<number> => {
  const waiting = new Set(postponed.map((postponement) => postponement.profile))
  return released.filter((profile) => !waiting.has(profile))
}

const firstWaitMillis = 2_000
const longestWaitMillis = 3_600_000

const postpone = (postponements: ReadonlyArray<Ledger.Postponement>): Written =>
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
          return timestamp(now + (p.afterMillis ?? Math.min(longestWaitMillis, backoff)))
        }
        yield* sql`insert into tributary.postponed as old (activation_no, profile_no, attempts, not_before, reason)
          select a, p, 1, t, r from unnest(${rows.map((p) => p.activation)}::int[], ${rows.map((p) => p.profile)}::int[],
            ${rows.map(notBefore)}::timestamptz[], ${rows.map((p) => storable(p.reason))}::text[]) w(a, p, t, r)
          on conflict (activation_no, profile_no) do update set attempts = old.attempts + 1,
            not_before = excluded.not_before, reason = excluded.reason`
      })
