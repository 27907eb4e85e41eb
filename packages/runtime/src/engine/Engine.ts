/**
 * The engine: a configuration at work on a store.
 *
 * It registers the configuration, refreshes what is known, and brings each destination in step, through the same few
 * operations whether `sync` runs once or `start` runs for good.
 *
 * @since 0.1.0
 */
import { type DeliveryError, Ledger, Reconciler } from "@tributary/core"
import { Clock, DateTime, Duration, Effect } from "effect"
import { SqlClient, type SqlError } from "effect/sql"
import type { ResolvedActivation } from "../config/Resolved.ts"
import { lane, mark, marksOf } from "../store/DirtySets.ts"
import * as Holds from "../store/Holds.ts"
import * as Operations from "../store/Operations.ts"
import { recover } from "../store/Owners.ts"
import { toldProfiles } from "../store/Registry.ts"
import { sqlReason } from "../store/SqlLedger.ts"
import { type Connected, eventWork, type FormWork, listWork, taskOf } from "./Destinations.ts"
import { ensureList } from "./Lists.ts"
import { timestamp } from "../store/Timestamp.ts"

/**
 * What was told, in a summary's words.
 *
 * @category models
 * @since 0.1.0
 */
export interface Counts {
  identify: number
  track: number
  group: number
  add: number
  discard: number
  rejected: number
  postponed: number
}

/**
 * How a sync of one activation ended.
 *
 * @category models
 * @since 0.1.0
 */
export interface Synced {
  readonly activation: string
  readonly destination: string
  readonly counts: Readonly<Counts>
  readonly ending: Ending
}

/**
 * @category models
 * @since 0.1.0
 */
export type Ending =
  | { readonly _tag: "Settled" }
  | { readonly _tag: "Held" | "Paused" | "Stopped" | "GaveUp" | "Waiting" | "NotDue"; readonly reason: string }

/**
 * How a sync behaves.
 *
 * @category models
 * @since 0.1.0
 */
export interface SyncOptions {
  /** Failures in a row after which a destination is left for later; `Infinity` never. */
  readonly patience: number
  /** How long to wait for profiles that were postponed, before the rest is left for the next sync. */
  readonly waitForPostponed: Duration.Duration
  readonly isStopping: () => boolean
  readonly onProgress: (activation: string, label: keyof Counts) => void
}

/**
 * A destination that this process owns, with its activations.
 *
 * @category models
 * @since 0.1.0
 */
export interface Owned {
  readonly connected: Connected
  readonly owner: Ledger.Ownership
  readonly activations: ReadonlyArray<Registration>
  readonly space: string
}

/**
 * An activation and its number in the store.
 *
 * @category models
 * @since 0.1.0
 */
export interface Registration {
  readonly no: number
  readonly activation: ResolvedActivation
}

/**
 * What a sync needs.
 *
 * @category models
 * @since 0.1.0
 */
export type Services = SqlClient.SqlClient | Reconciler.Reconciler

type SyncError = Ledger.LedgerError | Ledger.Fenced

const inStore = <A, R>(effect: Effect.Effect<A, SyncError | SqlError.SqlError, R>): Effect.Effect<A, SyncError, R> =>
  Effect.mapError(effect, (error) =>
    error._tag === "SqlError" ? new Ledger.LedgerError({ reason: sqlReason(error) }) : error
  )

interface Standing {
  readonly paused: boolean
  readonly held: string | null
  readonly baseline_due: boolean
  readonly stopped: string | null
}

const readStanding = (no: number) =>
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    const [row] = yield* sql<Standing>`
      select a.paused, a.held, a.baseline_due, d.stopped from tributary.activation a
      join tributary.destination d on d.id = a.destination where a.no = ${no}`
    return row ?? { paused: true, held: null, baseline_due: false, stopped: null }
  })

/**
 * Brings the event activations of a destination in step. They share claims, so that what is due for one person travels
 * together (R42), and limits.
 *
 * @category combinators
 * @since 0.1.0
 */
export const syncEvents = (
  owned: Owned,
  options: SyncOptions
): Effect.Effect<ReadonlyArray<Synced>, SyncError, Services> =>
  inStore(
    Effect.gen(function* () {
      const form = eventWork(owned.connected)
      if (form === undefined) return []
      const events = owned.activations.filter(({ activation }) => activation.form === "event")
      const synced: Array<Synced> = []
      // People before accounts: a vendor can put only those into an account that it has been told of.
      for (const collection of ["users", "accounts"]) {
        const phase = events.filter(({ activation }) => activation.collection === collection)
        if (phase.length > 0) synced.push(...(yield* syncTogether(owned, phase, form, options)))
      }
      return synced
    })
  )

/**
 * Brings one list in step: the net of what changed since it was told last (R15).
 *
 * @category combinators
 * @since 0.1.0
 */
export const syncList = (
  owned: Owned,
  registration: Registration,
  options: SyncOptions
): Effect.Effect<Synced, SyncError, Services> =>
  inStore(
    Effect.gen(function* () {
      const { activation, no } = registration
      const placeholder = listWork(owned.connected, "")
      if (placeholder === undefined) return ended(owned, registration, { _tag: "Stopped", reason: "no list form" })
      const [blocked] = yield* syncable(owned, [registration], placeholder, options)
      if (blocked !== undefined) return blocked
      yield* refreshMembership(owned, registration)
      if (!(yield* hasWork([no]))) {
        if (yield* isEvaluated(no)) yield* markSettled([no])
        return ended(owned, registration, { _tag: "Settled" })
      }
      const listId = yield* ensureList(owned.connected, activation, no, owned.owner).pipe(
        Effect.map((id) => ({ _tag: "Found" as const, id })),
        Effect.catchTags({
          Throttled: stoppedBy,
          Unavailable: stoppedBy,
          Unauthorized: stoppedBy,
          Misconfigured: stoppedBy,
          ListGone: stoppedBy,
          PayloadTooLarge: stoppedBy,
          BatchRejected: stoppedBy
        })
      )
      if (listId._tag === "Failed") return yield* stopFor(owned, registration, listId.error)
      const form = listWork(owned.connected, listId.id)
      if (form === undefined) return ended(owned, registration, { _tag: "Stopped", reason: "no list form" })
      const [synced] = yield* syncTogether(owned, [registration], form, options)
      return synced ?? ended(owned, registration, { _tag: "Settled" })
    })
  )

const stoppedBy = (error: DeliveryError.DeliveryError) => Effect.succeed({ _tag: "Failed" as const, error })

const ended = (owned: Owned, { activation }: Registration, ending: Ending, counts: Counts = noCounts()): Synced => ({
  activation: activation.id,
  destination: owned.connected.destination.id,
  counts,
  ending
})

const noCounts = (): Counts => ({ identify: 0, track: 0, group: 0, add: 0, discard: 0, rejected: 0, postponed: 0 })

const stopFor = Effect.fnUntraced(function* (
  owned: Owned,
  registration: Registration,
  error: DeliveryError.DeliveryError
) {
  const isTransient = error._tag === "Throttled" || error._tag === "Unavailable"
  if (!isTransient) yield* markStopped(owned, error.message)
  return ended(owned, registration, { _tag: isTransient ? "GaveUp" : "Stopped", reason: error.message })
})

const markStopped = Effect.fnUntraced(function* (owned: Owned, reason: string) {
  const sql = yield* SqlClient.SqlClient
  yield* sql`update tributary.destination set stopped = ${reason} where id = ${owned.owner.destination}`
})

/** Of these activations, those that may not run now, each with the reason. A baseline that is due is taken first. */
const syncable = Effect.fnUntraced(function* (
  owned: Owned,
  registrations: ReadonlyArray<Registration>,
  form: FormWork,
  options: SyncOptions
) {
  const blocked: Array<Synced> = []
  for (const registration of registrations) {
    const { activation, no } = registration
    const standing = yield* readStanding(no)
    if (standing.baseline_due) yield* takeBaseline(owned, registration, form, options)
    const held = (yield* hasWork([no])) ? yield* Holds.check(no, activation.hold) : undefined
    if (standing.stopped !== null) {
      blocked.push(ended(owned, registration, { _tag: "Stopped", reason: standing.stopped }))
    } else if (standing.paused) {
      blocked.push(ended(owned, registration, { _tag: "Paused", reason: "paused; `tributary resume` lets it go on" }))
    } else if (held !== undefined) {
      blocked.push(ended(owned, registration, { _tag: "Held", reason: held }))
    }
  }
  return blocked
})

/** Takes today's members or values as told: the same way as a sync, and nothing is sent (R30). */
const takeBaseline = Effect.fnUntraced(function* (
  owned: Owned,
  { activation, no }: Registration,
  form: FormWork,
  options: SyncOptions
) {
  const sql = yield* SqlClient.SqlClient
  const reconciler = yield* Reconciler.Reconciler
  if (!(yield* isEvaluated(no))) return
  yield* recover(owned.owner.destination, [no])
  yield* reconciler.run({
    ...form,
    owner: owned.owner,
    tasks: [taskOf(activation, no, owned.space)],
    mode: "baseline",
    patience: options.patience,
    isStopping: options.isStopping,
    onProgress: () => undefined
  })
  if (!options.isStopping()) yield* sql`update tributary.activation set baseline_due = false where no = ${no}`
})

const syncTogether = Effect.fnUntraced(function* (
  owned: Owned,
  registrations: ReadonlyArray<Registration>,
  form: FormWork,
  options: SyncOptions
) {
  const sql = yield* SqlClient.SqlClient
  const reconciler = yield* Reconciler.Reconciler
  const blocked = yield* syncable(owned, registrations, form, options)
  const isBlocked = new Set(blocked.map((synced) => synced.activation))
  const running = registrations.filter(({ activation }) => !isBlocked.has(activation.id))
  if (running.length === 0) return blocked
  const counts = new Map(running.map(({ no }) => [no, noCounts()]))
  const names = new Map(running.map(({ activation, no }) => [no, activation.id]))
  const startedAt = yield* DateTime.nowAsDate
  yield* recover(
    owned.owner.destination,
    running.map(({ no }) => no)
  )
  const work: Reconciler.Work = {
    ...form,
    owner: owned.owner,
    tasks: running.map(({ activation, no }) => taskOf(activation, no, owned.space)),
    mode: "deliver",
    patience: options.patience,
    isStopping: options.isStopping,
    onProgress: (no, label, outcome) => {
      const count = counts.get(no)
      const name = outcome === "delivered" ? label : outcome
      if (count !== undefined) count[name]++
      options.onProgress(names.get(no) ?? "", name)
    }
  }
  const ending = yield* runUntilSettled(reconciler, work, options)
  if (ending._tag === "Stopped") yield* markStopped(owned, ending.reason)
  const nos = running.map(({ no }) => no)
  if (ending._tag === "Settled") {
    yield* markSettled(nos)
    yield* clearApproval(nos)
  }
  const endedAt = yield* DateTime.nowAsDate
  for (const { no } of running) {
    const count = counts.get(no) ?? noCounts()
    const delivered = count.identify + count.track + count.group + count.add + count.discard
    if (delivered + count.rejected + count.postponed === 0 && ending._tag === "Settled") continue
    const words = ending._tag === "Settled" ? "settled" : `${ending._tag}: ${ending.reason}`
    yield* sql`insert into tributary.sync (activation_no, started_at, ended_at, ending, delivered, rejected, postponed)
      values (${no}, ${startedAt}::timestamptz, ${endedAt}::timestamptz, ${words}, ${delivered}, ${count.rejected},
        ${count.postponed})`
  }
  return [...blocked, ...running.map((registration) => ended(owned, registration, ending, counts.get(registration.no)))]
})

/** Runs, waits for what was postponed for a short while, and runs again. A list that is gone is made anew, once. */
const runUntilSettled = Effect.fnUntraced(function* (
  reconciler: Reconciler.Reconciler["Service"],
  work: Reconciler.Work,
  options: SyncOptions
) {
  const activations = work.tasks.map((task) => task.activation)
  const deadline = (yield* Clock.currentTimeMillis) + Duration.toMillis(options.waitForPostponed)
  while (true) {
    const end = yield* reconciler.run(work)
    if (end._tag === "Stopped" && end.stop._tag === "ListGone") {
      for (const activation of activations) yield* Operations.forgetList(activation)
      const reason = "the list was deleted downstream; the next sync creates it anew and fills it"
      return { _tag: "GaveUp", reason } satisfies Ending
    }
    if (end._tag !== "Settled") return { _tag: end._tag, reason: end.stop.message } satisfies Ending
    // Told to stop with work left: calling that settled would let a list wait a whole cadence for the rest.
    if (options.isStopping() && (yield* hasWork(activations))) {
      return { _tag: "Waiting", reason: "the process was told to stop before everything was sent" } satisfies Ending
    }
    const next = yield* nextPostponed(activations)
    if (next === undefined) return { _tag: "Settled" } satisfies Ending
    if (next.at > deadline || options.isStopping()) {
      return {
        _tag: "Waiting",
        reason: `${next.count} profiles wait to be tried again: ${next.reason}`
      } satisfies Ending
    }
    yield* Effect.sleep(Math.max(0, next.at - (yield* Clock.currentTimeMillis)))
  }
})

const nextPostponed = Effect.fnUntraced(function* (activations: ReadonlyArray<number>) {
  const sql = yield* SqlClient.SqlClient
  const [row] = yield* sql<{ at: Date | null; count: number; reason: string | null }>`
    select min(not_before) as at, count(*)::int as count, min(reason) as reason from tributary.postponed
    where activation_no = any(${activations}::int[]) and not_before < 'infinity'`
  return row?.at == null ? undefined : { at: row.at.getTime(), count: row.count, reason: row.reason ?? "" }
})

/** Whether anything is dirty, claimed or postponed. Asked every few seconds, so it reads no sets. */
const hasWork = Effect.fnUntraced(function* (activations: ReadonlyArray<number>) {
  const sql = yield* SqlClient.SqlClient
  const rows = yield* sql`
    select 1 from tributary.dirty where activation_no = any(${activations}::int[]) and length(bits) > 0
    union all select 1 from tributary.claim where activation_no = any(${activations}::int[])
    union all select 1 from tributary.postponed
      where activation_no = any(${activations}::int[]) and not_before < 'infinity'
    limit 1`
  return rows.length > 0
})

/**
 * Whether the activation's computation has a result. What is told before that would be told of nothing.
 *
 * @category guards
 * @since 0.1.0
 */
export const isEvaluated = Effect.fnUntraced(function* (activation: number) {
  const sql = yield* SqlClient.SqlClient
  const rows = yield* sql`select 1 from tributary.activation a join tributary.computation c on c.no = a.computation_no
    where a.no = ${activation} and c.evaluated_at is not null`
  return rows.length > 0
})

const markSettled = Effect.fnUntraced(function* (activations: ReadonlyArray<number>) {
  const sql = yield* SqlClient.SqlClient
  yield* sql`update tributary.activation set settled_at = ${yield* DateTime.nowAsDate}::timestamptz
    where no = any(${activations}::int[])`
})

/** An approval is for the removals that were waiting, and for no others. */
const clearApproval = Effect.fnUntraced(function* (activations: ReadonlyArray<number>) {
  const sql = yield* SqlClient.SqlClient
  yield* sql`update tributary.activation set approved = false where no = any(${activations}::int[]) and approved`
})

/** Members that the vendor would let expire are told again (a list's `refreshAfter`). */
const refreshMembership = Effect.fnUntraced(function* (owned: Owned, { no }: Registration) {
  const refreshAfter = owned.connected.destination.plugin.list?.refreshAfter
  if (refreshAfter === undefined) return
  const sql = yield* SqlClient.SqlClient
  const now = yield* Clock.currentTimeMillis
  const dueBefore = timestamp(now - Duration.toMillis(refreshAfter))
  yield* sql.withTransaction(
    Effect.gen(function* () {
      const [row] = yield* sql<{ is_first: boolean; is_due: boolean }>`
        select refreshed_at is null as is_first, coalesce(refreshed_at <= ${dueBefore}::timestamptz, true) as is_due
        from tributary.activation where no = ${no} for update`
      if (row?.is_due !== true) return
      yield* sql`update tributary.activation set refreshed_at = ${timestamp(now)}::timestamptz where no = ${no}`
      if (row.is_first) return
      yield* Operations.tellAgain(no)
      yield* mark(marksOf(no, lane.backfill, yield* toldProfiles(no)))
    })
  )
})
