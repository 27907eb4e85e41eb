/**
 * Transactions of the store.
 *
 * @since 0.1.0
 */
import { Effect } from "effect"
import { SqlClient, SqlError } from "effect/sql"

/**
 * Runs an effect in a transaction, or in a savepoint of the one that is open. Where the store is gone, or its disk is
 * full, the rollback fails as well, and of that a transaction dies: here it fails of it, so that `start` tries again.
 *
 * @category combinators
 * @since 0.1.0
 */
export const transaction = <A, E, R>(
  effect: Effect.Effect<A, E, R>
): Effect.Effect<A, E | SqlError.SqlError, R | SqlClient.SqlClient> =>
  Effect.flatMap(SqlClient.SqlClient, (sql) =>
    Effect.catchDefect(sql.withTransaction(effect), (defect) =>
      SqlError.isSqlError(defect) ? Effect.fail(defect) : Effect.die(defect)
    )
  )
