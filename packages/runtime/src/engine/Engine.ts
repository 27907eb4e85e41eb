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
import { lane, mark, marksOf } from "../store/DirtySets.ts"
import * as Holds from "../store/Holds.ts"
import * as Operations from "../store/Operations.ts"
import { fenced, recover } from "../store/Owners.ts"
import { toldProfiles } from "../store/Registry.ts"
import { sqlReason } from "../store/SqlLedger.ts"
import { eventWork, type FormWork, listWork, taskOf } from "./Destinations.ts"
import { ensureList } from "./Lists.ts"
import {
  ended,
  noCounts,
  type Ending,
  type Owned,
  type Registration,
  type Services,
  type Synced,
  type SyncOptions
} from "./Owned.ts"
import {
  clearApproval,
  hasWork,
  isEvaluated,
  markSettled,
  markStopped,
  nextPostponed,
  readStanding
} from "../store/Standings.ts"
import { timestamp } from "../store/Timestamp.ts"

type SyncError = Ledger.LedgerError | Ledger.Fenced

const inStore = <A, R>(effect: Effect.Effect<A, SyncError | SqlError.SqlError, R>): Effect.Effect<A, SyncError, R> =>
  Effect.mapError(effect, (error) =>
    error._tag === "SqlError" ? new Ledger.LedgerError({ reason: sqlReason(error) }) : error
  )

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
        if (yield* isEvaluated(no)) yield* fenced(owned.owner, markSettled([no]))
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

const stopFor = Effect.fnUntraced(function* (
  owned: Owned,
  registration: Registration,
  error: DeliveryError.DeliveryError
) {
  const isTransient = error._tag === "Throttled" || error._tag === "Unavailable"
  if (!isTransient) yield* fenced(owned.owner, markStopped(owned.owner.destination, error.message))
  return ended(owned, registration, { _tag: isTransient ? "GaveUp" : "Stopped", reason: error.message })
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
  yield* recover(owned.owner, [no])
  yield* reconciler.run({
    ...form,
    owner: owned.owner,
    tasks: [taskOf(activation, no, owned.space)],
    mode: "baseline",
    patience: options.patience,
    isStopping: options.isStopping,
    onProgress: () => undefined
  })
  if (options.isStopping()) return
  yield* fenced(owned.owner, sql`update tributary.activation set baseline_due = false where no = ${no}`)
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
  const nos = running.map(({ no }) => no)
  // `start` asks every few seconds: where nothing is due, nothing is claimed and nothing is written.
  if (!(yield* hasWork(nos))) {
    yield* clearApproval(nos)
    return [...blocked, ...running.map((registration) => ended(owned, registration, { _tag: "Settled" }))]
  }
  const counts = new Map(running.map(({ no }) => [no, noCounts()]))
  const names = new Map(running.map(({ activation, no }) => [no, activation.id]))
  const startedAt = yield* DateTime.nowAsDate
  yield* recover(owned.owner, nos)
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
  if (ending._tag === "Stopped") yield* fenced(owned.owner, markStopped(owned.owner.destination, ending.reason))
  if (ending._tag === "Settled") yield* fenced(owned.owner, Effect.andThen(markSettled(nos), clearApproval(nos)))
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

/** Runs, waits for what was postponed for a short while, and runs again. A list that is gone is forgotten: the next sync makes it anew. */
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
      for (const activation of activations) yield* fenced(work.owner, Operations.forgetList(activation))
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

/** Members that the vendor would let expire are told again (a list's `refreshAfter`). */
const refreshMembership = Effect.fnUntraced(function* (owned: Owned, { no }: Registration) {
  const refreshAfter = owned.connected.destination.plugin.list?.refreshAfter
  if (refreshAfter === undefined) return
  const sql = yield* SqlClient.SqlClient
  const now = yield* Clock.currentTimeMillis
  const dueBefore = timestamp(now - Duration.toMillis(refreshAfter))
  yield* fenced(
    owned.owner,
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
