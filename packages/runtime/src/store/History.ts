/**
 * History: a record of every sync, with why it ran, what it did and what went wrong first.
 *
 * @since 0.1.0
 */
import { DateTime, Effect } from "effect"
import { SqlClient, type SqlError } from "effect/sql"

/**
 * What a sync of one activation did.
 *
 * @category models
 * @since 0.1.0
 */
export interface Done {
  readonly activation: number
  readonly ending: string
  readonly delivered: number
  readonly rejected: number
  readonly postponed: number
  /** The first reasons why something was not delivered, and how often each came. */
  readonly errors: ReadonlyArray<{ readonly reason: string; readonly count: number }>
}

/**
 * Begins a record for each activation. One that a crash left open is closed as interrupted.
 *
 * @category combinators
 * @since 0.1.0
 */
export const begin = Effect.fnUntraced(function* (
  activations: ReadonlyArray<number>
): Effect.fn.Return<ReadonlyMap<number, bigint>, SqlError.SqlError, SqlClient.SqlClient> {
  const sql = yield* SqlClient.SqlClient
  const now = yield* DateTime.nowAsDate
  yield* sql`update tributary.sync set ending = 'interrupted', ended_at = ${now}::timestamptz
    where activation_no = any(${activations}::int[]) and ended_at is null`
  const rows = yield* sql<{ no: bigint; activation_no: number }>`
    insert into tributary.sync (activation_no, started_at, why)
    select a.no, ${now}::timestamptz, coalesce(a.cause, case when exists (
        select 1 from tributary.sync s where s.activation_no = a.no and s.ending = 'settled')
      then 'changes' else 'first sync' end)
    from tributary.activation a where a.no = any(${activations}::int[]) order by a.no
    returning no, activation_no`
  return new Map(rows.map((row) => [row.activation_no, row.no]))
})

/**
 * Ends records. Where there turned out to be nothing to tell, none is kept.
 *
 * @category combinators
 * @since 0.1.0
 */
export const finish = Effect.fnUntraced(function* (
  records: ReadonlyMap<number, bigint>,
  done: ReadonlyArray<Done>
): Effect.fn.Return<void, SqlError.SqlError, SqlClient.SqlClient> {
  const sql = yield* SqlClient.SqlClient
  const now = yield* DateTime.nowAsDate
  for (const { activation, delivered, ending, errors, postponed, rejected } of done) {
    const no = records.get(activation)
    if (no === undefined) continue
    if (ending === "settled") yield* sql`update tributary.activation set cause = null where no = ${activation}`
    if (ending === "settled" && delivered + rejected + postponed === 0) {
      yield* sql`delete from tributary.sync where no = ${no}::bigint`
      continue
    }
    yield* sql`update tributary.sync set ended_at = ${now}::timestamptz, ending = ${ending}, delivered = ${delivered},
      rejected = ${rejected}, postponed = ${postponed}, errors = ${JSON.stringify(errors)}::text::jsonb
      where no = ${no}::bigint`
  }
})
