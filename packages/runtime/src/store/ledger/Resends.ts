/**
 * Resends: how often in a row identifiers were sent again because a job that they were in failed, wholly or in a part
 * that the vendor does not name (R35).
 *
 * The count goes with the identifiers and not with the job: what is sent again travels in other jobs, together with
 * others. It ends when a job with them succeeds.
 *
 * @since 0.1.0
 */
import { IdSet, type Plan } from "@tributary/core/runtime"
import { Effect } from "effect"
import { SqlClient, type SqlError } from "effect/sql"

/**
 * How often in a row the same identifiers are sent again: where a part of a job failed, and where a job failed whole.
 * Whoever is in the part may be at fault for it. A whole job fails for the vendor's reasons, which pass.
 *
 * @category constants
 * @since 0.1.0
 */
export const most = { partial: 3, lost: 10 } as const

/**
 * Identifiers of one activation and kind of call.
 *
 * @category models
 * @since 0.1.0
 */
export interface Part {
  readonly activation: number
  readonly kind: Plan.LedgerKind
  readonly identifiers: IdSet.IdSet
}

/**
 * Counts that these are sent again, but for those that were often enough: their count ends here. Returns both. Runs
 * inside the caller's transaction.
 *
 * @category combinators
 * @since 0.1.0
 */
export const count = Effect.fnUntraced(function* (
  part: Part,
  atMost: number
): Effect.fn.Return<
  { readonly again: IdSet.IdSet; readonly spent: IdSet.IdSet },
  SqlError.SqlError,
  SqlClient.SqlClient
> {
  const before = yield* read(part)
  const after = new Map<number, IdSet.IdSet>()
  const enter = (times: number, set: IdSet.IdSet) => after.set(times, IdSet.union(after.get(times) ?? IdSet.empty, set))
  let first = part.identifiers
  let spent = IdSet.empty
  for (const [times, set] of before) {
    const concerned = IdSet.intersection(set, part.identifiers)
    first = IdSet.difference(first, concerned)
    enter(times, IdSet.difference(set, concerned))
    if (times >= atMost) spent = IdSet.union(spent, concerned)
    else enter(times + 1, concerned)
  }
  enter(1, first)
  yield* write(part, after)
  return { again: IdSet.difference(part.identifiers, spent), spent }
})

/**
 * Ends the count of these: the vendor has them. Runs inside the caller's transaction.
 *
 * @category combinators
 * @since 0.1.0
 */
export const end = Effect.fnUntraced(function* (
  part: Part
): Effect.fn.Return<void, SqlError.SqlError, SqlClient.SqlClient> {
  const before = yield* read(part)
  if (before.size === 0) return
  yield* write(part, new Map([...before].map(([times, set]) => [times, IdSet.difference(set, part.identifiers)])))
})

const read = Effect.fnUntraced(function* ({ activation, kind }: Part) {
  const sql = yield* SqlClient.SqlClient
  const rows = yield* sql<{ times: number; identifiers: Uint8Array }>`
    select times, identifiers from tributary.resend where activation_no = ${activation} and kind = ${kind}
    order by times for update`
  return new Map(rows.map(({ identifiers, times }) => [times, IdSet.decode(identifiers)]))
})

const write = Effect.fnUntraced(function* ({ activation, kind }: Part, after: ReadonlyMap<number, IdSet.IdSet>) {
  const sql = yield* SqlClient.SqlClient
  yield* sql`delete from tributary.resend where activation_no = ${activation} and kind = ${kind}`
  for (const [times, identifiers] of after) {
    if (identifiers.size === 0) continue
    yield* sql`insert into tributary.resend (activation_no, kind, times, identifiers)
      values (${activation}, ${kind}, ${times}, ${IdSet.encode(identifiers)}::bytea)`
  }
})
