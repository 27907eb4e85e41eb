import { Activation } from "@tributary/core/runtime"
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import * as Operations from "../../src/store/activations/Operations.ts"
import type { SourcedActivation } from "../../src/config/defineConfig.ts"
import type { SyncReport } from "../../src/engine/SyncOnce.ts"
import { describeStores } from "../support/stores.ts"
import { audience, inWorld, trait, type World } from "../support/world.ts"

const shoppers = "First time shopper"

const people = (count: number, from = 0) => Array.from({ length: count }, (_, i) => `u${from + i}`)

const ending = (report: SyncReport) => report.synced[0]?.ending

/** So many members, told; then so many left. Answers how the next sync ends, and how many were told of their leaving. */
const afterLeaving = (
  world: World,
  members: number,
  left: number,
  options: Pick<Activation.EventOptions, "hold"> = {}
) =>
  Effect.gen(function* () {
    const activations = [Activation.events(audience(shoppers), world.destination, options)]
    yield* world.customers(people(members).map((id) => ({ id })))
    yield* world.members(shoppers, people(members))
    yield* world.sync(activations)
    assert.strictEqual(world.sent().length, members)
    yield* world.members(shoppers, people(members - left))
    const report = yield* world.sync(activations)
    return { activations, ending: ending(report), sent: world.sent().length }
  })

describeStores("R36 holds", (store) => {
  it.effect("R36 more than 30 % and at least 100: the sync waits, and nothing is sent, additions neither", () =>
    inWorld(store, { batch: 100 })((world) =>
      Effect.gen(function* () {
        const first = yield* afterLeaving(world, 300, 100)
        assert.deepStrictEqual(first.ending, {
          _tag: "Held",
          reason: "it would remove 100 identifiers of 100 profiles, 33 % of the identifiers sent (allowed: 30 %)"
        })
        assert.strictEqual(first.sent, 0)
        yield* world.customers(people(301).map((id) => ({ id })))
        yield* world.members(shoppers, [...people(200), "u300"])
        assert.strictEqual(ending(yield* world.sync(first.activations))?._tag, "Held")
        assert.deepStrictEqual(world.sent(), [])
      })
    )
  )

  it.effect("R36 fewer than 100 go ahead whatever their share is", () =>
    inWorld(store, { batch: 100 })((world) =>
      Effect.gen(function* () {
        const { ending, sent } = yield* afterLeaving(world, 100, 99)
        assert.deepStrictEqual([ending?._tag, sent], ["Synced", 99])
      })
    )
  )

  it.effect("R36 100 or more go ahead where they are 30 % at most", () =>
    inWorld(store, { batch: 100 })((world) =>
      Effect.gen(function* () {
        const { ending, sent } = yield* afterLeaving(world, 400, 120)
        assert.deepStrictEqual([ending?._tag, sent], ["Synced", 120])
      })
    )
  )

  it.effect("R36 a source that turned empty waits, however few it held", () =>
    inWorld(store)((world) =>
      Effect.gen(function* () {
        const { ending, sent } = yield* afterLeaving(world, 2, 2)
        assert.deepStrictEqual(ending, {
          _tag: "Held",
          reason: "its source turned empty: all 2 profiles that were sent (2 identifiers) would be removed"
        })
        assert.strictEqual(sent, 0)
      })
    )
  )

  it.effect("R36 the share and the least are the operator's to set, and hold: false never holds", () =>
    Effect.gen(function* () {
      const run = (hold: Activation.HoldPolicy | false) =>
        inWorld(store)((world) => Effect.map(afterLeaving(world, 10, 2, { hold }), ({ ending }) => ending?._tag))
      assert.strictEqual(yield* run({ share: 0.1, least: 2 }), "Held")
      assert.strictEqual(yield* run({ share: 0.2, least: 2 }), "Synced")
      assert.strictEqual(yield* run({ share: 0.1, least: 3 }), "Synced")
      const emptied = inWorld(store)((world) => afterLeaving(world, 2, 2, { hold: false }))
      assert.strictEqual((yield* emptied).sent, 2)
    })
  )

  it.effect("R36 approve lets it go ahead, once", () =>
    inWorld(store)((world) =>
      Effect.gen(function* () {
        const { activations } = yield* afterLeaving(world, 2, 2)
        const no = yield* world.activation("echo/first_time_shopper")
        assert.isTrue(yield* Operations.approve(no))
        assert.strictEqual(ending(yield* world.sync(activations))?._tag, "Synced")
        assert.strictEqual(world.sent().length, 2)
        assert.isFalse(yield* Operations.approve(no), "nothing is held any more")
        yield* world.members(shoppers, people(2))
        yield* world.sync(activations)
        world.sent()
        yield* world.members(shoppers, [])
        assert.strictEqual(ending(yield* world.sync(activations))?._tag, "Held", "an approval is for one time")
        assert.deepStrictEqual(world.sent(), [])
      })
    )
  )

  it.effect("R36 a source that recovers lets it go by itself, and nobody was told a thing", () =>
    inWorld(store)((world) =>
      Effect.gen(function* () {
        const { activations } = yield* afterLeaving(world, 3, 3)
        yield* world.members(shoppers, ["u0", "u1"])
        assert.strictEqual(ending(yield* world.sync(activations))?._tag, "Synced")
        assert.deepStrictEqual(
          world.sent().map((m) => [m["userId"], m["traits"]]),
          [["u2", { first_time_shopper: false }]]
        )
        const [row] = yield* world.sql<{ held: string | null }>`select held from tributary.activation`
        assert.isNull(row?.held)
      })
    )
  )

  it.effect("R36 the values of a trait that all disappear are held too", () =>
    inWorld(store)((world) =>
      Effect.gen(function* () {
        const activations = [Activation.events(trait("Revenue"), world.destination)]
        yield* world.customers([{ id: "u1" }])
        yield* world.values("Revenue", { u1: 450 })
        yield* world.sync(activations)
        world.sent()
        yield* world.values("Revenue", {})
        assert.strictEqual(ending(yield* world.sync(activations))?._tag, "Held")
        assert.deepStrictEqual(world.sent(), [])
      })
    )
  )

  it.effect("R36 a list that would be emptied is held, and the vendor hears nothing of it", () =>
    inWorld(store)((world) =>
      Effect.gen(function* () {
        const activations = [Activation.list(audience(shoppers), world.destination)]
        yield* world.customers(people(2).map((id) => ({ id })))
        yield* world.members(shoppers, people(2))
        yield* world.sync(activations)
        yield* TestClock.adjust("1 hour")
        yield* world.members(shoppers, [])
        const requests = world.vendor.state.requests.length
        assert.strictEqual(ending(yield* world.sync(activations))?._tag, "Held")
        assert.strictEqual(world.vendor.state.requests.length, requests)
        yield* Operations.approve(yield* world.activation("echo/first_time_shopper"))
        yield* world.sync(activations)
        assert.strictEqual(world.vendor.state.lists.get("list1")?.members.size, 0)
      })
    )
  )
})

describeStores("R38 the operator's verbs", (store) => {
  /** Two members told, by two activations. */
  const start = Effect.fnUntraced(function* (world: World) {
    const activations: ReadonlyArray<SourcedActivation> = [
      Activation.events(audience(shoppers), world.destination, { id: "shoppers" }),
      Activation.events(trait("Revenue"), world.destination, { id: "revenue" })
    ]
    yield* world.customers([{ id: "u1" }, { id: "u2" }, { id: "u3" }])
    yield* world.members(shoppers, ["u1", "u2"])
    yield* world.values("Revenue", { u1: 1, u2: 2 })
    yield* world.sync(activations)
    world.sent()
    return { activations, shoppers: yield* world.activation("shoppers") }
  })
  const lines = (world: World) =>
    world
      .sent()
      .map((m) => `${m["userId"]} ${JSON.stringify(m["traits"])}`)
      .toSorted()

  it.effect("R38 resync sends all of one activation again, once, and nothing of another", () =>
    inWorld(store)((world) =>
      Effect.gen(function* () {
        const { activations, shoppers: no } = yield* start(world)
        yield* Operations.resync(no)
        yield* world.sync(activations)
        assert.deepStrictEqual(lines(world), ['u1 {"first_time_shopper":true}', 'u2 {"first_time_shopper":true}'])
        yield* world.sync(activations)
        assert.deepStrictEqual(lines(world), [])
      })
    )
  )

  it.effect("R38 resync forgets nobody: who leaves meanwhile is told of it", () =>
    inWorld(store)((world) =>
      Effect.gen(function* () {
        const { activations, shoppers: no } = yield* start(world)
        yield* Operations.resync(no)
        yield* world.members(shoppers, ["u2"])
        yield* world.sync(activations)
        assert.deepStrictEqual(lines(world), ['u1 {"first_time_shopper":false}', 'u2 {"first_time_shopper":true}'])
      })
    )
  )

  it.effect("R38 resync tries again what was rejected", () =>
    inWorld(store)((world) =>
      Effect.gen(function* () {
        world.vendor.answerWith((_, body) =>
          body.batch === undefined
            ? undefined
            : { status: 200, body: { outcomes: body.batch.map(() => "no such user") } }
        )
        const { activations, shoppers: no } = yield* start(world)
        world.vendor.answerWith(() => undefined)
        yield* Operations.resync(no)
        yield* world.sync(activations)
        assert.deepStrictEqual(lines(world), ['u1 {"first_time_shopper":true}', 'u2 {"first_time_shopper":true}'])
        assert.deepStrictEqual(
          (yield* world.rejections).map((rejection) => rejection.activation),
          ["revenue", "revenue"]
        )
      })
    )
  )

  it.effect("R38 baseline takes everything as told and sends nothing; changes go on from there", () =>
    inWorld(store)((world) =>
      Effect.gen(function* () {
        const { activations, shoppers: no } = yield* start(world)
        yield* world.members(shoppers, ["u2", "u3"])
        yield* Operations.baseline(no)
        yield* world.sync(activations)
        assert.deepStrictEqual(lines(world), [])
        yield* world.members(shoppers, ["u1", "u2"])
        yield* world.sync(activations)
        assert.deepStrictEqual(lines(world), ['u1 {"first_time_shopper":true}', 'u3 {"first_time_shopper":false}'])
      })
    )
  )

  it.effect("R38 baseline takes what was rejected as told, too", () =>
    inWorld(store)((world) =>
      Effect.gen(function* () {
        world.vendor.answerWith((_, body) =>
          body.batch === undefined
            ? undefined
            : { status: 200, body: { outcomes: body.batch.map(() => "no such user") } }
        )
        const { activations, shoppers: no } = yield* start(world)
        world.vendor.answerWith(() => undefined)
        yield* Operations.baseline(no)
        yield* world.sync(activations)
        assert.deepStrictEqual(lines(world), [])
        assert.deepStrictEqual(
          (yield* world.rejections).map((rejection) => rejection.activation),
          ["revenue", "revenue"]
        )
        yield* world.members(shoppers, ["u2"])
        yield* world.sync(activations)
        assert.deepStrictEqual(lines(world), ['u1 {"first_time_shopper":false}'])
      })
    )
  )

  it.effect("R38 a paused activation sends nothing while others go on, and resume sends the net", () =>
    inWorld(store)((world) =>
      Effect.gen(function* () {
        const { activations, shoppers: no } = yield* start(world)
        yield* Operations.pause(no)
        yield* world.members(shoppers, ["u2"])
        yield* world.values("Revenue", { u1: 10, u2: 2 })
        const report = yield* world.sync(activations)
        assert.deepStrictEqual(lines(world), ['u1 {"revenue":10}'])
        const paused = report.synced.find((synced) => synced.activation === "shoppers")?.ending
        assert.deepStrictEqual(paused, { _tag: "Paused", reason: "paused; `tributary resume` lets it go on" })
        yield* world.members(shoppers, ["u1", "u3"])
        yield* world.sync(activations)
        assert.deepStrictEqual(lines(world), [])
        yield* Operations.resume(no)
        yield* world.sync(activations)
        assert.deepStrictEqual(lines(world), ['u2 {"first_time_shopper":false}', 'u3 {"first_time_shopper":true}'])
      })
    )
  )

  it.effect("R38 a paused list waits, also where its cadence is due", () =>
    inWorld(store)((world) =>
      Effect.gen(function* () {
        const activations = [Activation.list(audience(shoppers), world.destination)]
        yield* world.customers([{ id: "u1" }])
        yield* world.members(shoppers, ["u1"])
        yield* world.sync(activations)
        const no = yield* world.activation("echo/first_time_shopper")
        yield* Operations.pause(no)
        yield* world.customers([{ id: "u1" }, { id: "u2" }])
        yield* world.members(shoppers, ["u1", "u2"])
        yield* TestClock.adjust("1 day")
        assert.strictEqual(ending(yield* world.sync(activations))?._tag, "Paused")
        const list = world.vendor.state.lists.get("list1")
        assert.strictEqual(list?.members.size, 1)
        yield* Operations.resume(no)
        yield* world.sync(activations)
        assert.strictEqual(list?.members.size, 2)
      })
    )
  )
})
