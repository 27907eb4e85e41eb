/**
 * Flights: a claim on its way. Its intents are written, its batches are sent wave by wave, and each is settled when it
 * is answered.
 *
 * @since 0.1.0
 */
import { Effect, Semaphore } from "effect"
import * as IdSet from "../sets/IdSet.ts"
import type { Backoff } from "./Backoff.ts"
import { type ClaimPlan, intentsOf } from "./ClaimPlan.ts"
import { type Claim, type Fenced, type Intent, type Ledger, type LedgerError, nothingSettled } from "./Ledger.ts"
import type { Preparation } from "./Preparation.ts"
import { report } from "./Results.ts"
import * as SettleGroups from "./SettleGroups.ts"
import { inWavesOf, type Shipment } from "./Shipments.ts"
import * as Spans from "../telemetry/Spans.ts"
import type { Work } from "./Work.ts"

/** Batches that may be on the wire and not yet settled: what a crash can make the vendor see twice. */
const mostBatches = { backlog: 32, news: 8 } as const

/**
 * Whose places on the wire a claim takes: news that is found beside a backlog has its own (R31).
 *
 * @category models
 * @since 0.1.0
 */
export type Places = keyof typeof mostBatches

/**
 * Sends what was planned for a claim, and returns when all of it is settled.
 *
 * @category models
 * @since 0.1.0
 */
export type Fly = (claim: Claim, planned: ClaimPlan, places: Places) => Effect.Effect<void, LedgerError | Fenced>

/**
 * The flights of a run, which share its places on the wire.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (ledger: Ledger["Service"], work: Work, backoff: Backoff, prepare: Preparation): Fly => {
  const free = {
    backlog: Semaphore.makeUnsafe(mostBatches.backlog),
    news: Semaphore.makeUnsafe(mostBatches.news)
  }
  const settling = Semaphore.makeUnsafe(1)
  return Effect.fn(Spans.send)(function* (claim: Claim, planned: ClaimPlan, places: Places) {
    const intents = intentsOf(planned)
    const profiles = IdSet.from(intents.map((intent) => intent.profile))
    // Most profiles have one item each, and a map of thousands would be garbage (bench `event`).
    const open = profiles.size === intents.length ? new Map<number, number>() : countsOf(intents)
    const settle = SettleGroups.make(ledger, claim, open, settling)
    const intended = ledger.intend(claim, {
      intents: work.mode === "baseline" ? [] : intents,
      covered: planned.covered,
      obsolete: planned.obsolete,
      rejections: planned.unsendable.flatMap(({ profile, reason, settles }) =>
        settles.map((settlement) => ({ profile, settlement, reason, payload: null }))
      ),
      released: IdSet.toArray(IdSet.difference(claim.profiles, profiles))
    })
    const isCleared = yield* intended.pipe(
      Effect.map(() => true),
      Effect.catchTag("Uncleared", () => Effect.succeed(false))
    )
    // What was read since the claim may be what it is to be held for (R36): nothing of it is sent.
    if (!isCleared) {
      return yield* ledger.settle(claim, { ...nothingSettled, returned: IdSet.toArray(claim.profiles) })
    }
    reportUnsendable(planned, work)
    const send = (shipment: Shipment) =>
      free[places].withPermits(1)(
        Effect.gen(function* () {
          const results = yield* backoff.attempt(shipment)
          report(results, work.onProgress)
          yield* settle(results)
        })
      )
    for (const wave of inWavesOf(work, planned, prepare)) {
      yield* Effect.forEach(wave, send, { concurrency: mostBatches.backlog, discard: true })
    }
  })
}

const reportUnsendable = ({ unsendable }: ClaimPlan, { onProgress }: Work) => {
  for (const { reason, settles } of unsendable) {
    for (const { activation, kind } of settles) {
      onProgress(activation, kind === "member" ? "add" : kind, "rejected", reason)
    }
  }
}

const countsOf = (intents: ReadonlyArray<Intent>): Map<number, number> => {
  const counts = new Map<number, number>()
  for (const { profile } of intents) counts.set(profile, (counts.get(profile) ?? 0) + 1)
  return counts
}
