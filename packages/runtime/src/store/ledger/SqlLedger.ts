/**
 * The ledger in SQL: claim, read, intend and settle as transactions of the store.
 *
 * @since 0.1.0
 */
import { Ledger } from "@tributary/core/runtime"
import { Context, Effect, Layer } from "effect"
import { SqlClient, type SqlError } from "effect/sql"
import { fence } from "../../ownership/Ownership.ts"
import { claim } from "../dirty/Claims.ts"
import { read } from "./Readings.ts"
import { intend, settle } from "./Settlements.ts"
import { sqlReason } from "../sql/failures.ts"
import { transaction } from "../sql/Transaction.ts"

/**
 * @category layers
 * @since 0.1.0
 */
export const layer: Layer.Layer<Ledger.Ledger, never, SqlClient.SqlClient> = Layer.effect(
  Ledger.Ledger,
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    const services = Context.make(SqlClient.SqlClient, sql)
    const inStore = <A, E extends Ledger.Fenced | Ledger.Uncleared = never>(
      effect: Effect.Effect<A, E | SqlError.SqlError, SqlClient.SqlClient>
    ): Effect.Effect<A, E | Ledger.LedgerError> =>
      effect.pipe(
        Effect.provideContext(services),
        Effect.mapError((error) =>
          error._tag === "SqlError" ? new Ledger.LedgerError({ reason: sqlReason(error) }) : error
        )
      )
    /** Where it fails, it may be that somebody else is the owner by now: that is said then. */
    const owned = <A, E extends Ledger.Fenced | Ledger.Uncleared>(
      owner: Ledger.Ownership,
      effect: Effect.Effect<A, E | SqlError.SqlError, SqlClient.SqlClient>
    ) =>
      inStore<A, E | Ledger.Fenced>(
        Effect.tapErrorTag(transaction(effect), "SqlError", () =>
          Effect.catchTag(fence(owner), "SqlError", () => Effect.void)
        )
      )
    return Ledger.Ledger.of({
      claim: (owner, request) => owned(owner, claim(owner, request)),
      read: (claimed, wanted) => inStore<Ledger.Reading, Ledger.Fenced>(read(claimed, wanted)),
      intend: (claimed, intended) => owned(claimed.owner, intend(claimed, intended)),
      settle: (claimed, settled) => owned(claimed.owner, settle(claimed, settled)),
      prepared: (destination) =>
        inStore<ReadonlySet<string>>(
          Effect.map(
            sql<{ field: string }>`select field from tributary.prepared where destination = ${destination}`,
            (rows) => new Set(rows.map((row) => row.field))
          )
        ),
      markPrepared: (owner, fields) =>
        owned(
          owner,
          Effect.andThen(
            fence(owner),
            Effect.asVoid(sql`insert into tributary.prepared (destination, field)
              select ${owner.destination}, f from unnest(${fields}::text[]) f on conflict do nothing`)
          )
        )
    })
  })
)
