import { Activation } from "@tributary/core/runtime"
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import * as Operations from "../../src/store/activations/Operations.ts"
import { makeEcho } from "../support/echo.ts"
import { describeStores } from "../support/stores.ts"
import { inWorld, trait, type World } from "../support/world.ts"

/** The vendor knows nobody of these. */
const refuse = (world: World, ...ids: ReadonlyArray<string>) =>
  world.vendor.answerWith((_, body) => ({
    status: 200,
    body: { outcomes: body.batch.map((message: any) => (ids.includes(message.userId) ? "no such user" : "ok")) }
  }))

const sent = (world: World) => world.sent().map((m) => `${m["userId"]} ${m["traits"]["revenue"]}`)

/** Three values, of which those of u1 and u2 were rejected after a minute. */
const rejected = Effect.fnUntraced(function* (world: World) {
  const activations = [Activation.events(trait("Revenue"), world.destination)]
  yield* TestClock.adjust("1 minute")
  yield* world.customers([{ id: "u1" }, { id: "u2" }, { id: "u3" }])
  yield* world.values("Revenue", { u1: 1, u2: 2, u3: 3 })
  refuse(world, "u1", "u2")
  yield* world.sync(activations)
  assert.deepStrictEqual(sent(world), ["u3 3"], "a neighbour of what is rejected is told")
  world.vendor.answerWith(() => undefined)
  return { activations, no: yield* world.activation("echo/revenue") }
})

describeStores("R34 rejections", (store) => {
  it.effect("R34 a rejection is kept with its reason, its request and its time", () =>
    inWorld(store)((world) =>
      Effect.gen(function* () {
        yield* rejected(world)
        const [first, second, ...others] = yield* world.rejections
        assert.deepStrictEqual(others, [])
        assert.deepInclude(first, {
          activation: "echo/revenue",
          kind: "identify",
          identifier: "user_id:u1",
          reason: "no such user"
        })
        assert.deepInclude(first?.payload, {
          type: "identify",
          identifier: { type: "user_id", value: "u1" },
          traits: { revenue: 1 }
        })
        assert.strictEqual(first?.at.getTime(), 60_000)
        assert.strictEqual(second?.identifier, "user_id:u2")
      })
    )
  )

  it.effect("R34 a reason that PostgreSQL cannot hold, or that fills pages, is kept as far as it goes", () =>
    inWorld(store)((world) =>
      Effect.gen(function* () {
        yield* world.customers([{ id: "u1" }])
        yield* world.values("Revenue", { u1: 1 })
        world.vendor.answerWith(() => ({ status: 200, body: { outcomes: [`no\0 ${"x".repeat(5_000)}`] } }))
        yield* world.sync([Activation.events(trait("Revenue"), world.destination)])
        const [kept] = yield* world.rejections
        assert.strictEqual(kept?.reason, `no ${"x".repeat(1_997)}…`)
      })
    )
  )

  it.effect("R34 what was rejected is not sent again meanwhile", () =>
    inWorld(store)((world) =>
      Effect.gen(function* () {
        const { activations } = yield* rejected(world)
        yield* world.values("Revenue", { u1: 1, u2: 2, u3: 30 })
        yield* world.sync(activations)
        assert.deepStrictEqual(sent(world), ["u3 30"])
        // Another identifier makes the profile worth a look, and does not make the rejected value worth another try.
        yield* world.customers([{ id: "u1", email: "a@example.com" }, { id: "u2" }, { id: "u3" }])
        yield* world.sync(activations)
        assert.deepStrictEqual(
          world.sent().map((m) => m["identifier"]),
          ["email:a@example.com"]
        )
      })
    )
  )

  it.effect("R34 it is sent again when its value changes, and the rejection is gone once it is taken", () =>
    inWorld(store)((world) =>
      Effect.gen(function* () {
        const { activations } = yield* rejected(world)
        yield* world.values("Revenue", { u1: 10, u2: 2, u3: 3 })
        yield* world.sync(activations)
        assert.deepStrictEqual(sent(world), ["u1 10"])
        assert.deepStrictEqual(
          (yield* world.rejections).map((rejection) => rejection.identifier),
          ["user_id:u2"]
        )
      })
    )
  )

  it.effect("R34 all of an activation are tried again on request", () =>
    inWorld(store)((world) =>
      Effect.gen(function* () {
        const { activations, no } = yield* rejected(world)
        assert.strictEqual(yield* Operations.retry({ activation: no, profile: undefined }), 2)
        yield* world.sync(activations)
        assert.deepStrictEqual(sent(world), ["u1 1", "u2 2"])
        assert.deepStrictEqual(yield* world.rejections, [])
        assert.strictEqual(yield* Operations.retry({ activation: undefined, profile: undefined }), 0)
      })
    )
  )

  it.effect("R34 one is tried again by itself", () =>
    inWorld(store)((world) =>
      Effect.gen(function* () {
        const { activations, no } = yield* rejected(world)
        const [row] = yield* world.sql<{ no: number }>`select no from tributary.profile where id = 'u2'`
        assert.strictEqual(yield* Operations.retry({ activation: no, profile: row?.no }), 1)
        yield* world.sync(activations)
        assert.deepStrictEqual(sent(world), ["u2 2"])
        assert.deepStrictEqual(
          (yield* world.rejections).map((rejection) => rejection.identifier),
          ["user_id:u1"]
        )
      })
    )
  )

  it.effect("R34 what is retried and rejected once more is kept once, with its newest time", () =>
    inWorld(store)((world) =>
      Effect.gen(function* () {
        const { activations } = yield* rejected(world)
        refuse(world, "u1")
        yield* TestClock.adjust("1 minute")
        yield* Operations.retry({ activation: undefined, profile: undefined })
        yield* world.sync(activations)
        assert.deepStrictEqual(sent(world), ["u2 2"])
        assert.deepStrictEqual(
          (yield* world.rejections).map((rejection) => [rejection.identifier, rejection.at.getTime()]),
          [["user_id:u1", 120_000]]
        )
      })
    )
  )

  it.effect("R34 another version of the plugin tries it again, once", () =>
    inWorld(store)((world) =>
      Effect.gen(function* () {
        yield* rejected(world)
        const newer = makeEcho({ version: "2" }).destination("echo", { baseUrl: world.baseUrl })
        const activations = [Activation.events(trait("Revenue"), newer)]
        refuse(world, "u1")
        yield* world.sync(activations)
        assert.deepStrictEqual(sent(world), ["u2 2"])
        const requests = world.vendor.state.requests.length
        yield* world.sync(activations)
        assert.strictEqual(world.vendor.state.requests.length, requests)
      })
    )
  )

  it.effect("R34 other settings try it again", () =>
    inWorld(store)((world) =>
      Effect.gen(function* () {
        yield* rejected(world)
        const elsewhere = makeEcho().destination("echo", { baseUrl: `${world.baseUrl}/` })
        yield* world.sync([Activation.events(trait("Revenue"), elsewhere)])
        assert.deepStrictEqual(sent(world), ["u1 1", "u2 2"])
      })
    )
  )
})
