import { Activation, Diff, type SyncResult } from "@tributary/core/runtime"
import { assert, it } from "@effect/vitest"
import { Context, Effect } from "effect"
import { SqlClient } from "effect/sql"
import { TestClock } from "effect/testing"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import type { SourcedActivation } from "../../src/config/defineConfig.ts"
import { resolve } from "../../src/config/Resolved.ts"
import { refreshComputation } from "../../src/engine/Refresh.ts"
import * as Space from "../../src/engine/Space.ts"
import { syncOnce } from "../../src/engine/SyncOnce.ts"
import * as Operations from "../../src/store/activations/Operations.ts"
import { makeEcho } from "../support/echo.ts"
import { describeEveryStore, describeStores } from "../support/stores.ts"
import { audience, defaults, inWorld, trait, whileTimePasses, type World } from "../support/world.ts"

const shoppers = "First time shopper"
const forever = { patience: Number.POSITIVE_INFINITY }

const revenueAt = (destination: World["destination"]) => [Activation.events(trait("Revenue"), destination)]

/** One value each for so many people. */
const withValues = Effect.fnUntraced(function* (world: World, values: Readonly<Record<string, number>>) {
  yield* world.customers(Object.keys(values).map((id) => ({ id })))
  yield* world.values("Revenue", values)
  return revenueAt(world.destination)
})

const sent = (world: World) => world.sent().map((m) => `${m["userId"]} ${m["traits"]["revenue"]}`)

describeStores("R30 historical data", (store) => {
  const start = Effect.fnUntraced(function* (world: World, activations: ReadonlyArray<SourcedActivation>) {
    yield* world.customers([{ id: "u1" }, { id: "u2" }, { id: "u3" }])
    yield* world.members(shoppers, ["u1", "u2"])
    yield* world.sync(activations)
  })

  it.effect("R30 historical: false takes today's members as known and sends only changes", () =>
    inWorld(store)((world) =>
      Effect.gen(function* () {
        const activations = [Activation.events(audience(shoppers), world.destination, { historical: false })]
        yield* start(world, activations)
        assert.deepStrictEqual(world.vendor.state.requests, [])
        yield* world.members(shoppers, ["u2", "u3"])
        yield* world.sync(activations)
        assert.deepStrictEqual(
          world.sent().map((m) => [m["userId"], m["traits"]]),
          [
            ["u1", { first_time_shopper: false }],
            ["u3", { first_time_shopper: true }]
          ]
        )
      })
    )
  )

  it.effect("R30 historical: false takes today's values as known", () =>
    inWorld(store)((world) =>
      Effect.gen(function* () {
        const activations = [Activation.events(trait("Revenue"), world.destination, { historical: false })]
        yield* withValues(world, { u1: 1, u2: 2 })
        yield* world.sync(activations)
        assert.deepStrictEqual(sent(world), [])
        yield* world.values("Revenue", { u1: 1, u2: 20 })
        yield* world.sync(activations)
        assert.deepStrictEqual(sent(world), ["u2 20"])
      })
    )
  )

  it.effect("R30 a destination that cannot take history forces it", () =>
    inWorld(store, { acceptsHistorical: false })((world) =>
      Effect.gen(function* () {
        const activations = [Activation.list(audience(shoppers), world.destination, { historical: true })]
        yield* start(world, activations)
        assert.deepStrictEqual(world.vendor.state.requests, [])
        yield* TestClock.adjust("1 hour")
        yield* world.members(shoppers, ["u1", "u2", "u3"])
        yield* world.sync(activations)
        assert.deepStrictEqual(world.vendor.state.lists.get("list1")?.log, ["add user_id:u3"])
      })
    )
  )
})

describeEveryStore("R32 the latest value wins", (store) => {
  it.effect("R32 a value that changes while the first is in flight is sent after it, and the order holds", () =>
    inWorld(store)((world) =>
      Effect.gen(function* () {
        const services = yield* Effect.context<SqlClient.SqlClient | Diff.Diff>()
        const changeInFlight: (values: Readonly<Record<string, number>>) => Effect.Effect<void> = (values) =>
          Effect.gen(function* () {
            yield* world.values("Revenue", values)
            const resolved = yield* Effect.fromResult(resolve(world.config(...activations)))
            for (const computation of resolved.computations)
              yield* refreshComputation(computation, { folder: ".", full: false })
          }).pipe(Effect.provide(Context.pick(SqlClient.SqlClient, Diff.Diff)(services)), Effect.orDie)
        const inFlight = [
          { u1: 2, u2: 1 },
          { u1: 3, u2: 1 }
        ]
        const beforeHeard = () =>
          Effect.suspend(() => {
            const values = inFlight.shift()
            return values === undefined ? Effect.void : changeInFlight(values)
          })
        const activations = revenueAt(makeEcho({ beforeHeard }).destination("echo", { baseUrl: world.baseUrl }))
        yield* withValues(world, { u1: 1, u2: 1 })
        yield* world.sync(activations)
        assert.deepStrictEqual(sent(world), ["u1 1", "u2 1", "u1 2", "u1 3"])
        yield* world.sync(activations)
        assert.deepStrictEqual(sent(world), [])
      })
    )
  )

  it.effect("R32 of values that came while the vendor was down, only the newest is sent", () =>
    inWorld(store)((world) =>
      Effect.gen(function* () {
        world.vendor.answerWith(() => ({ status: 503 }))
        const activations = yield* withValues(world, { u1: 1 })
        for (const value of [1, 2, 3]) {
          yield* world.values("Revenue", { u1: value })
          const [synced] = (yield* world.sync(activations, { patience: 1 })).synced
          assert.strictEqual(synced?.ending._tag, "GaveUp")
          yield* TestClock.adjust("2 minutes")
        }
        world.vendor.answerWith(() => undefined)
        yield* world.values("Revenue", { u1: 4 })
        yield* world.sync(activations)
        assert.deepStrictEqual(sent(world), ["u1 4"])
      })
    )
  )

  it.effect("R32 who entered and left while the vendor was down is told nothing", () =>
    inWorld(store)((world) =>
      Effect.gen(function* () {
        const activations = [Activation.events(audience(shoppers), world.destination)]
        yield* world.customers([{ id: "u1" }, { id: "u2" }])
        yield* world.members(shoppers, ["u1", "u2"])
        world.vendor.answerWith(() => ({ status: 503 }))
        yield* world.sync(activations, { patience: 1 })
        yield* TestClock.adjust("2 minutes")
        world.vendor.answerWith(() => undefined)
        yield* world.members(shoppers, ["u2"])
        yield* world.sync(activations)
        assert.deepStrictEqual(
          world.sent().map((m) => m["userId"]),
          ["u2"]
        )
      })
    )
  )

  it.effect("R32 a value that the vendor wants later is never sent after a newer one", () =>
    inWorld(store)((world) =>
      Effect.gen(function* () {
        world.vendor.answerWith(() => ({ status: 200, body: { outcomes: ["retry 60000"] } }))
        const activations = yield* withValues(world, { u1: 1 })
        assert.strictEqual((yield* world.sync(activations)).synced[0]?.ending._tag, "Waiting")
        world.vendor.answerWith(() => undefined)
        yield* world.values("Revenue", { u1: 2 })
        yield* world.sync(activations)
        assert.deepStrictEqual(sent(world), ["u1 2"])
        yield* TestClock.adjust("2 minutes")
        yield* world.sync(activations)
        assert.deepStrictEqual(sent(world), [])
      })
    )
  )
})

describeEveryStore("R33 outcomes and failures", (store) => {
  it.effect("R33 each item has its own outcome: one rejected and one for later cost their neighbours nothing", () =>
    inWorld(store)((world) =>
      Effect.gen(function* () {
        const words = ["ok", "no such user", "retry 60000", "ok"]
        world.vendor.answerWith(() => ({ status: 200, body: { outcomes: words } }))
        const activations = yield* withValues(world, { u1: 1, u2: 2, u3: 3, u4: 4 })
        const [synced] = (yield* world.sync(activations)).synced
        assert.deepInclude(synced?.counts, { identify: 2, rejected: 1, postponed: 1 })
        assert.deepStrictEqual(sent(world), ["u1 1", "u4 4"])
        world.vendor.answerWith(() => undefined)
        yield* world.sync(activations)
        assert.deepStrictEqual(sent(world), [], "not before its time")
        yield* TestClock.adjust("1 minute")
        yield* world.sync(activations)
        assert.deepStrictEqual(sent(world), ["u3 3"])
      })
    )
  )

  for (const status of [408, 429, 500, 503]) {
    it.effect(`R33 ${status} is tried again until it succeeds, and drops nothing`, () =>
      inWorld(store)((world) =>
        Effect.gen(function* () {
          let failures = 0
          world.vendor.answerWith(() => (++failures <= 8 ? { status } : undefined))
          const activations = yield* withValues(world, { u1: 1, u2: 2 })
          const report = yield* whileTimePasses(world.sync(activations, forever), "1 second")
          assert.strictEqual(report.synced[0]?.ending._tag, "Synced")
          assert.deepStrictEqual(sent(world), ["u1 1", "u2 2"])
          const at = world.vendor.state.requests.map((request) => request.at)
          const waits = at.slice(1).map((time, i) => time - (at[i] ?? 0))
          assert.isAtLeast(Math.max(...waits), 20_000, "waits grow")
          assert.deepStrictEqual(yield* world.rejections, [])
        })
      )
    )
  }

  it.effect("R33 resets and time-outs are tried again until they succeed", () =>
    inWorld(store)((world) =>
      Effect.gen(function* () {
        let requests = 0
        const server = createServer((request, response) => {
          requests++
          if (requests <= 2) request.socket.destroy()
          else if (requests > 4) {
            // The two before are left without an answer.
            response.writeHead(200, { "content-type": "application/json" })
            response.end(JSON.stringify({ outcomes: ["ok", "ok"] }))
          }
        })
        const port = yield* Effect.acquireRelease(
          Effect.callback<number>((resume) => {
            server.listen(0, "127.0.0.1", () => resume(Effect.succeed((server.address() as AddressInfo).port)))
          }),
          () => Effect.sync(() => (server.closeAllConnections(), server.close()))
        )
        yield* withValues(world, { u1: 1, u2: 2 })
        const activations = revenueAt(makeEcho().destination("echo", { baseUrl: `http://127.0.0.1:${port}` }))
        const report = yield* whileTimePasses(world.sync(activations, forever), "1 second")
        assert.deepInclude(report.synced[0], { ending: { _tag: "Synced" } })
        assert.strictEqual(report.synced[0]?.counts.identify, 2)
        assert.strictEqual(requests, 5)
      })
    )
  )

  it.effect("R33 a vendor that stays down is left for the next sync, and nothing is lost", () =>
    inWorld(store)((world) =>
      Effect.gen(function* () {
        world.vendor.answerWith(() => ({ status: 503, body: "maintenance" }))
        const activations = yield* withValues(world, { u1: 1 })
        const report = yield* whileTimePasses(world.sync(activations), "1 second")
        assert.strictEqual(report.synced[0]?.ending._tag, "GaveUp")
        assert.strictEqual(world.vendor.state.requests.length, 3)
        world.vendor.answerWith(() => undefined)
        yield* TestClock.adjust("2 minutes")
        yield* world.sync(activations)
        assert.deepStrictEqual(sent(world), ["u1 1"])
      })
    )
  )

  it.effect("R33 bad credentials stop the destination with one clear message, until resume", () =>
    inWorld(store)((world) =>
      Effect.gen(function* () {
        world.vendor.answerWith(() => ({ status: 401, body: "invalid api key" }))
        const activations = yield* withValues(world, { u1: 1 })
        const space = yield* Space.open(yield* Effect.fromResult(resolve(world.config(...activations))))
        const ending = Effect.map(syncOnce(space, defaults), (report) => report.synced[0]?.ending)
        const stopped: SyncResult.SyncResult = {
          _tag: "Stopped",
          reason: "The destination refuses the credentials: 401 invalid api key"
        }
        assert.deepStrictEqual(yield* ending, stopped)
        assert.strictEqual(world.vendor.state.requests.length, 1)
        world.vendor.answerWith(() => undefined)
        assert.deepStrictEqual(yield* ending, stopped)
        assert.strictEqual(world.vendor.state.requests.length, 1, "the vendor is left alone meanwhile")
        yield* Operations.resume(yield* world.activation("echo/revenue"))
        assert.deepStrictEqual(yield* ending, { _tag: "Synced" })
        assert.deepStrictEqual(sent(world), ["u1 1"])
      }).pipe(Effect.scoped)
    )
  )

  it.effect("R33 a destination that was stopped is tried again by whoever starts anew", () =>
    inWorld(store)((world) =>
      Effect.gen(function* () {
        world.vendor.answerWith(() => ({ status: 401 }))
        const activations = yield* withValues(world, { u1: 1 })
        assert.strictEqual((yield* world.sync(activations)).synced[0]?.ending._tag, "Stopped")
        world.vendor.answerWith(() => undefined)
        yield* world.sync(activations)
        assert.deepStrictEqual(sent(world), ["u1 1"])
      })
    )
  )

  it.effect("R33 a plugin that throws stops its destination, and nothing is lost", () =>
    inWorld(store)((world) =>
      Effect.gen(function* () {
        yield* withValues(world, { u1: 1 })
        const broken = makeEcho({
          beforeHeard: () => {
            throw new TypeError("cannot read outcomes of undefined")
          }
        }).destination("echo", { baseUrl: world.baseUrl })
        const ending = (yield* world.sync(revenueAt(broken))).synced[0]?.ending
        assert.match(JSON.stringify(ending), /Stopped.*The plugin threw: TypeError: cannot read outcomes of undefined/)
        yield* Operations.resume(yield* world.activation("echo/revenue"))
        world.sent()
        yield* world.sync(revenueAt(world.destination))
        assert.deepStrictEqual(sent(world), ["u1 1"])
      })
    )
  )

  it.effect("R33 a plugin that answers too few outcomes stops its destination, and nobody is taken for told", () =>
    inWorld(store)((world) =>
      Effect.gen(function* () {
        world.vendor.answerWith(() => ({ status: 200, body: { outcomes: ["ok"] } }))
        const activations = yield* withValues(world, { u1: 1, u2: 2 })
        const ending = (yield* world.sync(activations)).synced[0]?.ending
        assert.match(JSON.stringify(ending), /Stopped.*returned 1 outcomes for 2 items/)
        world.sent()
        world.vendor.answerWith(() => undefined)
        yield* Operations.resume(yield* world.activation("echo/revenue"))
        yield* world.sync(activations)
        assert.deepStrictEqual(sent(world), ["u1 1", "u2 2"])
      })
    )
  )

  for (const status of [400, 413]) {
    it.effect(`R33 a batch that is refused whole with ${status} is halved down to the item at fault`, () =>
      inWorld(store)((world) =>
        Effect.gen(function* () {
          world.vendor.answerWith((_, body) =>
            body.batch.some((message: any) => message.userId === "u3") ? { status, body: "u3?" } : undefined
          )
          const activations = yield* withValues(world, { u1: 1, u2: 2, u3: 3, u4: 4, u5: 5 })
          yield* world.sync(activations)
          assert.deepStrictEqual(sent(world), ["u1 1", "u2 2", "u4 4", "u5 5"])
          const [rejection, ...others] = yield* world.rejections
          assert.deepStrictEqual(others, [])
          assert.deepInclude(rejection, { identifier: "user_id:u3", reason: `${status} u3?` })
        })
      )
    )
  }
})

describeStores("R42 several traits in one call", (store) => {
  const two = Effect.fnUntraced(function* (world: World) {
    yield* world.customers([{ id: "u1" }])
    yield* world.values("Revenue", { u1: 450 })
    yield* world.members(shoppers, ["u1"])
    yield* world.sync([...revenueAt(world.destination), Activation.events(audience(shoppers), world.destination)])
    return world.sent().map((m) => m["traits"])
  })

  it.effect("R42 what is due for one identifier travels as one identify where the vendor takes several traits", () =>
    inWorld(store, { coalesce: true })((world) =>
      Effect.gen(function* () {
        assert.deepStrictEqual(yield* two(world), [{ revenue: 450, first_time_shopper: true }])
      })
    )
  )

  it.effect("R42 and as one each where it does not", () =>
    inWorld(store)((world) =>
      Effect.gen(function* () {
        assert.deepStrictEqual(yield* two(world), [{ revenue: 450 }, { first_time_shopper: true }])
      })
    )
  )
})
