/**
 * Clearance: which activations may run. Not one that is paused or held, nor one whose destination is stopped or rests.
 *
 * @since 0.1.0
 */
import type { SyncResult } from "@tributary/core/runtime"
import { DateTime, Effect } from "effect"
import type { SqlClient, SqlError } from "effect/sql"
import { hasWork, readActivationStates } from "../store/activations/ActivationStates.ts"
import * as Holds from "../store/activations/Holds.ts"
import type { Activation } from "./Activation.ts"

/**
 * Why each of these activations may not run now; nothing for those that may. Asked before every claim.
 *
 * @category models
 * @since 0.1.0
 */
export type Clearance = (
  activations: ReadonlyArray<number>
) => Effect.Effect<ReadonlyMap<number, SyncResult.SyncResult>, SqlError.SqlError, SqlClient.SqlClient>

/**
 * The clearance of one sync. It looks at a hold again only when something has come in since: that reads whole sets.
 *
 * @category constructors
 * @since 0.1.0
 */
export const makeClearance = (activations: ReadonlyArray<Activation>): Clearance => {
  const policies = new Map(activations.map(({ hold, no }) => [no, hold]))
  const checked = new Map<number, { readonly news: string; readonly held: string | undefined }>()
  return Effect.fnUntraced(function* (asked) {
    const blocked = new Map<number, SyncResult.SyncResult>()
    for (const state of yield* readActivationStates(asked)) {
      const { no, news, paused, rests_until, resting, stopped } = state
      if (stopped !== null) blocked.set(no, { _tag: "Stopped", reason: stopped })
      else if (paused) blocked.set(no, { _tag: "Paused", reason: "paused; `tributary resume` lets it go on" })
      else if (resting !== null && rests_until !== null) {
        const until = DateTime.formatIso(DateTime.fromDateUnsafe(rests_until))
        blocked.set(no, { _tag: "Waiting", reason: `${resting.replace(/\.$/, "")}; tried again at ${until}` })
      } else {
        if (checked.get(no)?.news !== news) {
          const policy = state.is_exiting ? undefined : policies.get(no)
          const held = (yield* hasWork([no])) ? yield* Holds.check(no, policy) : undefined
          checked.set(no, { news, held })
        }
        const held = checked.get(no)?.held
        if (held !== undefined) blocked.set(no, { _tag: "Held", reason: held })
      }
    }
    return blocked
  })
}
