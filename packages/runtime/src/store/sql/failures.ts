/**
 * Failures of the store, in words.
 *
 * @since 0.1.0
 */
import { Ledger } from "@tributary/core/runtime"
import type { SqlError } from "effect/sql"

/**
 * What the store says went wrong, in one line.
 *
 * @category combinators
 * @since 0.1.0
 */
export const sqlReason = (error: SqlError.SqlError): string => {
  const { cause } = error.reason
  return cause instanceof Error && cause.message !== "" ? cause.message : error.message
}

/**
 * A failure of the store, as the ledger reports it.
 *
 * @category combinators
 * @since 0.1.0
 */
export const toLedgerError = (error: SqlError.SqlError): Ledger.LedgerError =>
  new Ledger.LedgerError({ reason: sqlReason(error) })
