/**
 * Receipts: vendors are asked about the jobs that they accepted and report on later (R35).
 *
 * @since 0.1.0
 */
import { type Destination, Outcome } from "@tributary/core"
import type { Ledger } from "@tributary/core/runtime"
import { Effect } from "effect"
import type { SqlClient, SqlError } from "effect/sql"
import { fenced } from "../ownership/Ownership.ts"
import * as Receipts from "../store/ledger/Receipts.ts"
import { toLedgerError } from "../store/sql/failures.ts"
import { attribute, span } from "../telemetry/names.ts"
import type { Connected } from "./Destinations.ts"
import type { OwnedDestination } from "./OwnedDestination.ts"

/**
 * Asks the vendor about every job that is due, and applies what it says. Returns how many are still open.
 *
 * @category combinators
 * @since 0.1.0
 */
export const pollReceipts = Effect.fn(span.poll)(
  function* ({
    connected,
    owner
  }: Pick<OwnedDestination, "connected" | "owner">): Effect.fn.Return<
    number,
    Ledger.LedgerError | Ledger.Fenced | SqlError.SqlError,
    SqlClient.SqlClient
  > {
    yield* Effect.annotateCurrentSpan(attribute.destination, owner.destination)
    for (const receipt of yield* Receipts.due(owner.destination)) {
      const result = yield* ask(connected, receipt)
      yield* fenced(owner, Receipts.apply(receipt, result))
    }
    return yield* Receipts.countOpen(owner.destination)
  },
  Effect.catchTag("SqlError", toLedgerError)
)

/** A vendor that does not answer now is asked again later. */
const ask = (
  { bound, forms }: Connected,
  { form: formName, receipt }: Receipts.Receipt
): Effect.Effect<Outcome.JobResult> => {
  const form = bound[formName]
  const context: Destination.Context<unknown> = { client: forms[formName].client, settings: bound.settings }
  return form?.poll === undefined
    ? Effect.succeed<Outcome.JobResult>({ _tag: "Finished", unattributed: [] })
    : form.poll(receipt, context).pipe(
        Effect.catchDefect(() => Effect.succeed<Outcome.JobResult>({ _tag: "Pending" })),
        Effect.catch(() => Effect.succeed<Outcome.JobResult>({ _tag: "Pending" }))
      )
}
