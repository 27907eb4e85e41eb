/**
 * Clearance: which activations may run. Not one that is paused or held, nor one whose destination is stopped or rests.
 *
 * @since 0.1.0
 */
import type { Ledger, SyncResult } from "@tributary/core/runtime"
import { DateTime, Effect } from "effect"
import type { SqlClient, SqlError } from "effect/sql"
import { afterWrites } from "../ownership/Ownership.ts"
import { hasWork, readActivationStates } from "../store/activations/ActivationStates.ts"
import * as Holds from "../store/activations/Holds.ts"
import type { Activation } from "./Activation.ts"
import type { OwnedDestination } from "./OwnedDestination.ts"

/**
 * What may run now, and by what that was decided; and why the others may not.
 *
 * @category models
 * @since 0.1.0
 */
export interface Cleared {
  readonly cleared: Ledger.Cleared
  readonly blocked: ReadonlyMap<number, SyncResult.SyncResult>
}

/**
 * Which of these activations may run now. Asked before every claim, and again where a claim finds that something has come
 * in since (R36).
 *
 * @category models
 * @since 0.1.0
 */
export type Clearance = (
  activations: ReadonlyArray<number>
) => Effect.Effect<Cleared, SqlError.SqlError | Ledger.Fenced, SqlClient.SqlClient>

/**
 * The clearance of one sync. It looks at a hold again only when something has come in since: that reads whole sets.
 *
 * @category constructors
 * @since 0.1.0
 */
export const makeClearance = (
  { connected, owner }: OwnedDestination,
  activations: ReadonlyArray<Activation>
): Clearance => {
  const known = new Map(activations.map((activation) => [activation.no, activation]))
  const checked = new Map<number, { readonly news: string; readonly held: string | undefined }>()
  const check = Effect.fnUntraced(function* (no: number, isExiting: boolean) {
    const activation = known.get(no)
    if (activation === undefined || !(yield* hasWork([no]))) return undefined
    const ledger = { owner, keys: connected.bound.keys, identifierTypes: connected.destination.plugin.identifiers }
    yield* afterWrites(owner)
    return yield* Holds.check(isExiting ? { ...activation, hold: undefined } : activation, ledger)
  })
  return Effect.fnUntraced(function* (asked) {
    const blocked = new Map<number, SyncResult.SyncResult>()
    const cleared = new Map<number, string>()
    for (const state of yield* readActivationStates(asked)) {
      const { no, news, paused, rests_until, resting, stopped } = state
      if (stopped !== null) blocked.set(no, { _tag: "Stopped", reason: stopped })
      else if (paused) blocked.set(no, { _tag: "Paused", reason: "paused; `tributary resume` lets it go on" })
      else if (resting !== null && rests_until !== null) {
        const until = DateTime.formatIso(DateTime.fromDateUnsafe(rests_until))
        blocked.set(no, { _tag: "Waiting", reason: `${resting.replace(/\.$/, "")}; tried again at ${until}` })
      } else {
        // The news was read before the sets are: what comes in between makes the claim ask again.
        if (checked.get(no)?.news !== news) {
          checked.set(no, { news, held: yield* check(no, state.is_exiting) })
        }
        const held = checked.get(no)?.held
        if (held === undefined) cleared.set(no, news)
        else blocked.set(no, { _tag: "Held", reason: held })
      }
    }
    return { cleared, blocked }
  })
}

/**
 * Lets everything run, and holds nothing: for what sends nothing.
 *
 * @category constructors
 * @since 0.1.0
 */
export const unheld = (activations: ReadonlyArray<number>): Effect.Effect<Ledger.Cleared> =>
  Effect.succeed(new Map(activations.map((no) => [no, undefined])))
