/**
 * The demo's shop: plain tables, as a company has them, and made-up people in them.
 *
 * People are as untidy as in life: several addresses, none, capitals in odd places, no name, an account or not, and a
 * few who are in the books twice. Addresses end in example.com, which belongs to nobody.
 *
 * @since 0.1.0
 */
import { Effect } from "effect"
import { SqlClient, type SqlError } from "effect/sql"
import type { Random } from "./Random.ts"

/**
 * When the shop's first day begins, epoch milliseconds: a Tuesday morning.
 *
 * @category constants
 * @since 0.1.0
 */
export const opening = Date.UTC(2026, 11, 1, 9)

/**
 * @category constants
 * @since 0.1.0
 */
export const dayMillis = 86_400_000

const tables = [
  "create schema shop",
  "create table shop.clock (now timestamptz not null)",
  "create table shop.account (id text primary key, name text not null)",
  `create table shop.customer (
     id text primary key, first_name text, last_name text, account_id text references shop.account)`,
  "create table shop.email (email text primary key, customer_id text not null references shop.customer)",
  `create table shop.orders (
     id int generated always as identity primary key, customer_id text not null references shop.customer,
     placed_at timestamptz not null, total numeric(10, 2) not null)`,
  `create table shop.product_view (
     customer_id text not null references shop.customer, category text not null, seen_at timestamptz not null)`,
  "create table shop.merged (old_id text primary key, into_id text not null references shop.customer)",
  "create index on shop.email (customer_id)",
  "create index on shop.orders (customer_id)",
  "create index on shop.product_view (customer_id)"
]

/**
 * Rows to add, as the tables have them. Times are ISO 8601.
 *
 * @category models
 * @since 0.1.0
 */
export interface Rows {
  readonly customers: Array<{
    id: string
    first_name: string | null
    last_name: string | null
    account_id: string | null
  }>
  readonly emails: Array<{ email: string; customer_id: string }>
  readonly orders: Array<{ customer_id: string; placed_at: string; total: number }>
  readonly views: Array<{ customer_id: string; category: string; seen_at: string }>
}

/**
 * @category constructors
 * @since 0.1.0
 */
export const noRows = (): Rows => ({ customers: [], emails: [], orders: [], views: [] })

/**
 * What stands in the shop's tables.
 *
 * @category models
 * @since 0.1.0
 */
export interface Size {
  readonly customers: number
  readonly addresses: number
  readonly orders: number
  readonly accounts: number
  readonly severalAddresses: number
  readonly nameless: number
}

/**
 * Two entries of one person, to be merged on the second day.
 *
 * @category models
 * @since 0.1.0
 */
export interface Twin {
  readonly oldId: string
  readonly intoId: string
}

/**
 * @category models
 * @since 0.1.0
 */
export interface Shop {
  readonly accounts: ReadonlyArray<string>
  readonly twins: ReadonlyArray<Twin>
}

const firstNames = [
  "Ada",
  "Alan",
  "Amina",
  "Bruno",
  "Chloé",
  "Dmitri",
  "Elif",
  "Femi",
  "Grace",
  "Hana",
  "Ines"
] as const
const moreFirstNames = ["Jun", "Kofi", "Léa", "Marta", "Noor", "Olga", "Priya", "Ravi", "Sven", "Tomás", "Uma"] as const
const lastNames = [
  "Abe",
  "Baker",
  "Costa",
  "Diallo",
  "Evans",
  "Fischer",
  "García",
  "Hopper",
  "Ivanov",
  "Jansen"
] as const
const moreLastNames = ["Kaya", "Lovelace", "Moreau", "Novak", "Okafor", "Rossi", "Singh", "Turing", "Wang"] as const
const categories = ["chairs", "desks", "lamps", "rugs", "shelves", "sofas"] as const
const companies = ["Alder", "Birch", "Cedar", "Dogwood", "Elm", "Fir", "Hazel", "Juniper", "Larch", "Maple"] as const
const trades = ["Architects", "Bakery", "Cinemas", "Design", "Hotels", "Partners", "Schools", "Studios"] as const

/**
 * @category constructors
 * @since 0.1.0
 */
export const firstName = (random: Random): string => random.pick([...firstNames, ...moreFirstNames])

/**
 * @category constructors
 * @since 0.1.0
 */
export const lastName = (random: Random): string => random.pick([...lastNames, ...moreLastNames])

/**
 * @category constructors
 * @since 0.1.0
 */
export const category = (random: Random): string => random.pick(categories)

/**
 * @category constructors
 * @since 0.1.0
 */
export const customerId = (no: number): string => `c${String(no).padStart(5, "0")}`

const plain = (name: string) => name.normalize("NFD").replace(/[^A-Za-z]/g, "")

/**
 * An address that nobody else has; some people write theirs in capitals.
 *
 * @category constructors
 * @since 0.1.0
 */
export const address = (random: Random, words: ReadonlyArray<string | null>, mark: string): string => {
  const names = words.flatMap((word) => (word === null ? [] : [plain(word)]))
  const local = [...(names.length === 0 ? ["Guest"] : names), mark].join(".")
  return random.happens(0.05) ? `${local}@Example.com` : `${local.toLowerCase()}@example.com`
}

/**
 * A moment as the tables take it: ISO 8601.
 *
 * @category constructors
 * @since 0.1.0
 */
export const moment = (millis: number): string => new Date(millis).toISOString()

/**
 * A moment in the days before `now`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const momentBefore = (random: Random, now: number, days: number): string =>
  moment(now - 1 - random.below(days * dayMillis))

/**
 * Companies buy more than people do.
 *
 * @category constructors
 * @since 0.1.0
 */
export const price = (random: Random, account: string | null): number =>
  (500 + random.below(24_500)) * (account === null ? 0.01 : 0.04)

/** How many orders somebody has placed: most have one or none. */
const orderCounts = (random: Random): number => {
  const share = random.below(100)
  return share < 25 ? 0 : share < 60 ? 1 : 2 + random.below(5)
}

/**
 * Adds somebody with a history.
 *
 * @category combinators
 * @since 0.1.0
 */
export const addCustomer = (rows: Rows, random: Random, no: number, accounts: ReadonlyArray<string>, now: number) => {
  const id = customerId(no)
  const isNameless = random.happens(0.06)
  const first_name = isNameless ? null : firstName(random)
  const last_name = isNameless || random.happens(0.05) ? null : lastName(random)
  const account_id = random.happens(0.3) ? (accounts[random.below(accounts.length)] ?? null) : null
  rows.customers.push({ id, first_name, last_name, account_id })
  const share = random.below(100)
  const addresses = share < 10 ? 0 : share < 84 ? 1 : share < 96 ? 2 : 3
  for (let i = 0; i < addresses; i++) {
    rows.emails.push({ email: address(random, [first_name, last_name], `${no}${"abc"[i] ?? ""}`), customer_id: id })
  }
  const orders = orderCounts(random)
  const days = orders === 1 && random.happens(0.2) ? 30 : 400
  for (let i = 0; i < orders; i++) {
    rows.orders.push({ customer_id: id, placed_at: momentBefore(random, now, days), total: price(random, account_id) })
  }
  for (let i = random.below(5); i > 0; i--) {
    rows.views.push({ customer_id: id, category: category(random), seen_at: momentBefore(random, now, 60) })
  }
}

/** One person in two entries, each with an address; the given numbers of orders, all of this month. */
const addTwins = (rows: Rows, random: Random, no: number, orders: readonly [number, number]): Twin => {
  const names = { first_name: firstName(random), last_name: lastName(random), account_id: null }
  for (const [i, count] of orders.entries()) {
    const id = customerId(no + i)
    rows.customers.push({ id, ...names })
    rows.emails.push({ email: address(random, [names.first_name, names.last_name], `${no + i}`), customer_id: id })
    rows.views.push({ customer_id: id, category: category(random), seen_at: momentBefore(random, opening, 60) })
    for (let n = 0; n < count; n++) {
      rows.orders.push({ customer_id: id, placed_at: momentBefore(random, opening, 20), total: price(random, null) })
    }
  }
  return { intoId: customerId(no), oldId: customerId(no + 1) }
}

/**
 * Writes rows to the shop's tables.
 *
 * @category combinators
 * @since 0.1.0
 */
export const write = Effect.fnUntraced(function* (
  rows: Rows
): Effect.fn.Return<void, SqlError.SqlError, SqlClient.SqlClient> {
  const sql = yield* SqlClient.SqlClient
  yield* sql`insert into shop.customer select * from
    jsonb_populate_recordset(null::shop.customer, ${JSON.stringify(rows.customers)}::text::jsonb)`
  yield* sql`insert into shop.email select * from
    jsonb_populate_recordset(null::shop.email, ${JSON.stringify(rows.emails)}::text::jsonb)`
  yield* sql`insert into shop.orders (customer_id, placed_at, total) select customer_id, placed_at, total from
    jsonb_populate_recordset(null::shop.orders, ${JSON.stringify(rows.orders)}::text::jsonb)`
  yield* sql`insert into shop.product_view select * from
    jsonb_populate_recordset(null::shop.product_view, ${JSON.stringify(rows.views)}::text::jsonb)`
})

/**
 * Makes the tables and fills them.
 *
 * @category constructors
 * @since 0.1.0
 */
export const open = Effect.fnUntraced(function* (
  random: Random,
  customers: number
): Effect.fn.Return<Shop, SqlError.SqlError, SqlClient.SqlClient> {
  const sql = yield* SqlClient.SqlClient
  for (const statement of tables) yield* sql.unsafe(statement)
  yield* sql`insert into shop.clock values (${moment(opening)}::timestamptz)`
  const accounts = Array.from({ length: Math.max(4, Math.round(customers / 40)) }, (_, i) => ({
    id: `a${String(i + 1).padStart(4, "0")}`,
    // A number, because two of one name cannot both be organizations at Zendesk.
    name: `${random.pick(companies)} ${random.pick(trades)} ${i + 1}`
  }))
  yield* sql`insert into shop.account select * from
    jsonb_populate_recordset(null::shop.account, ${JSON.stringify(accounts)}::text::jsonb)`
  const ids = accounts.map((account) => account.id)
  const rows = noRows()
  const others = Math.max(0, customers - 4)
  for (let no = 1; no <= others; no++) addCustomer(rows, random, no, ids, opening)
  const twins = [
    // Merged, the first is a first-time shopper under both ids, and the second is none any more.
    addTwins(rows, random, others + 1, [0, 1]),
    addTwins(rows, random, others + 3, [1, 1])
  ]
  yield* write(rows)
  return { accounts: ids, twins }
})

/**
 * Counts what stands in the tables.
 *
 * @category combinators
 * @since 0.1.0
 */
export const size = Effect.fnUntraced(function* (): Effect.fn.Return<Size, SqlError.SqlError, SqlClient.SqlClient> {
  const sql = yield* SqlClient.SqlClient
  const [row] = yield* sql<Size>`
    select (select count(*)::int from shop.customer) as customers, (select count(*)::int from shop.email) as addresses,
      (select count(*)::int from shop.orders) as orders, (select count(*)::int from shop.account) as accounts,
      (select count(*)::int from (select 1 from shop.email group by customer_id having count(*) > 1) e)
        as "severalAddresses",
      (select count(*)::int from shop.customer where first_name is null and last_name is null) as nameless`
  return row ?? { customers: 0, addresses: 0, orders: 0, accounts: 0, severalAddresses: 0, nameless: 0 }
})
