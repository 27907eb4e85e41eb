/**
 * One sync: refresh what is known, then bring every destination in step.
 *
 * @since 0.1.0
 */
import type { Diff, Ledger } from "@tributary/core/runtime"
import { Clock, DateTime, Effect } from "effect"
import type { SqlClient } from "effect/sql"
import type { Evaluated } from "../store/computations/Evaluation.ts"
import * as NotConfirmed from "../store/ledger/NotConfirmed.ts"
import * as Receipts from "../store/ledger/Receipts.ts"
import type { Imported } from "../store/profiles/Import.ts"
import { toLedgerError } from "../store/sql/failures.ts"
import { OnProgress } from "../sources/Staging.ts"
import type { Activation } from "./Activation.ts"
import type { OwnedDestination } from "./OwnedDestination.ts"
import { pollReceipts } from "./Receipts.ts"
import { refreshComputation, type RefreshError, refreshProfiles } from "./Refresh.ts"
import type { Space } from "./Space.ts"
import { syncEvents } from "./SyncEvents.ts"
import { listDue, syncList } from "./SyncList.ts"
import { ended, type Services, type Synced, type SyncOptions } from "./Synced.ts"

/**
 * What a refresh found, and what failed.
 *
 * @category models
 * @since 0.1.0
 */
export interface Refreshed {
  readonly imported: ReadonlyArray<Imported>
  readonly evaluated: ReadonlyArray<Evaluated>
  readonly failures: ReadonlyArray<RefreshError>
}

/**
 * What a sync did.
 *
 * @category models
 * @since 0.1.0
 */
export interface SyncReport extends Refreshed {
  readonly synced: ReadonlyArray<Synced & Confirmations>
}

/**
 * What vendors say later of what they accepted, as it stands when a sync of an activation has ended.
 *
 * @category models
 * @since 0.1.0
 */
export interface Confirmations {
  /** Identifiers in jobs that the vendor has not answered yet. */
  readonly unconfirmed: number
  /** What this sync learned that the vendor does not have, and does not say whose it is. It is not sent again by itself. */
  readonly notConfirmed: ReadonlyArray<{ readonly reason: string; readonly count: number }>
}

/**
 * @category models
 * @since 0.1.0
 */
export interface SyncOnceOptions extends SyncOptions {
  /** The folder that files are relative to. */
  readonly folder: string
  /** To read everything, also where a source says what changed. */
  readonly full: boolean
  /** Only these activations; all where left out. */
  readonly only: ReadonlySet<string> | undefined
  /** Called as each step begins, with words for a progress line. */
  readonly onStep: (step: string) => void
}

const isWanted = (options: SyncOnceOptions, activation: { readonly id: string }) =>
  options.only === undefined || options.only.has(activation.id)

const withNews = (step: string, { onStep }: SyncOnceOptions) =>
  Effect.provideService(OnProgress, (progress) => onStep(`${step}: ${progress}`))

/**
 * Imports all profiles, and evaluates the computations of the wanted activations.
 *
 * @category combinators
 * @since 0.1.0
 */
export const refresh = Effect.fnUntraced(function* (
  space: Space,
  options: SyncOnceOptions
): Effect.fn.Return<Refreshed, never, SqlClient.SqlClient | Diff.Diff> {
  const failures: Array<RefreshError> = []
  const imported: Array<Imported> = []
  const evaluated: Array<Evaluated> = []
  for (const profiles of space.resolved.profiles) {
    const step = `import ${profiles.name}`
    options.onStep(step)
    const result = yield* Effect.result(refreshProfiles(profiles, options)).pipe(withNews(step, options))
    if (result._tag === "Success") imported.push(result.success)
    else failures.push(result.failure)
  }
  const wanted = new Set(
    space.resolved.activations.filter((activation) => isWanted(options, activation)).map((a) => a.computation)
  )
  for (const computation of space.resolved.computations.filter((each) => wanted.has(each))) {
    if (options.isStopping()) break
    const step = `evaluate ${computation.key}`
    options.onStep(step)
    const result = yield* Effect.result(refreshComputation(computation, options)).pipe(withNews(step, options))
    if (result._tag === "Success") evaluated.push(result.success)
    else failures.push(result.failure)
  }
  return { imported, evaluated, failures }
})

/**
 * Refreshes, then brings every destination in step. Destinations go side by side.
 *
 * @category combinators
 * @since 0.1.0
 */
export const syncOnce = Effect.fnUntraced(function* (
  space: Space,
  options: SyncOnceOptions
): Effect.fn.Return<SyncReport, Ledger.LedgerError | Ledger.Fenced, Services | Diff.Diff> {
  const startedAt = yield* Clock.currentTimeMillis
  const refreshed = yield* refresh(space, options)
  const synced = yield* Effect.forEach(space.destinations, (owned) => syncDestination(owned, options), {
    concurrency: "unbounded"
  })
  return { ...refreshed, synced: yield* withConfirmations(synced.flat(), space, startedAt) }
})

const withConfirmations = Effect.fnUntraced(
  function* (synced: ReadonlyArray<Synced>, space: Space, since: number) {
    const unconfirmed = yield* Receipts.unconfirmed
    const notConfirmed = Map.groupBy(yield* NotConfirmed.all(since), (failure) => failure.activation)
    const numbers = new Map(space.destinations.flatMap((owned) => owned.activations).map(({ id, no }) => [id, no]))
    return synced.map((each) => ({
      ...each,
      unconfirmed: unconfirmed.get(numbers.get(each.activation) ?? 0) ?? 0,
      notConfirmed: (notConfirmed.get(each.activation) ?? []).map(({ count, reason }) => ({ reason, count }))
    }))
  },
  Effect.catchTag("SqlError", toLedgerError)
)

const syncDestination = Effect.fnUntraced(function* (owned: OwnedDestination, options: SyncOnceOptions) {
  // What jobs of earlier syncs lost is sent in this one.
  yield* pollReceipts(owned)
  const wanted = owned.activations.filter((activation) => isWanted(options, activation))
  const synced: Array<Synced> = []
  if (wanted.some(({ form }) => form === "event")) {
    options.onStep(`sync ${owned.connected.destination.id}`)
    synced.push(...(yield* syncEvents({ ...owned, activations: wanted }, options)))
  }
  for (const activation of wanted.filter(({ form }) => form === "list")) {
    if (options.isStopping()) break
    options.onStep(`sync ${activation.id}`)
    synced.push(yield* syncListWhenDue(owned, activation, options))
  }
  return synced
})

const syncListWhenDue = Effect.fnUntraced(function* (
  owned: OwnedDestination,
  activation: Activation,
  options: SyncOnceOptions
) {
  const due = yield* listDue(activation)
  if (DateTime.isGreaterThan(due, yield* DateTime.now)) {
    return ended(owned, activation, { _tag: "NotDue", reason: `next at ${DateTime.formatIso(due)}` })
  }
  return yield* syncList(owned, activation, options)
})
