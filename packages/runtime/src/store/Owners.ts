/**
 * Who owns a destination: one process at a time, proved by an epoch.
 *
 * @since 0.1.0
 */
import { IdSet, Ledger } from "@tributary/core"
import { Effect, Schema, type Scope } from "effect"
import { SqlClient, type SqlError } from "effect/sql"
import * as os from "node:os"
import { mark } from "./DirtySets.ts"

/**
 * Another process is working on the destination.
 *
 * @category errors
 * @since 0.1.0
 */
export class DestinationBusy extends Schema.TaggedError<DestinationBusy>()("DestinationBusy", {
  destination: Schema.String,
  owner: Schema.String
}) {
  override get message(): string {
    return (
      `Destination "${this.destination}" is being synced by another process (${this.owner}). ` +
      `Only one at a time may write to a destination: wait for it, or stop it.`
    )
  }
}

const self = `${os.hostname()}:${process.pid}`

/**
 * Takes a destination until the scope closes: a session lock where the store is shared, a new epoch, and the claims of
 * whoever had it before back in the dirty sets. One that was stopped is tried again: whoever mended it has started anew.
 *
 * @category constructors
 * @since 0.1.0
 */
export const take = Effect.fnUntraced(function* (
  destination: string
): Effect.fn.Return<Ledger.Ownership, DestinationBusy | SqlError.SqlError, SqlClient.SqlClient | Scope.Scope> {
  const sql = yield* SqlClient.SqlClient
  if (sql.driver !== "pglite") {
    const session = yield* sql.reserve
    const locked = yield* Effect.acquireRelease(
      session.executeValues("select pg_try_advisory_lock(hashtextextended($1, 7))", [`tributary ${destination}`]),
      () =>
        session
          .executeValues("select pg_advisory_unlock(hashtextextended($1, 7))", [`tributary ${destination}`])
          .pipe(Effect.ignore)
    )
    if (locked[0]?.[0] !== true) {
      const [row] = yield* sql<{ owner: string | null }>`
        select owner from tributary.destination where id = ${destination}`
      return yield* new DestinationBusy({ destination, owner: row?.owner ?? "unknown" })
    }
  }
  return yield* sql.withTransaction(
    Effect.gen(function* () {
      const [row] = yield* sql<{ epoch: bigint }>`
        update tributary.destination set epoch = epoch + 1, owner = ${self}, stopped = null where id = ${destination} returning epoch`
      yield* recover(destination, undefined)
      return { destination, epoch: row?.epoch ?? 0n }
    })
  )
})

/**
 * Returns claims on a destination to the dirty sets: of these activations, or all. Only its owner may call this, while
 * nothing of theirs is in flight.
 *
 * @category combinators
 * @since 0.1.0
 */
export const recover = Effect.fnUntraced(function* (
  destination: string,
  activations: ReadonlyArray<number> | undefined
): Effect.fn.Return<void, SqlError.SqlError, SqlClient.SqlClient> {
  const sql = yield* SqlClient.SqlClient
  const claims = yield* sql<{ activation_no: number; chunk: number; lane: number; bits: Uint8Array }>`
    delete from tributary.claim where destination = ${destination}
      and (${activations === undefined} or activation_no = any(${activations ?? []}::int[]))
    returning activation_no, chunk, lane::int as lane, bits`
  yield* mark(
    claims.map((claim) => ({
      activation: claim.activation_no,
      chunk: claim.chunk,
      lane: claim.lane,
      profiles: IdSet.decode(claim.bits)
    }))
  )
})
