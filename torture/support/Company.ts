// A small company whose people come, change, merge and go, and what every tool should know of them in the end.
import * as fs from "node:fs"
import * as path from "node:path"
import type { Random } from "./Random.ts"

interface Person {
  /** Ids of the person: its own, and those of people who were merged into it. */
  readonly ids: Array<string>
  name: string
  account: string | undefined
  revenue: number | undefined
  isShopper: boolean
}

export interface Company {
  readonly people: Map<string, Person>
  readonly emails: Map<string, string>
  readonly keyAccounts: Set<string>
  /** Every id and address that there ever was. */
  readonly everKnown: Set<string>
  /** Changes made so far. */
  readonly changes: () => number
  /** Something changes. */
  readonly change: () => void
  /** Somebody new shops, so that every tool has something to hear. */
  readonly newShopper: () => void
  readonly write: (folder: string) => void
}

const accounts = Array.from({ length: 8 }, (_, i) => `a${i}`)

const spelledAgain = (email: string) => (email === email.toLowerCase() ? email.toUpperCase() : email.toLowerCase())

export const company = (random: Random, size: number): Company => {
  const people = new Map<string, Person>()
  const emails = new Map<string, string>()
  const keyAccounts = new Set(accounts.slice(0, 3))
  const everKnown = new Set<string>()
  let born = 0
  let changes = 0
  /** Some are another spelling of an address that there is already, whoever has it. */
  const addEmail = (id: string) => {
    const isSpelling = emails.size > 0 && random.chance(0.2)
    const other = isSpelling ? spelledAgain(random.pick([...emails.keys()])) : undefined
    const email = other ?? `e${++born}@example.com`
    emails.set(email, id)
    everKnown.add(email)
  }
  const add = () => {
    const id = `u${++born}`
    everKnown.add(id)
    people.set(id, {
      ids: [id],
      name: `Ada ${born}`,
      account: random.chance(0.5) ? random.pick(accounts) : undefined,
      revenue: random.chance(0.6) ? random.int(1, 1000) : undefined,
      isShopper: random.chance(0.4)
    })
    for (let i = random.int(0, 2); i > 0; i--) addEmail(id)
    return id
  }
  for (let i = 0; i < size; i++) add()

  const anybody = (): [string, Person] => random.pick([...people])
  const verbs: ReadonlyArray<() => void> = [
    add,
    () => addEmail(anybody()[0]),
    () => void emails.delete(random.pick([...emails.keys()])),
    () => {
      // Spelled otherwise from now on, which no vendor can see.
      const email = random.pick([...emails.keys()])
      const owner = emails.get(email)
      const other = spelledAgain(email)
      if (owner === undefined || emails.has(other)) return
      emails.delete(email)
      emails.set(other, owner)
      everKnown.add(other)
    },
    () => void emails.set(random.pick([...emails.keys()]), anybody()[0]),
    () => void (anybody()[1].isShopper = random.chance(0.5)),
    () => void (anybody()[1].isShopper = random.chance(0.5)),
    () => void (anybody()[1].revenue = random.chance(0.2) ? undefined : random.int(1, 5)),
    () => void (anybody()[1].revenue = random.int(1, 1000)),
    () => void (anybody()[1].account = random.chance(0.3) ? undefined : random.pick(accounts)),
    () => void (anybody()[1].name = `Grace ${random.int(1, 99)}`),
    () => {
      const account = random.pick(accounts)
      if (!keyAccounts.delete(account)) keyAccounts.add(account)
    },
    () => {
      // Merged: whatever the one was known by, the other is known by from now on.
      const [from, gone] = anybody()
      const [into, stays] = anybody()
      if (from === into) return
      stays.ids.push(...gone.ids)
      for (const [email, owner] of emails) if (owner === from) emails.set(email, into)
      people.delete(from)
    },
    () => {
      const [id] = anybody()
      people.delete(id)
      for (const [email, owner] of emails) if (owner === id) emails.delete(email)
    }
  ]
  return {
    people,
    emails,
    keyAccounts,
    everKnown,
    changes: () => changes,
    change: () => {
      changes++
      random.pick(verbs)()
    },
    newShopper: () => {
      changes++
      const id = add()
      addEmail(id)
      const person = people.get(id)
      if (person !== undefined) person.isShopper = true
    },
    write: (folder) => {
      const file = (name: string, rows: ReadonlyArray<object>) => {
        // Whole or not at all: a reader never sees half a file.
        const target = path.join(folder, name)
        fs.writeFileSync(`${target}.new`, rows.map((row) => `${JSON.stringify(row)}\n`).join(""))
        fs.renameSync(`${target}.new`, target)
      }
      const all = [...people]
      file(
        "users.ndjson",
        all.flatMap(([id, { account, ids, name }]) => {
          const base = { id, first_name: name, account: account ?? null }
          const own = [...emails].flatMap(([email, owner]) => (owner === id ? [{ ...base, email }] : []))
          return [...ids.map((user_id) => ({ ...base, user_id })), ...own]
        })
      )
      file(
        "accounts.ndjson",
        accounts.map((id) => ({ id, name: `Account ${id}` }))
      )
      file(
        "shoppers.ndjson",
        all.flatMap(([id, { isShopper }]) => (isShopper ? [{ id }] : []))
      )
      file(
        "key.ndjson",
        [...keyAccounts].map((id) => ({ id }))
      )
      file(
        "revenue.ndjson",
        all.flatMap(([id, { revenue }]) => (revenue === undefined ? [] : [{ id, value: revenue }]))
      )
    }
  }
}

export const config = `import { Activation, Audience, ComputedTrait, Config, defineConfig, Source } from "@tributary/runtime"
import { Adwords } from "@tributary/destination-adwords"
import { Braze } from "@tributary/destination-braze"
import { Zendesk } from "@tributary/destination-zendesk"

const file = (name: string) => Source.ndjson(name + ".ndjson")
const users = file("users").users({ identifiers: { user_id: "user_id", email: "email" }, traits: ["first_name"], account: "account" })
const accounts = file("accounts").accounts({ identifiers: { group_id: "id" }, traits: ["name"] })
const every = "30 seconds"
const shoppers = Audience.make("Shoppers", { of: users, file: file("shoppers"), every })
const key = Audience.make("Key accounts", { of: accounts, file: file("key"), every })
const revenue = ComputedTrait.make("Revenue", { of: users, file: file("revenue"), every })

const braze = Braze.destination("braze", {
  endpoint: "https://rest.fra-01.braze.eu", apiKey: Config.Redacted("BRAZE_KEY"), baseUrl: Config.String("BRAZE_URL")
})
const oauth = (of: string) => ({
  clientId: Config.String(of + "_CLIENT_ID"), clientSecret: Config.Redacted(of + "_CLIENT_SECRET"), refreshToken: Config.Redacted(of + "_REFRESH_TOKEN")
})
const ads = Adwords.destination("ads", {
  accountId: "1234567890", oauth: oauth("ADS"), consent: { adUserData: "granted", adPersonalization: "granted" },
  termsOfServiceAccepted: true, baseUrl: Config.String("ADS_URL"), tokenUrl: Config.String("ADS_TOKEN_URL")
})
const zendesk = Zendesk.destination("zendesk", { subdomain: "acme", oauth: oauth("ZENDESK"), baseUrl: Config.String("ZENDESK_URL") })

const hold = false
export default defineConfig({ space: "torture", activations: [
  Activation.events(revenue, braze, { hold }),
  Activation.events(shoppers, braze, { calls: ["identify", "track"], hold }),
  Activation.events(key, braze, { accounts: "users", hold }),
  Activation.list(shoppers, ads, { identifiers: { user_id: "none" }, hold }),
  Activation.events(shoppers, zendesk, { identifiers: { email: "none" }, hold }),
  Activation.events(key, zendesk, { hold })
] })
`
