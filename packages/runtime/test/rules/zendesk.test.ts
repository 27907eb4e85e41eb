// Zendesk end to end: the engine, the plugin, and a fake Zendesk that matches and refuses as the vendor does.
import { assert, it } from "@effect/vitest"
import { Activation } from "@tributary/core/runtime"
import { serve } from "@tributary/core/testing"
import { Zendesk } from "@tributary/destination-zendesk"
import * as ZendeskSandbox from "@tributary/destination-zendesk/sandbox"
import { Config, Effect, Redacted } from "effect"
import { describeStores } from "../support/stores.ts"
import { accounts, audience, inWorld, trait, type World } from "../support/world.ts"

const vips = audience("vip")
const score = trait("score")
const renewal = trait("renewal")
const seats = trait("seats", accounts)
const options = { hold: false } as const

const userFields = [
  { key: "vip", type: "checkbox" },
  { key: "score", type: "decimal" },
  { key: "renewal", type: "date" }
] as const

const connected = Effect.fnUntraced(function* (more: ZendeskSandbox.Options = {}) {
  const requests: Array<{ readonly line: string; readonly body: any }> = []
  // Tests write one person more often in a minute than Zendesk would take, where they are not about that.
  const sandbox = ZendeskSandbox.make({ userFields, writesPerMinute: 100, requestsPerMinute: 100_000, ...more })
  const { baseUrl } = yield* serve({
    ...sandbox,
    handle: (request, now) => {
      const { body, method, path } = request
      if (path.startsWith("/api/")) {
        requests.push({ line: `${method} ${path.slice("/api/v2".length)}`, body: body === "" ? {} : JSON.parse(body) })
      }
      return sandbox.handle(request, now)
    }
  })
  const destination = Zendesk.destination("zendesk", {
    subdomain: "acme",
    oauth: {
      clientId: "tributary",
      clientSecret: Config.succeed(Redacted.make("sandbox-client-secret")),
      refreshToken: Config.succeed(Redacted.make("sandbox-refresh-0"))
    },
    baseUrl,
    tokenUrl: `${baseUrl}/oauth/tokens`
  })
  /** Every user: who they are, and what Zendesk shows of them. */
  const people = () =>
    sandbox
      .state(0)
      .users.map(({ emails, external_id, user_fields }) => [external_id, emails, user_fields])
      .toSorted()
  return { destination, requests, people, state: () => sandbox.state(0) }
})

const refusals = (world: World) =>
  Effect.map(world.rejections, (all) =>
    all.map(({ activation, identifier, reason }) => [activation, identifier, reason])
  )

describeStores("Zendesk", (store) => {
  it.effect("R44 a person with an id and an address is one user, and a changed address becomes the primary one", () =>
    inWorld(store)((world) =>
      Effect.gen(function* () {
        const { destination, people, requests } = yield* connected()
        const activations = [Activation.events(vips, destination, options)]
        yield* world.customers([{ id: "u1", email: "Old@Example.com", name: "Ada" }])
        yield* world.members("vip", ["u1"])
        yield* world.sync(activations)
        assert.deepStrictEqual(people(), [["u1", ["old@example.com"], { vip: true }]])
        yield* world.customers([{ id: "u1", email: "new@example.com", name: "Ada" }])
        requests.length = 0
        yield* world.sync(activations)
        assert.deepStrictEqual(people(), [["u1", ["new@example.com", "old@example.com"], { vip: true }]])
        assert.isFalse(JSON.stringify(requests).includes("false"), "nothing is set back")
        requests.length = 0
        yield* world.sync(activations)
        assert.deepStrictEqual(requests, [])
        assert.deepStrictEqual(yield* refusals(world), [])
      })
    )
  )

  for (const [when, gap] of [
    ["in one batch", false],
    ["in a later sync", true]
  ] as const) {
    for (const newcomer of [true, false]) {
      it.effect(
        `R44 an address moves ${when} to a person ${newcomer ? "whom Zendesk does not know" : "whom Zendesk knows"}`,
        () =>
          inWorld(store)((world) =>
            Effect.gen(function* () {
              const { destination, people } = yield* connected()
              const activations = [
                Activation.events(vips, destination, options),
                Activation.events(score, destination, options)
              ]
              const knows = newcomer ? [] : ["u2"]
              yield* world.customers([
                { id: "u1", email: "shared@example.com", name: "Ada" },
                { id: "u2", name: "Bob" }
              ])
              yield* world.members("vip", ["u1", ...knows])
              yield* world.sync(activations)
              if (gap) {
                yield* world.customers([
                  { id: "u1", email: "ada@example.com", name: "Ada" },
                  { id: "u2", name: "Bob" }
                ])
                yield* world.sync(activations)
              }
              yield* world.customers([
                { id: "u1", email: "ada@example.com", name: "Ada" },
                { id: "u2", email: "Shared@example.com", name: "Bob" }
              ])
              yield* world.members("vip", ["u1", ...knows])
              yield* world.values("score", { u2: 7 })
              yield* world.sync(activations)
              assert.deepStrictEqual(people(), [
                ["u1", ["ada@example.com"], { vip: true }],
                ["u2", ["shared@example.com"], newcomer ? { score: 7 } : { score: 7, vip: true }]
              ])
              assert.deepStrictEqual(yield* refusals(world), [])
            })
          )
      )
    }
  }

  it.effect("R44 two people change addresses with each other", () =>
    inWorld(store)((world) =>
      Effect.gen(function* () {
        const { destination, people } = yield* connected()
        const activations = [Activation.events(vips, destination, options)]
        const both = (one: string, other: string) =>
          world.customers([
            { id: "u1", email: one, name: "Ada" },
            { id: "u2", email: other, name: "Bob" }
          ])
        yield* both("a@example.com", "b@example.com")
        yield* world.members("vip", ["u1", "u2"])
        yield* world.sync(activations)
        yield* both("b@example.com", "a@example.com")
        yield* world.sync(activations)
        assert.deepStrictEqual(
          people().map(([id, emails]) => [id, (emails as ReadonlyArray<string>)[0]]),
          [
            ["u1", "b@example.com"],
            ["u2", "a@example.com"]
          ]
        )
      })
    )
  )

  it.effect("R44 whom Zendesk knows by the address alone is one user with the id, and is not doubled", () =>
    inWorld(store)((world) =>
      Effect.gen(function* () {
        const { destination, people } = yield* connected()
        const by = (type: "user_id" | "email") => [
          Activation.events(vips, destination, { ...options, identifiers: { [type]: "none" } })
        ]
        yield* world.customers([{ id: "u1", email: "ada@example.com", name: "Ada" }])
        yield* world.members("vip", ["u1"])
        yield* world.sync(by("user_id"))
        assert.deepStrictEqual(people(), [[null, ["ada@example.com"], { vip: true }]])
        yield* world.values("score", { u1: 3 })
        yield* world.sync([
          Activation.events(vips, destination, options),
          Activation.events(score, destination, options)
        ])
        assert.deepStrictEqual(people(), [["u1", ["ada@example.com"], { score: 3, vip: true }]])
      })
    )
  )

  it.effect("R23 an exit reaches the user, and creates nobody whom Zendesk does not have", () =>
    inWorld(store)((world) =>
      Effect.gen(function* () {
        const first = yield* connected()
        yield* world.customers([
          { id: "u1", email: "ada@example.com", name: "Ada" },
          { id: "u2", email: "bob@example.com", name: "Bob" }
        ])
        yield* world.members("vip", ["u1", "u2"])
        yield* world.sync([Activation.events(vips, first.destination, options)])
        yield* world.members("vip", ["u2"])
        yield* world.sync([Activation.events(vips, first.destination, options)])
        assert.deepStrictEqual(first.people(), [
          ["u1", ["ada@example.com"], { vip: false }],
          ["u2", ["bob@example.com"], { vip: true }]
        ])
        // Another account under the same name, where nobody of them is.
        const second = yield* connected()
        yield* world.members("vip", [])
        yield* world.sync([Activation.events(vips, second.destination, options)])
        assert.deepStrictEqual(second.people(), [])
        assert.deepStrictEqual(
          second.requests.map(({ line }) => line),
          ["GET /users/show_many"]
        )
      })
    )
  )

  it.effect("R33 an address that Zendesk refuses is left out, and what else is known of the person goes out", () =>
    inWorld(store)((world) =>
      Effect.gen(function* () {
        const { destination, people } = yield* connected({ agents: ["agent@example.com"] })
        const activations = [Activation.events(vips, destination, options)]
        yield* world.customers([
          { id: "u1", email: "no address", name: "Ada" },
          { id: "u2", email: "agent@example.com", name: "Bob" },
          { id: "u3", email: "eve@example.com", name: "Eve" }
        ])
        yield* world.members("vip", ["u1", "u2", "u3"])
        yield* world.sync(activations)
        assert.deepStrictEqual(people().slice(1), [
          ["u1", [], { vip: true }],
          ["u2", [], { vip: true }],
          ["u3", ["eve@example.com"], { vip: true }]
        ])
        const [agent, odd, ...rest] = yield* refusals(world)
        assert.deepStrictEqual(rest, [])
        assert.deepStrictEqual(odd, [
          "zendesk/vip",
          "email:no address",
          "email is refused: it is not an e-mail address"
        ])
        assert.deepStrictEqual(agent?.slice(0, 2), ["zendesk/vip", "email:agent@example.com"])
        yield* world.members("vip", [])
        yield* world.sync(activations)
        assert.deepStrictEqual(
          people()
            .slice(1)
            .map(([, , fields]) => fields),
          [{ vip: false }, { vip: false }, { vip: false }]
        )
      })
    )
  )

  it.effect("R33 a value that is no day for a date field leaves the other traits of the person alone", () =>
    inWorld(store)((world) =>
      Effect.gen(function* () {
        const { destination, people } = yield* connected()
        const activations = [vips, score, renewal].map((of) => Activation.events(of, destination, options))
        yield* world.customers([
          { id: "u1", email: "ada@example.com", name: "Ada" },
          { id: "u2", name: "Bob" }
        ])
        yield* world.members("vip", ["u1", "u2"])
        yield* world.values("score", { u1: 5, u2: 6 })
        yield* world.values("renewal", { u1: "soon", u2: "2026-12-01" })
        yield* world.sync(activations)
        assert.deepStrictEqual(people(), [
          ["u1", ["ada@example.com"], { score: 5, vip: true }],
          ["u2", [], { renewal: "2026-12-01T00:00:00+00:00", score: 6, vip: true }]
        ])
        const reasons = yield* refusals(world)
        assert.deepStrictEqual(
          [...new Set(reasons.map(([activation, , reason]) => `${activation} ${reason}`))],
          ["zendesk/renewal 422 RecordInvalid: renewal: is not valid for a date (InvalidValue)"]
        )
      })
    )
  )

  it.effect("R33 a sixth write of one user in a minute stops that user alone", () =>
    inWorld(store)((world) =>
      Effect.gen(function* () {
        const { destination, people } = yield* connected({ writesPerMinute: 1 })
        const activations = [Activation.events(score, destination, options)]
        yield* world.customers([
          { id: "u1", name: "Ada" },
          { id: "u2", name: "Bob" }
        ])
        yield* world.values("score", { u1: 1 })
        yield* world.sync(activations)
        yield* world.values("score", { u1: 2, u2: 2 })
        yield* world.sync(activations)
        assert.deepStrictEqual(people(), [
          ["u1", [], { score: 1 }],
          ["u2", [], { score: 2 }]
        ])
        assert.deepStrictEqual(yield* refusals(world), [])
      })
    )
  )

  it.effect("R9 a person who becomes known to Zendesk after their account was sent joins the organization", () =>
    inWorld(store)((world) =>
      Effect.gen(function* () {
        const { destination, requests, state } = yield* connected()
        const activations = [
          Activation.events(seats, destination, options),
          Activation.events(vips, destination, options)
        ]
        yield* world.companies([{ id: "initech", name: "Initech" }])
        const customers = (name: { readonly name?: string }) =>
          world.customers([
            { id: "u1", company: "initech", email: "ada@example.com", name: "Ada" },
            { id: "u2", company: "initech", ...name },
            { id: "u3", company: "initech", name: "Eve" }
          ])
        yield* customers({})
        yield* world.values("seats", { initech: 3 })
        yield* world.members("vip", ["u1", "u2"])
        yield* world.sync(activations)
        const members = () =>
          state()
            .users.filter(({ organization_ids }) => organization_ids.length === 1)
            .map(({ external_id }) => external_id)
            .toSorted()
        assert.deepStrictEqual(members(), ["u1"])
        // One gets a name, and another enters an audience.
        yield* customers({ name: "Bob" })
        yield* world.members("vip", ["u1", "u2", "u3"])
        yield* world.sync(activations)
        assert.deepStrictEqual(members(), ["u1", "u2", "u3"])
        requests.length = 0
        yield* world.sync(activations)
        assert.deepStrictEqual(requests, [])
      })
    )
  )

  it.effect("R43 another case of an id or of an address sends nothing", () =>
    inWorld(store)((world) =>
      Effect.gen(function* () {
        const { destination, requests } = yield* connected()
        const activations = [Activation.events(vips, destination, options)]
        yield* world.customers([{ id: "u1", email: "ada@example.com", name: "Ada" }])
        yield* world.members("vip", ["u1"])
        yield* world.sync(activations)
        requests.length = 0
        yield* world.customers([{ id: "u1", email: " ADA@Example.com", name: "Ada" }])
        yield* world.sync(activations)
        assert.deepStrictEqual(requests, [])
      })
    )
  )
})
