/**
 * Sync of one list.
 *
 * @since 0.1.0
 */
import type { DeliveryError } from "@tributary/core"
import { Cadence, type Ledger } from "@tributary/core/runtime"
import { DateTime, Effect, Option } from "effect"
import type { SqlError } from "effect/sql"
import { fenced } from "../ownership/Ownership.ts"
import { recover } from "../store/ledger/Recovery.ts"
import { hasWork, isEvaluated, markSettled } from "../store/activations/ActivationStates.ts"
import * as Exits from "../store/activations/Exits.ts"
import * as Lists from "../store/activations/Lists.ts"
import { toLedgerError } from "../store/sql/failures.ts"
import { attribute, span } from "../telemetry/names.ts"
import type { Activation } from "./Activation.ts"
import { takeBaselines } from "./Baseline.ts"
import { makeClearance } from "./Clearance.ts"
import { listWork } from "./Destinations.ts"
import { ensureList, removeList } from "./Lists.ts"
import type { OwnedDestination } from "./OwnedDestination.ts"
import { stopFor } from "./Rest.ts"
import { runTogether } from "./SyncRun.ts"
import { ended, type Services, type Synced, type SyncOptions } from "./Synced.ts"

/**
 * Brings one list in step: the net of what changed since it was sent last (R15).
 *
 * @category combinators
 * @since 0.1.0
 */
export const syncList = Effect.fn(span.syncList)(
  function* (
    owned: OwnedDestination,
    activation: Activation,
    options: SyncOptions
  ): Effect.fn.Return<Synced, Ledger.LedgerError | Ledger.Fenced | SqlError.SqlError, Services> {
    const { connected, owner } = owned
    const { no } = activation
    yield* Effect.annotateCurrentSpan({
      [attribute.destination]: owner.destination,
      [attribute.activation]: activation.id
    })
    const noForm = ended(owned, activation, { _tag: "Stopped", reason: "no list form" })
    const withoutList = listWork(connected, "")
    if (withoutList === undefined) return noForm
    const clearance = makeClearance(owned, [activation])
    yield* takeBaselines(owned, [activation], withoutList, options)
    const blocked = (yield* clearance([no])).blocked.get(no)
    if (blocked !== undefined) return ended(owned, activation, blocked)
    const exits = yield* Exits.of(no)
    if (exits?.mode === "delete") return yield* deleteList(owned, activation, exits.listId)
    const { refreshAfter } = connected.destination.plugin.list ?? {}
    // Members that the vendor would let expire are sent again.
    if (exits === undefined && refreshAfter !== undefined) yield* fenced(owner, Lists.refreshMembers(no, refreshAfter))
    if (!(yield* hasWork([no]))) {
      if (exits !== undefined) yield* fenced(owner, Exits.end([no]))
      else if (yield* isEvaluated(no)) yield* fenced(owner, markSettled([no]))
      return ended(owned, activation, { _tag: "Synced" })
    }
    const ensured = yield* ensureList(connected, activation, owner).pipe(
      Effect.map((id) => ({ _tag: "Ensured" as const, id })),
      Effect.catchTags({
        Throttled: failed,
        Unavailable: failed,
        Unauthorized: failed,
        Misconfigured: failed,
        ListGone: failed,
        PayloadTooLarge: failed,
        BatchRejected: failed
      })
    )
    if (ensured._tag === "Failed") return ended(owned, activation, yield* stopFor(owner, ensured.error))
    const form = listWork(connected, ensured.id)
    if (form === undefined) return noForm
    const [synced] = yield* runTogether(owned, [[activation]], form, clearance, options)
    return synced ?? ended(owned, activation, { _tag: "Synced" })
  },
  Effect.catchTag("SqlError", toLedgerError)
)

const failed = (error: DeliveryError.DeliveryError) => Effect.succeed({ _tag: "Failed" as const, error })

/** Deletes the whole list downstream. One that is gone already is as good as deleted (R19, R39). */
const deleteList = Effect.fnUntraced(function* (
  owned: OwnedDestination,
  activation: Activation,
  listId: string | null
) {
  const { connected, owner } = owned
  yield* recover(owner, [activation.no])
  const removed = yield* Effect.result(removeList(connected, listId))
  if (removed._tag === "Failure") return ended(owned, activation, yield* stopFor(owner, removed.failure))
  yield* fenced(owner, Exits.listDeleted(activation.no))
  return ended(owned, activation, { _tag: "Synced" })
})

/**
 * When the list may be sent changes next: at once where it never was, and where everybody is to exit, as exits wait for
 * no cadence.
 *
 * @category combinators
 * @since 0.1.0
 */
export const listDue = Effect.fnUntraced(function* ({ cadence, no }: Activation) {
  const last = yield* Effect.catchTag(Lists.lastSynced(no), "SqlError", toLedgerError)
  const synced = Option.map(Option.fromUndefinedOr(last), DateTime.fromDateUnsafe)
  return Cadence.nextDue(cadence, synced, yield* DateTime.now)
})
