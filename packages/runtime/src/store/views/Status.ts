/**
 * Status: how every activation stands, for people and for scripts.
 *
 * @since 0.1.0
 */
import { DateTime, Effect, Schema } from "effect"
import { SqlClient, type SqlError } from "effect/sql"
import { pending } from "../dirty/DirtySets.ts"
import * as NotConfirmed from "../ledger/NotConfirmed.ts"
import * as Receipts from "../ledger/Receipts.ts"
import * as SentSets from "../sent/SentSets.ts"
import { PastResult } from "./History.ts"

/**
 * One activation.
 *
 * @category models
 * @since 0.1.0
 */
export interface ActivationStatus {
  readonly no: number
  readonly activation: string
  readonly destination: string
  readonly form: string
  readonly computation: string
  readonly state: "active" | "paused" | "held" | "stopped" | "waiting" | "empty" | "exiting" | "removed"
  /** Why it is held, stopped or waiting. */
  readonly reason: string | null
  /** Profiles in the computation's result. */
  readonly size: number
  /** Identifiers that were sent, over all call kinds. */
  readonly sent: number
  /** Of these, identifiers in jobs that the vendor has accepted and not answered yet. */
  readonly unconfirmed: number
  /** What the vendor reported as failed without saying whose it is, and that is not sent again by itself. */
  readonly notConfirmed: ReadonlyArray<{ readonly reason: string; readonly count: number }>
  /** Profiles that may differ from what was sent. */
  readonly dirty: number
  readonly rejected: number
  readonly evaluated_at: Date | null
  readonly settled_at: Date | null
  readonly last_sync_at: Date | null
  /** The last sync that did something. */
  readonly last_sync: LastSync | null
  readonly error: string | null
}

/**
 * What the last sync of an activation did, and how it ended.
 *
 * @category models
 * @since 0.1.0
 */
export interface LastSync {
  readonly result: PastResult
  readonly delivered: number
  readonly rejected: number
}

const LastSyncColumn = Schema.Struct({ result: PastResult, delivered: Schema.Number, rejected: Schema.Number })

const decodeLastSync = Schema.decodeUnknownEffect(Schema.NullOr(LastSyncColumn))

/**
 * How every activation stands.
 *
 * @category constructors
 * @since 0.1.0
 */
export const activations = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const now = yield* DateTime.nowAsDate
  const unconfirmed = yield* Receipts.unconfirmed
  const notConfirmed = Map.groupBy(yield* NotConfirmed.all(), (failure) => failure.activation)
  const rows = yield* sql<
    Omit<ActivationStatus, "sent" | "unconfirmed" | "notConfirmed" | "dirty" | "state" | "size" | "last_sync"> & {
      readonly last_sync: unknown
      readonly state: ActivationStatus["state"]
      readonly size: bigint
    }
  >`
    select a.no, a.id as activation, a.destination, a.form, c.key as computation, c.size, c.evaluated_at, c.error,
      a.settled_at, coalesce(d.stopped, a.held, case when d.rests_until > ${now}::timestamptz
        then d.resting || '; tried again at ' || to_char(d.rests_until at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS') || ' UTC' end) as reason,
      case when a.removed and a.leaving is not null then 'exiting' when a.removed then 'removed'
        when a.leaving is not null then 'empty' when a.paused then 'paused' when d.stopped is not null then 'stopped'
        when a.held is not null then 'held' when d.rests_until > ${now}::timestamptz then 'waiting'
        else 'active' end as state,
      (select count(*)::int from tributary.rejection r where r.activation_no = a.no) as rejected,
      s.ended_at as last_sync_at,
      case when s.no is not null then jsonb_build_object('result', s.result,
        'delivered', greatest(0, s.delivered - s.not_confirmed),
        'rejected', s.rejected) end as last_sync
    from tributary.activation a
    join tributary.computation c on c.no = a.computation_no
    join tributary.destination d on d.id = a.destination
    left join lateral (select * from tributary.sync s where s.activation_no = a.no and s.ended_at is not null
      order by s.no desc limit 1) s on true
    order by a.destination, a.id`
  return yield* Effect.forEach(rows, (row) =>
    Effect.gen(function* () {
      const sent = yield* SentSets.ofActivation(row.no)
      const status: ActivationStatus = {
        ...row,
        size: Number(row.size),
        // Only History writes it, so what does not decode is a defect.
        last_sync: yield* Effect.orDie(decodeLastSync(row.last_sync)),
        sent: sent.reduce((sum, set) => sum + set.size, 0),
        unconfirmed: unconfirmed.get(row.no) ?? 0,
        notConfirmed: (notConfirmed.get(row.activation) ?? []).map(({ count, reason }) => ({ reason, count })),
        dirty: (yield* pending(row.no)).size
      }
      return status
    })
  )
})

/**
 * One rejection.
 *
 * @category models
 * @since 0.1.0
 */
export interface Rejection {
  readonly activation: string
  readonly kind: string
  readonly profile: string
  readonly profile_no: number
  readonly identifier: string
  readonly reason: string
  readonly payload: unknown
  readonly at: Date
}

/**
 * Rejections, newest first: of one activation, or all.
 *
 * @category constructors
 * @since 0.1.0
 */
export const rejections = Effect.fnUntraced(function* (
  activation: number | undefined,
  limit: number
): Effect.fn.Return<ReadonlyArray<Rejection>, SqlError.SqlError, SqlClient.SqlClient> {
  const sql = yield* SqlClient.SqlClient
  return yield* sql<Rejection>`
    select a.id as activation, r.kind, p.id as profile, r.profile_no, i.type || ':' || i.value as identifier,
      r.reason, r.payload, r.at
    from tributary.rejection r
    join tributary.activation a on a.no = r.activation_no
    join tributary.profile p on p.no = r.profile_no
    join tributary.identifier i on i.no = r.identifier_no
    where ${activation ?? null}::int is null or r.activation_no = ${activation ?? null}::int
    order by r.at desc, r.identifier_no limit ${limit}`
})

/**
 * Sources that failed last time, with the database's words.
 *
 * @category constructors
 * @since 0.1.0
 */
export const failedSources = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  return yield* sql<{ id: string; error: string }>`
    select id, error from tributary.source where error is not null order by id`
})

/**
 * An activation's number, by its id.
 *
 * @category constructors
 * @since 0.1.0
 */
export const findActivation = Effect.fnUntraced(function* (
  id: string
): Effect.fn.Return<number | undefined, SqlError.SqlError, SqlClient.SqlClient> {
  const sql = yield* SqlClient.SqlClient
  const [row] = yield* sql<{ no: number }>`select no from tributary.activation where id = ${id}`
  return row?.no
})
