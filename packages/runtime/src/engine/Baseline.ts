/**
 * Baselines: today's members or values are taken as sent, and nothing is sent (R30).
 *
 * @since 0.1.0
 */
import { type Ledger, Reconciler } from "@tributary/core/runtime"
import { Effect } from "effect"
import type { SqlError } from "effect/sql"
import { fenced } from "../ownership/Ownership.ts"
import { recover } from "../store/ledger/Recovery.ts"
import { baselineTaken, isEvaluated, readActivationStates } from "../store/activations/ActivationStates.ts"
import type { Activation } from "./Activation.ts"
import { unheld } from "./Clearance.ts"
import { type FormWork, taskOf } from "./Destinations.ts"
import type { OwnedDestination } from "./OwnedDestination.ts"
import type { Services, SyncOptions } from "./Synced.ts"

/**
 * Takes the baselines that are due, before anything is sent: what counts as sent must not be sent.
 *
 * @category combinators
 * @since 0.1.0
 */
export const takeBaselines = Effect.fnUntraced(function* (
  owned: OwnedDestination,
  activations: ReadonlyArray<Activation>,
  form: FormWork,
  options: SyncOptions
): Effect.fn.Return<void, Ledger.LedgerError | Ledger.Fenced | SqlError.SqlError, Services> {
  const states = yield* readActivationStates(activations.map(({ no }) => no))
  const due = new Set(states.filter((state) => state.baseline_due).map(({ no }) => no))
  for (const activation of activations) {
    if (due.has(activation.no)) yield* takeBaseline(owned, activation, form, options)
  }
})

/** The same way as a sync: claim, compare, settle. */
const takeBaseline = Effect.fnUntraced(function* (
  { owner, space }: OwnedDestination,
  activation: Activation,
  form: FormWork,
  { isStopping, patience }: SyncOptions
) {
  const reconciler = yield* Reconciler.Reconciler
  const { no } = activation
  if (!(yield* isEvaluated(no))) return
  yield* recover(owner, [no])
  yield* reconciler.run({
    ...form,
    owner,
    tasks: [taskOf(activation, space)],
    phases: [[no]],
    mayRun: unheld,
    mode: "baseline",
    patience,
    failures: 0,
    isStopping,
    onProgress: () => undefined
  })
  if (isStopping()) return
  yield* fenced(owner, baselineTaken(no))
})
