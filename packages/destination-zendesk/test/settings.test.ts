import { assert, describe, it } from "@effect/vitest"
import { Config, ConfigProvider, Effect, Redacted } from "effect"
import { Zendesk } from "../src/index.ts"

const oauth = {
  clientId: "tributary",
  clientSecret: Redacted.make("client-secret"),
  refreshToken: Redacted.make("refresh-token")
}

describe("settings", () => {
  it.effect("lead to the account's own host, for requests and for tokens", () =>
    Effect.gen(function* () {
      const { client } = yield* Zendesk.destination("zendesk", { subdomain: "acme", oauth }).bind
      assert.strictEqual(client.baseUrl, "https://acme.zendesk.com")
      assert.strictEqual(client.authorization._tag, "RefreshToken")
      assert.propertyVal(client.authorization, "tokenUrl", "https://acme.zendesk.com/oauth/tokens")
      assert.propertyVal(client.authorization, "rotates", true)
      assert.propertyVal(client.authorization, "body", "json")
    })
  )

  it.effect("send tokens where requests go, unless told otherwise", () =>
    Effect.gen(function* () {
      const baseUrl = "https://zendesk.example.com/"
      const proxied = yield* Zendesk.destination("zendesk", { subdomain: "acme", oauth, baseUrl }).bind
      assert.propertyVal(proxied.client.authorization, "tokenUrl", "https://zendesk.example.com/oauth/tokens")
      const tokenUrl = "https://login.example.com/tokens"
      const apart = yield* Zendesk.destination("zendesk", { subdomain: "acme", oauth, baseUrl, tokenUrl }).bind
      assert.propertyVal(apart.client.authorization, "tokenUrl", tokenUrl)
    })
  )

  it.effect("refuse a subdomain that would lead elsewhere", () =>
    Effect.gen(function* () {
      for (const subdomain of ["evil.example.com/", "acme.zendesk.com", "Acme", "a#", "", "-a", "a@b"]) {
        const refused = yield* Effect.flip(Zendesk.destination("zendesk", { subdomain, oauth }).bind)
        assert.strictEqual(refused._tag, "BadSettings")
        assert.include(refused.message, "subdomain")
      }
    })
  )

  it.effect("read secrets from the environment and never show them", () =>
    Effect.gen(function* () {
      const destination = Zendesk.destination("zendesk", {
        subdomain: "acme",
        oauth: { ...oauth, clientSecret: Config.Redacted("ZENDESK_CLIENT_SECRET") }
      })
      const environment = ConfigProvider.fromEnv({ env: { ZENDESK_CLIENT_SECRET: "s3cret-from-env" } })
      const bound = yield* destination.bind.pipe(Effect.provideService(ConfigProvider.ConfigProvider, environment))
      for (const secret of ["s3cret-from-env", "refresh-token"]) {
        assert.notInclude(bound.settingsText, secret)
        assert.notInclude(JSON.stringify(bound.client), secret)
      }
    })
  )
})
