import { RateLimit, Sandbox } from "@tributary/core"
import { Activation } from "@tributary/core/runtime"
import { Adwords } from "@tributary/destination-adwords"
import { Braze } from "@tributary/destination-braze"
import { Zendesk } from "@tributary/destination-zendesk"
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { describe } from "vitest"
import { makeEcho } from "../support/echo.ts"
import { describeStores } from "../support/stores.ts"
import { audience, inWorld, trait, whileTimePasses, type World } from "../support/world.ts"

const shoppers = "First time shopper"

const people = (count: number) => Array.from({ length: count }, (_, i) => `u${i}`)

/** Two activations of a destination that takes a call a request, for so many people. */
const twoActivations = Effect.fnUntraced(function* (world: World, destination: World["destination"], count: number) {
  yield* world.customers(people(count).map((id) => ({ id })))
  yield* world.members(shoppers, people(count))
  yield* world.values("Revenue", Object.fromEntries(people(count).map((id, i) => [id, i])))
  return [Activation.events(audience(shoppers), destination), Activation.events(trait("Revenue"), destination)]
})

/** The vendor counts requests in a sliding window and refuses one too many. Answers how many it refused. */
const countedBy = (world: World, count: number) => {
  const window = Sandbox.slidingWindow(count, 1000)
  let refused = 0
  world.vendor.answerWith((_, __, now) => {
    if (window.take(now)) return undefined
    refused++
    return { status: 429 }
  })
  return () => refused
}

describeStores("R28 rate caps", (store) => {
  it.effect("R28 the plugin's cap is shared by all activations of a destination, and never exceeded", () =>
    inWorld(store, { batch: 1, limits: [RateLimit.requests(20, "1 second")] })((world) =>
      Effect.gen(function* () {
        const refused = countedBy(world, 20)
        const activations = yield* twoActivations(world, world.destination, 45)
        yield* whileTimePasses(world.sync(activations), "50 millis")
        assert.strictEqual(world.sent().length, 90)
        assert.strictEqual(refused(), 0)
        const times = world.vendor.state.requests.map((request) => request.at)
        assert.isAtLeast((times.at(-1) ?? 0) - (times[0] ?? 0), 4000, "90 requests at 20 a second take 4 s at least")
      })
    )
  )

  it.effect("R28 a cap of the config replaces the plugin's", () =>
    inWorld(store)((world) =>
      Effect.gen(function* () {
        const refused = countedBy(world, 5)
        const echo = makeEcho({ batch: 1, limits: [RateLimit.requests(1000, "1 second")] })
        const capped = echo.destination("echo", { baseUrl: world.baseUrl }, { cap: RateLimit.requests(5, "1 second") })
        const activations = yield* twoActivations(world, capped, 8)
        yield* whileTimePasses(world.sync(activations), "50 millis")
        assert.strictEqual(world.sent().length, 16)
        assert.strictEqual(refused(), 0)
      })
    )
  )

  it.effect("R28 Retry-After brings the cap down: nothing is sent before it is over, by any activation", () =>
    inWorld(store, { batch: 1, limits: [RateLimit.requests(20, "1 second"), RateLimit.concurrent(1)] })((world) =>
      Effect.gen(function* () {
        let refusedAt: number | undefined
        world.vendor.answerWith((_, __, now) => {
          if (refusedAt !== undefined) return undefined
          refusedAt = now
          return { status: 429, headers: { "retry-after": "7" } }
        })
        const activations = yield* twoActivations(world, world.destination, 5)
        yield* whileTimePasses(world.sync(activations))
        assert.strictEqual(world.sent().length, 10)
        const [, ...later] = world.vendor.state.requests.map((request) => request.at - (refusedAt ?? 0))
        assert.isAtLeast(Math.min(...later), 7000)
      })
    )
  )
})

describe("R28 the caps that our plugins declare", () => {
  it("Braze: 100 requests a second, of these 20,000 a minute that join records", () =>
    assert.deepStrictEqual(Braze.declaration.limits, [
      RateLimit.cap(100, "1 second"),
      RateLimit.on("POST /users/identify", RateLimit.requests(20_000, "1 minute"))
    ]))

  it("Zendesk: 50 requests a second, ten at a time", () =>
    assert.deepStrictEqual(Zendesk.declaration.limits, [RateLimit.cap(50, "1 second"), RateLimit.concurrent(10)]))

  it("Google Ads: what its project allows, a minute and a day", () =>
    assert.deepStrictEqual(Adwords.declaration.limits, [
      RateLimit.requests(300, "1 minute"),
      RateLimit.requests(100_000, "1 day")
    ]))
})

describeStores("a batch's bytes", (store) => {
  it.effect(
    "R33 what is larger than the plugin says never leaves: a batch is halved, and an item that is too large alone is rejected",
    () =>
      inWorld(store, { batch: 8, bytes: 3000 })((world) =>
        Effect.gen(function* () {
          const ids = Array.from({ length: 8 }, (_, i) => `u${i}`)
          yield* world.customers(ids.map((id) => ({ id })))
          const value = (id: string) => (id === "u5" ? "x".repeat(4000) : "x".repeat(500))
          yield* world.values("Revenue", Object.fromEntries(ids.map((id) => [id, value(id)])))
          const sizes: Array<number> = []
          world.vendor.answerWith((_, body) => {
            sizes.push(Buffer.byteLength(JSON.stringify(body)))
            return undefined
          })
          yield* world.sync([Activation.events(trait("Revenue"), world.destination)])
          assert.isAtMost(Math.max(...sizes), 3000)
          assert.deepStrictEqual(
            world
              .sent()
              .map((message) => message["userId"])
              .toSorted(),
            ids.filter((id) => id !== "u5")
          )
          const [rejection, ...others] = yield* world.rejections
          assert.deepStrictEqual(others, [])
          assert.match(rejection?.reason ?? "", /^\d+ bytes, and a request holds 3000 at most/)
        })
      )
  )
})
