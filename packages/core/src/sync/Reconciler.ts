/**
 * The reconciler: claim, read, compare, enrich, deliver, settle.
 *
 * It works for one destination at a time, on profiles that may differ from its ledger, until none is left. Payloads are
 * made here, from data read after the claim, and live no longer than their batch: a crash at any instant leaves a claim
 * that returns to the dirty set, and the difference is computed again.
 *
 * Here its parts are put together: `Phases` order the work, `Claims` take it, `ClaimPlan` compares, `Flight` sends and
 * settles, and `Backoff` says when to wait and when to end.
 *
 * @since 0.1.0
 */
import { Context, Effect, Layer } from "effect"
import { Enricher } from "../enrichment/Enricher.ts"
import * as Backoff from "./Backoff.ts"
import * as Claims from "./Claims.ts"
import { type ClaimPlan, planClaim } from "./ClaimPlan.ts"
import * as Flight from "./Flight.ts"
import { type Claim, type Fenced, Ledger, type LedgerError } from "./Ledger.ts"
import * as KeysInFlight from "./KeysInFlight.ts"
import * as Phases from "./Phases.ts"
import * as Preparation from "./Preparation.ts"
import * as Spans from "../telemetry/Spans.ts"
import type { RunResult } from "./SyncResult.ts"
import type { Work } from "./Work.ts"

export type { EventRoutes, ListRoutes, Route, Work } from "./Work.ts"
export { type ClaimPlan, emptyPlan } from "./ClaimPlan.ts"

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

      const run = Effect.fn(Spans.run)(function* (work: Work): Effect.fn.Return<RunResult, LedgerError | Fenced> {
        const batch = work.form._tag === "Event" ? work.form.route.batch : work.form.add.batch
        const backoff = Backoff.make(work)
        const prepare = yield* Preparation.make(ledger, work)
        const fly = Flight.make(ledger, work, backoff, prepare)
        const inOrder = KeysInFlight.make(Object.keys(work.keys).length > 0)
        yield* Phases.run({
          phases: work.phases,
          pipelines: Claims.atATime(batch),
          backoff,
          take: Claims.make(ledger, work, batch),
          send: (claim, places) => inOrder(plan(work, claim), (planned) => fly(claim, planned, places))
        })
        return backoff.result()
      })

      return { run, plan }
    })
  )
}
