import { assert, describe, it } from "@effect/vitest"
import * as AdwordsSandbox from "@tributary/destination-adwords/sandbox"
import * as BrazeSandbox from "@tributary/destination-braze/sandbox"
import * as ZendeskSandbox from "@tributary/destination-zendesk/sandbox"
import { ConfigProvider, Effect } from "effect"
import * as fs from "node:fs"
import * as util from "node:util"
import { resolve } from "../../../packages/runtime/src/config/Resolved.ts"
import config from "../tributary.config.ts"

const example = util.parseEnv(fs.readFileSync(new URL("../.env.example", import.meta.url), "utf8"))

const withEnvironment = (env: Record<string, string | undefined>) =>
  Effect.provideService(
    ConfigProvider.ConfigProvider,
    ConfigProvider.fromEnv({
      env: Object.fromEntries(
        Object.entries(env).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]]))
      )
    })
  )

describe("the Chinook example", () => {
  it.effect("resolves without a mistake", () =>
    Effect.gen(function* () {
      const resolved = yield* Effect.fromResult(resolve(config))
      assert.deepStrictEqual(
        resolved.profiles.map(({ name }) => name),
        ["companies", "users"]
      )
      assert.deepStrictEqual(
        resolved.activations.map(({ calls, collection, form, id }) => [id, form, collection, ...calls].join(" ")),
        [
          "braze/total_spend event users identify",
          "braze/best_genre event users identify",
          "braze/big_spenders event users identify track",
          "braze/key_companies event users identify",
          "zendesk/total_spend event users identify",
          "zendesk/big_spenders event users identify",
          "zendesk/company_spend event accounts group",
          "ads/big_spenders list users"
        ]
      )
    })
  )

  it.effect("connects every destination with the values of .env.example", () =>
    Effect.gen(function* () {
      const { destinations } = yield* Effect.fromResult(resolve(config))
      for (const destination of destinations) yield* destination.bind
    }).pipe(withEnvironment(example))
  )

  it.effect("names every variable that is missing", () =>
    Effect.gen(function* () {
      const { destinations } = yield* Effect.fromResult(resolve(config))
      const refused = yield* Effect.forEach(destinations, ({ bind }) => Effect.flip(bind))
      const text = refused.map(({ message }) => message).join("\n")
      const addressesOfGoogle = new Set(["ADS_URL", "ADS_TOKEN_URL"])
      const databases = new Set(["CHINOOK_URL", "DATABASE_URL"])
      for (const name of Object.keys(example)) {
        if (!addressesOfGoogle.has(name) && !databases.has(name)) assert.include(text, name)
      }
    }).pipe(withEnvironment({}))
  )

  it("has the sandboxes' own keys in .env.example", () => {
    const braze = BrazeSandbox.make().settings("http://127.0.0.1:4010")
    assert.deepStrictEqual([braze["endpoint"], braze["apiKey"]], [example["BRAZE_ENDPOINT"], example["BRAZE_API_KEY"]])
    const ads = AdwordsSandbox.make().settings("http://127.0.0.1:4011")
    assert.deepStrictEqual(
      [ads["baseUrl"], ads["tokenUrl"], ads["accountId"], ads["oauth"]],
      [
        example["ADS_URL"],
        example["ADS_TOKEN_URL"],
        example["ADS_ACCOUNT_ID"],
        {
          clientId: example["ADS_CLIENT_ID"],
          clientSecret: example["ADS_CLIENT_SECRET"],
          refreshToken: example["ADS_REFRESH_TOKEN"]
        }
      ]
    )
    const zendesk = ZendeskSandbox.make().settings("http://127.0.0.1:4012")
    assert.deepStrictEqual(
      [zendesk["baseUrl"], zendesk["subdomain"], zendesk["oauth"]],
      [
        example["ZENDESK_URL"],
        example["ZENDESK_SUBDOMAIN"],
        {
          clientId: example["ZENDESK_CLIENT_ID"],
          clientSecret: example["ZENDESK_CLIENT_SECRET"],
          refreshToken: example["ZENDESK_REFRESH_TOKEN"]
        }
      ]
    )
  })
})
