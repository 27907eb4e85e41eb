/**
 * One sync: refresh what is known, then bring every destination in step.
 *
 * @since 0.1.0
 */
import { Cadence, type Diff, Ledger } from "@tributary/core/runtime"
import { DateTime, Effect, Option } from "effect"
import { SqlClient } from "effect/sql"
import type { Evaluated } from "../store/computations/Evaluation.ts"
import type { Imported } from "../store/profiles/Import.ts"
import { toLedgerError } from "../store/sql/failures.ts"
import { OnProgress } from "../sources/Staging.ts"
import { syncEvents, syncList } from "./Engine.ts"
import type { Owned, Registration, Services, Synced, SyncOptions } from "./Owned.ts"
import { pollAll } from "./Receipts.ts"
import { refreshComputation, type RefreshError, refreshProfiles } from "./Refresh.ts"
import type { Space } from "./Space.ts"

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
  readonly synced: ReadonlyArray<Synced>
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
 * Refreshes, then tells every destination what it has not been told. Destinations go side by side.
 *
 * @category combinators
 * @since 0.1.0
 */
export const syncOnce = Effect.fnUntraced(function* (
  space: Space,
  options: SyncOnceOptions
): Effect.fn.Return<SyncReport, Ledger.LedgerError | Ledger.Fenced, Services | Diff.Diff> {
  const refreshed = yield* refresh(space, options)
  const synced = yield* Effect.forEach(space.destinations, (owned) => syncDestination(owned, options), {
    concurrency: "unbounded"
  })
  return { ...refreshed, synced: synced.flat() }
})

const syncDestination = Effect.fnUntraced(function* (owned: Owned, options: SyncOnceOptions) {
  // What jobs of earlier syncs lost is told in this one.
  yield* pollAll(owned)
  const wanted = owned.activations.filter(({ activation }) => isWanted(options, activation))
  const synced: Array<Synced> = []
  if (wanted.some(({ activation }) => activation.form === "event")) {
    options.onStep(`sync ${owned.connected.destination.id}`)
    synced.push(...(yield* syncEvents({ ...owned, activations: wanted }, options)))
  }
  for (const registration of wanted.filter(({ activation }) => activation.form === "list")) {
    if (options.isStopping()) break
    options.onStep(`sync ${registration.activation.id}`)
    synced.push(yield* syncListWhenDue(owned, registration, options))
  }
  return synced
})

/**
 * When the list may be told next: at once where it never was.
 *
 * @category combinators
 * @since 0.1.0
 */
export const listDue = Effect.fnUntraced(function* ({ activation, no }: Registration) {
  const sql = yield* SqlClient.SqlClient
  // Who is to leave does so at once, and waits for no cadence.
  const [row] = yield* sql<{ settled_at: Date | null }>`
    select case when leaving is null then settled_at end as settled_at
    from tributary.activation where no = ${no}`.pipe(Effect.catchTag("SqlError", toLedgerError))
  const settled = Option.map(Option.fromNullishOr(row?.settled_at), DateTime.fromDateUnsafe)
  return Cadence.nextDue(activation.cadence, settled, yield* DateTime.now)
})

const syncListWhenDue = Effect.fnUntraced(function* (
  owned: Owned,
  registration: Registration,
  options: SyncOnceOptions
) {
  const due = yield* listDue(registration)
  if (DateTime.isGreaterThan(due, yield* DateTime.now)) {
    const synced: Synced = {
      activation: registration.activation.id,
      destination: owned.connected.destination.id,
      counts: { identify: 0, track: 0, group: 0, add: 0, discard: 0, rejected: 0, postponed: 0 },
      ending: { _tag: "NotDue", reason: `next at ${DateTime.formatIso(due)}` }
    }
    return synced
  }
  return yield* syncList(owned, registration, options)
})
