/**
 * Which process owns a destination: one at a time, proved by an epoch.
 *
 * `take` makes this process the owner, `fenced` lets it write only while it is, and its lease (`Lease.ts`) lets it send
 * only while it is.
 *
 * @since 0.1.0
 */
import { Ledger } from "@tributary/core/runtime"
import { Effect, Schema, type Scope } from "effect"
import { SqlClient, type SqlConnection, type SqlError } from "effect/sql"
import * as os from "node:os"
import * as Lease from "./Lease.ts"
import { transaction } from "../store/sql/Transaction.ts"

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

/** Whether a former owner, which let nothing know that it ended, may still be sending. */
const mayBeAlive = (owner: string | null): boolean => {
  if (owner === null || owner === self) return false
  const colon = owner.lastIndexOf(":")
  if (owner.slice(0, colon) !== os.hostname()) return true
  try {
    process.kill(Number(owner.slice(colon + 1)), 0)
    return true
  } catch (error) {
    return !(error instanceof Error && "code" in error && error.code === "ESRCH")
  }
}

/**
 * The session whose locks say which destinations this process has; none where the store is not shared. One for all: a
 * connection each would leave nothing of a pool to whoever has many destinations.
 *
 * @category constructors
 * @since 0.1.0
 */
export const lockSession: Effect.Effect<
  SqlConnection.Connection | undefined,
  SqlError.SqlError,
  SqlClient.SqlClient | Scope.Scope
> = Effect.flatMap(SqlClient.SqlClient, (sql) => (sql.driver === "pglite" ? Effect.undefined : sql.reserve))

/**
 * Takes a destination until the scope closes: a session lock where the store is shared, and a new epoch. Where the
 * process that had it before may be alive, that process is given one lease to notice. A destination that was stopped is
 * tried again: whoever fixed it has started a process since. So is one that waits, unless the vendor asked for it.
 *
 * What the process before has claimed stays claimed, so nobody else takes it: call `Recovery.recover` next.
 *
 * @category constructors
 * @since 0.1.0
 */
export const take = Effect.fn("Ownership.take")(function* (
  destination: string,
  session: SqlConnection.Connection | undefined
): Effect.fn.Return<
  Ledger.Ownership,
  DestinationBusy | Ledger.Fenced | SqlError.SqlError,
  SqlClient.SqlClient | Scope.Scope
> {
  const sql = yield* SqlClient.SqlClient
  if (session !== undefined) {
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
  const taken = yield* transaction(
    Effect.gen(function* () {
      const [before] = yield* sql<{ owner: string | null }>`
        select owner from tributary.destination where id = ${destination} for update`
      const [row] = yield* sql<{ epoch: bigint }>`
        update tributary.destination set epoch = epoch + 1, owner = ${self}, stopped = null,
          rests_until = case when was_asked then rests_until end
        where id = ${destination} returning epoch`
      const owner: Ledger.Ownership = { destination, epoch: row?.epoch ?? 0n }
      return { owner, former: before?.owner ?? null }
    })
  )
  yield* Effect.addFinalizer(() =>
    Effect.ignore(sql`update tributary.destination set owner = null
      where id = ${destination} and epoch = ${taken.owner.epoch}::bigint`)
  )
  if (session !== undefined && mayBeAlive(taken.former)) yield* Effect.sleep(Lease.duration)
  return taken.owner
})

/**
 * Fails where the epoch is not the owner's any more. Holds the row until the transaction ends, so that nobody can take
 * the destination between this check and the commit.
 *
 * @category guards
 * @since 0.1.0
 */
export const fence = Effect.fnUntraced(function* (
  owner: Ledger.Ownership
): Effect.fn.Return<void, SqlError.SqlError | Ledger.Fenced, SqlClient.SqlClient> {
  const sql = yield* SqlClient.SqlClient
  const rows = yield* sql`select 1 from tributary.destination
    where id = ${owner.destination} and epoch = ${owner.epoch}::bigint for share`
  if (rows.length === 0) return yield* new Ledger.Fenced({ destination: owner.destination })
})

/**
 * Runs a write in a transaction that fails where the destination has another owner by now.
 *
 * @category combinators
 * @since 0.1.0
 */
export const fenced = <A, E, R>(
  owner: Ledger.Ownership,
  write: Effect.Effect<A, E, R>
): Effect.Effect<A, E | SqlError.SqlError | Ledger.Fenced, R | SqlClient.SqlClient> =>
  transaction(Effect.andThen(fence(owner), write))

/**
 * Waits until every fenced write to the destination that has begun is committed: whoever reads sets after this misses
 * nothing that was decided before.
 *
 * @category combinators
 * @since 0.1.0
 */
export const afterWrites = Effect.fnUntraced(function* (
  owner: Ledger.Ownership
): Effect.fn.Return<void, SqlError.SqlError, SqlClient.SqlClient> {
  const sql = yield* SqlClient.SqlClient
  yield* sql`select 1 from tributary.destination where id = ${owner.destination} for update`
})
