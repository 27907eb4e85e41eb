/**
 * What each vendor should hold, asked of the shop's own tables.
 *
 * It knows nothing of the store, its ledger or its snapshots: plain SQL says what is true today, and what was true
 * yesterday says who must have received an exit. So a mistake anywhere between the tables and a vendor shows.
 *
 * @since 0.1.0
 */
import type { Json } from "@tributary/core"
import { Effect } from "effect"
import { SqlClient, type SqlError } from "effect/sql"

/**
 * A person at Braze, found by an id.
 *
 * @category models
 * @since 0.1.0
 */
export interface BrazePerson {
  readonly attributes: { readonly [name: string]: Json.Json }
  /** Names, in order. */
  readonly events: ReadonlyArray<string>
}

/**
 * A record at Zendesk.
 *
 * @category models
 * @since 0.1.0
 */
export interface ZendeskRecord {
  readonly name: string
  readonly fields: { readonly [key: string]: Json.Json }
}

/**
 * @category models
 * @since 0.1.0
 */
export interface Expected {
  readonly brazeUsers: ReadonlyMap<string, BrazePerson>
  /** By the name of the list, the hashes of its members and their addresses. */
  readonly lists: ReadonlyMap<string, ReadonlyMap<string, string>>
  readonly zendeskUsers: ReadonlyMap<string, ZendeskRecord>
  readonly organizations: ReadonlyMap<string, ZendeskRecord>
  /** Pairs of a user's and an organization's external id that may be memberships. */
  readonly memberships: ReadonlySet<string>
  /** Those that must be, where Zendesk has the user. */
  readonly dueMemberships: ReadonlyArray<{ readonly user: string; readonly organization: string }>
}

/**
 * Before anything was sent.
 *
 * @category constructors
 * @since 0.1.0
 */
export const nothing: Expected = {
  brazeUsers: new Map(),
  lists: new Map(),
  zendeskUsers: new Map(),
  organizations: new Map(),
  memberships: new Set(),
  dueMemberships: []
}

/** One id or address of a person, with what is true of the person. */
interface Known {
  readonly type: "user_id" | "email"
  readonly value: string
  readonly hash: string
  readonly customer_id: string
  readonly name: string
  readonly account_id: string | null
  readonly revenue: number | null
  readonly category: string | null
  readonly is_first_time: boolean
  readonly is_key: boolean
}

interface KnownAccount {
  readonly id: string
  readonly name: string
  readonly is_key: boolean
}

/**
 * The pair of a membership as text.
 *
 * @category constructors
 * @since 0.1.0
 */
export const membership = (user: string, organization: string): string => `${user} in ${organization}`

/**
 * What the vendors should hold now, if they held `before` when the day began.
 *
 * @category constructors
 * @since 0.1.0
 */
export const read = Effect.fnUntraced(function* (
  before: Expected
): Effect.fn.Return<Expected, SqlError.SqlError, SqlClient.SqlClient> {
  const sql = yield* SqlClient.SqlClient
  const accounts = yield* sql<KnownAccount>`
    select a.id, a.name, (
      select coalesce(sum(o.total), 0) >= 5000 from shop.customer c, shop.orders o, shop.clock t
      where c.account_id = a.id and o.customer_id = c.id and o.placed_at > t.now - interval '180 days') as is_key
    from shop.account a order by a.id`
  const key = accounts.filter((account) => account.is_key).map((account) => account.id)
  const known = yield* sql<Known>`
    with alias as (
      select 'user_id' as type, id as value, id as customer_id from shop.customer
      union all select 'user_id', old_id, into_id from shop.merged
      union all select 'email', email, customer_id from shop.email)
    select alias.type, alias.value, encode(sha256(convert_to(lower(alias.value), 'UTF8')), 'hex') as hash,
      c.id as customer_id, concat_ws(' ', c.first_name, c.last_name) as name, c.account_id,
      (select sum(o.total)::float8 from shop.orders o
        where o.customer_id = c.id and o.placed_at > t.now - interval '180 days') as revenue,
      (select v.category from shop.product_view v where v.customer_id = c.id order by v.seen_at desc limit 1) as category,
      (select count(*) from shop.orders o where o.customer_id = c.id) = 1
        and exists (select 1 from shop.orders o
          where o.customer_id = c.id and o.placed_at > t.now - interval '30 days') as is_first_time,
      coalesce(c.account_id = any(${key}::text[]), false) as is_key
    from alias join shop.customer c on c.id = alias.customer_id cross join shop.clock t`
  const ids = known.filter((one) => one.type === "user_id")
  const emails = known.filter((one) => one.type === "email")
  return {
    brazeUsers: brazePeople(ids, before.brazeUsers),
    lists: new Map([
      ["First time shoppers", hashed(emails.filter((one) => one.is_first_time))],
      ["Key accounts", hashed(emails.filter((one) => one.is_key))]
    ]),
    zendeskUsers: checkboxes(
      "first_time_shoppers",
      // Zendesk takes nobody without a name.
      ids.filter((one) => one.is_first_time && one.name !== "").map((one) => [one.value, one.name]),
      before.zendeskUsers
    ),
    organizations: checkboxes(
      "key_accounts",
      accounts.filter((account) => account.is_key).map((account) => [account.id, account.name]),
      before.organizations
    ),
    // Tributary adds memberships and never takes one away, so yesterday's may stay.
    memberships: new Set([
      ...before.memberships,
      ...ids.flatMap((one) => (one.account_id === null ? [] : [membership(one.value, one.account_id)]))
    ]),
    dueMemberships: ids.flatMap((one) =>
      one.account_id !== null && one.is_key ? [{ user: one.value, organization: one.account_id }] : []
    )
  }
})

const hashed = (emails: ReadonlyArray<Known>): ReadonlyMap<string, string> =>
  new Map(emails.map((one) => [one.hash, one.value]))

/**
 * Everybody has an id, so an address is an attribute of that record, and makes none of its own. Of a customer with several
 * ids each has a record, and the customer enters and exits once.
 */
const brazePeople = (
  known: ReadonlyArray<Known>,
  before: ReadonlyMap<string, BrazePerson>
): ReadonlyMap<string, BrazePerson> => {
  const today = new Map(known.map((one) => [one.value, one]))
  const was = (value: string) => before.get(value)?.attributes["first_time_shoppers"] === true
  const people = new Map<string, BrazePerson>()
  for (const value of new Set([...before.keys(), ...today.keys()])) {
    const one = today.get(value)
    const earlier = before.get(value)
    const attributes: Record<string, Json.Json> = {}
    if (one?.revenue != null) attributes["total_revenue_180_days"] = one.revenue
    if (one?.category != null) attributes["last_viewed_category"] = one.category
    const setAudience = (name: string, isIn: boolean) => {
      // `false` is for those who were sent `true`, and for nobody else.
      if (isIn || earlier?.attributes[name] !== undefined) attributes[name] = isIn
    }
    setAudience("first_time_shoppers", one?.is_first_time === true)
    setAudience("key_accounts", one?.is_key === true)
    const is = one?.is_first_time === true
    const own = one?.customer_id ?? value
    const ids = [own, ...known.filter((other) => other.customer_id === own && other.value !== own).map((o) => o.value)]
    const heard = ids.filter(was)
    // The record with the first id that the customer had enters; the first that entered exits.
    const isTold = is ? heard.length === 0 && value === own : heard[0] === value
    const event = is ? "Became a first-time shopper" : "Is not a first-time shopper any more"
    const events = [...(earlier?.events ?? []), ...(isTold ? [event] : [])]
    // A person without anything to send, now or before, is not created at Braze.
    if (earlier !== undefined || Object.keys(attributes).length > 0) people.set(value, { attributes, events })
  }
  return people
}

/** Ticked for those who are in, and not ticked for those who were. */
const checkboxes = (
  field: string,
  members: ReadonlyArray<readonly [id: string, name: string]>,
  before: ReadonlyMap<string, ZendeskRecord>
): ReadonlyMap<string, ZendeskRecord> => {
  const records = new Map<string, ZendeskRecord>()
  for (const [id, { name }] of before) records.set(id, { name, fields: { [field]: false } })
  for (const [id, name] of members) records.set(id, { name, fields: { [field]: true } })
  return records
}
