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

/** Carries a value out of the transaction that it rolls back. */
class RollBack<A> {
  readonly value: A
  constructor(value: A) {
    this.value = value
  }
}

/**
 * Runs an effect in a transaction that is always rolled back, and returns its value. For `check` and `preview`: they do
 * everything that a sync does, and nothing of it stays. What PostgreSQL does not roll back (a sequence that moved on)
 * stays moved.
 *
 * @category combinators
 * @since 0.1.0
 */
export const rolledBack = <A, E, R>(
  effect: Effect.Effect<A, E, R>
): Effect.Effect<A, E | SqlError.SqlError, R | SqlClient.SqlClient> =>
  transaction(Effect.flatMap(effect, (value) => Effect.fail(new RollBack(value)))).pipe(
    Effect.catchIf(
      (error): error is RollBack<A> => error instanceof RollBack,
      ({ value }) => Effect.succeed(value)
    )
  )
