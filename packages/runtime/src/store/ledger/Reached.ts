/**
 * Reached users: those of an account whom the destination has acknowledged.
 *
 * A vendor puts people into an account only once it knows them. So an account's call is due again when one more of its
 * users was acknowledged: the plan compares whom the destination knows, and here accounts are marked to be looked at.
 *
 * @since 0.1.0
 */
import { IdSet, type Ledger, type Plan } from "@tributary/core/runtime"
import { Effect } from "effect"
import { SqlClient, type SqlError } from "effect/sql"
import { lane, type Mark, marksOf } from "../dirty/DirtySets.ts"
import type { FoundProfile } from "../profiles/Profiles.ts"
import { among, int4List } from "../sql/Columns.ts"
import * as SentSets from "../sent/SentSets.ts"

type Stored<A> = Effect.Effect<A, SqlError.SqlError, SqlClient.SqlClient>

interface EventActivation {
  readonly no: number
  readonly isOfAccounts: boolean
}

const eventActivations = (destination: string): Stored<ReadonlyArray<EventActivation>> =>
  Effect.flatMap(
    SqlClient.SqlClient,
    (sql) => sql<EventActivation>`
      select no, collection = 'accounts' as "isOfAccounts" from tributary.activation
      where destination = ${destination} and form = 'event' and not removed`
  )

/** Which of these keys something was sent to, as the ledger counts them. */
const sentAmong = (activations: ReadonlyArray<EventActivation>, keys: ReadonlyArray<number>) =>
  Effect.map(
    SentSets.read(
      activations.filter((activation) => !activation.isOfAccounts).map((activation) => activation.no),
      [...new Set(keys.map(IdSet.chunkOf))]
    ),
    (chunks) => new Set(keys.filter((key) => chunks.some((chunk) => chunk.isSent(key))))
  )

/**
 * Accounts with the users whom the destination has acknowledged.
 *
 * @category combinators
 * @since 0.1.0
 */
export const withReached = Effect.fnUntraced(function* (
  { destination }: Ledger.Ownership,
  profiles: ReadonlyArray<FoundProfile>
): Effect.fn.Return<ReadonlyArray<FoundProfile>, SqlError.SqlError, SqlClient.SqlClient> {
  const accounts = profiles.filter(({ users }) => users.length > 0).map(({ no }) => no)
  if (accounts.length === 0) return profiles
  const sql = yield* SqlClient.SqlClient
  const users = yield* sql<{ account: number; value: string; key: number }>`
    select m.account_no as account, i.value, coalesce(s.key_no, i.no) as key from tributary.account_user m
    join tributary.identifier i on i.profile_no = m.user_no and i.type = 'user_id' and not i.gone
    left join tributary.spelling s on s.destination = ${destination} and s.identifier_no = i.no
    where ${among(sql, "account_no", accounts)} and not m.gone order by i.value`
  const sent = yield* sentAmong(
    yield* eventActivations(destination),
    users.map(({ key }) => key)
  )
  const reached = Map.groupBy(
    users.filter(({ key }) => sent.has(key)),
    ({ account }) => account
  )
  return profiles.map((profile) => {
    const own = reached.get(profile.no)
    return own === undefined ? profile : { ...profile, reached: own.map(({ value }) => value) }
  })
})

/**
 * The accounts of users whom the destination has not acknowledged before. Asked before the ledger is written. They wait
 * behind live changes: an account has many users, and is sent again once for all that were reached meanwhile.
 *
 * @category combinators
 * @since 0.1.0
 */
export const accountsOfReached = Effect.fnUntraced(function* (
  { destination }: Ledger.Ownership,
  acknowledged: ReadonlyArray<Plan.Settlement>
): Effect.fn.Return<ReadonlyArray<Mark>, SqlError.SqlError, SqlClient.SqlClient> {
  const keys = new Set<number>()
  for (const { identifier, kind, of, sent } of acknowledged) {
    if (kind !== "group" && kind !== "member" && of.type === "user_id" && sent !== undefined) keys.add(identifier)
  }
  if (keys.size === 0) return []
  const activations = yield* eventActivations(destination)
  const ofAccounts = activations.filter((activation) => activation.isOfAccounts)
  if (ofAccounts.length === 0) return []
  const known = yield* sentAmong(activations, [...keys])
  const reached = int4List([...keys].filter((key) => !known.has(key)))
  const sql = yield* SqlClient.SqlClient
  const rows = yield* sql<{ account: number }>`
    select distinct m.account_no as account from tributary.account_user m
    join tributary.identifier i on i.profile_no = m.user_no
    where not m.gone and (i.no = any(${reached}::int[]) or i.no in (
      select identifier_no from tributary.spelling
      where destination = ${destination} and key_no = any(${reached}::int[])))`
  const accounts = IdSet.from(rows.map(({ account }) => account))
  return ofAccounts.flatMap(({ no }) => marksOf(no, lane.backfill, accounts))
})
