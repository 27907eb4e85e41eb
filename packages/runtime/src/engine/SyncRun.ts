/**
 * A run: some activations of one destination, worked on together until nothing is due or something stops them.
 *
 * @since 0.1.0
 */
import { type Ledger, Reconciler, type SyncResult } from "@tributary/core/runtime"
import { Clock, Duration, Effect, Metric } from "effect"
import { SqlClient, type SqlError } from "effect/sql"
import { fenced } from "../ownership/Ownership.ts"
import { recover } from "../store/ledger/Recovery.ts"
import {
  clearApproval,
  endRest,
  failuresOf,
  hasWork,
  markSettled,
  markStopped,
  nextPostponed
} from "../store/activations/ActivationStates.ts"
import * as Exits from "../store/activations/Exits.ts"
import * as Operations from "../store/activations/Operations.ts"
import { toLedgerError } from "../store/sql/failures.ts"
import * as History from "../store/views/History.ts"
import { attribute, metric } from "../telemetry/names.ts"
import type { Activation } from "./Activation.ts"
import type { Clearance } from "./Clearance.ts"
import { type FormWork, taskOf } from "./Destinations.ts"
import type { OwnedDestination } from "./OwnedDestination.ts"
import { restFor } from "./Rest.ts"
import { type Counts, ended, noCounts, type Services, type Synced, type SyncOptions } from "./Synced.ts"

/**
 * Runs activations of one destination, in phases: the first is synced before the backlog of the next begins.
 *
 * @category combinators
 * @since 0.1.0
 */
export const runTogether = Effect.fnUntraced(function* (
  owned: OwnedDestination,
  phases: ReadonlyArray<ReadonlyArray<Activation>>,
  form: FormWork,
  clearance: Clearance,
  options: SyncOptions
): Effect.fn.Return<ReadonlyArray<Synced>, SqlError.SqlError | Ledger.LedgerError | Ledger.Fenced, Services> {
  const reconciler = yield* Reconciler.Reconciler
  const { owner, space } = owned
  const activations = phases.flat()
  let { blocked } = yield* clearance(activations.map(({ no }) => no))
  const running = activations.filter(({ no }) => !blocked.has(no))
  const nos = running.map(({ no }) => no)
  // `start` asks every few seconds: where nothing is due, nothing is claimed and nothing is written.
  if (!(yield* hasWork(nos))) {
    yield* clearApproval(nos)
    // Exits that were sent as a job are over when the vendor says so.
    if (yield* Exits.areOpen(nos)) yield* fenced(owner, Exits.end(nos))
    return activations.map((activation) => ended(owned, activation, blocked.get(activation.no) ?? { _tag: "Synced" }))
  }
  const tallies = new Map(running.map(({ id, no }) => [no, makeTally(id)]))
  const records = yield* History.begin(nos)
  yield* recover(owner, nos)
  const work: Reconciler.Work = {
    ...form,
    owner,
    tasks: running.map((activation) => taskOf(activation, space)),
    phases: phases.map((phase) => phase.map(({ no }) => no).filter((no) => nos.includes(no))),
    mayRun: yield* asking(clearance, (now) => {
      blocked = new Map([...blocked, ...now])
    }),
    mode: "deliver",
    patience: options.patience,
    failures: yield* failuresOf(owner.destination),
    isStopping: options.isStopping,
    onProgress: (no, label, outcome, reason) => {
      const tally = tallies.get(no)
      const name = outcome === "delivered" ? label : outcome
      if (tally === undefined) return
      tally.counts[name]++
      if (reason !== undefined) {
        note(tally.errors, reason)
        if (outcome === "rejected") note(tally.rejections, reason)
      }
      options.onProgress(tally.activation, name)
    }
  }
  const ending = yield* runUntilSynced(reconciler, work, options)
  const settled = nos.filter((no) => !blocked.has(no))
  if (ending._tag === "Stopped") yield* fenced(owner, markStopped(owner.destination, ending.reason))
  if (ending._tag === "Synced") {
    yield* fenced(
      owner,
      Effect.all([markSettled(settled), clearApproval(settled), Exits.end(settled)], { discard: true })
    )
  }
  for (const tally of tallies.values()) yield* countItems(owner.destination, tally)
  yield* History.finish(
    records,
    [...tallies].map(([no, tally]) => doneOf(no, tally, blocked.get(no) ?? ending))
  )
  return activations.map((activation) => {
    const tally = tallies.get(activation.no)
    const result = blocked.get(activation.no) ?? ending
    return ended(owned, activation, result, tally?.counts, tally && reasonsIn(tally.rejections))
  })
})

/** Asks for clearance again before a claim; `onBlocked` receives those that lost it meanwhile. */
const asking = Effect.fnUntraced(function* (
  clearance: Clearance,
  onBlocked: (now: ReadonlyMap<number, SyncResult.SyncResult>) => void
) {
  const sql = yield* SqlClient.SqlClient
  return (activations: ReadonlyArray<number>) =>
    clearance(activations).pipe(
      Effect.provideService(SqlClient.SqlClient, sql),
      Effect.catchTag("SqlError", toLedgerError),
      Effect.map((now) => {
        onBlocked(now.blocked)
        return now.cleared
      })
    )
})

/** What is counted while a sync runs. */
interface Tally {
  readonly activation: string
  readonly counts: Counts
  readonly errors: Map<string, number>
  /** Those of the errors that are rejections. */
  readonly rejections: Map<string, number>
}

const makeTally = (activation: string): Tally => ({
  activation,
  counts: noCounts(),
  errors: new Map(),
  rejections: new Map()
})

const items = Metric.counter(metric.items, { description: "Calls and members, by what became of them" })

/** Once for a whole run: to count each item costs more than to handle it. */
const countItems = (destination: string, { activation, counts }: Tally) =>
  Effect.forEach(
    Object.entries(counts).filter(([, count]) => count > 0),
    ([outcome, count]) =>
      Metric.update(
        Metric.withAttributes(items, {
          [attribute.destination]: destination,
          [attribute.activation]: activation,
          [attribute.outcome]: outcome
        }),
        count
      ),
    { discard: true }
  )

/** The first few reasons are enough to see what is wrong, and bounded. */
const note = (reasons: Map<string, number>, reason: string) => {
  if (reasons.has(reason) || reasons.size < 5) reasons.set(reason, (reasons.get(reason) ?? 0) + 1)
}

const reasonsIn = (reasons: ReadonlyMap<string, number>) => [...reasons].map(([reason, count]) => ({ reason, count }))

const doneOf = (activation: number, { counts, errors }: Tally, result: SyncResult.SyncResult): History.Done => ({
  activation,
  result,
  delivered: counts.identify + counts.track + counts.group + counts.add + counts.discard,
  rejected: counts.rejected,
  postponed: counts.postponed,
  errors: reasonsIn(errors)
})

/**
 * Runs, waits for what was postponed for a short while, and runs again. A list that is gone downstream is forgotten: the
 * next sync creates it again.
 */
const runUntilSynced = Effect.fnUntraced(function* (
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
      const reason = "the list was deleted downstream; the next sync creates it again and fills it"
      return { _tag: "GaveUp", reason } satisfies SyncResult.SyncResult
    }
    if (end._tag === "GaveUp") return yield* restFor(work.owner, end.stop, end.failures, end.restMillis)
    if (end._tag === "Stopped") return { _tag: "Stopped", reason: end.stop.message } satisfies SyncResult.SyncResult
    yield* fenced(work.owner, endRest(work.owner.destination))
    // Stopped with work left: calling that settled would let a list wait a whole cadence for the rest.
    if (options.isStopping() && (yield* hasWork(activations))) {
      return {
        _tag: "Waiting",
        reason: "the process was stopped before everything was sent"
      } satisfies SyncResult.SyncResult
    }
    const next = yield* nextPostponed(activations)
    if (next === undefined) return { _tag: "Synced" } satisfies SyncResult.SyncResult
    if (next.at > deadline || options.isStopping()) {
      const profiles = next.count === 1 ? "1 profile waits" : `${next.count} profiles wait`
      return {
        _tag: "Waiting",
        reason: `${profiles} to be tried again: ${next.reason}`
      } satisfies SyncResult.SyncResult
    }
    yield* Effect.sleep(Math.max(0, next.at - (yield* Clock.currentTimeMillis)))
  }
})
