/**
 * Budgets in the store: what was used of a day's requests, so that a restart does not start the day again (R29).
 *
 * A block is open while `at` is null. Whoever loads or reserves closes what a process that ended left open.
 *
 * @since 0.1.0
 */
import { DeliveryError } from "@tributary/core"
import { Budgets } from "@tributary/core/runtime"
import { Effect, Layer } from "effect"
import { SqlClient, type SqlError } from "effect/sql"
import { sqlReason } from "../sql/failures.ts"
import { timestamp } from "../sql/Timestamp.ts"
import { transaction } from "../sql/Transaction.ts"

const failed = (error: SqlError.SqlError) =>
  new DeliveryError.Unavailable({ reason: `the store: ${sqlReason(error)}`, nothingTaken: true })

/**
 * @category layers
 * @since 0.1.0
 */
export const layer: Layer.Layer<never, never, SqlClient.SqlClient> = Layer.effect(
  Budgets.Budgets,
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    const closeOpen = (name: string, now: number) => sql`
      update tributary.budget set at = ${timestamp(now)}::timestamptz where name = ${name} and at is null`
    const provided = Effect.provideService(SqlClient.SqlClient, sql)
    return {
      load: (name, since, now) =>
        transaction(
          Effect.gen(function* () {
            yield* closeOpen(name, now)
            yield* sql`delete from tributary.budget where name = ${name} and at < ${timestamp(since)}::timestamptz`
            const rows = yield* sql<{ weight: number; at: Date }>`
                select weight, at from tributary.budget where name = ${name} order by at`
            return rows.map(({ at, weight }) => ({ weight, at: at.getTime() }))
          })
        ).pipe(Effect.mapError(failed), provided),
      reserve: (name, weight, now) =>
        transaction(
          Effect.andThen(
            closeOpen(name, now),
            sql`insert into tributary.budget (name, weight) values (${name}, ${weight})`
          )
        ).pipe(Effect.asVoid, Effect.mapError(failed), provided),
      // Where this is not written, the block counts whole: a little of the budget is lost and nothing else.
      close: (name, used, now) =>
        Effect.ignore(sql`update tributary.budget set at = ${timestamp(now)}::timestamptz, weight = ${used}
          where name = ${name} and at is null`)
    }
  })
)
