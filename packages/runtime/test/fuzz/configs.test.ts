// Configurations by the thousand: taken, or refused with every mistake and its path; never a stack trace.
import { assert, describe, it } from "@effect/vitest"
import { Activation } from "@tributary/core/runtime"
import { Adwords } from "@tributary/destination-adwords"
import { Braze } from "@tributary/destination-braze"
import { Zendesk } from "@tributary/destination-zendesk"
import { Effect, Redacted, Result } from "effect"
import * as fc from "fast-check"
import { Audience, ComputedTrait } from "../../src/config/Computations.ts"
import { defineConfig } from "../../src/config/defineConfig.ts"
import { sql } from "../../src/config/Query.ts"
import { resolve } from "../../src/config/Resolved.ts"
import * as Source from "../../src/config/Source.ts"
import { makeEcho } from "../support/echo.ts"
import { nastyJson, nastyText, parameters } from "./support.ts"

const secret = "s3cr3t-of-the-fuzz"

/** A value that may be as it should, or anything. */
const maybe = (...good: ReadonlyArray<unknown>) =>
  fc.oneof({ weight: 20, arbitrary: fc.constantFrom(...good) }, { weight: 1, arbitrary: nastyJson })

const options = (record: Record<string, fc.Arbitrary<unknown>>) =>
  fc.oneof(fc.constant({}), fc.record(record, { requiredKeys: [] }))

const duration = maybe("5 minutes", "1 hour", 1000, "never", -1, 0, Number.NaN, Number.POSITIVE_INFINITY, "1 fortnight")

const common = {
  identifiers: fc.oneof(
    fc.constant({ user_id: "all" }),
    fc.dictionary(
      fc.constantFrom("user_id", "email", "fax"),
      maybe("all", "latest", { pick: "latest", max: 2 }, { max: -1 })
    )
  ),
  historical: maybe(true, false),
  newIdentifiers: maybe(true, false),
  hold: maybe(false, { share: 0.5 }, { share: 7 }, { least: -3 }),
  onRemoval: maybe("keep", "exit", "delete")
}

const eventOptions = options({
  ...common,
  calls: maybe(["identify"], ["identify", "track"], ["group"], [], ["page"]),
  accounts: maybe("users", "group"),
  events: maybe({ entered: "In" }, {}),
  traits: maybe({ city: "city" }, { x: "nowhere" })
})
const listOptions = options({ ...common, every: duration, name: nastyText })

const computation = options({ key: maybe("vips", "Bad Key", ""), every: duration, at: maybe("02:30", "25:99") })

const any = (value: unknown) => value as any

describe("bad configurations", () => {
  it("are refused with a path and a sentence, or taken", () => {
    let taken = 0
    let refused = 0
    fc.assert(
      fc.property(
        maybe("acme", "a b", ""),
        computation,
        computation,
        eventOptions,
        listOptions,
        options({ keep: maybe("90 days", "1 second", "never") }),
        (space, first, second, forEvents, forLists, rest) => {
          const build = Effect.try({
            try: () => {
              const users = Source.store().users({
                query: sql`select 1`,
                identifiers: { user_id: "id" },
                traits: ["city"]
              })
              const echo = makeEcho().destination("echo", { baseUrl: "http://127.0.0.1:1" })
              const audience = Audience.make("Vips", any({ of: users, query: sql`select 1`, ...first }))
              const trait = ComputedTrait.make("Revenue", any({ of: users, query: sql`select 1`, ...second }))
              return resolve(
                defineConfig({
                  space: any(space),
                  ...any(rest),
                  activations: [
                    Activation.events(audience, echo, any(forEvents)),
                    Activation.events(trait, echo, any({ ...forEvents, id: "second" })),
                    Activation.list(audience, echo, any({ ...forLists, id: "third" }))
                  ]
                })
              )
            },
            catch: (error) => (error instanceof Error ? `${error.name}: ${error.message}` : String(error))
          })
          const built = Effect.runSync(Effect.result(build))
          if (Result.isFailure(built)) assert.fail(`it threw: ${built.failure}`)
          if (Result.isSuccess(built.success)) {
            taken++
            return
          }
          refused++
          for (const { message, path } of built.success.failure.mistakes) {
            assert.isAbove(path.length, 0)
            assert.isAbove(message.length, 5)
            assert.notMatch(message, /\[object|undefined|\n\s+at /)
          }
        }
      ),
      parameters(3_000)
    )
    assert.isAbove(taken, 5)
    assert.isAbove(refused, 20)
  })

  const hosts = fc.constantFrom(
    "https://rest.fra-01.braze.eu",
    "http://127.0.0.1:4010",
    "http://rest.braze.eu",
    "https://user:pass@rest.braze.eu",
    "https://169.254.169.254",
    "https://[::1]@evil.example",
    "https://rest.braze.eu\r\nX: 1",
    "https://rest.braze.eu?x=",
    "ftp://rest.braze.eu",
    "//evil.example",
    "javascript:alert(1)"
  )
  const secretLike = fc.oneof(
    fc.constant(Redacted.make(secret)),
    nastyText.map((text) => Redacted.make(`${secret}${text}`)),
    nastyJson
  )
  const oauth = options({
    clientId: nastyText,
    clientSecret: secretLike,
    refreshToken: secretLike
  })
  const plugins = [
    [Braze, options({ endpoint: hosts, baseUrl: hosts, apiKey: secretLike })],
    [
      Zendesk,
      options({
        subdomain: maybe("acme", "a.b", "acme/..", "acme@evil", "acme\r\nX: 1", "ACME"),
        oauth,
        baseUrl: hosts,
        tokenUrl: hosts,
        email: nastyText,
        apiToken: secretLike
      })
    ],
    [
      Adwords,
      options({
        accountId: maybe("1234567890", "123-456-7890", "12/../34"),
        oauth,
        consent: maybe({ adUserData: "granted" }, { adUserData: "maybe" }),
        termsOfServiceAccepted: maybe(true, false),
        membershipDays: maybe(30, -1, 1e9, 0.5),
        baseUrl: hosts,
        tokenUrl: hosts
      })
    ]
  ] as const

  for (const [plugin, settings] of plugins) {
    it.effect(`${plugin.declaration.title}: settings are decoded or refused, and no secret is repeated`, () =>
      Effect.promise(() =>
        fc.assert(
          fc.asyncProperty(settings, async (given) => {
            const bound = await Effect.runPromise(
              Effect.result(Effect.suspend(() => plugin.destination("x", any(given)).bind))
            )
            if (Result.isSuccess(bound)) {
              const { host, protocol, username } = new URL(bound.success.client.baseUrl)
              assert.isTrue(protocol === "https:" || host.startsWith("127.0.0.1"), host)
              assert.strictEqual(username, "")
              assert.notMatch(host, /evil|169\.254/)
              return
            }
            const { message } = bound.failure
            assert.include(message, 'destination "x"')
            assert.notInclude(message, secret)
            assert.notMatch(message, /\[object|\n\s+at /)
          }),
          parameters(600)
        )
      )
    )
  }
})
