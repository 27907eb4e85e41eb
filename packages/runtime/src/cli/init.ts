/**
 * `tributary init`.
 *
 * @since 0.1.0
 */
import { Console, Effect } from "effect"
import * as fs from "node:fs"
import * as path from "node:path"
import { exitCode, type Run, WrongUse } from "./Exit.ts"
import { Surroundings } from "./Surroundings.ts"

const config = `// What this company sends to its marketing tools. "tributary check" finds mistakes in it,
// "tributary preview" shows the exact requests, and "tributary sync" sends them.
import { Activation, Audience, ComputedTrait, Config, defineConfig, Source } from "@tributary/runtime"
import { Braze } from "@tributary/destination-braze"

// Where profiles come from. Here: a file beside this one. Others: Source.postgres(Config.Redacted("SHOP_URL")),
// Source.store() for tables in the store's own database, Source.ndjson("customers.ndjson").
const users = Source.csv("customers.csv").users({
  id: "customer_id",
  identifiers: { user_id: "customer_id", email: "email" }, // what tools may know a person by
  traits: ["first_name", "last_name"],
  every: "1 hour" // or cron: "0 6 * * *"
})

// A computed trait: a value per profile. With SQL sources this is a query that returns id and value.
const revenue = ComputedTrait.make("Total revenue 180 days", {
  of: users,
  file: Source.csv("revenue.csv"), // or query: sql\`select customer_id as id, sum(total) as value from … group by 1\`
  id: "customer_id",
  value: "revenue"
})

// An audience: who is in.
const bigSpenders = Audience.make("Big spenders", {
  of: users,
  file: Source.csv("big_spenders.csv"),
  id: "customer_id"
})

// A destination: a plugin with settings. Secrets come from the environment, or from a file ".env" beside this one.
// Without an account: "tributary sandbox braze --port 4010" is a fake Braze that keeps Braze's rules.
const braze = Braze.destination("braze", {
  endpoint: Config.String("BRAZE_ENDPOINT"),
  apiKey: Config.Redacted("BRAZE_KEY")
})

export default defineConfig({
  space: "my-company",
  activations: [
    Activation.events(revenue, braze),
    Activation.events(bigSpenders, braze, { calls: ["identify", "track"], events: { entered: "Became a big spender" } })
  ]
})
`

const files: Readonly<Record<string, string>> = {
  "tributary.config.ts": config,
  "customers.csv": [
    "customer_id,email,first_name,last_name",
    "c1,ada@example.com,Ada,Lovelace",
    "c2,grace@example.com,Grace,Hopper",
    "c3,alan@example.com,Alan,Turing",
    ""
  ].join("\n"),
  "revenue.csv": ["customer_id,revenue", "c1,450.00", "c2,1200", "c3,80.5", ""].join("\n"),
  "big_spenders.csv": ["customer_id", "c2", ""].join("\n"),
  ".env": ["BRAZE_ENDPOINT=http://127.0.0.1:4010", "BRAZE_KEY=braze-sandbox-key", ""].join("\n")
}

/**
 * Writes a commented configuration and an example that runs against a sandbox. It overwrites nothing.
 *
 * @category commands
 * @since 0.1.0
 */
export const init = (flags: { readonly folder: string }): Run =>
  Effect.gen(function* () {
    const folder = path.resolve((yield* Surroundings).folder, flags.folder)
    const taken = Object.keys(files).filter((name) => fs.existsSync(path.join(folder, name)))
    if (taken.length > 0) {
      return yield* new WrongUse({ reason: `${folder} already has ${taken.join(", ")}; nothing was written.` })
    }
    yield* Effect.try({
      try: () => {
        fs.mkdirSync(folder, { recursive: true })
        for (const [name, text] of Object.entries(files)) fs.writeFileSync(path.join(folder, name), text)
      },
      catch: (error) =>
        new WrongUse({ reason: `Cannot write to ${folder}: ${error instanceof Error ? error.message : String(error)}` })
    })
    const manifest = path.join(folder, "package.json")
    const isModule = !fs.existsSync(manifest) || /"type"\s*:\s*"module"/.test(fs.readFileSync(manifest, "utf8"))
    yield* Console.log(
      [
        `Wrote ${Object.keys(files).join(", ")} to ${folder}.`,
        "",
        "Next:",
        ...(isModule ? [] : [`  set "type": "module" in package.json    (the configuration is an ES module)`]),
        "  tributary sandbox braze --port 4010    (in another terminal: a fake Braze to try things on)",
        "  tributary check                        is everything in order?",
        "  tributary preview braze/big_spenders   the exact requests, without sending them",
        "  tributary sync                         send"
      ].join("\n")
    )
    return exitCode.done
  })
