import { RateLimit } from "@tributary/core"
import { Activation } from "@tributary/core/runtime"
import { assert, it } from "@effect/vitest"
import { Clock, Effect, Redacted } from "effect"
import { TestClock } from "effect/testing"
import type { SourcedActivation } from "../src/config/defineConfig.ts"
import { resolve } from "../src/config/Resolved.ts"
import { preview } from "../src/engine/Preview.ts"
import type { SyncReport } from "../src/engine/SyncOnce.ts"
import { makeEcho } from "./support/echo.ts"
import { describeStores } from "./support/stores.ts"
import { audience, inNewYear, trait, whileTimePasses, type World } from "./support/world.ts"

const shoppers = "First time shopper"

const people = (count: number, from = 0) => Array.from({ length: count }, (_, i) => `u${from + i}`)

/** A preview of the first of these activations, with requests for as many items as a test has. */
const previewFirst = (world: World, activations: ReadonlyArray<SourcedActivation>, sample = 1_000) =>
  Effect.scoped(
    Effect.gen(function* () {
      const resolved = yield* Effect.fromResult(resolve(world.config(...activations)))
      const [activation] = resolved.activations
      if (activation === undefined) return yield* Effect.die("no activation to preview")
      return yield* preview(resolved, activation, { folder: ".", sample })
    })
  )

/** What a sync says that it did, in the preview's words. */
const done = (report: SyncReport) => {
  const { add, discard, group, identify, track } = report.synced[0]?.counts ?? {}
  return { identify, track, group, add, discard }
}

/** Every row of every table of the store. */
const everything = Effect.fnUntraced(function* (world: World) {
  const tables = yield* world.sql<{ name: string }>`
    select table_name as name from information_schema.tables where table_schema = 'tributary' order by 1`
  assert.isAbove(tables.length, 15)
  const contents: Record<string, unknown> = {}
  for (const { name } of tables) {
    const rows = yield* world.sql<{ row: string }>`
      select to_jsonb(t)::text as row from tributary.${world.sql(name)} t order by 1`
    contents[name] = rows.map(({ row }) => row)
  }
  return contents
})

const twenty = people(20).map((id) => ({ id, email: `${id}@example.com` }))

describeStores("R37 preview", (store) => {
  it.effect("R37 counts what the sync then tells, first and after changes", () =>
    inNewYear(store)((world) =>
      Effect.gen(function* () {
        const activations = [
          Activation.events(audience(shoppers), world.destination, { calls: ["identify", "track"], hold: false })
        ]
        yield* world.customers(twenty)
        yield* world.members(shoppers, people(8))
        const first = yield* previewFirst(world, activations)
        assert.deepStrictEqual(first.counts, { identify: 16, track: 16, group: 0, add: 0, discard: 0 })
        assert.deepStrictEqual(done(yield* world.sync(activations)), first.counts)
        yield* world.members(shoppers, people(9, 3))
        const second = yield* previewFirst(world, activations)
        assert.deepStrictEqual(second.counts, { identify: 14, track: 14, group: 0, add: 0, discard: 0 })
        assert.deepStrictEqual(done(yield* world.sync(activations)), second.counts)
        const third = yield* previewFirst(world, activations)
        assert.deepStrictEqual([third.batches, third.seconds, third.requests], [0, 0, []])
      })
    )
  )

  it.effect("R37 counts a list's adds and removals, and what would be rejected with its reason", () =>
    inNewYear(store, { requiresName: true })((world) =>
      Effect.gen(function* () {
        const activations = [Activation.list(audience(shoppers), world.destination, { hold: false })]
        yield* world.customers([...people(6).map((id) => ({ id, name: "Ada" })), { id: "u6" }])
        yield* world.members(shoppers, people(3))
        yield* world.sync(activations)
        yield* TestClock.adjust("2 hours")
        yield* world.members(shoppers, people(6, 1))
        const previewed = yield* previewFirst(world, activations)
        assert.deepStrictEqual(previewed.counts, { identify: 0, track: 0, group: 0, add: 3, discard: 1 })
        assert.strictEqual(previewed.unsendable.length, 1)
        assert.strictEqual(previewed.unsendable[0]?.count, 1)
        assert.include(previewed.unsendable[0]?.reason, `Missing property "name"`)
        const report = yield* world.sync(activations)
        assert.deepStrictEqual(done(report), previewed.counts)
        assert.strictEqual(report.synced[0]?.counts.rejected, 1)
      })
    )
  )

  it.effect("R37 shows the very requests that the vendor then gets for events", () =>
    inNewYear(store, { batch: 100 })((world) =>
      Effect.gen(function* () {
        const sent = [Activation.events(trait("Total revenue"), world.destination, { traits: { given: "first_name" } })]
        yield* world.customers([{ id: "u1", email: "ada@example.com", first_name: "Ada" }, { id: "u2" }])
        yield* world.values("Total revenue", { u1: 450, u2: { eur: 12.5 } })
        const previews = [yield* previewFirst(world, sent)]
        yield* world.sync(sent)
        yield* world.values("Total revenue", { u2: null, u1: 451 })
        previews.push(yield* previewFirst(world, sent))
        yield* world.sync(sent)
        assert.deepStrictEqual(
          previews.flatMap(({ requests }) => requests.map(({ body, method, url }) => [method, url, body])),
          world.vendor.state.requests.map(({ body, path }) => ["POST", `${world.baseUrl}${path}`, body])
        )
        assert.strictEqual(previews.length, world.vendor.state.requests.length)
      })
    )
  )

  it.effect("R37 shows the very requests that the vendor then gets for a list, its creation too", () =>
    inNewYear(store, { batch: 100 })((world) =>
      Effect.gen(function* () {
        const activations = [Activation.list(audience(shoppers), world.destination, { hold: false })]
        const posts = () =>
          world.vendor.state.requests.splice(0).flatMap(({ body, path }) => (body === undefined ? [] : [[path, body]]))
        yield* world.customers(twenty)
        yield* world.members(shoppers, people(5))
        const first = yield* previewFirst(world, activations)
        yield* world.sync(activations)
        const [[, created], [, added]] = posts() as [[string, unknown], [string, unknown]]
        assert.deepStrictEqual(
          first.requests.map(({ body }) => body),
          [created, added]
        )
        yield* TestClock.adjust("2 hours")
        yield* world.members(shoppers, people(5, 2))
        const second = yield* previewFirst(world, activations)
        yield* world.sync(activations)
        assert.deepStrictEqual(
          second.requests.map(({ body, url }) => [url.slice(world.baseUrl.length), body]),
          posts()
        )
      })
    )
  )

  it.effect("R37 shows requests of no more items than were asked for", () =>
    inNewYear(store)((world) =>
      Effect.gen(function* () {
        const activations = [Activation.events(audience(shoppers), world.destination)]
        yield* world.customers(twenty)
        yield* world.members(shoppers, people(20))
        const { counts, requests } = yield* previewFirst(world, activations, 3)
        assert.strictEqual(counts.identify, 40)
        assert.strictEqual(requests.length, 1)
        assert.strictEqual(requests.map(({ body }: { readonly body: any }) => body.batch.length)[0], 3)
        assert.deepStrictEqual((yield* previewFirst(world, activations, 0)).requests, [])
      })
    )
  )

  it.effect("R37 blots out secrets", () =>
    inNewYear(store)((world) =>
      Effect.gen(function* () {
        const secret = "not-to-be-seen"
        const destination = makeEcho().destination("echo", { baseUrl: world.baseUrl, token: Redacted.make(secret) })
        const activations = [Activation.events(audience(shoppers), destination)]
        yield* world.customers(twenty)
        yield* world.members(shoppers, people(2))
        const previewed = yield* previewFirst(world, activations)
        assert.notInclude(JSON.stringify(previewed), secret)
        assert.strictEqual(previewed.requests[0]?.headers["authorization"], "<redacted>")
        yield* world.sync(activations)
        assert.strictEqual(world.vendor.state.requests[0]?.headers["authorization"], `Bearer ${secret}`)
      })
    )
  )

  it.effect("R37 sends nothing and writes nothing, before the first sync and after it", () =>
    inNewYear(store, { requiresName: true })((world) =>
      Effect.gen(function* () {
        const events = Activation.events(audience(shoppers), world.destination, { calls: ["identify", "track"] })
        const list = Activation.list(audience("Regulars"), world.destination, { id: "list" })
        yield* world.customers([{ id: "u1", name: "Ada", company: "c1" }, { id: "u2" }])
        yield* world.members(shoppers, ["u1", "u2"])
        yield* world.members("Regulars", ["u1", "u2"])
        const assertLooksOnly = Effect.gen(function* () {
          const before = yield* everything(world)
          world.vendor.state.requests.splice(0)
          yield* previewFirst(world, [events, list])
          yield* previewFirst(world, [list, events])
          assert.strictEqual(world.vendor.state.requests.length, 0)
          assert.deepStrictEqual(yield* everything(world), before)
        })
        yield* assertLooksOnly
        yield* world.sync([events, list])
        yield* TestClock.adjust("2 hours")
        yield* world.customers([
          { id: "u1", name: "Eve" },
          { id: "u3", name: "Max" }
        ])
        yield* world.members(shoppers, ["u3"])
        yield* world.members("Regulars", ["u3"])
        yield* assertLooksOnly
      })
    )
  )

  it.effect("R37 says that a sync would be held, and why", () =>
    inNewYear(store)((world) =>
      Effect.gen(function* () {
        const activations = [
          Activation.events(audience(shoppers), world.destination, { hold: { share: 0.3, least: 5 } })
        ]
        yield* world.customers(twenty)
        yield* world.members(shoppers, people(20))
        assert.isUndefined((yield* previewFirst(world, activations)).held)
        yield* world.sync(activations)
        yield* world.members(shoppers, people(10))
        const { held } = yield* previewFirst(world, activations)
        assert.include(held, "it would remove 20 identifiers of 10 profiles, 50 %")
        const [synced] = (yield* world.sync(activations)).synced
        assert.deepStrictEqual(synced?.ending, { _tag: "Held", reason: held ?? "" })
      })
    )
  )

  it.effect("R37 says that a sync would take everything as told", () =>
    inNewYear(store)((world) =>
      Effect.gen(function* () {
        const activations = [Activation.events(audience(shoppers), world.destination, { historical: false })]
        yield* world.customers(twenty)
        yield* world.members(shoppers, people(4))
        assert.isTrue((yield* previewFirst(world, activations)).isBaseline)
        yield* world.sync(activations)
        assert.strictEqual(world.sent().length, 0)
        assert.isFalse((yield* previewFirst(world, activations)).isBaseline)
      })
    )
  )

  it.effect("R37 estimates batches and the time that the limits ask for", () =>
    inNewYear(store, { batch: 2, limits: [RateLimit.requests(1, "1 second")] })((world) =>
      Effect.gen(function* () {
        const activations = [Activation.events(audience(shoppers), world.destination)]
        yield* world.customers(people(9).map((id) => ({ id })))
        yield* world.members(shoppers, people(9))
        const { batches, seconds } = yield* previewFirst(world, activations)
        assert.deepStrictEqual([batches, seconds], [5, 4])
        const from = yield* Clock.currentTimeMillis
        yield* whileTimePasses(world.sync(activations))
        assert.isAtLeast((yield* Clock.currentTimeMillis) - from, seconds * 1000)
        assert.strictEqual(world.vendor.state.requests.length, batches)
      })
    )
  )
})
