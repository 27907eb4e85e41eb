/**
 * The reconciler: claim, read, compare, enrich, deliver, settle.
 *
 * It works for one destination at a time, on profiles that may differ from its ledger, until none is left. Payloads are
 * made here, from data read after the claim, and live no longer than their batch: a crash at any instant leaves a claim
 * that returns to the dirty set, and the difference is computed again.
 *
 * @since 0.1.0
 */
import { Clock, Context, Effect, Layer, Option, Random, Semaphore } from "effect"
import { inWaves } from "./Batches.ts"
import type { Call } from "./Call.ts"
import { type DeliveryError, Unavailable } from "./DeliveryError.ts"
import { deliver, isTransient, type Stop } from "./Delivery.ts"
import type { Batch, Context as PluginContext, Declaration, Field, NonEmpty } from "./Destination.ts"
import { Enricher } from "./Enrichment.ts"
import {
  type Claim,
  type Fenced,
  type Intent,
  Ledger,
  type LedgerError,
  type Ownership,
  type Settled
} from "./Ledger.ts"
import type { Member } from "./Member.ts"
import type { Outcome } from "./Outcome.ts"
import * as EventPlan from "./EventPlan.ts"
import * as ListPlan from "./ListPlan.ts"
import type * as Plan from "./Plan.ts"
import { type Label, type OnProgress, report, type Results, settlementOf, untried } from "./Results.ts"
import type { Gate } from "./RateLimiter.ts"

/**
 * How an item reaches the vendor.
 *
 * @category models
 * @since 0.1.0
 */
export interface Route<Payload> {
  /** What a summary calls it: `identify`, `add`, … */
  readonly label: (payload: Payload) => Label
  readonly batch: Batch
  readonly send: (payloads: NonEmpty<Payload>) => Effect.Effect<ReadonlyArray<Outcome>, DeliveryError>
}

/**
 * The work on one destination: its activations, and how to tell it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Work {
  readonly owner: Ownership
  readonly declaration: Declaration
  readonly context: PluginContext<unknown>
  readonly gate: Gate
  /** Plugin version and settings, as text. */
  readonly version: string
  readonly tasks: ReadonlyArray<Plan.Task>
  readonly form: EventRoutes | ListRoutes
  /** `baseline` takes everything as told and sends nothing (R30, R38). */
  readonly mode: "deliver" | "baseline"
  /** Failures in a row after which to give up for now; `Infinity` never does. */
  readonly patience: number
  /** Whether to finish what is on the wire and claim no more. */
  readonly isStopping: () => boolean
  readonly onProgress: OnProgress
}

/**
 * @category models
 * @since 0.1.0
 */
export interface EventRoutes {
  readonly _tag: "Event"
  readonly route: Route<Call>
  readonly coalesce: boolean
  readonly groupUsers: boolean
  readonly prepare: ((fields: NonEmpty<Field>) => Effect.Effect<void, DeliveryError>) | undefined
}

/**
 * @category models
 * @since 0.1.0
 */
export interface ListRoutes {
  readonly _tag: "List"
  readonly add: Route<Member>
  readonly discard: Route<Member>
}

/**
 * How the work ended: everything told that could be; or stopped by what an operator must mend; or given up for now.
 *
 * @category models
 * @since 0.1.0
 */
export type End =
  | { readonly _tag: "Settled" }
  | { readonly _tag: "Stopped"; readonly stop: Stop }
  | { readonly _tag: "GaveUp"; readonly stop: Stop }

/** Profiles in one claim, for a plugin of large and of small batches. */
const claimSize = (batch: Batch): number => Math.min(20_000, Math.max(1_000, batch.items * 32))

/** Batches that may be on the wire and not yet settled: what a crash can make the vendor see twice. */
const inFlightBatches = 32

/** Claims worked on at a time: one is read while another is sent. */
const pipelines = 2

/** Anything to send, whichever route it takes. */
interface Shipment {
  readonly items: NonEmpty<Plan.Item<unknown>>
  readonly run: Effect.Effect<Results>
}

/**
 * Brings destinations in step with what is known.
 *
 * @category services
 * @since 0.1.0
 */
export class Reconciler extends Context.Service<
  Reconciler,
  {
    /** Works until nothing dirty is left to claim, or the destination stops. */
    readonly run: (work: Work) => Effect.Effect<End, LedgerError | Fenced>
    /** What would be sent for one claim: planned, neither sent nor settled. */
    readonly plan: (work: Work, claim: Claim) => Effect.Effect<Planned, LedgerError | Fenced>
  }
>()("@tributary/core/Reconciler") {
  static readonly layer = Layer.effect(
    Reconciler,
    Effect.gen(function* () {
      const ledger = yield* Ledger
      const enricher = yield* Enricher

      const plan = Effect.fnUntraced(function* (work: Work, claim: Claim) {
        const tasks = work.tasks.filter((task) => claim.byActivation.has(task.activation))
        const isEvent = work.form._tag === "Event"
        const reading = yield* ledger.read(claim, {
          identifierTypes: work.declaration.identifiers,
          traits:
            Object.keys(work.declaration.requirements).length > 0 ||
            tasks.some((task) => Object.keys(task.traits).length > 0),
          users: work.form._tag === "Event" && work.form.groupUsers,
          kinds: isEvent ? ["identify", "track", "group"] : ["member"]
        })
        const terms: Plan.Terms = {
          requirements: work.mode === "baseline" ? {} : work.declaration.requirements,
          coalesce: work.form._tag === "Event" && work.form.coalesce,
          version: work.version,
          enricher
        }
        const planned = emptyPlan()
        for (const profile of reading.profiles) {
          const standings = tasks
            .filter((task) => claim.byActivation.get(task.activation)?.has(profile.no) === true)
            .map((task) => {
              const standing = reading.standing(task.activation, profile.no)
              // A baseline takes as told whatever should be, what was rejected included.
              return [task, work.mode === "baseline" ? { ...standing, rejected: () => undefined } : standing] as const
            })
          if (isEvent) {
            const owed = EventPlan.plan(profile, standings, terms)
            planned.calls.push(...owed.items)
            planned.unsendable.push(...owed.unsendable)
            planned.moot.push(...owed.moot)
          } else {
            for (const [task, standing] of standings) {
              const owed = ListPlan.plan(profile, task, standing, terms)
              planned.adds.push(...owed.adds)
              planned.discards.push(...owed.discards)
              planned.unsendable.push(...owed.unsendable)
              planned.moot.push(...owed.moot)
            }
          }
        }
        return planned
      })

      const run = Effect.fnUntraced(function* (work: Work): Effect.fn.Return<End, LedgerError | Fenced> {
        const flight = yield* Semaphore.make(inFlightBatches)
        const settling = yield* Semaphore.make(1)
        const preparing = yield* Semaphore.make(1)
        const prepared = new Set(yield* ledger.prepared(work.owner.destination))
        const batch = work.form._tag === "Event" ? work.form.route.batch : work.form.add.batch
        const activations = work.tasks.map((task) => task.activation)
        let ended: End = { _tag: "Settled" }
        let failures = 0
        let restUntil = 0
        const isEnding = () => work.isStopping() || ended._tag !== "Settled"

        const heed = Effect.fnUntraced(function* (stop: Stop) {
          if (!isTransient(stop)) {
            ended = { _tag: "Stopped", stop }
            return
          }
          const now = yield* Clock.currentTimeMillis
          if (now >= restUntil) failures++
          if (failures >= work.patience) ended = { _tag: "GaveUp", stop }
          const backoff = Math.min(60_000, 500 * 2 ** Math.min(failures, 10)) * (0.5 + (yield* Random.next))
          const wait = Math.ceil(Math.max(stop.retryAfterMillis ?? 0, backoff))
          restUntil = Math.max(restUntil, now + wait)
          yield* work.gate.pause(wait)
        })

        const makeReady = (calls: ReadonlyArray<Call>) =>
          preparing.withPermits(1)(
            Effect.gen(function* () {
              if (work.form._tag !== "Event" || work.form.prepare === undefined) return
              const [first, ...rest] = newFields(calls, work.tasks, prepared)
              if (first === undefined) return
              yield* work.form.prepare([first, ...rest])
              const names = [first, ...rest].map(fieldName)
              yield* ledger
                .markPrepared(work.owner, names)
                .pipe(Effect.mapError((error) => new Unavailable({ reason: error.message })))
              for (const name of names) prepared.add(name)
            })
          )

        const ship = <Payload>(route: Route<Payload>, items: NonEmpty<Plan.Item<Payload>>): Shipment => {
          const send = (batchItems: NonEmpty<Plan.Item<Payload>>) => {
            const [first, ...rest] = batchItems
            return route.send([first.payload, ...rest.map((item) => item.payload)])
          }
          const labels = items.map((item) => route.label(item.payload))
          return {
            items,
            run: Effect.map(
              work.mode === "baseline"
                ? Effect.succeed({ outcomes: items.map((): Outcome => ({ _tag: "Delivered" })), stop: undefined })
                : Effect.andThen(work.gate.records(items.length), deliver(items, send)),
              ({ outcomes, stop }) => ({ items, outcomes, stop, labels })
            )
          }
        }

        const waves = (planned: Planned): ReadonlyArray<ReadonlyArray<Shipment>> => {
          const { form } = work
          if (form._tag === "List") {
            return [
              [
                ...inWaves(planned.discards, form.discard.batch.items)
                  .flat()
                  .map((items) => ship(form.discard, items)),
                ...inWaves(planned.adds, form.add.batch.items)
                  .flat()
                  .map((items) => ship(form.add, items))
              ]
            ]
          }
          const send: Route<Call> = {
            ...form.route,
            send: (calls) => Effect.andThen(makeReady(calls), form.route.send(calls))
          }
          return inWaves(planned.calls, form.route.batch.items).map((batches) =>
            batches.map((items) => ship(send, items))
          )
        }

        const work1 = Effect.fnUntraced(function* (claim: Claim) {
          const planned = yield* plan(work, claim)
          const open = new Map<number, number>()
          const returned = new Set<number>()
          const count = (item: Plan.Item<unknown>) => open.set(item.profile, (open.get(item.profile) ?? 0) + 1)
          for (const items of [planned.calls, planned.adds, planned.discards]) items.forEach(count)

          let results: Array<Results> = []
          const settle = settling.withPermits(1)(
            Effect.suspend(() => {
              if (results.length === 0) return Effect.void
              const taken = results
              results = []
              return ledger.settle(claim, settlementOf(taken, claim, open, returned))
            })
          )
          yield* ledger.settle(claim, {
            ...nothingSettled,
            intended: work.mode === "baseline" ? [] : intentsOf(planned),
            moot: planned.moot,
            rejections: planned.unsendable.flatMap(({ profile, reason, settles }) =>
              settles.map((settlement) => ({ profile, settlement, reason, payload: null }))
            ),
            released: [...claim.profiles].filter((no) => !open.has(no))
          })
          for (const { settles } of planned.unsendable) {
            for (const { activation, kind } of settles) {
              work.onProgress(activation, kind === "member" ? "add" : kind, "rejected")
            }
          }
          for (const shipments of waves(planned)) {
            yield* Effect.forEach(
              shipments,
              (shipment) =>
                flight.withPermits(1)(
                  Effect.gen(function* () {
                    const isOver = isEnding() || (yield* Clock.currentTimeMillis) < restUntil
                    const result = isOver ? untried(shipment.items) : yield* shipment.run
                    if (result.stop !== undefined) yield* heed(result.stop)
                    else if (!isOver) failures = 0
                    report(result, work.onProgress)
                    results.push(result)
                    yield* settle
                  })
                ),
              { concurrency: inFlightBatches, discard: true }
            )
          }
        })

        const loop = Effect.gen(function* () {
          while (!isEnding()) {
            const rest = restUntil - (yield* Clock.currentTimeMillis)
            if (rest > 0) {
              // In short naps, as a stop should not wait for the end of a long `Retry-After`.
              yield* Effect.sleep(Math.min(rest, 1_000))
              continue
            }
            const claim = yield* ledger.claim(work.owner, activations, claimSize(batch))
            if (Option.isNone(claim)) return
            yield* work1(claim.value)
          }
        })
        yield* Effect.all(
          Array.from({ length: pipelines }, () => loop),
          { concurrency: "unbounded", discard: true }
        )
        return ended
      })

      return { run, plan }
    })
  )
}

/**
 * What one claim is owed.
 *
 * @category models
 * @since 0.1.0
 */
export interface Planned {
  readonly calls: Array<Plan.Item<Call>>
  readonly adds: Array<Plan.Item<Member>>
  readonly discards: Array<Plan.Item<Member>>
  readonly unsendable: Array<Plan.Unsendable>
  readonly moot: Array<Plan.Moot>
}

const emptyPlan = (): Planned => ({ calls: [], adds: [], discards: [], unsendable: [], moot: [] })

const intentsOf = ({ adds, calls, discards }: Planned): ReadonlyArray<Intent> =>
  [...calls, ...adds, ...discards].flatMap(({ profile, settles }) =>
    settles.map(({ activation, identifier, kind }) => ({ profile, activation, identifier, kind }))
  )

const nothingSettled: Settled = {
  intended: [],
  doubted: [],
  acknowledged: [],
  rejections: [],
  moot: [],
  receipts: [],
  postponed: [],
  released: [],
  returned: []
}

const fieldName = (field: Field): string => `${field.collection}:${field.key}`

/** Traits in these calls that the vendor was not made ready for, each once, with a value that is about to be sent. */
const newFields = (
  calls: ReadonlyArray<Call>,
  tasks: ReadonlyArray<Plan.Task>,
  prepared: ReadonlySet<string>
): ReadonlyArray<Field> => {
  const titles = new Map(tasks.map((task) => [task.personas.computation_key, task.title]))
  const fields = new Map<string, Field>()
  for (const call of calls) {
    if (call.type === "track") continue
    for (const [key, sample] of Object.entries(call.traits)) {
      if (sample === null) continue
      const collection = call.type === "group" ? "accounts" : "users"
      const field: Field = { key, title: titles.get(key) ?? key, collection, sample }
      const name = fieldName(field)
      if (!prepared.has(name) && !fields.has(name)) fields.set(name, field)
    }
  }
  return [...fields.values()]
}
