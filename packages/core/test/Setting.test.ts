import { assert, describe, it } from "@effect/vitest"
import { Config, ConfigProvider, Effect, Redacted, Result, Schema } from "effect"
import * as Client from "../src/contract/Client.ts"
import * as Destination from "../src/contract/Destination.ts"
import * as Outcome from "../src/contract/Outcome.ts"
import * as Setting from "../src/contract/Setting.ts"

const taken = (schema: Schema.Codec<string>, value: string) =>
  Result.isSuccess(Schema.decodeUnknownResult(schema)(value))

const sorts = (title: string, schema: Schema.Codec<string>, isTaken: boolean, values: ReadonlyArray<string>) => {
  for (const value of values) {
    it(`${title} ${JSON.stringify(value)} is ${isTaken ? "taken" : "refused"}`, () =>
      assert.strictEqual(taken(schema, value), isTaken))
  }
}

describe("a base URL leads where it should", () => {
  sorts("the address", Setting.baseUrl, true, [
    "https://rest.fra-01.braze.eu",
    "https://api.example.com/v2",
    "https://api.example.com:8443",
    "http://127.0.0.1:4010",
    "http://localhost:4010",
    "http://[::1]:4010"
  ])
  // Into somebody's network, or to the metadata of a cloud, in every spelling that a URL allows.
  sorts("the address", Setting.baseUrl, false, [
    "http://api.example.com",
    "https://169.254.169.254",
    "https://169.254.169.254.",
    "https://0xa9fea9fe",
    "https://2852039166",
    "https://0251.0376.0251.0376",
    "https://10.0.0.1",
    "https://192.168.1.1/admin",
    "https://0.0.0.0",
    "https://[::]",
    "https://[fd00::1]",
    "https://[::ffff:169.254.169.254]",
    "http://127.0.0.1.example.com",
    "http://localhost.example.com",
    "http://127.0.0.1@example.com",
    "https://example.com@169.254.169.254"
  ])
  // What would change the meaning of a path that is appended to it.
  sorts("the address", Setting.baseUrl, false, [
    "",
    "api.example.com",
    "//api.example.com",
    "file:///etc/passwd",
    "ftp://127.0.0.1",
    "javascript:alert(1)",
    "https://user:hunter2@api.example.com",
    "https://hunter2@api.example.com",
    "https://api.example.com?key=1",
    "https://api.example.com#top",
    "https://api.example.com?",
    "https://api.example.com#",
    "https://api.example.com ",
    "https://api.exa\nmple.com",
    "https://api.example.com\r\nHost: evil.example"
  ])
})

describe("a host label is one label", () => {
  sorts("the label", Setting.hostLabel, true, ["acme", "a", "acme-eu1", "x".repeat(63)])
  sorts("the label", Setting.hostLabel, false, [
    "",
    "Acme",
    "acme.evil.example",
    "acme/..",
    "evil.example/",
    "acme:8443",
    "user@acme",
    "acme?",
    "acme#",
    "acme\n",
    "-acme",
    "acme-",
    "äcme",
    "x".repeat(64)
  ])
})

describe("a secret", () => {
  const Example = Destination.make("example", {
    contract: 1,
    title: "Example",
    version: "1",
    settings: Schema.Struct({ baseUrl: Setting.baseUrl, key: Setting.secret }),
    client: (settings) => Client.bearer(settings.baseUrl, settings.key),
    limits: [],
    requires: { identifiers: ["user_id"], properties: {} }
  }).event({
    calls: ["identify"],
    batch: { items: 1 },
    deliver: (calls) => Effect.succeed(Outcome.all(calls, Outcome.delivered))
  })
  const bind = (baseUrl: string, key: string) =>
    Effect.flip(
      Example.destination("ours", { baseUrl, key: Config.Redacted("KEY") }).bind.pipe(
        Effect.provide(ConfigProvider.layer(ConfigProvider.fromUnknown({ KEY: key })))
      )
    )

  it.effect("that would break a header is refused, without being shown", () =>
    Effect.gen(function* () {
      for (const key of ["hunter2\r\nX-Admin: yes", "hunter2 and more", "hunter2é"]) {
        const error = yield* bind("https://api.example.com", key)
        assert.match(error.message, /"ours": key: must be a secret of letters/)
        assert.notInclude(error.message, "hunter2")
        assert.notInclude(JSON.stringify(error), "hunter2")
      }
    })
  )

  it.effect("does not stand in what is said of another setting, nor does a password in an address", () =>
    Effect.gen(function* () {
      const error = yield* bind("https://user:hunter2@169.254.169.254", "sesame")
      assert.match(error.message, /baseUrl: .*must not carry a user name or password/)
      assert.notInclude(error.message, "sesame")
      assert.notInclude(error.message, "hunter2")
    })
  )

  it.effect("does not stand in the text of the settings that rejections are compared by", () =>
    Effect.gen(function* () {
      const destination = Example.destination("ours", {
        baseUrl: "https://api.example.com",
        key: Redacted.make("hunter2")
      })
      const bound = yield* destination.bind
      assert.notInclude(bound.settingsText, "hunter2")
      assert.include(bound.settingsText, "api.example.com")
      assert.notInclude(JSON.stringify(bound), "hunter2")
    })
  )

  it.effect("that is missing is a mistake with its path and what to do", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(
        Example.destination("ours", {
          baseUrl: "https://api.example.com",
          key: Config.Redacted("TRIBUTARY_NO_SUCH")
        }).bind
      )
      assert.match(error.message, /destination "ours": key: .*TRIBUTARY_NO_SUCH; set it in the environment/)
    })
  )
})
