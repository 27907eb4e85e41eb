/**
 * What happens in the shop in a day: orders, newcomers, other addresses, names, merges, a deletion.
 *
 * @since 0.1.0
 */
import { Effect } from "effect"
import { SqlClient, type SqlError } from "effect/sql"
import type { Random } from "./Random.ts"
import * as Shop from "./Shop.ts"

/**
 * What happened, in numbers.
 *
 * @category models
 * @since 0.1.0
 */
export interface Happened {
  readonly orders: number
  readonly newCustomers: number
  readonly otherAddresses: number
  readonly namesFilledIn: number
  readonly merged: number
  readonly deleted: number
}

type Step<A> = Effect.Effect<A, SqlError.SqlError, SqlClient.SqlClient>

interface Person {
  readonly id: string
  readonly first_name: string | null
  readonly last_name: string | null
  readonly account_id: string | null
}

/**
 * Moves the shop on by a day.
 *
 * @category combinators
 * @since 0.1.0
 */
export const pass = Effect.fnUntraced(function* (
  random: Random,
  shop: Shop.Shop
): Effect.fn.Return<Happened, SqlError.SqlError, SqlClient.SqlClient> {
  const sql = yield* SqlClient.SqlClient
  const now = Shop.opening + Shop.dayMillis
  yield* sql`update shop.clock set now = ${Shop.moment(now)}::timestamptz`
  const twins = shop.twins.flatMap((twin) => [twin.oldId, twin.intoId])
  const people = yield* sql<Person>`
    select id, first_name, last_name, account_id from shop.customer where id <> all(${twins}::text[]) order by id`
  const total = people.length + twins.length

  const rows = Shop.noRows()
  for (const { account_id, id } of random.some(people, Math.ceil(total * 0.04))) {
    const placed_at = Shop.momentBefore(random, now, 1)
    rows.orders.push({ customer_id: id, placed_at, total: Shop.price(random, account_id) })
  }
  for (const { id } of random.some(people, Math.ceil(total * 0.06))) {
    const seen_at = Shop.momentBefore(random, now, 1)
    rows.views.push({ customer_id: id, category: Shop.category(random), seen_at })
  }
  const newCustomers = Math.ceil(total * 0.02)
  for (let i = 1; i <= newCustomers; i++) addNewcomer(rows, random, total + i, shop.accounts, now)
  yield* Shop.write(rows)

  const otherAddresses = yield* changeAddresses(random, total)
  const namesFilledIn = yield* fillInNames(random)
  for (const twin of shop.twins) yield* merge(twin)
  const deleted = random.some(people, 3).map((person) => person.id)
  for (const table of ["orders", "product_view", "email"]) {
    yield* sql`delete from shop.${sql(table)} where customer_id = any(${deleted}::text[])`
  }
  yield* sql`delete from shop.customer where id = any(${deleted}::text[])`
  yield* winAnAccount(now)
  return {
    orders: rows.orders.length,
    newCustomers,
    otherAddresses,
    namesFilledIn,
    merged: shop.twins.length,
    deleted: deleted.length
  }
})

const addNewcomer = (
  rows: Shop.Rows,
  random: Random,
  no: number,
  accounts: ReadonlyArray<string>,
  now: number
): void => {
  const id = Shop.customerId(no)
  const first_name = Shop.firstName(random)
  const last_name = Shop.lastName(random)
  const account_id = random.happens(0.2) ? (accounts[random.below(accounts.length)] ?? null) : null
  rows.customers.push({ id, first_name, last_name, account_id })
  rows.emails.push({ email: Shop.address(random, [first_name, last_name], `${no}`), customer_id: id })
  rows.views.push({ customer_id: id, category: Shop.category(random), seen_at: Shop.momentBefore(random, now, 1) })
  if (random.happens(0.6)) {
    const placed_at = Shop.momentBefore(random, now, 1)
    rows.orders.push({ customer_id: id, placed_at, total: Shop.price(random, account_id) })
  }
}

/** Some take another address in place of one, and some one more. */
const changeAddresses = (random: Random, customers: number): Step<number> =>
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    const known = yield* sql<{
      email: string
      customer_id: string
    }>`select email, customer_id from shop.email order by 1`
    const changed = random.some(known, Math.ceil(customers * 0.02))
    for (const [i, { customer_id, email }] of changed.entries()) {
      const other = `moved.${customer_id}.${i}@example.org`
      if (random.happens(0.2)) yield* sql`insert into shop.email values (${other}, ${customer_id})`
      else yield* sql`update shop.email set email = ${other} where email = ${email}`
    }
    return changed.length
  })

const fillInNames = (random: Random): Step<number> =>
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    const nameless = yield* sql<{ id: string }>`
      select id from shop.customer where first_name is null and last_name is null order by id`
    const named = random.some(nameless, Math.ceil(nameless.length / 2))
    for (const { id } of named) {
      yield* sql`update shop.customer set first_name = ${Shop.firstName(random)}, last_name = ${Shop.lastName(random)}
        where id = ${id}`
    }
    return named.length
  })

/** A large order from the account that is nearest to being a key account. */
const winAnAccount = (now: number): Step<unknown> =>
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    yield* sql`insert into shop.orders (customer_id, placed_at, total)
      select min(c.id), ${Shop.moment(now - 3_600_000)}::timestamptz, 4999
      from shop.customer c left join shop.orders o
        on o.customer_id = c.id and o.placed_at > ${Shop.moment(now)}::timestamptz - interval '180 days'
      where c.account_id is not null
      group by c.account_id having coalesce(sum(o.total), 0) < 5000
      order by coalesce(sum(o.total), 0) desc, c.account_id limit 1`
  })

/** One person in two entries becomes one: everything goes to the entry that stays, the old id included. */
const merge = ({ intoId, oldId }: Shop.Twin): Step<unknown> =>
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    for (const table of ["orders", "product_view", "email"]) {
      yield* sql`update shop.${sql(table)} set customer_id = ${intoId} where customer_id = ${oldId}`
    }
    yield* sql`delete from shop.customer where id = ${oldId}`
    yield* sql`insert into shop.merged values (${oldId}, ${intoId})`
  })
