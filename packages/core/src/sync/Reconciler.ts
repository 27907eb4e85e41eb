/**
 * The reconciler: claim, read, compare, enrich, deliver, settle.
 *
 * It works for one destination at a time, on profiles that may differ from its ledger, until none is left. Payloads are
 * made here, from data read after the claim, and live no longer than their batch: a crash at any instant leaves a claim
 * that returns to the dirty set, and the difference is computed again.
 *
 * @since 0.1.0
 */
import { Array as Arr, Clock, Context, Effect, Latch, Layer, Option, Random, Semaphore } from "effect"
import { inWaves } from "./Batches.ts"
import type { Call } from "../contract/Call.ts"
import { Unavailable } from "../contract/DeliveryError.ts"
import { deliver, type Delivered, isTransient, type Stop } from "./Delivery.ts"
import type { Batch, Field, NonEmpty } from "../contract/Destination.ts"
import { Enricher } from "../enrichment/Enricher.ts"
import * as IdSet from "../sets/IdSet.ts"
import { type Claim, type Fenced, type Intent, Ledger, type LedgerError } from "./Ledger.ts"
import type { Outcome } from "../contract/Outcome.ts"
import type * as Plan from "./Plan.ts"
import { intentsOf, planClaim, type ClaimPlan } from "./ClaimPlan.ts"
import * as Reply from "../contract/Reply.ts"
import { report, type Results, settlementOf, untried } from "./Results.ts"
import { type Gate, Lane } from "../wire/RateLimiter.ts"
import type { RunResult } from "./SyncResult.ts"
import type { Route, Work } from "./Work.ts"

export type { EventRoutes, ListRoutes, Route, Work } from "./Work.ts"
export type { ClaimPlan } from "./ClaimPlan.ts"

/** Claims worked on at a time: one is read while others are sent. Of large batches two, as each claim holds one or more. */
const pipelinesOf = (batch: Batch): number => (batch.items > 1_000 ? 2 : 3)

/**
 * Profiles in one claim: what the limits allow in a second by all of them together, so that news of a claimed profile
 * does not wait for long; at least a few batches, so that few are half empty; and no more than is read at once. The
 * first claims of a run are small, so that requests leave while the next are read.
 */
const claimSize = (batch: Batch, { perSecond }: Gate, earlier: number): number => {
  const least = batch.items * 8
  const most = Math.min(20_000, Math.max(1_000, batch.items * 128), least * 2 ** earlier)
  return Math.ceil(Math.min(most, Math.max(least, (perSecond * batch.items) / pipelinesOf(batch))))
}

/** Batches that may be on the wire and not yet settled: what a crash can make the vendor see twice. */
const inFlightBatches = 32

/** Batches of news that may be on the wire beside a backlog (R31). */
const inFlightNews = 8

/** Turns of the event loop that a settlement waits for its neighbours: no time, but what has arrived is read. */
const turnsToWait = 4

/** How often to look for news while a backlog is told. */
const lookForNews = "100 millis"

/** Waits longer than this are for another time: the claims go back. */
const longestRestMillis = 60_000

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
    readonly run: (work: Work) => Effect.Effect<RunResult, LedgerError | Fenced>
    /** What would be sent for one claim: planned, neither sent nor settled. */
    readonly plan: (work: Work, claim: Claim) => Effect.Effect<ClaimPlan, LedgerError | Fenced>
  }
>()("@tributary/core/Reconciler") {
  static readonly layer = Layer.effect(
    Reconciler,
    Effect.gen(function* () {
      const ledger = yield* Ledger
      const enricher = yield* Enricher

      const plan = (work: Work, claim: Claim) => planClaim(ledger, enricher, work, claim)

      const run = Effect.fnUntraced(function* (work: Work): Effect.fn.Return<RunResult, LedgerError | Fenced> {
        const flights = {
          backlog: yield* Semaphore.make(inFlightBatches),
          news: yield* Semaphore.make(inFlightNews)
        }
        const probe = yield* Semaphore.make(1)
        const settling = yield* Semaphore.make(1)
        const preparing = yield* Semaphore.make(1)
        const prepared = new Set(yield* ledger.prepared(work.owner.destination))
        const batch = work.form._tag === "Event" ? work.form.route.batch : work.form.add.batch
        let ended: RunResult = { _tag: "Synced" }
        let failures = work.failures
        let restUntil = 0
        const isEnding = () => work.isStopping() || ended._tag !== "Synced"

        const heed = Effect.fnUntraced(function* (stop: Stop) {
          if (!isTransient(stop)) {
            ended = { _tag: "Stopped", reason: stop.message, stop }
            return
          }
          const now = yield* Clock.currentTimeMillis
          if (now >= restUntil) failures++
          const jitter = 0.5 + (yield* Random.next)
          const backoff = (most: number) => Math.min(most, 500 * 2 ** Math.min(failures, 10)) * jitter
          const asked = Math.min(Reply.longestWaitMillis, stop.retryAfterMillis ?? 0)
          const wait = Math.ceil(Math.max(asked, backoff(longestRestMillis)))
          restUntil = Math.max(restUntil, now + wait)
          if (ended._tag === "Synced" && (failures >= work.patience || asked > longestRestMillis)) {
            const restMillis = Math.ceil(Math.max(restUntil - now, backoff(5 * longestRestMillis)))
            ended = { _tag: "GaveUp", reason: stop.message, stop, failures, restMillis }
          }
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

        /** Where the limits let no record through for long, nothing was sent. */
        const counted = (records: number, delivering: Effect.Effect<Delivered>) =>
          Effect.catch(work.gate.records(records)(delivering), (stop) =>
            Effect.succeed<Delivered>({ outcomes: Array.from({ length: records }, () => undefined), stop })
          )

        const ship = <Payload>(route: Route<Payload>, items: NonEmpty<Plan.Item<Payload>>): Shipment => {
          const send = (part: NonEmpty<Plan.Item<Payload>>) => route.send(Arr.map(part, (item) => item.payload))
          const labels = items.map((item) => route.label(item.payload))
          return {
            items,
            run: Effect.map(
              work.mode === "baseline"
                ? Effect.succeed({ outcomes: items.map((): Outcome => ({ _tag: "Delivered" })), stop: undefined })
                : counted(items.length, deliver(items, send)),
              ({ outcomes, stop }) => ({ items, outcomes, stop, labels })
            )
          }
        }

        const waves = (planned: ClaimPlan): ReadonlyArray<ReadonlyArray<Shipment>> => {
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

        const attempt = Effect.fnUntraced(function* (shipment: Shipment) {
          const isOver = isEnding() || (yield* Clock.currentTimeMillis) < restUntil
          if (isOver) return untried(shipment.items)
          const result = yield* shipment.run
          if (result.stop !== undefined) yield* heed(result.stop)
          else failures = 0
          return result
        })

        const tell = Effect.fnUntraced(function* (claim: Claim, flight: Semaphore.Semaphore) {
          const planned = yield* plan(work, claim)
          const intents = intentsOf(planned)
          const sent = IdSet.from(intents.map((item) => item.profile))
          const open = sent.size === intents.length ? new Map<number, number>() : countsOf(intents)
          const returned = new Set<number>()

          const newGroup = () => ({ results: [] as Array<Results>, settled: Latch.makeUnsafe(false) })
          let group = newGroup()
          /** Settles what has been answered, with what is answered before its turn comes: a transaction costs more than a batch. */
          const settle = Effect.fnUntraced(function* (result: Results) {
            const { results, settled } = group
            results.push(result)
            if (results.length > 1) return yield* settled.await
            for (let turn = 0; turn < turnsToWait; turn++) yield* Effect.yieldNow
            yield* settling.withPermits(1)(
              Effect.suspend(() => {
                group = newGroup()
                return ledger.settle(claim, settlementOf(results, claim, open, returned))
              })
            )
            yield* settled.open
          })
          yield* ledger.intend(claim, {
            intents: work.mode === "baseline" ? [] : intents,
            obsolete: planned.obsolete,
            rejections: planned.unsendable.flatMap(({ profile, reason, settles }) =>
              settles.map((settlement) => ({ profile, settlement, reason, payload: null }))
            ),
            released: IdSet.toArray(IdSet.difference(claim.profiles, sent))
          })
          for (const { reason, settles } of planned.unsendable) {
            for (const { activation, kind } of settles) {
              work.onProgress(activation, kind === "member" ? "add" : kind, "rejected", reason)
            }
          }
          for (const shipments of waves(planned)) {
            yield* Effect.forEach(
              shipments,
              (shipment) =>
                flight.withPermits(1)(
                  Effect.gen(function* () {
                    const once = attempt(shipment)
                    const result = yield* failures > 0 ? probe.withPermits(1)(once) : once
                    report(result, work.onProgress)
                    yield* settle(result)
                  })
                ),
              { concurrency: inFlightBatches, discard: true }
            )
          }
        })

        // Who is served first changes from claim to claim, so that no activation waits for another's backlog.
        let turn = 0
        const take = Effect.fnUntraced(function* (activations: ReadonlyArray<number>, liveOnly: boolean) {
          const allowed = yield* work.mayRun(activations)
          const limit = claimSize(batch, work.gate, turn)
          const first = turn++ % Math.max(1, allowed.length)
          const request = { activations: [...allowed.slice(first), ...allowed.slice(0, first)], liveOnly, limit }
          return allowed.length === 0 ? Option.none() : yield* ledger.claim(work.owner, request)
        })

        /** Waits until the vendor may be asked again: in short naps, as a stop should not wait for the end of it. */
        const rested = Effect.gen(function* () {
          while (!isEnding()) {
            const rest = restUntil - (yield* Clock.currentTimeMillis)
            if (rest <= 0) return
            yield* Effect.sleep(Math.min(rest, 1_000))
          }
        })

        const sent = { live: 0, backfill: 0 }
        const pipeline = Effect.fnUntraced(function* (activations: ReadonlyArray<number>) {
          while (true) {
            yield* rested
            if (isEnding()) return
            const claim = yield* take(activations, false)
            if (Option.isNone(claim)) return
            const lane = claim.value.isLive ? "live" : "backfill"
            sent[lane]++
            yield* Effect.provideService(tell(claim.value, flights.backlog), Lane, lane)
            sent[lane]--
          }
        })

        // While a backlog is told, news goes beside it. People's before accounts', as in the phases.
        const news = Effect.fnUntraced(function* (phase: number, over: Latch.Latch) {
          let found = 0
          while (!over.isOpen()) {
            yield* rested
            let claim = Option.none<Claim>()
            for (let next = phase; next < work.phases.length && !isEnding() && sent.backfill > 0; next++) {
              if (next > phase && sent.live > 0) break
              claim = yield* take(work.phases[next] ?? [], true)
              if (Option.isSome(claim)) break
            }
            if (Option.isSome(claim)) {
              found++
              yield* tell(claim.value, flights.news)
            } else yield* Effect.timeoutOption(over.await, lookForNews)
          }
          return found
        })

        for (const [phase, activations] of work.phases.entries()) {
          let found = 1
          // News that could not be told went back to the dirty sets, where the pipelines may have looked before.
          while (found > 0) {
            const over = yield* Latch.make(false)
            const pipes = Effect.all(
              Array.from({ length: pipelinesOf(batch) }, () => pipeline(activations)),
              { concurrency: "unbounded", discard: true }
            )
            const [, count] = yield* Effect.all([Effect.ensuring(pipes, over.open), news(phase, over)], {
              concurrency: 2
            })
            found = count
          }
        }
        return ended
      })

      return { run, plan }
    })
  )
}

/** How often each profile is told of. */
const countsOf = (intents: ReadonlyArray<Intent>): Map<number, number> => {
  const counts = new Map<number, number>()
  for (const { profile } of intents) counts.set(profile, (counts.get(profile) ?? 0) + 1)
  return counts
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
