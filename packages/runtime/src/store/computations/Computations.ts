/**
 * Computations: what the store keeps of each: when it was evaluated, how far its changes were read, what failed.
 *
 * @since 0.1.0
 */
import { Effect } from "effect"
import { SqlClient, type SqlError } from "effect/sql"
import type { Kept } from "../../sources/Look.ts"

/**
 * What names a computation: its key is unique in its collection.
 *
 * @category models
 * @since 0.1.0
 */
export interface ComputationKey {
  readonly collection: string
  readonly key: string
}

/**
 * When the computation was last evaluated; `undefined` where it never was.
 *
 * @category constructors
 * @since 0.1.0
 */
export const lastEvaluated = Effect.fnUntraced(function* ({
  collection,
  key
}: ComputationKey): Effect.fn.Return<Date | undefined, SqlError.SqlError, SqlClient.SqlClient> {
  const sql = yield* SqlClient.SqlClient
  const [row] = yield* sql<{ at: Date | null }>`select evaluated_at as at from tributary.computation
    where collection = ${collection} and key = ${key}`
  return row?.at ?? undefined
})

/**
 * How far the computation's changes were read; `undefined` where the store does not know it.
 *
 * @category constructors
 * @since 0.1.0
 */
export const keptLook = Effect.fnUntraced(function* ({
  collection,
  key
}: ComputationKey): Effect.fn.Return<Kept | undefined, SqlError.SqlError, SqlClient.SqlClient> {
  const sql = yield* SqlClient.SqlClient
  const [kept] = yield* sql<Kept>`select position, position_type, basis, full_at from tributary.computation
    where collection = ${collection} and key = ${key}`
  return kept
})

/** More than this many are not worth asking for one by one: everything is read. */
const mostNewProfiles = 10_000

/**
 * A profile that was imported after the computation was evaluated: its number, and its id in the source.
 *
 * @category models
 * @since 0.1.0
 */
export interface NewProfile {
  readonly no: number
  readonly id: string
}

/**
 * The profiles that were imported since the computation was evaluated: the next look at what changed includes them. One
 * more than 10,000 at most, which a look takes as a reason to read everything.
 *
 * @category constructors
 * @since 0.1.0
 */
export const newProfilesOf = Effect.fnUntraced(function* ({
  collection,
  key
}: ComputationKey): Effect.fn.Return<ReadonlyArray<NewProfile>, SqlError.SqlError, SqlClient.SqlClient> {
  const sql = yield* SqlClient.SqlClient
  return yield* sql<NewProfile>`select p.no, p.id from tributary.newcomer n
    join tributary.computation c on c.no = n.computation_no join tributary.profile p on p.no = n.profile_no
    where c.collection = ${collection} and c.key = ${key} order by p.no limit ${mostNewProfiles + 1}`
})

/**
 * Keeps why the last evaluation failed, for `status`. The next evaluation that succeeds clears it.
 *
 * @category combinators
 * @since 0.1.0
 */
export const rememberError = Effect.fnUntraced(function* (
  { collection, key }: ComputationKey,
  message: string
): Effect.fn.Return<void, SqlError.SqlError, SqlClient.SqlClient> {
  const sql = yield* SqlClient.SqlClient
  yield* sql`update tributary.computation set error = ${message} where collection = ${collection} and key = ${key}`
})

/**
 * Lets the next evaluation have the same number again after this transaction is rolled back. A message id is made from
 * that number, and a rollback does not give back what a sequence handed out. A restart of the sequence is rolled back,
 * though. So a sync sends the message ids that its preview showed.
 *
 * @category combinators
 * @since 0.1.0
 */
export const keepNextEvaluation: Effect.Effect<void, SqlError.SqlError, SqlClient.SqlClient> = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const [next] = yield* sql<{ no: bigint }>`
    select last_value + is_called::int as no from tributary.evaluation_no_seq`
  yield* sql`alter sequence tributary.evaluation_no_seq restart with ${sql.literal(String(next?.no ?? 1n))}`
})
