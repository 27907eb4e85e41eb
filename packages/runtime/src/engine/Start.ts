/**
 * `start`: the space at work for good.
 *
 * Sources and computations run by their schedules, event activations as soon as there is news, lists when their cadence
 * is due. Everything that is due is read from the store, so a restart goes on where the last process was.
 *
 * @since 0.1.0
 */
import { type Diff, type Ledger, Scheduler } from "@tributary/core/runtime"
import { DateTime, Duration, Effect, Latch, Option } from "effect"
import type { SqlClient, SqlError } from "effect/sql"
import * as Schedule from "../config/Schedule.ts"
import type { ResolvedComputation } from "../config/Computations.ts"
import type { ResolvedProfiles } from "../config/Profiles.ts"
import type { Activation } from "./Activation.ts"
import type { OwnedDestination } from "./OwnedDestination.ts"
import { prune } from "../store/views/History.ts"
import { lastEvaluated } from "../store/computations/Computations.ts"
import { lastImported } from "../store/profiles/Sources.ts"
import { toLedgerError } from "../store/sql/failures.ts"
import { isEvaluated } from "../store/activations/ActivationStates.ts"
import { pollReceipts } from "./Receipts.ts"
import { refreshComputation, type RefreshError, refreshProfiles } from "./Refresh.ts"
import type { Space } from "./Space.ts"
import { syncEvents } from "./SyncEvents.ts"
import { listDue, syncList } from "./SyncList.ts"
import type { Services, Synced, SyncOptions } from "./Synced.ts"

/**
 * What happens, for whoever keeps a log of it.
 *
 * @category models
 * @since 0.1.0
 */
export type Event =
  | { readonly _tag: "Refreshed"; readonly what: string; readonly detail: string }
  | { readonly _tag: "RefreshFailed"; readonly error: RefreshError }
  | { readonly _tag: "Synced"; readonly synced: Synced }
  | { readonly _tag: "StoreFailed"; readonly error: Ledger.LedgerError | Ledger.Fenced }

/**
 * @category models
 * @since 0.1.0
 */
export interface StartOptions extends Omit<SyncOptions, "isStopping" | "onProgress"> {
  readonly folder: string
  readonly stop: Latch.Latch
  readonly onEvent: (event: Event) => Effect.Effect<void>
}

type Needs = Services | Diff.Diff | Scheduler.Scheduler

/** How often a destination looks for news that other processes brought: `approve`, `resume`, a retry that is due. */
const lookAgain = Duration.seconds(2)

/**
 * Runs until `stop` opens, or another process takes over a destination. Then requests in flight are completed.
 *
 * @category combinators
 * @since 0.1.0
 */
export const start = Effect.fnUntraced(function* (
  space: Space,
  given: StartOptions
): Effect.fn.Return<void, Ledger.Fenced, Needs> {
  const scheduler = yield* Scheduler.Scheduler
  let overtaken: Ledger.Fenced | undefined
  const options: StartOptions = {
    ...given,
    onEvent: (event) => {
      if (event._tag !== "StoreFailed" || event.error._tag !== "Fenced") return given.onEvent(event)
      overtaken = event.error
      return given.stop.open
    }
  }
  const wakes = new Map(space.destinations.map((owned) => [owned, Latch.makeUnsafe(false)]))
  const wakeAll = Effect.forEach([...wakes.values()], (latch) => latch.open, { discard: true })
  const imports = space.resolved.profiles.map((profiles) => profilesJob(profiles, options, wakeAll))
  const jobs = [
    pruneJob(space, options),
    ...imports,
    ...space.resolved.computations.map((computation) => computationJob(computation, imports, options, wakeAll)),
    ...space.destinations.flatMap((owned) => [
      eventsJob(owned, options, wakes.get(owned) ?? Latch.makeUnsafe(false)),
      receiptsJob(owned, options),
      ...owned.activations
        .filter(({ form }) => form === "list")
        .map((activation) => listJob(owned, activation, options))
    ])
  ]
  yield* scheduler.run(jobs, options.stop)
  if (overtaken !== undefined) return yield* overtaken
})

type AnyJob = Scheduler.Job<Needs>

/**
 * The next run after the last attempt, kept in the store where it succeeded and here where it failed. The first run of
 * all may have to wait for something.
 */
const scheduled = (
  schedule: Schedule.Schedule,
  last: Effect.Effect<Date | undefined, SqlError.SqlError, SqlClient.SqlClient>,
  mustWait: Effect.Effect<boolean, never, Needs> = Effect.succeed(false)
) => {
  let attempted = Option.none<DateTime.Utc>()
  return {
    attempt: Effect.map(DateTime.now, (now) => {
      attempted = Option.some(now)
    }),
    nextDue: Effect.gen(function* () {
      const now = yield* DateTime.now
      const stored = Option.isSome(attempted) ? Option.none() : yield* Effect.option(last)
      const latest = Option.orElse(attempted, () =>
        Option.map(Option.fromUndefinedOr(Option.getOrUndefined(stored)), DateTime.fromDateUnsafe)
      )
      // While the store does not answer nobody knows, and "never" would run everything at once.
      const isUnknown = Option.isNone(attempted) && Option.isNone(stored)
      if (isUnknown || (Option.isNone(latest) && (yield* mustWait))) return DateTime.addDuration(now, lookAgain)
      return Schedule.nextDue(schedule, latest, now)
    })
  }
}

const profilesJob = (profiles: ResolvedProfiles, options: StartOptions, wakeAll: Effect.Effect<void>): AnyJob => {
  const clock = scheduled(profiles.schedule, lastImported(profiles.name))
  return {
    name: `import ${profiles.name}`,
    nextDue: clock.nextDue,
    run: refreshProfiles(profiles, { ...options, full: false }).pipe(
      Effect.matchEffect({
        onFailure: (error) => options.onEvent({ _tag: "RefreshFailed", error }),
        onSuccess: ({ added, changed, gone, partial, profiles: count, source }) => {
          const detail = `${count} ${partial ? "changed " : ""}profiles (${added} new, ${changed} changed, ${gone} removed)`
          return options.onEvent({ _tag: "Refreshed", what: source, detail })
        }
      }),
      Effect.andThen(clock.attempt),
      Effect.andThen(wakeAll)
    )
  }
}

const computationJob = (
  computation: ResolvedComputation,
  imports: ReadonlyArray<AnyJob>,
  options: StartOptions,
  wakeAll: Effect.Effect<void>
): AnyJob => {
  const clock = scheduled(
    computation.schedule,
    lastEvaluated(computation),
    // Evaluated before the first import, a result would be of profiles that nobody knows, until the next evaluation.
    Effect.gen(function* () {
      const others = yield* Effect.forEach(imports, (job) => job.nextDue)
      // Now, and not before: an import that is due at once is due when it was asked.
      const now = yield* DateTime.now
      return others.some((due) => !DateTime.isGreaterThan(due, now))
    })
  )
  return {
    name: `evaluate ${computation.key}`,
    nextDue: clock.nextDue,
    run: refreshComputation(computation, { ...options, full: false }).pipe(
      Effect.matchEffect({
        onFailure: (error) => options.onEvent({ _tag: "RefreshFailed", error }),
        onSuccess: ({ computation: what, entered, exited, partial, size, unknown }) => {
          const unknownProfiles = unknown === 0 ? "" : `, ${unknown} unknown`
          const how = partial ? ", by what changed" : ""
          const detail = `${size} profiles (${entered} new or changed, ${exited} exited${unknownProfiles}${how})`
          return options.onEvent({ _tag: "Refreshed", what, detail })
        }
      }),
      Effect.andThen(clock.attempt),
      Effect.andThen(wakeAll)
    )
  }
}

const syncOptions = (options: StartOptions): SyncOptions => ({
  patience: options.patience,
  waitForPostponed: options.waitForPostponed,
  isStopping: () => options.stop.isOpen(),
  onProgress: () => undefined
})

const report = (options: StartOptions, seen: Map<string, string>, synced: ReadonlyArray<Synced>) =>
  Effect.forEach(
    synced,
    (each) => {
      const total = Object.values(each.counts).reduce((sum, count) => sum + count, 0)
      const ending = each.ending._tag === "Synced" ? "" : `${each.ending._tag}: ${each.ending.reason}`
      // A destination that is held or stopped is looked at every few seconds: say so once.
      if (total === 0 && (seen.get(each.activation) ?? "") === ending) return Effect.void
      seen.set(each.activation, ending)
      return options.onEvent({ _tag: "Synced", synced: each })
    },
    { discard: true }
  )

/** Looks again after a moment, or at once when woken; while the store fails, after a moment too. */
const eventsJob = (owned: OwnedDestination, options: StartOptions, wake: Latch.Latch): AnyJob => {
  const seen = new Map<string, string>()
  let next = Option.none<DateTime.Utc>()
  return {
    name: `sync ${owned.connected.destination.id}`,
    wake,
    nextDue: Effect.map(DateTime.now, (now) => Option.getOrElse(next, () => now)),
    run: syncEvents(owned, syncOptions(options)).pipe(
      Effect.matchEffect({
        onFailure: (error) => options.onEvent({ _tag: "StoreFailed", error }),
        onSuccess: (synced) => report(options, seen, synced)
      }),
      Effect.andThen(DateTime.now),
      Effect.map((now) => {
        next = Option.some(DateTime.addDuration(now, lookAgain))
      })
    )
  }
}

const listJob = (owned: OwnedDestination, activation: Activation, options: StartOptions): AnyJob => {
  const seen = new Map<string, string>()
  let next = Option.none<DateTime.Utc>()
  return {
    name: `sync ${activation.id}`,
    nextDue: Effect.gen(function* () {
      const now = yield* DateTime.now
      // A list that is synced before its audience was ever evaluated would wait a whole cadence for nothing.
      const evaluated = yield* isEvaluated(activation.no).pipe(Effect.orElseSucceed(() => false))
      // While the store does not answer nobody knows: looking again costs a moment, and sending early breaks a cadence.
      const due = yield* listDue(activation).pipe(Effect.orElseSucceed(() => DateTime.addDuration(now, lookAgain)))
      const again = Option.getOrElse(next, () => now)
      const earliest = evaluated ? due : DateTime.addDuration(now, lookAgain)
      return DateTime.isGreaterThan(again, earliest) ? again : earliest
    }),
    run: syncList(owned, activation, syncOptions(options)).pipe(
      Effect.matchEffect({
        onFailure: (error) => options.onEvent({ _tag: "StoreFailed", error }),
        onSuccess: (synced) => report(options, seen, [synced])
      }),
      Effect.andThen(DateTime.now),
      Effect.map((now) => {
        next = Option.some(DateTime.addDuration(now, lookAgain))
      })
    )
  }
}

/** Once a day what is older than the configuration asks for is forgotten. */
const pruneJob = (space: Space, options: StartOptions): AnyJob => {
  let next = Option.none<DateTime.Utc>()
  return {
    name: "forget old syncs",
    nextDue: Effect.map(DateTime.now, (now) => Option.getOrElse(next, () => now)),
    run: Effect.gen(function* () {
      const now = yield* DateTime.now
      next = Option.some(DateTime.addDuration(now, Duration.days(1)))
      yield* prune(DateTime.toEpochMillis(now) - space.resolved.keepMillis)
    }).pipe(
      Effect.catchTag("SqlError", toLedgerError),
      Effect.catch((error) => options.onEvent({ _tag: "StoreFailed", error }))
    )
  }
}

const receiptsJob = (owned: OwnedDestination, options: StartOptions): AnyJob => {
  let next = Option.none<DateTime.Utc>()
  return {
    name: `ask ${owned.connected.destination.id} about jobs`,
    nextDue: Effect.map(DateTime.now, (now) => Option.getOrElse(next, () => now)),
    run: pollReceipts(owned).pipe(
      Effect.matchEffect({
        onFailure: (error) => options.onEvent({ _tag: "StoreFailed", error }),
        onSuccess: () => Effect.void
      }),
      Effect.andThen(DateTime.now),
      Effect.map((now) => {
        next = Option.some(DateTime.addDuration(now, Duration.seconds(30)))
      })
    )
  }
}
