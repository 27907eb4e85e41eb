// What the model found: each a rule, and the sentence that did not hold.
import { Activation } from "@tributary/core/runtime"
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import type { Message } from "../support/echo.ts"
import { describeStores } from "../support/stores.ts"
import { accounts, audience, inWorld } from "../support/world.ts"

describeStores("found by the model", (store) => {
  it.effect("R11 an account told again because its users changed carries a messageId of its own", () =>
    inWorld(store, { groupUsers: true })((world) =>
      Effect.gen(function* () {
        const activations = [Activation.events(audience("Key accounts", accounts), world.destination)]
        yield* world.companies([{ id: "c1" }])
        yield* world.customers([{ id: "u1", company: "c1" }])
        yield* world.members("Key accounts", ["c1"])
        yield* world.sync(activations)
        const [first] = world.sent()
        yield* TestClock.adjust("1 hour")
        yield* world.customers([
          { id: "u1", company: "c1" },
          { id: "u2", company: "c1" }
        ])
        yield* world.sync(activations)
        const [second, ...others] = world.sent()
        assert.deepStrictEqual(others, [])
        assert.deepStrictEqual([first?.["users"], second?.["users"]], [["u1"], ["u1", "u2"]])
        assert.notStrictEqual(second?.["messageId"], first?.["messageId"])
      })
    )
  )

  it.effect("R34 an account that was rejected with its users is tried again when they change", () =>
    inWorld(store, { groupUsers: true })((world) =>
      Effect.gen(function* () {
        const activations = [Activation.events(audience("Key accounts", accounts), world.destination)]
        const asked = () => world.vendor.state.requests.splice(0).flatMap(({ body }) => body.batch)
        world.vendor.answerWith((_, { batch }) => ({
          status: 200,
          body: { outcomes: batch.map(({ users }: Message) => (users.includes("u2") ? "no such user: u2" : "ok")) }
        }))
        yield* world.companies([{ id: "c1" }])
        yield* world.customers([
          { id: "u1", company: "c1" },
          { id: "u2", company: "c1" }
        ])
        yield* world.members("Key accounts", ["c1"])
        yield* world.sync(activations)
        assert.deepStrictEqual(world.sent(), [])
        asked()
        yield* TestClock.adjust("1 hour")
        yield* world.sync(activations)
        assert.deepStrictEqual(asked(), [], "the same is not sent again")
        yield* world.customers([{ id: "u1", company: "c1" }, { id: "u2" }])
        yield* world.sync(activations)
        assert.deepStrictEqual(
          world.sent().map((message) => message["users"]),
          [["u1"]]
        )
        assert.deepStrictEqual(yield* world.rejections, [])
      })
    )
  )
})
