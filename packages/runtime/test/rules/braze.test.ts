// Braze end to end: the engine, the plugin, and a fake Braze that matches and joins as Braze's documents say.
import { assert, it } from "@effect/vitest"
import { Activation } from "@tributary/core/runtime"
import type { Sandbox } from "@tributary/core"
import { serve } from "@tributary/core/testing"
import { Braze } from "@tributary/destination-braze"
import * as BrazeSandbox from "@tributary/destination-braze/sandbox"
import { Config, Effect, Redacted } from "effect"
import { describeStores } from "../support/stores.ts"
import { audience, inWorld, trait } from "../support/world.ts"

const vips = audience("vips")
const score = trait("score")
const book = trait("book")
const calls = ["identify", "track"] as const

const connected = Effect.fnUntraced(function* (sandbox: Sandbox.Sandbox<BrazeSandbox.State> = BrazeSandbox.make()) {
  const requests: Array<{ readonly path: string; readonly body: any }> = []
  const { baseUrl } = yield* serve({
    ...sandbox,
    handle: (request, now) => {
      requests.push({ path: request.path, body: JSON.parse(request.body) })
      return sandbox.handle(request, now)
    }
  })
  const destination = Braze.destination("braze", {
    endpoint: "https://rest.fra-01.braze.eu",
    baseUrl,
    apiKey: Config.succeed(Redacted.make("braze-sandbox-key"))
  })
  /** Every record: who it is, what it holds, and what happened to it. */
  const people = () => {
    const { aliases, count, emails, phones, users } = sandbox.state(0)
    const all = new Map(
      [users, aliases, emails, phones].flatMap((each) => Object.values(each)).map((one) => [one.braze_id, one])
    )
    assert.strictEqual(all.size, count)
    return [...all.values()].map(({ attributes, events, external_id }) => ({
      id: external_id,
      attributes,
      events: events.map(({ name }) => name)
    }))
  }
  return { destination, requests, people }
})

describeStores("Braze", (store) => {
  it.effect("R44 a person with an id, an address and a phone is one record with one entry and one exit", () =>
    inWorld(store)((world) =>
      Effect.gen(function* () {
        const { destination, people, requests } = yield* connected()
        const activations = [Activation.events(vips, destination, { calls, hold: false })]
        yield* world.customers([{ id: "u1", email: "Ada@Example.com", phone: "+49 176 1234567", anonymous_id: "a-1" }])
        yield* world.members("vips", ["u1"])
        yield* world.sync(activations)
        const addresses = { email: "ada@example.com", phone: "+491761234567" }
        assert.deepStrictEqual(people(), [
          { id: "u1", attributes: { ...addresses, vips: true }, events: ["Audience Entered"] }
        ])
        const objects = requests.flatMap(({ body }) => [...(body.attributes ?? []), ...(body.events ?? [])])
        assert.deepStrictEqual(
          objects.map((object) => ({ ...object, time: undefined })),
          [
            { external_id: "u1", ...addresses, vips: true, time: undefined },
            {
              external_id: "u1",
              time: undefined,
              name: "Audience Entered",
              properties: { audience_key: "vips", vips: true }
            }
          ]
        )
        yield* world.members("vips", [])
        yield* world.sync(activations)
        assert.deepStrictEqual(people(), [
          { id: "u1", attributes: { ...addresses, vips: false }, events: ["Audience Entered", "Audience Exited"] }
        ])
      })
    )
  )

  it.effect("R44 a changed address changes the record; a change of its spelling sends nothing (R43)", () =>
    inWorld(store)((world) =>
      Effect.gen(function* () {
        const { destination, people, requests } = yield* connected()
        const activations = [Activation.events(vips, destination, { calls })]
        yield* world.customers([{ id: "u1", email: "old@example.com" }])
        yield* world.members("vips", ["u1"])
        yield* world.sync(activations)
        yield* world.customers([{ id: "u1", email: "new@example.com" }])
        yield* world.sync(activations)
        const held = [{ id: "u1", attributes: { email: "new@example.com", vips: true }, events: ["Audience Entered"] }]
        assert.deepStrictEqual(people(), held)
        requests.splice(0)
        yield* world.customers([{ id: "u1", email: "NEW@example.com" }])
        yield* world.sync(activations)
        assert.deepStrictEqual([requests, people()], [[], held])
      })
    )
  )

  it.effect("R44 of three addresses one stands on the record; the others reach records that exist, and make none", () =>
    inWorld(store)((world) =>
      Effect.gen(function* () {
        const sandbox = BrazeSandbox.make()
        const { destination, people, requests } = yield* connected(sandbox)
        sandbox.handle(
          {
            method: "POST",
            path: "/users/track",
            query: new URLSearchParams(),
            headers: { authorization: "Bearer braze-sandbox-key", "content-type": "application/json" },
            body: JSON.stringify({ attributes: [{ email: "b@example.com", newsletter: true }] })
          },
          0
        )
        yield* world.customers(["a", "b", "c"].map((name) => ({ id: "u1", email: `${name}@example.com` })))
        yield* world.members("vips", ["u1"])
        yield* world.sync([Activation.events(vips, destination, { calls })])
        assert.deepStrictEqual(
          requests.flatMap(({ body }) => body.attributes ?? []),
          [
            { external_id: "u1", email: "a@example.com", vips: true },
            { email: "b@example.com", _update_existing_only: true, vips: true },
            { email: "c@example.com", _update_existing_only: true, vips: true }
          ]
        )
        assert.deepStrictEqual(people(), [
          { id: "u1", attributes: { email: "a@example.com", vips: true }, events: ["Audience Entered"] },
          { id: null, attributes: { email: "b@example.com", newsletter: true, vips: true }, events: [] }
        ])
      })
    )
  )

  for (const [what, known] of [
    ["an address", { email: "ada@example.com" }],
    ["a phone", { phone: "+491761234567" }],
    ["an alias", { anonymous_id: "a-1" }],
    ["all three", { email: "ada@example.com", phone: "+491761234567", anonymous_id: "a-1" }]
  ] as const) {
    it.effect(`R44 somebody known by ${what} who gets a user id is joined, and enters once`, () =>
      inWorld(store)((world) =>
        Effect.gen(function* () {
          const { destination, people, requests } = yield* connected()
          yield* world.customers([{ id: "u1", ...known }])
          yield* world.members("vips", ["u1"])
          yield* world.sync([Activation.events(vips, destination, { calls, identifiers: { user_id: "none" } })])
          assert.deepStrictEqual(
            people().map(({ events, id }) => [id, events]),
            [[null, ["Audience Entered"]]]
          )
          requests.splice(0)
          // The profile gets the id only now, and is looked at again.
          yield* world.sql`update tributary.identifier set added_at = now() where type = 'user_id'`
          yield* world.customers([{ id: "u1", ...known, idfa: "6D92078A-8246-4BA4-AE5B-76104861E7DC" }])
          yield* world.sync([Activation.events(vips, destination, { calls })])
          const { anonymous_id: _, ...addresses } = { anonymous_id: "", ...known }
          assert.deepStrictEqual(people(), [
            { id: "u1", attributes: { ...addresses, vips: true }, events: ["Audience Entered"] }
          ])
          assert.deepStrictEqual(
            requests.map(({ path }) => path),
            ["/users/identify", "/users/track"]
          )
        })
      )
    )
  }

  it.effect("R33 an address that Braze cannot take is left out where the id suffices, and shown", () =>
    inWorld(store)((world) =>
      Effect.gen(function* () {
        const { destination, people } = yield* connected()
        yield* world.customers([
          { id: "u1", email: "no address", phone: "0176 1234567" },
          { id: "u2", email: "grace@example.com" }
        ])
        yield* world.members("vips", ["u1", "u2"])
        yield* world.sync([Activation.events(vips, destination)])
        assert.deepStrictEqual(
          people().map(({ attributes, id }) => [id, attributes]),
          [
            ["u1", { vips: true }],
            ["u2", { email: "grace@example.com", vips: true }]
          ]
        )
        assert.deepStrictEqual(
          (yield* world.rejections).map(({ identifier, reason }) => `${identifier}: ${reason}`),
          [
            "phone:0176 1234567: phone is refused: it is not a phone number with + and a country code (E.164)",
            "email:no address: email is refused: it is not a valid e-mail address for Braze: it needs one @ with something on both sides"
          ]
        )
      })
    )
  )

  it.effect(
    "R33 a text that is too long, or a null within a trait, costs no other trait, no audience and no event",
    () =>
      inWorld(store)((world) =>
        Effect.gen(function* () {
          const { destination, people } = yield* connected()
          yield* world.customers([{ id: "u1", email: "ada@example.com" }])
          yield* world.members("vips", ["u1"])
          yield* world.values("score", { u1: "x".repeat(256) })
          yield* world.values("book", { u1: { title: null } })
          const activations = [
            Activation.events(vips, destination, { calls, hold: false }),
            Activation.events(score, destination),
            Activation.events(book, destination)
          ]
          yield* world.sync(activations)
          assert.deepStrictEqual(people(), [
            { id: "u1", attributes: { email: "ada@example.com", vips: true }, events: ["Audience Entered"] }
          ])
          const reasons = (yield* world.rejections).map(({ activation, reason }) => `${activation}: ${reason}`)
          assert.deepStrictEqual(
            [...new Set(reasons)],
            [
              `braze/book: The value of "book" holds a null, and Braze would drop it in silence.`,
              `braze/score: The value of "score" is longer than the 255 characters that Braze takes.`
            ]
          )
          yield* world.values("score", { u1: 5 })
          yield* world.members("vips", [])
          yield* world.sync(activations)
          assert.deepStrictEqual(people(), [
            {
              id: "u1",
              attributes: { email: "ada@example.com", vips: false, score: 5 },
              events: ["Audience Entered", "Audience Exited"]
            }
          ])
        })
      )
  )

  it.effect("R44 a trait named email is written beside a user id, and wins over the person's address", () =>
    inWorld(store)((world) =>
      Effect.gen(function* () {
        const { destination, people } = yield* connected()
        yield* world.customers([{ id: "u1", email: "ada@example.com", city: "office@example.com" }, { id: "u2" }])
        yield* world.members("vips", ["u1", "u2"])
        yield* world.sync([Activation.events(vips, destination, { traits: { email: "city" } })])
        assert.deepStrictEqual(
          people().map(({ attributes, id }) => [id, attributes]),
          [
            ["u1", { email: "office@example.com", vips: true }],
            ["u2", { vips: true }]
          ]
        )
      })
    )
  )

  it.effect("R27 a deleted person exits, and whom Braze has deleted is not made again", () =>
    inWorld(store)((world) =>
      Effect.gen(function* () {
        const first = yield* connected()
        const activations = (to: typeof first.destination) => [Activation.events(vips, to, { calls, hold: false })]
        yield* world.customers([{ id: "u1", email: "ada@example.com" }])
        yield* world.members("vips", ["u1"])
        yield* world.sync(activations(first.destination))
        first.requests.splice(0)
        yield* world.customers([])
        yield* world.members("vips", [])
        yield* world.sync(activations(first.destination))
        assert.deepStrictEqual(
          first.requests.flatMap(({ body }) => [...(body.attributes ?? []), ...(body.events ?? [])]),
          [
            { external_id: "u1", _update_existing_only: true, vips: false },
            {
              external_id: "u1",
              _update_existing_only: true,
              name: "Audience Exited",
              time: first.requests.flatMap(({ body }) => body.events ?? [])[0]?.time,
              properties: { audience_key: "vips", vips: false }
            }
          ]
        )
        // The same exit at a workspace that does not have the person.
        const other = BrazeSandbox.make()
        for (const { path, body } of first.requests) {
          const headers = { authorization: "Bearer braze-sandbox-key", "content-type": "application/json" }
          other.handle({ method: "POST", path, query: new URLSearchParams(), headers, body: JSON.stringify(body) }, 0)
        }
        assert.strictEqual(other.state(0).count, 0)
      })
    )
  )
})
