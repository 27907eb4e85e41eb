import { assert, it } from "@effect/vitest"
import { Activation } from "@tributary/core/runtime"
import { serve } from "@tributary/core/testing"
import { Deferred, Effect, Fiber } from "effect"
import * as Operations from "../../src/store/activations/Operations.ts"
import { makeMatching, makeVendor } from "../support/matching.ts"
import { describeEveryStore } from "../support/stores.ts"
import { sql } from "../../src/config/Query.ts"
import * as Source from "../../src/config/Source.ts"
import { audience, inWorld, trait, whileTimePasses, type World } from "../support/world.ts"

const vips = audience("vips")
const score = trait("score")

const connected = Effect.fnUntraced(function* (options: Parameters<typeof makeMatching>[0] = {}) {
  const vendor = makeVendor()
  const { baseUrl } = yield* serve(vendor.sandbox)
  return { vendor, destination: makeMatching(options).destination("matching", { baseUrl }), baseUrl }
})

/** A sync that gives up at the first failure. The limiter rests after one, so time passes. */
const syncing = (world: World, activations: Parameters<World["sync"]>[0]) =>
  whileTimePasses(world.sync(activations, { patience: 1 }), "1 second")

const isDue = (world: World) => world.sql`update tributary.activation set settled_at = null`

describeEveryStore("addresses that are spelled otherwise than their key", (store) => {
  it.effect("R39 R43 an activation that is removed exits everybody, however they are spelled", () =>
    inWorld(store)((world) =>
      Effect.gen(function* () {
        const { destination, vendor } = yield* connected()
        const other = Activation.events(score, destination)
        const list = Activation.list(vips, destination, {
          identifiers: { user_id: "none" },
          hold: false,
          onRemoval: "exit"
        })
        yield* world.customers([{ id: "u1", email: "Ann@X.example" }])
        yield* world.members("vips", ["u1"])
        yield* world.sync([list, other])
        assert.strictEqual(vendor.list.size, 1)
        yield* world.sync([other])
        assert.deepStrictEqual([...vendor.list], [])
      })
    )
  )

  it.effect("R36 R43 exits count for a hold, however they are spelled, and an address of nobody does not", () =>
    inWorld(store)((world) =>
      Effect.gen(function* () {
        const { destination, vendor } = yield* connected()
        const list = Activation.list(vips, destination, {
          identifiers: { user_id: "none" },
          hold: { share: 0.5, least: 1 }
        })
        const email = (id: string) => ({ id, email: `${id}@X.example` })
        yield* world.customers([email("u1"), email("u2"), email("u3")])
        yield* world.members("vips", ["u1", "u2", "u3"])
        yield* world.sync([list])
        yield* isDue(world)
        // Somebody takes up what stood for the key until now: nobody exits.
        yield* world.customers([email("u1"), email("u2"), email("u3"), { id: "u4", email: "u1@x.example" }])
        yield* world.sync([list])
        const isHeld = world.sql<{ held: string | null }>`select held from tributary.activation`
        assert.deepStrictEqual(yield* isHeld, [{ held: null }])
        yield* isDue(world)
        yield* world.members("vips", ["u3"])
        yield* world.sync([list])
        assert.strictEqual(vendor.list.size, 3)
        assert.match((yield* isHeld)[0]?.held ?? "", /would remove 2 identifiers of 2 profiles, 67 %/)
      })
    )
  )

  it.effect("R38 R43 a resync sends everybody again, however they are spelled", () =>
    inWorld(store)((world) =>
      Effect.gen(function* () {
        const { destination, vendor } = yield* connected()
        const list = Activation.list(vips, destination, { id: "list", identifiers: { user_id: "none" }, hold: false })
        yield* world.customers([{ id: "u1", email: "Ann@X.example" }])
        yield* world.members("vips", ["u1"])
        yield* world.sync([list])
        vendor.list.clear()
        yield* isDue(world)
        yield* Operations.resync(yield* world.activation("list"))
        yield* world.sync([list])
        assert.deepStrictEqual([...vendor.list], ["email:ann@x.example"])
      })
    )
  )

  it.effect("R44 what was sent for one identifier each is sent again where records are joined from now on", () =>
    inWorld(store)((world) =>
      Effect.gen(function* () {
        const { destination, vendor } = yield* connected()
        const options = { id: "vips", calls: ["identify"], hold: false } as const
        yield* world.customers([{ id: "u1", email: "Ann@X.example" }])
        yield* world.members("vips", ["u1"])
        yield* world.sync([Activation.events(vips, destination, { ...options, per: "identifier" })])
        vendor.people.splice(0)
        yield* world.sync([Activation.events(vips, destination, options)])
        assert.deepStrictEqual(vendor.people, [
          { ids: { user_id: "u1", email: "Ann@X.example" }, traits: { vips: true }, events: [] }
        ])
      })
    )
  )
})

/** People with several identifiers each: a row for each. */
interface Row {
  readonly id: string
  readonly uid?: string
  readonly email?: string
}

const peopleIn = (world: World) =>
  Effect.map(world.sql`create table person (id text, uid text, email text)`, () => ({
    people: Source.store().users({
      name: "people",
      query: sql`select * from person`,
      identifiers: { user_id: "uid", email: "email" }
    }),
    are: (...rows: ReadonlyArray<Row>) =>
      Effect.andThen(
        world.sql`delete from person`,
        world.sql`insert into person select * from jsonb_populate_recordset(null::person, ${JSON.stringify(rows)}::text::jsonb)`
      )
  }))

describeEveryStore("somebody with several user ids", (store) => {
  it.effect("R21 R44 an id that was another person's second one is written again when its new person comes back", () =>
    inWorld(store)((world) =>
      Effect.gen(function* () {
        const { destination, vendor } = yield* connected()
        const { are, people } = yield* peopleIn(world)
        const activations = [
          Activation.events(audience("vips", people), destination, { calls: ["identify", "track"], hold: false })
        ]
        const flagOf = (uid: string) => vendor.people.find(({ ids }) => ids["user_id"] === uid)?.traits["vips"]
        yield* are({ id: "p0", uid: "z" }, { id: "p1", uid: "a" }, { id: "p1", uid: "b" })
        yield* world.members("vips", ["p0", "p1"])
        yield* world.sync(activations)
        yield* world.members("vips", [])
        yield* world.sync(activations)
        // Merged, and one id is given up: "b" comes second beside "z", as it did beside "a".
        yield* are({ id: "p0", uid: "z" }, { id: "p0", uid: "b" })
        yield* world.sync(activations)
        assert.deepStrictEqual([flagOf("z"), flagOf("b"), flagOf("a")], [false, false, false])
        yield* world.members("vips", ["p0"])
        yield* world.sync(activations)
        assert.deepStrictEqual([flagOf("z"), flagOf("b"), flagOf("a")], [true, true, false])
      })
    )
  )
})

describeEveryStore("an address that moves", (store) => {
  const u1: Row = { id: "p1", uid: "u1" }
  const u2: Row = { id: "p2", uid: "u2" }
  const moves = (id: string): Row => ({ id, email: "moves@x.example" })
  const stays: Row = { id: "p2", email: "stays@x.example" }
  const traitsOf = ({ people }: ReturnType<typeof makeVendor>) =>
    people.map(({ ids, traits }) => [ids["user_id"], traits])

  it.effect("R40 R44 one whose call was not answered brings no values of its new person to its old one's record", () =>
    inWorld(store)((world) =>
      Effect.gen(function* () {
        const { destination, vendor } = yield* connected()
        const { are, people } = yield* peopleIn(world)
        const sync = syncing(world, [Activation.events(trait("score", people), destination, { hold: false })])
        // One of several addresses stands on its person's record: the one that came first.
        yield* are(u1, u2, stays)
        yield* sync
        yield* are(u1, moves("p1"), u2, stays)
        yield* world.values("score", { p1: 1, p2: 2 })
        vendor.state.trouble = 520
        yield* sync
        assert.deepStrictEqual(traitsOf(vendor), [
          ["u1", { score: 1 }],
          ["u2", { score: 2 }]
        ])
        vendor.state.trouble = undefined
        yield* are(u1, u2, stays, moves("p2"))
        yield* sync
        yield* sync
        assert.deepStrictEqual(traitsOf(vendor), [
          ["u1", { score: 1 }],
          ["u2", { score: 2 }]
        ])
      })
    )
  )

  it.effect(
    "R40 R44 one whose call was not answered brings no exit to its old person's record, after the process died",
    () =>
      inWorld(store)((world) =>
        Effect.gen(function* () {
          const taken = yield* Deferred.make<void>()
          let isDying = true
          const { destination, vendor } = yield* connected({
            beforeHeard: () =>
              isDying ? Effect.andThen(Deferred.succeed(taken, undefined), Effect.never) : Effect.void
          })
          const { are, people } = yield* peopleIn(world)
          const sync = syncing(world, [Activation.events(audience("vips", people), destination, { hold: false })])
          yield* are(u1, moves("p1"), u2)
          yield* world.members("vips", ["p1"])
          const dying = yield* Effect.forkChild(sync)
          yield* Deferred.await(taken)
          yield* Fiber.interrupt(dying)
          isDying = false
          yield* are(u1, moves("p2"), u2)
          yield* sync
          yield* sync
          assert.deepStrictEqual(traitsOf(vendor), [["u1", { vips: true }]])
        })
      )
  )

  it.effect("R44 one that went is no exit from the record of a second id of its person", () =>
    inWorld(store)((world) =>
      Effect.gen(function* () {
        const { destination, vendor } = yield* connected()
        const { are, people } = yield* peopleIn(world)
        const flags = ["vips", "regulars"].map((name) =>
          Activation.events(audience(name, people), destination, { calls: ["identify"], hold: false })
        )
        const sync = world.sync(flags)
        const stays: Row = { id: "p1", email: "stays@x.example" }
        yield* are(u1, stays, u2, moves("p2"))
        yield* world.members("vips", ["p1", "p2"])
        yield* sync
        // Merged: the address stands on the record of the second id from before, and another activation begins.
        yield* are(u1, stays, { ...u2, id: "p1" }, moves("p1"))
        yield* world.members("vips", ["p1"])
        yield* world.members("regulars", ["p1"])
        yield* sync
        yield* are(u1, stays, { ...u2, id: "p1" })
        yield* sync
        assert.deepStrictEqual(traitsOf(vendor), [
          ["u1", { vips: true, regulars: true }],
          ["u2", { vips: true, regulars: true }]
        ])
      })
    )
  )
})
