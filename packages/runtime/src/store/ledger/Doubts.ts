/**
 * Doubts: what may have been sent, as nobody heard the answer.
 *
 * @since 0.1.0
 */
import { Plan } from "@tributary/core/runtime"
import { Effect } from "effect"
import type { SqlClient, SqlError } from "effect/sql"
import * as SentSets from "../sent/SentSets.ts"
import * as SentValues from "../sent/SentValues.ts"

/**
 * Enters what may have been sent: it is to be sent again, and an exit follows. Where a vendor joins identifiers, one that
 * was sent with a record counts as standing there: sent by itself it would reach that record, whoever has it by now (R44).
 *
 * @category combinators
 * @since 0.1.0
 */
export const enter = (doubts: ReadonlyArray<Plan.Doubt>): Effect.Effect<void, SqlError.SqlError, SqlClient.SqlClient> =>
  Effect.andThen(
    SentSets.doubt(doubts),
    SentValues.acknowledge(doubts.filter(({ sent }) => Plan.recordIn(sent) !== undefined))
  )
