// Plugins as an operator meets them: listed, explained, and refused where they were made for another contract.
import { assert } from "@effect/vitest"
import { afterAll, describe, it } from "vitest"
import { config, ends, makeFolders } from "./support/command.ts"

const folders = makeFolders()
afterAll(() => folders.remove())

const plugin = (name: string, contract: string) => `
import { Client, Destination, Outcome, Setting } from "@tributary/core"
import { Effect, Schema } from "effect"
export const Ours = Destination.make("${name}", { ${contract} title: "Ours", version: "3.1", settings: Schema.Struct({ key: Setting.secret }),
  client: () => Client.anonymous("https://ours.example"), limits: [], requires: { identifiers: ["user_id"], properties: {} }
}).event({ calls: ["identify"], batch: { items: 10 }, deliver: (calls) => Effect.succeed(Outcome.all(calls, Outcome.delivered)) })`

describe("tributary plugins", () => {
  it("lists what is installed, with contract, calls and limits", async () => {
    const listed = await folders.empty().run("plugins")
    ends(listed, 0, "@tributary/destination-zendesk", "identify, group", "50 requests per 1s, 10 requests at a time")
    const all = JSON.parse((await folders.empty().run("plugins", "--json")).stdout)
    const braze = all.find(({ name }: any) => name === "braze")
    assert.deepInclude(braze, { contract: 1, export: "Braze", problem: null })
    assert.strictEqual(braze.settings.properties.apiKey.writeOnly, true)
  })

  it("shows one plugin's page, by its own name or its package's", async () => {
    const page = await folders.empty().run("plugins", "braze")
    ends(page, 0, "# Braze", "`apiKey`", `apiKey: Config.Redacted("BRAZE_API_KEY")`)
    assert.strictEqual((await folders.empty().run("plugins", "@tributary/destination-braze")).stdout, page.stdout)
    ends(await folders.empty().run("plugins", "nobody"), 2, `There is no plugin "nobody" here. Installed:`)
  })

  it("finds packages by their keyword, and says which do not load or do not fit", async () => {
    const folder = folders.empty()
    const install = (name: string, source: string) =>
      folder.write({
        [`node_modules/${name}/package.json`]: JSON.stringify({
          name,
          version: "3.1.0",
          type: "module",
          keywords: ["tributary-destination"],
          exports: "./index.js"
        }),
        [`node_modules/${name}/index.js`]: source
      })
    install("tributary-destination-ours", plugin("ours", "contract: 1,"))
    install("tributary-destination-newer", plugin("newer", "contract: 2,"))
    install("tributary-destination-broken", "throw new Error('out of order')")
    install("tributary-destination-other", "export const nothing = 1")
    // As a process: packages are found and loaded as Node does.
    const { stdout } = await folder.runProcess("plugins")
    assert.match(stdout, /tributary-destination-ours +3\.1\.0 +ours +1 +identify +none/)
    assert.match(stdout, /tributary-destination-newer .*cannot be used: this Tributary takes contract 1/)
    assert.match(stdout, /tributary-destination-broken .*does not load.*out of order/)
    assert.match(stdout, /tributary-destination-other .*it exports no plugin/)
  })

  it("a plugin that was made for another contract is refused by name, before anything is sent", async () => {
    for (const [contract, said] of [
      ["contract: 2,", "version 2"],
      ["", "version ?"]
    ] as const) {
      const folder = folders.prepared(
        config(
          `${plugin("ours", contract)}\nconst ours = Ours.destination("ours", { key: Config.Redacted("OURS_KEY") })`,
          "Activation.events(everybody, ours)"
        )
      )
      for (const command of ["check", "sync"]) {
        ends(
          await folder.run(command),
          2,
          `destination "ours": the plugin "ours" 3.1 was made for ${said}`,
          "takes version 1"
        )
      }
    }
  })
})
