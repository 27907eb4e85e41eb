import { assert, it } from "@effect/vitest"
import { Activation } from "@tributary/core/runtime"
import { serve } from "@tributary/core/testing"
import { Effect } from "effect"
import { makeMatching, makeVendor } from "../support/matching.ts"
import { describeStores } from "../support/stores.ts"
import { audience, inWorld, trait } from "../support/world.ts"

const vips = audience("vips")
const score = trait("score")

const connected = Effect.fnUntraced(function* (options: Parameters<typeof makeMatching>[0] = {}) {
  const vendor = makeVendor()
  const { baseUrl } = yield* serve(vendor.sandbox)
  const destination = makeMatching(options).destination("matching", { baseUrl })
  return { vendor, destination, baseUrl }
})

/** Who came in and who went out, in the order of the requests. */
const traffic = (vendor: ReturnType<typeof makeVendor>) =>
  vendor.requests
    .splice(0)
    .flatMap(({ body, path }) =>
      path.startsWith("/list/") ? body.map((each: any) => `${path.slice(6)} ${each.type}:${each.value}`) : []
    )

describeStores("keys", (store) => {
  it.effect("R43 a change of spelling that the vendor cannot see sends nothing", () =>
    inWorld(store)((world) =>
      Effect.gen(function* () {
        const { destination, vendor } = yield* connected()
        const activations = [Activation.list(vips, destination, { identifiers: { user_id: "none" } })]
        yield* world.customers([{ id: "u1", email: "John.Smith@Example.com" }])
        yield* world.members("vips", ["u1"])
        yield* world.sync(activations)
        assert.deepStrictEqual(traffic(vendor), ["add email:John.Smith@Example.com"])
        yield* world.sql`update tributary.activation set settled_at = null`
        yield* world.customers([{ id: "u1", email: "johnsmith@example.com" }])
        yield* world.sync(activations)
        assert.deepStrictEqual(traffic(vendor), [])
        assert.deepStrictEqual([...vendor.list], ["email:johnsmith@example.com"])
      })
    )
  )

  it.effect("R43 of two spellings of one person one goes, and the person stays", () =>
    inWorld(store)((world) =>
      Effect.gen(function* () {
        const { destination, vendor } = yield* connected()
        const activations = [Activation.list(vips, destination, { identifiers: { user_id: "none" } })]
        yield* world.customers([
          { id: "u1", email: "a.b@example.com" },
          { id: "u1", email: "ab@example.com" }
        ])
        yield* world.members("vips", ["u1"])
        yield* world.sync(activations)
        assert.strictEqual(traffic(vendor).length, 1)
        yield* world.sql`update tributary.activation set settled_at = null`
        yield* world.customers([{ id: "u1", email: "a.b@example.com" }])
        yield* world.sync(activations)
        assert.deepStrictEqual(traffic(vendor), [])
        assert.strictEqual(vendor.list.size, 1)
        yield* world.sql`update tributary.activation set settled_at = null`
        yield* world.members("vips", [])
        yield* world.sync([Activation.list(vips, destination, { identifiers: { user_id: "none" }, hold: false })])
        assert.strictEqual(traffic(vendor).length, 1)
        assert.strictEqual(vendor.list.size, 0)
      })
    )
  )

  it.effect("R43 nobody is removed while another who is wanted has a spelling of the same key", () =>
    inWorld(store)((world) =>
      Effect.gen(function* () {
        const { destination, vendor } = yield* connected()
        const activations = [Activation.list(vips, destination, { identifiers: { user_id: "none" }, hold: false })]
        yield* world.customers([
          { id: "u1", email: "cat@x.example" },
          { id: "u2", email: "Cat@x.example" },
          { id: "u3", email: "dog@x.example" }
        ])
        yield* world.members("vips", ["u1", "u2", "u3"])
        yield* world.sync(activations)
        assert.deepStrictEqual([...vendor.list].toSorted(), ["email:cat@x.example", "email:dog@x.example"])
        traffic(vendor)
        for (const rest of [["u2", "u3"], ["u3"]]) {
          yield* world.sql`update tributary.activation set settled_at = null`
          yield* world.members("vips", rest)
          yield* world.sync(activations)
          assert.deepStrictEqual(traffic(vendor), rest.length === 2 ? [] : ["remove email:Cat@x.example"])
        }
        assert.deepStrictEqual([...vendor.list], ["email:dog@x.example"])
      })
    )
  )

  it.effect("R43 an exit and an entry of one key in one sync leave the person on the list", () =>
    inWorld(store)((world) =>
      Effect.gen(function* () {
        const { destination, vendor } = yield* connected()
        const activations = [Activation.list(vips, destination, { identifiers: { user_id: "none" }, hold: false })]
        yield* world.customers([
          { id: "u1", email: "Ann@x.example" },
          { id: "u2", email: "ann@X.example" }
        ])
        yield* world.members("vips", ["u1"])
        yield* world.sync(activations)
        traffic(vendor)
        yield* world.sql`update tributary.activation set settled_at = null`
        yield* world.members("vips", ["u2"])
        yield* world.sync(activations)
        assert.deepStrictEqual([...vendor.list], ["email:ann@x.example"])
        assert.deepStrictEqual(traffic(vendor), [])
      })
    )
  )

  it.effect("R43 a removal that fails once is not sent when the person came back under another spelling", () =>
    inWorld(store)((world) =>
      Effect.gen(function* () {
        const { destination, vendor } = yield* connected()
        const activations = [Activation.list(vips, destination, { identifiers: { user_id: "none" }, hold: false })]
        yield* world.customers([{ id: "u1", email: "Ann@X.example" }])
        yield* world.members("vips", ["u1"])
        yield* world.sync(activations)
        yield* world.sql`update tributary.activation set settled_at = null`
        yield* world.members("vips", [])
        vendor.answers.push({ path: "/list/remove", status: 503 })
        yield* world.sync(activations, { patience: 1 })
        yield* world.sql`update tributary.activation set settled_at = null`
        yield* world.sql`update tributary.destination set rests_until = null, resting = null`
        yield* world.customers([{ id: "u1", email: "ann@x.example" }])
        yield* world.members("vips", ["u1"])
        yield* world.sync(activations)
        assert.deepStrictEqual([...vendor.list], ["email:ann@x.example"])
      })
    )
  )

  it.effect("R43 one new address of a member sends that address alone", () =>
    inWorld(store)((world) =>
      Effect.gen(function* () {
        const { destination, vendor } = yield* connected()
        const activations = [Activation.list(vips, destination, { identifiers: { user_id: "none" } })]
        yield* world.customers([{ id: "u1", email: "a@x.example" }])
        yield* world.members("vips", ["u1"])
        yield* world.sync(activations)
        traffic(vendor)
        yield* world.sql`update tributary.activation set settled_at = null`
        yield* world.customers([
          { id: "u1", email: "a@x.example" },
          { id: "u1", email: "b@x.example" }
        ])
        yield* world.sync(activations)
        assert.deepStrictEqual(traffic(vendor), ["add email:b@x.example"])
      })
    )
  )

  it.effect("R43 what the vendor cannot take is left out where another identifier suffices, and shown", () =>
    inWorld(store)((world) =>
      Effect.gen(function* () {
        const { destination, vendor } = yield* connected()
        const activations = [Activation.list(vips, destination, { identifiers: { user_id: "none" } })]
        yield* world.customers([{ id: "u1", email: "no address", phone: "+49 176 1234567" }])
        yield* world.members("vips", ["u1"])
        yield* world.sync(activations)
        assert.deepStrictEqual(traffic(vendor), ["add phone:+49 176 1234567"])
        assert.deepStrictEqual(
          (yield* world.rejections).map(({ identifier, reason }) => [identifier, reason]),
          [["email:no address", "email is refused: it is not an address"]]
        )
        yield* world.sql`update tributary.activation set settled_at = null`
        yield* world.sync(activations)
        assert.deepStrictEqual(traffic(vendor), [])
      })
    )
  )

  it.effect("R43 a ledger of spellings becomes one of keys: what was sent is sent again, and nobody is removed", () =>
    inWorld(store)((world) =>
      Effect.gen(function* () {
        const { baseUrl, destination, vendor } = yield* connected({ withoutKeys: true })
        const of = (to: typeof destination) => [
          Activation.list(vips, to, { identifiers: { user_id: "none" }, hold: false })
        ]
        yield* world.customers([{ id: "u1", email: "Ann@X.example" }])
        yield* world.members("vips", ["u1"])
        yield* world.sync(of(destination))
        traffic(vendor)
        yield* world.sql`update tributary.activation set settled_at = null`
        yield* world.customers([{ id: "u1", email: "ann@x.example" }])
        const keyed = makeMatching({ version: "2" }).destination("matching", { baseUrl })
        yield* world.sync(of(keyed))
        assert.deepStrictEqual(traffic(vendor), ["add email:ann@x.example"])
        assert.deepStrictEqual([...vendor.list], ["email:ann@x.example"])
        yield* world.sql`update tributary.activation set settled_at = null`
        yield* world.members("vips", [])
        yield* world.sync(of(keyed))
        assert.deepStrictEqual([...vendor.list], [])
      })
    )
  )
})

describeStores("joined records", (store) => {
  it.effect("R44 a person with an id, an address and a phone is one record with one entry event", () =>
    inWorld(store)((world) =>
      Effect.gen(function* () {
        const { destination, vendor } = yield* connected()
        const activations = [Activation.events(vips, destination, { calls: ["identify", "track"] })]
        yield* world.customers([{ id: "u1", email: "Ada@x.example", phone: "+49 1" }])
        yield* world.members("vips", ["u1"])
        yield* world.sync(activations)
        assert.deepStrictEqual(vendor.people, [
          {
            ids: { user_id: "u1", email: "Ada@x.example", phone: "+49 1" },
            traits: { vips: true },
            events: ["Audience Entered"]
          }
        ])
        yield* world.members("vips", [])
        yield* world.sync([Activation.events(vips, destination, { calls: ["identify", "track"], hold: false })])
        assert.deepStrictEqual(vendor.people[0]?.traits, { vips: false })
        assert.deepStrictEqual(vendor.people[0]?.events, ["Audience Entered", "Audience Exited"])
        assert.strictEqual(vendor.people.length, 1)
      })
    )
  )

  it.effect("R44 a changed address changes the record, and sets nothing back", () =>
    inWorld(store)((world) =>
      Effect.gen(function* () {
        const { destination, vendor } = yield* connected()
        const activations = [Activation.events(vips, destination, { calls: ["identify", "track"] })]
        yield* world.customers([{ id: "u1", email: "old@x.example" }])
        yield* world.members("vips", ["u1"])
        yield* world.sync(activations)
        yield* world.customers([{ id: "u1", email: "new@x.example" }])
        yield* world.sync(activations)
        assert.deepStrictEqual(vendor.people, [
          { ids: { user_id: "u1", email: "new@x.example" }, traits: { vips: true }, events: ["Audience Entered"] }
        ])
      })
    )
  )

  it.effect("R44 an address that moves to another person goes out with that person's record", () =>
    inWorld(store)((world) =>
      Effect.gen(function* () {
        const { destination, vendor } = yield* connected()
        const activations = [Activation.events(vips, destination, { calls: ["identify", "track"] })]
        yield* world.customers([{ id: "u1", email: "a@x.example" }, { id: "u2" }])
        yield* world.members("vips", ["u1", "u2"])
        yield* world.sync(activations)
        yield* world.customers([{ id: "u1" }, { id: "u2", email: "a@x.example" }])
        vendor.requests.length = 0
        yield* world.sync(activations)
        assert.deepStrictEqual(vendor.people[1], {
          ids: { user_id: "u2", email: "a@x.example" },
          traits: { vips: true },
          events: ["Audience Entered"]
        })
        assert.strictEqual(vendor.requests.length, 1)
        yield* world.sync(activations)
        assert.strictEqual(vendor.requests.length, 1)
      })
    )
  )

  it.effect("R44 somebody known by an address who gets a user id is joined, and not doubled", () =>
    inWorld(store)((world) =>
      Effect.gen(function* () {
        const { destination, vendor } = yield* connected()
        const activations = [
          Activation.events(vips, destination, { calls: ["identify", "track"], identifiers: { user_id: "all" } })
        ]
        yield* world.customers([{ id: "u1", email: "ada@x.example" }])
        yield* world.members("vips", ["u1"])
        const anonymous = [
          Activation.events(vips, destination, { calls: ["identify", "track"], identifiers: { user_id: "none" } })
        ]
        yield* world.sync(anonymous)
        assert.deepStrictEqual(vendor.people[0]?.ids, { email: "ada@x.example" })
        yield* world.sql`update tributary.identifier set added_at = now() where type = 'user_id'`
        yield* world.customers([{ id: "u1", email: "ada@x.example", phone: "+1 2" }])
        yield* world.sync(activations)
        assert.deepStrictEqual(vendor.people, [
          {
            ids: { email: "ada@x.example", user_id: "u1", phone: "+1 2" },
            traits: { vips: true },
            events: ["Audience Entered"]
          }
        ])
      })
    )
  )

  it.effect("R33 a value that the vendor refuses does not cost the others of the same call", () =>
    inWorld(store)((world) =>
      Effect.gen(function* () {
        const { destination, vendor } = yield* connected()
        const activations = [Activation.events(vips, destination), Activation.events(score, destination)]
        yield* world.customers([{ id: "u1" }, { id: "u2" }])
        yield* world.members("vips", ["u1", "u2"])
        yield* world.values("score", { u1: "refused", u2: 7 })
        yield* world.sync(activations)
        assert.deepStrictEqual(vendor.people.map(({ ids, traits }) => [ids["user_id"], traits]).toSorted(), [
          ["u1", { vips: true }],
          ["u2", { vips: true, score: 7 }]
        ])
        assert.deepStrictEqual(
          (yield* world.rejections).map(({ activation, identifier, reason }) => [activation, identifier, reason]),
          [["matching/score", "user_id:u1", "the vendor refuses score"]]
        )
      })
    )
  )
})
