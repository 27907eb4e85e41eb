/**
 * The engine: a configuration at work on a store.
 *
 * It registers the configuration, refreshes what is known, and brings each destination in step, through the same few
 * operations whether `sync` runs once or `start` runs for good.
 *
 * @since 0.1.0
 */
import { type DeliveryError } from "@tributary/core"
import { type Delivery, Ledger, Reconciler } from "@tributary/core/runtime"
import { Clock, DateTime, Duration, Effect } from "effect"
import { SqlClient, type SqlError } from "effect/sql"
import { lane, mark, marksOf } from "../store/dirty/DirtySets.ts"
import * as History from "../store/views/History.ts"
import * as Holds from "../store/activations/Holds.ts"
import * as Exits from "../store/activations/Exits.ts"
import * as Operations from "../store/activations/Operations.ts"
import { fenced } from "../ownership/Ownership.ts"
import { recover } from "../store/ledger/Recovery.ts"
import { sentProfiles } from "../store/activations/Reach.ts"
import * as SentSets from "../store/ledger/SentSets.ts"
import { sqlReason, toLedgerError } from "../store/sql/failures.ts"
import { eventWork, type FormWork, listWork, taskOf } from "./Destinations.ts"
import { ensureList, removeList } from "./Lists.ts"
import {
  ended,
  noCounts,
  type Counts,
  type Ending,
  type Owned,
  type Registration,
  type Services,
  type Synced,
  type SyncOptions
} from "./Owned.ts"
import {
  clearApproval,
  endRest,
  failuresOf,
  hasWork,
  isEvaluated,
  markSettled,
  markStopped,
  nextPostponed,
  readActivationStates,
  rest
} from "../store/activations/ActivationStates.ts"
import { timestamp } from "../store/sql/Timestamp.ts"

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
      // People before accounts: a vendor can put only those into an account that it has been told of.
      const phases = ["users", "accounts"].map((collection) =>
        events.filter(({ activation }) => activation.collection === collection)
      )
      yield* takeBaselines(owned, events, form, options)
      return yield* syncTogether(owned, phases, form, clearance(events), options)
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
      const clear = clearance([registration])
      yield* takeBaselines(owned, [registration], placeholder, options)
      const blocked = (yield* clear([no])).get(no)
      if (blocked !== undefined) return ended(owned, registration, blocked)
      const leave = yield* Exits.of(no)
      if (leave?.leaving === "delete") return yield* deleteList(owned, registration, leave.listId)
      if (leave === undefined) yield* refreshMembership(owned, registration)
      if (!(yield* hasWork([no]))) {
        if (leave !== undefined) yield* fenced(owned.owner, Exits.end([no]))
        else if (yield* isEvaluated(no)) yield* fenced(owned.owner, markSettled([no]))
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
      const [synced] = yield* syncTogether(owned, [[registration]], form, clear, options)
      return synced ?? ended(owned, registration, { _tag: "Settled" })
    })
  )

/** Takes the whole list away downstream; one that is gone already is as good (R19, R39). */
const deleteList = Effect.fnUntraced(function* (owned: Owned, registration: Registration, listId: string | null) {
  const { no } = registration
  yield* recover(owned.owner, [no])
  const removed = yield* Effect.result(removeList(owned.connected, listId))
  if (removed._tag === "Failure") return yield* stopFor(owned, registration, removed.failure)
  yield* fenced(owned.owner, Exits.listDeleted(no))
  return ended(owned, registration, { _tag: "Settled" })
})

const stoppedBy = (error: DeliveryError.DeliveryError) => Effect.succeed({ _tag: "Failed" as const, error })

const stopFor = Effect.fnUntraced(function* (
  owned: Owned,
  registration: Registration,
  error: DeliveryError.DeliveryError
) {
  const { owner } = owned
  if (error._tag !== "Throttled" && error._tag !== "Unavailable") {
    yield* fenced(owner, markStopped(owner.destination, error.message))
    return ended(owned, registration, { _tag: "Stopped", reason: error.message })
  }
  const failures = (yield* failuresOf(owner.destination)) + 1
  const millis = error.retryAfterMillis ?? Math.min(300_000, 1_000 * 2 ** Math.min(failures, 10))
  return ended(owned, registration, yield* leaveInPeace(owner, error, failures, millis))
})

/** Rests, and says why. Where the vendor asks for it, a restart does not end that. */
const leaveInPeace = Effect.fnUntraced(function* (
  owner: Ledger.Ownership,
  stop: Delivery.Stop,
  failures: number,
  millis: number
) {
  const wasAsked = "retryAfterMillis" in stop && stop.retryAfterMillis !== undefined
  yield* fenced(owner, rest(owner.destination, { reason: stop.message, millis, failures, wasAsked }))
  return { _tag: "GaveUp", reason: stop.message } satisfies Ending
})

/** Why each of these activations may not run now; none for those that may. */
type Clearance = (
  activations: ReadonlyArray<number>
) => Effect.Effect<ReadonlyMap<number, Ending>, SqlError.SqlError, SqlClient.SqlClient>

/** A hold is looked at again only when something has come in since: it reads whole sets. */
const clearance = (registrations: ReadonlyArray<Registration>): Clearance => {
  const policies = new Map(registrations.map(({ activation, no }) => [no, activation.hold]))
  const checked = new Map<number, { readonly news: string; readonly held: string | undefined }>()
  return Effect.fnUntraced(function* (activations) {
    const blocked = new Map<number, Ending>()
    for (const standing of yield* readActivationStates(activations)) {
      const { no, news, paused, rests_until, resting, stopped } = standing
      if (stopped !== null) blocked.set(no, { _tag: "Stopped", reason: stopped })
      else if (paused) blocked.set(no, { _tag: "Paused", reason: "paused; `tributary resume` lets it go on" })
      else if (resting !== null && rests_until !== null) {
        const until = DateTime.formatIso(DateTime.fromDateUnsafe(rests_until))
        blocked.set(no, { _tag: "Waiting", reason: `${resting.replace(/\.$/, "")}; tried again at ${until}` })
      } else {
        if (checked.get(no)?.news !== news) {
          const policy = standing.is_leaving ? undefined : policies.get(no)
          const held = (yield* hasWork([no])) ? yield* Holds.check(no, policy) : undefined
          checked.set(no, { news, held })
        }
        const held = checked.get(no)?.held
        if (held !== undefined) blocked.set(no, { _tag: "Held", reason: held })
      }
    }
    return blocked
  })
}

/** Before anything is told: what is taken as told must not be sent. */
const takeBaselines = Effect.fnUntraced(function* (
  owned: Owned,
  registrations: ReadonlyArray<Registration>,
  form: FormWork,
  options: SyncOptions
) {
  const due = (yield* readActivationStates(registrations.map(({ no }) => no))).filter(
    (standing) => standing.baseline_due
  )
  for (const registration of registrations) {
    if (due.some(({ no }) => no === registration.no)) yield* takeBaseline(owned, registration, form, options)
  }
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
    phases: [[no]],
    mayRun: Effect.succeed,
    mode: "baseline",
    patience: options.patience,
    failures: 0,
    isStopping: options.isStopping,
    onProgress: () => undefined
  })
  if (options.isStopping()) return
  yield* fenced(owned.owner, sql`update tributary.activation set baseline_due = false where no = ${no}`)
})

const syncTogether = Effect.fnUntraced(function* (
  owned: Owned,
  phases: ReadonlyArray<ReadonlyArray<Registration>>,
  form: FormWork,
  clear: Clearance,
  options: SyncOptions
) {
  const reconciler = yield* Reconciler.Reconciler
  const { destination } = owned.owner
  const registrations = phases.flat()
  let blocked = yield* clear(registrations.map(({ no }) => no))
  const running = registrations.filter(({ no }) => !blocked.has(no))
  const nos = running.map(({ no }) => no)
  // `start` asks every few seconds: where nothing is due, nothing is claimed and nothing is written.
  if (!(yield* hasWork(nos))) {
    yield* clearApproval(nos)
    return registrations.map((registration) =>
      ended(owned, registration, blocked.get(registration.no) ?? { _tag: "Settled" })
    )
  }
  const tallies = new Map(running.map(({ activation, no }) => [no, makeTally(activation.id)]))
  const records = yield* History.begin(nos)
  yield* recover(owned.owner, nos)
  const work: Reconciler.Work = {
    ...form,
    owner: owned.owner,
    tasks: running.map(({ activation, no }) => taskOf(activation, no, owned.space)),
    phases: phases.map((phase) => phase.map(({ no }) => no).filter((no) => nos.includes(no))),
    mayRun: yield* asking(clear, (now) => {
      blocked = new Map([...blocked, ...now])
    }),
    mode: "deliver",
    patience: options.patience,
    failures: yield* failuresOf(destination),
    isStopping: options.isStopping,
    onProgress: (no, label, outcome, reason) => {
      const tally = tallies.get(no)
      const name = outcome === "delivered" ? label : outcome
      if (tally === undefined) return
      tally.counts[name]++
      if (reason !== undefined) note(tally, reason)
      options.onProgress(tally.activation, name)
    }
  }
  const ending = yield* runUntilSettled(reconciler, work, options)
  const settled = nos.filter((no) => !blocked.has(no))
  if (ending._tag === "Stopped") yield* fenced(owned.owner, markStopped(destination, ending.reason))
  if (ending._tag === "Settled") {
    yield* fenced(
      owned.owner,
      Effect.all([markSettled(settled), clearApproval(settled), Exits.end(settled)], { discard: true })
    )
  }
  yield* History.finish(
    records,
    [...tallies].map(([activation, tally]) => doneOf(activation, tally, blocked.get(activation) ?? ending))
  )
  return registrations.map((registration) =>
    ended(owned, registration, blocked.get(registration.no) ?? ending, tallies.get(registration.no)?.counts)
  )
})

/** Asks again for clearance before a claim, and tells of those that lost it meanwhile. */
const asking = Effect.fnUntraced(function* (clear: Clearance, onBlocked: (now: ReadonlyMap<number, Ending>) => void) {
  const sql = yield* SqlClient.SqlClient
  return (activations: ReadonlyArray<number>) =>
    clear(activations).pipe(
      Effect.provideService(SqlClient.SqlClient, sql),
      Effect.catch(toLedgerError),
      Effect.map((now) => {
        onBlocked(now)
        return activations.filter((no) => !now.has(no))
      })
    )
})

/** What is counted while a sync runs. */
interface Tally {
  readonly activation: string
  readonly counts: Counts
  readonly errors: Map<string, number>
}

const makeTally = (activation: string): Tally => ({ activation, counts: noCounts(), errors: new Map() })

/** The first few reasons are enough to see what is wrong, and bounded. */
const note = ({ errors }: Tally, reason: string) => {
  if (errors.has(reason) || errors.size < 5) errors.set(reason, (errors.get(reason) ?? 0) + 1)
}

const doneOf = (activation: number, { counts, errors }: Tally, ending: Ending): History.Done => ({
  activation,
  result: ending._tag === "Settled" ? { _tag: "Synced" } : ending,
  delivered: counts.identify + counts.track + counts.group + counts.add + counts.discard,
  rejected: counts.rejected,
  postponed: counts.postponed,
  errors: [...errors].map(([reason, count]) => ({ reason, count }))
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
    if (end._tag === "GaveUp") return yield* leaveInPeace(work.owner, end.stop, end.failures, end.restMillis)
    if (end._tag === "Stopped") return { _tag: "Stopped", reason: end.stop.message } satisfies Ending
    yield* fenced(work.owner, endRest(work.owner.destination))
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
      yield* SentSets.sendAgain(no)
      yield* mark(marksOf(no, lane.backfill, yield* sentProfiles(no)))
    })
  )
})
