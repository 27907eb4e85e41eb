/**
 * Sync of event activations.
 *
 * @since 0.1.0
 */
import type { Ledger } from "@tributary/core/runtime"
import { Effect } from "effect"
import type { SqlError } from "effect/sql"
import { toLedgerError } from "../store/sql/failures.ts"
import { attribute, span } from "../telemetry/names.ts"
import { takeBaselines } from "./Baseline.ts"
import { makeClearance } from "./Clearance.ts"
import { eventWork } from "./Destinations.ts"
import type { OwnedDestination } from "./OwnedDestination.ts"
import { runTogether } from "./SyncRun.ts"
import type { Services, Synced, SyncOptions } from "./Synced.ts"

/**
 * Brings the event activations of a destination in step. They share claims, so that what is due for one person travels
 * together (R42), and limits.
 *
 * @category combinators
 * @since 0.1.0
 */
export const syncEvents = Effect.fn(span.syncEvents)(
  function* (
    owned: OwnedDestination,
    options: SyncOptions
  ): Effect.fn.Return<ReadonlyArray<Synced>, Ledger.LedgerError | Ledger.Fenced | SqlError.SqlError, Services> {
    yield* Effect.annotateCurrentSpan(attribute.destination, owned.owner.destination)
    const form = eventWork(owned.connected)
    if (form === undefined) return []
    const activations = owned.activations.filter((activation) => activation.form === "event")
    // People before accounts: a vendor can put only those into an account that it knows already.
    const phases = ["users", "accounts"].map((collection) =>
      activations.filter((activation) => activation.collection === collection)
    )
    yield* takeBaselines(owned, activations, form, options)
    return yield* runTogether(owned, phases, form, makeClearance(owned, activations), options)
  },
  Effect.catchTag("SqlError", toLedgerError)
)
