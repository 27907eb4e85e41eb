import { make as makeBraze } from "@tributary/destination-braze/sandbox"
import { assert } from "@effect/vitest"
import * as fs from "node:fs"
import * as path from "node:path"
import { afterAll, beforeAll, describe, it } from "vitest"
import {
  config,
  ends,
  type Folder,
  makeFolders,
  mark,
  type Ran,
  serveVendor,
  timesTold,
  type Vendor
} from "./support/command.ts"

const apiKey = `key-${mark}`
const folders = makeFolders()
let vendor: Vendor
let environment: Readonly<Record<string, string>>

beforeAll(async () => {
  vendor = await serveVendor(makeBraze({ apiKey, limit: false, blacklist: ["c3"] }))
  environment = { BRAZE_ENDPOINT: vendor.baseUrl, BRAZE_KEY: apiKey }
})
afterAll(async () => {
  await vendor.close()
  folders.remove()
})

const sent = () => [...timesTold(vendor).values()].reduce((sum, count) => sum + count, 0)

describe("help", () => {
  const commands =
    "init check preview sync start status rejections retry pause resume approve resync baseline sandbox".split(" ")

  it("of every command has an example, and needs no configuration", async () => {
    const folder = folders.empty()
    for (const command of commands) ends(await folder.run(command, "--help"), 0, "EXAMPLES", `tributary ${command}`)
    ends(await folder.run("--help"), 0, ...commands)
    // And the process itself.
    ends(await folder.runProcess("--help"), 0, ...commands)
  })

  it("is what an unknown command, an unknown flag and a missing argument get, with exit code 2", async () => {
    const folder = folders.empty()
    ends(await folder.run("synch"), 2, "synch")
    ends(await folder.run("sync", "--bogus"), 2, "--bogus")
    ends(await folder.runProcess("preview"), 2, "activation")
  })
})

describe("a company's first hour", () => {
  let folder: Folder
  const spenders = (...ids: ReadonlyArray<string>) =>
    folder.write({ "big_spenders.csv": ["customer_id", ...ids, ""].join("\n") })
  const json = async (...args: ReadonlyArray<string>) => {
    const ran = await folder.run(...args, "--json")
    assert.oneOf(ran.code, [0, 2, 3, 4], ran.said)
    return JSON.parse(ran.stdout)
  }
  const spending = async () =>
    (await json("status")).activations.find((row: any) => row.activation === "braze/big_spenders")

  it("init writes a configuration that holds together, and overwrites nothing", async () => {
    folder = folders.empty()
    ends(await folder.run("init"), 0, "tributary.config.ts")
    ends(await folder.run("init"), 2, "already has tributary.config.ts", "nothing was written")
    folder.write({ file: "" })
    ends(await folder.run("init", "file/below"), 2, "Cannot write")
    const text = fs.readFileSync(path.join(folder.path, "tributary.config.ts"), "utf8")
    const holds = `events: { entered: "Became a big spender" }`
    assert.include(text, holds)
    folder.write({
      "tributary.config.ts": text.replace(holds, `${holds}, hold: { share: 0.3, least: 1 }`),
      ".env": `BRAZE_ENDPOINT=${vendor.baseUrl}\nBRAZE_KEY=${apiKey}\n`
    })
  })

  it("check and preview look at it, and leave no store and no request behind", async () => {
    const [check, preview] = await Promise.all([
      folder.run("check"),
      folder.run("preview", "braze/big_spenders", "--sample", "1")
    ])
    ends(check, 0, "Everything is in order")
    ends(preview, 0, "1 identify, 1 track", "<redacted>", "Nothing was sent, and nothing was written.")
    assert.isFalse(folder.has(".tributary"))
    assert.strictEqual(vendor.bodies.length, 0)
  })

  it("check and preview print JSON once there is a store, too", async () => {
    ends(await folder.run("status"), 0, "tributary sync")
    assert.deepStrictEqual((await json("check")).mistakes, [])
    const previewed = await json("preview", "braze/big_spenders")
    assert.strictEqual(previewed.requests[0].headers.authorization, "<redacted>")
    assert.strictEqual(vendor.bodies.length, 0)
  })

  it("sync sends everything, names what was rejected, and then has nothing to send", async () => {
    // A process: what `.env` says reaches it, and its exit code is the command's.
    const process = await folder.runProcess("sync", "--json")
    ends(process, 4)
    const report = JSON.parse(process.stdout)
    const [revenue, spent] = report.activations
    assert.deepStrictEqual([revenue.identify, revenue.rejected, revenue.ending], [2, 1, "synced"])
    assert.deepStrictEqual([revenue.rejections.length, revenue.unconfirmed, revenue.notConfirmed], [1, 0, []])
    assert.deepStrictEqual([spent.identify, spent.track, spent.ending], [1, 1, "synced"])
    vendor.bodies.length = 0
    ends(await folder.run("sync"), 0, "synced")
    assert.strictEqual(sent(), 0)
    ends(await folder.run("sync", "braze/nobody"), 2, `There is no activation "braze/nobody"`, "braze/big_spenders")
  })

  it("status and rejections say how it stands, identifiers masked, and retry tries again", async () => {
    ends(await folder.run("status"), 0, "braze/big_spenders", "active")
    const { pending, sent } = await spending()
    assert.deepStrictEqual([sent, pending], [4, 0])
    const rejections = await folder.run("rejections")
    ends(rejections, 0, "braze/total_revenue_180_days", "c3")
    assert.notInclude(rejections.said, "alan@example.com")
    // Braze joins identifiers (R44): the record of c3 was refused with both of its identifiers.
    assert.strictEqual((await json("rejections", "braze/total_revenue_180_days", "--limit", "5")).length, 2)
    ends(await folder.run("retry"), 2, "--all")
    ends(await folder.run("retry", "braze/total_revenue_180_days", "c9"), 2, "c9")
    assert.deepStrictEqual(await json("retry", "braze/total_revenue_180_days", "c3"), { retried: 2 })
  })

  it("pause keeps changes, and resume sends them", async () => {
    spenders("c1", "c2")
    assert.deepStrictEqual(await json("pause", "braze/big_spenders"), {
      activation: "braze/big_spenders",
      done: "pause"
    })
    ends(await folder.run("sync", "braze/big_spenders"), 0, "paused")
    assert.strictEqual(sent(), 0)
    const { pending, state } = await spending()
    assert.deepStrictEqual([state, pending], ["paused", 1])
    ends(await folder.run("resume", "braze/big_spenders"), 0, "next sync")
    ends(await folder.run("sync", "braze/big_spenders"), 0)
    assert.deepStrictEqual([...timesTold(vendor)], [["c1", 2]])
  })

  it("a sync that would remove too many is held with exit code 3, until approve", async () => {
    ends(await folder.run("approve", "braze/big_spenders"), 2, "is not held")
    spenders()
    ends(await folder.run("sync", "braze/big_spenders"), 3, "Held", "tributary approve braze/big_spenders")
    assert.strictEqual(sent(), 0)
    assert.strictEqual((await spending()).state, "held")
    ends(await folder.run("approve", "braze/big_spenders"), 0, "may go ahead")
    ends(await folder.run("sync", "braze/big_spenders"), 0)
    assert.strictEqual(timesTold(vendor).size, 2)
  })

  it("baseline takes new members as sent, and resync sends everything again", async () => {
    spenders("c1", "c2")
    ends(await folder.run("baseline", "braze/big_spenders"), 0, "sends nothing")
    ends(await folder.run("sync", "braze/big_spenders"), 0)
    assert.strictEqual(sent(), 0)
    ends(await folder.run("resync", "braze/big_spenders"), 0, "everything again")
    ends(await folder.run("sync", "braze/big_spenders"), 0)
    assert.strictEqual(sent(), 4)
    ends(await folder.run("resync", "braze/nobody"), 2, "braze/nobody")
  })

  it("sandbox serves a vendor to try things on, and refuses what it cannot serve", async () => {
    const sandbox = folder.start("sandbox", "braze", "--json")
    await sandbox.says("}")
    const { baseUrl } = JSON.parse(sandbox.stdout())
    assert.strictEqual((await fetch(`${baseUrl}/_sandbox/state`)).status, 200)
    ends(await folder.run("sandbox", "braze", "--port", new URL(baseUrl).port), 2, "Choose another port")
    ends(await folder.run("sandbox", "nobody"), 2, "@tributary/destination-nobody")
    sandbox.kill("SIGINT")
    await sandbox.ended
  })
})

describe("mistakes", () => {
  it("a wrong config path says where it looked and what writes one", async () => {
    const folder = folders.empty()
    ends(await folder.run("sync", "--config", "nowhere.ts"), 2, path.join(folder.path, "nowhere.ts"), "tributary init")
    assert.isFalse(folder.has(".tributary"))
  })

  it("a config that does not load says why and in which line", async () => {
    const folder = folders.empty({
      "throws.ts": `\n\nthrow new Error("no luck today")\n`,
      "broken.ts": "export default {{",
      "other.ts": "export default 1",
      "missing.ts": `import "@tributary/destination-nobody"`
    })
    // The line is Node's to know.
    ends(await folder.runProcess("check", "-c", "throws.ts"), 2, "no luck today", "line 3")
    ends(await folder.run("check", "-c", "broken.ts"), 2, "broken.ts does not load")
    ends(await folder.run("check", "-c", "other.ts"), 2, "defineConfig")
    ends(await folder.run("check", "-c", "missing.ts"), 2, "@tributary/destination-nobody")
  })

  it("a mapping of a trait that nobody has names the path, the trait and those there are", async () => {
    const folder = folders.empty(config("", `Activation.events(everybody, braze, { traits: { x: "nope" } })`))
    ends(await folder.run("sync"), 2, `"braze/everybody".traits.x`, `"nope"`, "name")
    assert.isFalse(folder.has(".tributary"))
  })

  describe("of data", () => {
    const lines = `
const others = store.users({ name: "others", query: sql\`values ('o1', 'Ada'), ('o1', 'Eve')\`, id: "column1", identifiers: { user_id: "column1" }, traits: { name: "column2" } })
const failing = Audience.make("Failing", { of: users, query: sql\`select id from no_such_table\` })
const twice = ComputedTrait.make("Twice", { of: users, query: sql\`select 'u1' as id, n as value from generate_series(1, 2) n\` })
const nobody = Audience.make("Nobody", { of: users, query: sql\`select null::text as id\` })
const stray = Audience.make("Stray", { of: others, query: sql\`select 'u1' as id\` })`
    const all = ["everybody", "failing", "twice", "nobody", "stray"]
      .map((name) => `Activation.events(${name}, braze)`)
      .join(", ")
    const sent: ReadonlyArray<readonly [string, ReadonlyArray<string | RegExp>]> = [
      [
        "a duplicate profile with different traits",
        [/profiles "others": profile \S+ comes twice with different traits/]
      ],
      ["a query that fails", [/computation "failing": the query failed: relation "no_such_table" does not exist/]],
      ["two values of a trait for one profile", [/computation "twice": profile \S+ comes twice with different values/]],
      ["a null id", [/computation "nobody": 1 row has no id \(column "id" is null\)/]]
    ]
    let checked: Ran
    let synced: Ran

    beforeAll(async () => {
      const folder = folders.prepared(config(lines, all)).under(environment)
      vendor.bodies.length = 0
      checked = await folder.run("check")
      assert.strictEqual(vendor.bodies.length, 0)
      synced = await folder.run("sync")
    })

    it.each(sent)("%s is named by check (exit code 2) and by sync (exit code 1)", (_, texts) => {
      ends(checked, 2, "There are 4 mistakes", ...texts)
      ends(synced, 1, "Failed: ", ...texts)
    })

    it("the rest is sent all the same", () => {
      assert.deepStrictEqual([...timesTold(vendor).keys()].toSorted(), ["u1", "u2", "u3"])
    })
  })

  it("a plugin that throws stops its destination, and nothing is lost", async () => {
    const plugin = (deliver: string) => `
import { Client, Destination, Outcome, Setting } from "@tributary/core"
import { Effect, Schema } from "effect"
const Rude = Destination.make("rude", { contract: 1, title: "Rude", version: "1", settings: Schema.Struct({ key: Setting.secret }),
  client: () => Client.anonymous("https://rude.example"), limits: [], requires: { identifiers: ["user_id"], properties: {} }
}).event({ calls: ["identify"], batch: { items: 10 }, deliver: (calls) => ${deliver} })
const rude = Rude.destination("rude", { key: Config.Redacted("BRAZE_KEY") })`
    const activation = "Activation.events(everybody, rude)"
    const folder = folders
      .prepared(config(plugin(`{ throw new Error("out of order") }`), activation))
      .under(environment)
    ends(await folder.run("sync"), 1, "out of order", "Nothing is lost")
    ends(await folder.run("status"), 0, "stopped", "out of order")
    folder.write(config(plugin("Effect.succeed(calls.map(() => Outcome.delivered))"), activation))
    ends(await folder.run("resume", "rude/everybody"), 0)
    assert.strictEqual(JSON.parse((await folder.run("sync", "--json")).stdout).activations[0].identify, 3)
  })

  it("refused credentials stop the destination, with the key nowhere to be seen", async () => {
    const folder = folders.prepared(config(""))
    const wrong = folder.under({ ...environment, BRAZE_KEY: `wrong-${mark}` })
    ends(await wrong.run("sync"), 1, "credentials")
    ends(await wrong.run("status"), 0, "stopped")
    const unset = await folder.run("check")
    ends(unset, 2, "BRAZE_ENDPOINT")
  })

  it("a database that does not answer is named without its password", async () => {
    const nobody = `postgres://app:${mark}@127.0.0.1:1/shop`
    const folder = folders.prepared(
      config(
        `const shop = Source.postgres(Config.Redacted("SHOP_URL"))
const away = Audience.make("Away", { of: users, in: shop, query: sql\`select 1 as id\` })`,
        "Activation.events(away, braze), Activation.events(everybody, braze)"
      )
    )
    const source = folder.under({ ...environment, SHOP_URL: nobody })
    ends(await source.run("sync"), 1, /computation "away": its database does not answer: .*127\.0\.0\.1:1/)
    assert.strictEqual(timesTold(vendor).size, 3)
    ends(await folder.under(environment).run("check"), 2, "SHOP_URL")
    ends(
      await folder.under({ ...environment, DATABASE_URL: nobody }).run("status"),
      1,
      "127.0.0.1:1/shop",
      "ECONNREFUSED"
    )
    ends(await folder.under({ DATABASE_URL: mark }).run("status"), 1, "DATABASE_URL")
  })
})
