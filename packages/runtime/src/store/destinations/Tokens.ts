/**
 * Rotated tokens in the store, sealed by whoever hands them in.
 *
 * @since 0.1.0
 */
import { Connection } from "@tributary/core/runtime"
import { Effect, Layer, Option } from "effect"
import { SqlClient } from "effect/sql"
import { sqlReason } from "../sql/failures.ts"

/**
 * @category layers
 * @since 0.1.0
 */
export const layer: Layer.Layer<Connection.TokenStore, never, SqlClient.SqlClient> = Layer.effect(
  Connection.TokenStore,
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    return {
      load: (destination) =>
        sql<{ sealed_token: string | null }>`
          select sealed_token from tributary.destination where id = ${destination}`.pipe(
          Effect.map((rows) => Option.fromNullishOr(rows[0]?.sealed_token)),
          Effect.mapError((error) => new Connection.TokenStoreError({ reason: sqlReason(error) }))
        ),
      save: (destination, sealed) =>
        sql`update tributary.destination set sealed_token = ${sealed} where id = ${destination}`.pipe(
          Effect.asVoid,
          Effect.mapError((error) => new Connection.TokenStoreError({ reason: sqlReason(error) }))
        )
    }
  })
)
