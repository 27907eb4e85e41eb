// What the Chinook music shop tells its tools. README.md says how to run it.
import { Adwords } from "@tributary/destination-adwords"
import { Braze } from "@tributary/destination-braze"
import { Zendesk } from "@tributary/destination-zendesk"
import { Activation, Audience, ComputedTrait, Config, defineConfig, Source, sql } from "@tributary/runtime"

// The shop's database is only read. What is known and what was told is kept in the store, at DATABASE_URL.
const shop = Source.postgres(Config.Redacted("CHINOOK_URL"))

// Chinook has phone numbers as people write them, "+55 (12) 3923-5555". Tools want "+551239235555".
const users = shop.users({
  every: "5 minutes",
  query: sql`
    select customer_id, email, '+' || regexp_replace(phone, '\(0\)|[^0-9]', '', 'g') as phone,
      first_name, last_name, country, company
    from customer`,
  id: "customer_id",
  identifiers: { user_id: "customer_id", email: "email", phone: "phone" },
  traits: ["first_name", "last_name", "country"],
  account: "company"
})

// A company is a word in a customer's row, so its name is its id.
const companies = shop.accounts({
  name: "companies",
  every: "1 hour",
  query: sql`select distinct company from customer where company is not null`,
  id: "company",
  identifiers: { group_id: "company" },
  traits: { name: "company" }
})

const totalSpend = ComputedTrait.make("Total spend", {
  of: users,
  every: "5 minutes",
  query: sql`select customer_id as id, sum(total) as value from invoice group by customer_id`
})

// Somebody who bought as much Rock as Latin has one best genre all the same, and the same one at every evaluation:
// the one that they spent more on, else the first by name.
const bestGenre = ComputedTrait.make("Best genre", {
  of: users,
  every: "1 hour",
  query: sql`
    select distinct on (i.customer_id) i.customer_id as id, g.name as value
    from invoice i
    join invoice_line l on l.invoice_id = i.invoice_id
    join track t on t.track_id = l.track_id
    join genre g on g.genre_id = t.genre_id
    group by i.customer_id, g.genre_id, g.name
    order by i.customer_id, sum(l.quantity) desc, sum(l.quantity * l.unit_price) desc, g.name`
})

const bigSpenders = Audience.make("Big spenders", {
  of: users,
  every: "5 minutes",
  query: sql`select customer_id as id from invoice group by customer_id having sum(total) >= ${40}`
})

const companySpend = ComputedTrait.make("Company spend", {
  of: companies,
  every: "1 hour",
  query: sql`
    select c.company as id, sum(i.total) as value
    from customer c join invoice i on i.customer_id = c.customer_id
    where c.company is not null
    group by c.company`
})

const keyCompanies = Audience.make("Key companies", {
  of: companies,
  every: "1 hour",
  query: sql`
    select c.company as id
    from customer c join invoice i on i.customer_id = c.customer_id
    where c.company is not null
    group by c.company
    having sum(i.total) >= ${39}`
})

// Addresses come from the environment like the secrets, so that the same configuration talks to sandboxes and vendors.
const braze = Braze.destination("braze", {
  endpoint: Config.String("BRAZE_ENDPOINT"),
  apiKey: Config.Redacted("BRAZE_API_KEY")
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
  baseUrl: Config.String("ADS_URL").pipe(Config.withDefault("https://datamanager.googleapis.com")),
  tokenUrl: Config.String("ADS_TOKEN_URL").pipe(Config.withDefault("https://oauth2.googleapis.com/token"))
})

const zendesk = Zendesk.destination("zendesk", {
  subdomain: Config.String("ZENDESK_SUBDOMAIN"),
  oauth: {
    clientId: Config.String("ZENDESK_CLIENT_ID"),
    clientSecret: Config.Redacted("ZENDESK_CLIENT_SECRET"),
    refreshToken: Config.Redacted("ZENDESK_REFRESH_TOKEN")
  },
  baseUrl: Config.String("ZENDESK_URL")
})

export default defineConfig({
  space: "chinook",
  activations: [
    // Braze: attributes of everybody, and an event for whoever becomes a big spender or is none any more.
    Activation.events(totalSpend, braze),
    Activation.events(bestGenre, braze),
    Activation.events(bigSpenders, braze, {
      calls: ["identify", "track"],
      events: { entered: "Became a big spender", exited: "Is no big spender any more" }
    }),
    // Braze has no companies: this audience of companies is told of each of their customers.
    Activation.events(keyCompanies, braze, { accounts: "users" }),

    // Zendesk: fields of users, and of companies as organizations that their users join.
    Activation.events(totalSpend, zendesk),
    Activation.events(bigSpenders, zendesk),
    Activation.events(companySpend, zendesk),

    // Google Ads makes lists of addresses and phone numbers; the shop's ids mean nothing there.
    Activation.list(bigSpenders, ads, { identifiers: { user_id: "none" } })
  ]
})
