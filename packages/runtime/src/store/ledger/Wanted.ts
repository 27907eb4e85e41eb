/**
 * Wanted: what an activation is to send of each profile now, and since which evaluation.
 *
 * @since 0.1.0
 */
import type { Json } from "@tributary/core"
import { IdSet } from "@tributary/core/runtime"
import { Effect } from "effect"
import { SqlClient, type SqlError } from "effect/sql"
import { type Found, readFound, readValues } from "../computations/Snapshots.ts"
import { among } from "../sql/Columns.ts"

/**
 * What an activation is to send.
 *
 * @category models
 * @since 0.1.0
 */
export interface WantedActivation {
  readonly collection: string
  readonly computation_no: number
  readonly computation_collection: string
  readonly kind: string
  /** Since when everybody is to exit. */
  readonly leaving_at: Date | null
}

/**
 * What one activation is to send of a profile, and which evaluation found it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Wanted {
  readonly value: (profile: number) => Json.Json | undefined
  readonly found: (profile: number) => Found | undefined
}

/**
 * Reads what an activation is to send of these profiles: nothing while everybody is to exit, else the result of its
 * computation for them, or for their accounts.
 *
 * @category constructors
 * @since 0.1.0
 */
export const read = (
  activation: WantedActivation,
  profiles: ReadonlyArray<number>
): Effect.Effect<Wanted, SqlError.SqlError, SqlClient.SqlClient> =>
  activation.leaving_at !== null
    ? Effect.succeed(nobody(activation.leaving_at))
    : activation.computation_collection === activation.collection
      ? ofProfiles(activation, profiles)
      : ofAccounts(activation, profiles)

/** Nothing is to be sent but exits, to whoever was sent an entry (R39). */
const nobody = (at: Date): Wanted => ({
  value: () => undefined,
  found: () => ({ at: at.getTime(), evaluation: `leaving ${at.getTime()}`, isIn: false })
})

const ofProfiles = Effect.fnUntraced(function* (
  activation: WantedActivation,
  numbers: ReadonlyArray<number>
): Effect.fn.Return<Wanted, SqlError.SqlError, SqlClient.SqlClient> {
  const found = yield* readFound(activation.computation_no, numbers)
  if (activation.kind === "audience") {
    return {
      value: (profile) => (found.get(profile)?.isIn === true ? true : undefined),
      found: (profile) => found.get(profile)
    }
  }
  const values = yield* readValues(activation.computation_no, numbers)
  return { value: (profile) => values.get(profile), found: (profile) => found.get(profile) }
})

/** An account audience sent for users: a user is in while any of its accounts is (R9, R17). */
const ofAccounts = Effect.fnUntraced(function* (
  activation: WantedActivation,
  users: ReadonlyArray<number>
): Effect.fn.Return<Wanted, SqlError.SqlError, SqlClient.SqlClient> {
  const sql = yield* SqlClient.SqlClient
  const rows = yield* sql<{ user_no: number; account_no: number; since: Date; gone: boolean }>`
    select user_no, account_no, since, gone from tributary.account_user where ${among(sql, "user_no", users)}`
  const accounts = IdSet.toArray(IdSet.from(rows.map((row) => row.account_no)))
  const found = yield* readFound(activation.computation_no, accounts)
  const membershipsOf = new Map<number, Array<Membership>>()
  for (const row of rows) {
    const ofAccount = found.get(row.account_no)
    const isMatching = ofAccount?.isIn === true
    const membership = { since: row.since, gone: row.gone, isMatching, isIn: isMatching && !row.gone, found: ofAccount }
    const known = membershipsOf.get(row.user_no)
    if (known === undefined) membershipsOf.set(row.user_no, [membership])
    else known.push(membership)
  }
  return {
    value: (user) => (membershipsOf.get(user)?.some((membership) => membership.isIn) === true ? true : undefined),
    found: (user) => foundOf(membershipsOf.get(user) ?? [])
  }
})

interface Membership {
  readonly since: Date
  readonly gone: boolean
  readonly isMatching: boolean
  readonly isIn: boolean
  /** When the account entered or exited, if it ever did. */
  readonly found: Found | undefined
}

/** A user came in with the first of its matching accounts, or on joining it, and went out with the last, or on quitting it. */
const foundOf = (memberships: ReadonlyArray<Membership>): Found | undefined => {
  const isIn = memberships.some((membership) => membership.isIn)
  let chosen: Found | undefined
  for (const membership of memberships) {
    if (membership.found === undefined || membership.isIn !== isIn) continue
    const since = membership.since.getTime()
    const account = membership.found.at
    const at = isIn
      ? Math.max(account, since)
      : !membership.gone
        ? account
        : membership.isMatching
          ? since
          : Math.min(account, since)
    if (chosen === undefined || (isIn ? at < chosen.at : at > chosen.at)) chosen = { ...membership.found, at }
  }
  return chosen
}
