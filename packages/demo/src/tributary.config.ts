/**
 * The demo's configuration, as a shop would write its own `tributary.config.ts`.
 *
 * @since 0.1.0
 */
import { Adwords } from "@tributary/destination-adwords"
import { Braze } from "@tributary/destination-braze"
import { Zendesk } from "@tributary/destination-zendesk"
import { Activation, Audience, ComputedTrait, Config, defineConfig, Source, sql } from "@tributary/runtime"

// Where the data is: here, tables beside the store's own. Another database is `Source.postgres(Config.Redacted("SHOP_URL"))`.
const shop = Source.store()

// Who there is. A row per identifier: somebody with three addresses comes in three rows. Customers who were merged into
// another one keep their old id as a further `user_id`, so that tools which know it go on hearing of the person.
const users = shop.users({
  every: "5 minutes",
  query: sql`
    select c.id, i.user_id, i.email, c.first_name, c.last_name, c.account_id
    from shop.customer c
    join (
      select id as customer_id, id as user_id, null as email from shop.customer
      union all select into_id, old_id, null from shop.merged
      union all select customer_id, null, email from shop.email
    ) i on i.customer_id = c.id`,
  identifiers: { user_id: "user_id", email: "email" },
  traits: ["first_name", "last_name"],
  account: "account_id"
})

const accounts = shop.accounts({
  every: "1 hour",
  query: sql`select id, name from shop.account`,
  identifiers: { group_id: "id" },
  traits: ["name"]
})

// What is computed of them. A shop would write now(); the demo has a clock of its own, so that every run is the same.
const revenue = ComputedTrait.make("Total revenue 180 days", {
  of: users,
  every: "1 hour",
  query: sql`
    select customer_id as id, sum(total) as value
    from shop.orders, shop.clock
    where placed_at > clock.now - interval '180 days'
    group by customer_id`
})

const lastCategory = ComputedTrait.make("Last viewed category", {
  of: users,
  every: "5 minutes",
  query: sql`
    select distinct on (customer_id) customer_id as id, category as value
    from shop.product_view
    order by customer_id, seen_at desc`
})

const firstTimeShoppers = Audience.make("First time shoppers", {
  of: users,
  every: "5 minutes",
  query: sql`
    select customer_id as id
    from shop.orders, shop.clock
    group by customer_id, clock.now
    having count(*) = 1 and min(placed_at) > clock.now - interval '30 days'`
})

const keyAccounts = Audience.make("Key accounts", {
  of: accounts,
  every: "1 hour",
  query: sql`
    select c.account_id as id
    from shop.orders o join shop.customer c on c.id = o.customer_id, shop.clock
    where c.account_id is not null and o.placed_at > clock.now - interval '180 days'
    group by c.account_id
    having sum(o.total) >= 5000`
})

// Who receives it. Secrets come from the environment. `baseUrl` and `tokenUrl` lead to the demo's sandboxes: leave them out,
// and the same configuration talks to the vendors.
const braze = Braze.destination("braze", {
  endpoint: "https://rest.fra-01.braze.eu",
  apiKey: Config.Redacted("BRAZE_API_KEY"),
  baseUrl: Config.String("BRAZE_URL")
})

const ads = Adwords.destination("ads", {
  accountId: Config.String("ADS_ACCOUNT_ID"),
  oauth: {
    clientId: Config.String("ADS_CLIENT_ID"),
    clientSecret: Config.Redacted("ADS_CLIENT_SECRET"),
    refreshToken: Config.Redacted("ADS_REFRESH_TOKEN")
  },
  consent: { adUserData: "granted", adPersonalization: "granted" },
  termsOfServiceAccepted: true,
  baseUrl: Config.String("ADS_URL"),
  tokenUrl: Config.String("ADS_TOKEN_URL")
})

const zendesk = Zendesk.destination("zendesk", {
  subdomain: "acme",
  oauth: {
    clientId: Config.String("ZENDESK_CLIENT_ID"),
    clientSecret: Config.Redacted("ZENDESK_CLIENT_SECRET"),
    refreshToken: Config.Redacted("ZENDESK_REFRESH_TOKEN")
  },
  baseUrl: Config.String("ZENDESK_URL")
})

export default defineConfig({
  space: "acme",
  activations: [
    // Braze gets everybody: traits and audiences as attributes, and of first-time shoppers also as an event.
    Activation.events(revenue, braze),
    Activation.events(lastCategory, braze),
    Activation.events(firstTimeShoppers, braze, {
      calls: ["identify", "track"],
      events: { entered: "Became a first-time shopper", exited: "Is not a first-time shopper any more" }
    }),
    // An audience of accounts, sent for each of their users.
    Activation.events(keyAccounts, braze, { accounts: "users" }),

    // Google Ads lists are made of addresses; the ids of the shop mean nothing there.
    Activation.list(firstTimeShoppers, ads, { identifiers: { user_id: "none" } }),
    Activation.list(keyAccounts, ads, { identifiers: { user_id: "none" } }),

    // At Zendesk a person is one user, found by the id, with the address that they wrote from first.
    Activation.events(firstTimeShoppers, zendesk),
    Activation.events(keyAccounts, zendesk)
  ]
})
