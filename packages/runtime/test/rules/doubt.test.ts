import { assert, describe, it } from "@effect/vitest"
import { Activation } from "@tributary/core/runtime"
import { Deferred, Effect, Fiber } from "effect"
import { everyStore } from "../support/stores.ts"
import { audience, inWorld, trait, whileTimePasses, type World } from "../support/world.ts"

const shoppers = "First time shopper"

/** The vendor takes what it is told, and nobody hears that it did. */
const takesAndFails = (world: World) => {
  const { messages, lists } = world.vendor.state
  world.vendor.answerWith((request, body) => {
    if (request.path === "/batch") messages.push(...body.batch)
    const [, , id = "", verb] = request.path.split("/")
    const list = lists.get(id)
    if (list === undefined || body?.members === undefined)
      return request.path === "/batch" ? { status: 500 } : undefined
    for (const { identifiers } of body.members) {
      for (const value of identifiers.user_id) {
        if (verb === "add") list.members.add(value)
        else list.members.delete(value)
      }
    }
    return { status: 500 }
  })
}

/** A sync that gives up at the first failure. The limiter rests after one, so time passes. */
const syncing = (world: World, activations: Parameters<World["sync"]>[0]) =>
  whileTimePasses(world.sync(activations, { patience: 1 }), "1 second")

const traits = (world: World) => world.sent().map((message) => message["traits"])

for (const store of everyStore) {
  describe(`R40 on ${store.name}`, () => {
    it.effect("R40 who was told without an answer is told of the exit", () =>
      inWorld(store)((world) =>
        Effect.gen(function* () {
          const sync = syncing(world, [Activation.events(audience(shoppers), world.destination, { hold: false })])
          yield* world.customers([{ id: "u1" }])
          yield* world.members(shoppers, ["u1"])
          takesAndFails(world)
          yield* sync
          assert.deepStrictEqual(traits(world), [{ first_time_shopper: true }])
          world.vendor.answerWith(() => undefined)
          yield* world.members(shoppers, [])
          yield* sync
          assert.deepStrictEqual(traits(world), [{ first_time_shopper: false }])
          yield* sync
          assert.deepStrictEqual(traits(world), [])
        })
      )
    )

    it.effect("R40 a value that is back to what was acknowledged is told again after one without an answer", () =>
      inWorld(store)((world) =>
        Effect.gen(function* () {
          const sync = syncing(world, [Activation.events(trait("Revenue"), world.destination, { hold: false })])
          yield* world.customers([{ id: "u1" }])
          yield* world.values("Revenue", { u1: 1 })
          yield* sync
          takesAndFails(world)
          yield* world.values("Revenue", { u1: 2 })
          yield* sync
          world.vendor.answerWith(() => undefined)
          yield* world.values("Revenue", { u1: 1 })
          yield* sync
          yield* sync
          assert.deepStrictEqual(traits(world), [{ revenue: 1 }, { revenue: 2 }, { revenue: 1 }])
        })
      )
    )

    it.effect("R40 a refusal is an answer: who was refused is told of no exit", () =>
      inWorld(store)((world) =>
        Effect.gen(function* () {
          const sync = syncing(world, [Activation.events(audience(shoppers), world.destination, { hold: false })])
          yield* world.customers([{ id: "u1" }])
          yield* world.members(shoppers, ["u1"])
          for (const status of [429, 401]) {
            world.vendor.answerWith(() => ({ status }))
            yield* sync
          }
          world.vendor.answerWith(() => undefined)
          yield* world.members(shoppers, [])
          yield* sync
          assert.deepStrictEqual(world.sent(), [])
        })
      )
    )

    it.effect("R40 a list forgets who was added without an answer and left", () =>
      inWorld(store)((world) =>
        Effect.gen(function* () {
          const sync = syncing(world, [Activation.list(audience(shoppers), world.destination, { hold: false })])
          yield* world.customers([{ id: "u1" }])
          yield* world.members(shoppers, ["u1"])
          takesAndFails(world)
          yield* sync
          const list = [...world.vendor.state.lists.values()][0]
          assert.deepStrictEqual([...(list?.members ?? [])], ["u1"])
          world.vendor.answerWith(() => undefined)
          yield* world.members(shoppers, [])
          yield* sync
          assert.deepStrictEqual(list?.log, ["discard user_id:u1"])
        })
      )
    )

    it.effect("R40 who was told by a process that died unheard is told of the exit", () =>
      Effect.gen(function* () {
        const taken = yield* Deferred.make<void>()
        let isDying = true
        const beforeHeard = () =>
          isDying ? Effect.andThen(Deferred.succeed(taken, undefined), Effect.never) : Effect.void
        yield* inWorld(store, { beforeHeard })((world) =>
          Effect.gen(function* () {
            const sync = syncing(world, [Activation.events(audience(shoppers), world.destination)])
            yield* world.customers([{ id: "u1" }, { id: "u2" }])
            yield* world.members(shoppers, ["u1"])
            const dying = yield* Effect.forkChild(sync)
            yield* Deferred.await(taken)
            yield* Fiber.interrupt(dying)
            isDying = false
            yield* world.members(shoppers, ["u2"])
            assert.deepStrictEqual(traits(world), [{ first_time_shopper: true }])
            yield* sync
            const sent = world.sent().map(({ traits: { first_time_shopper }, userId }) => [userId, first_time_shopper])
            assert.deepStrictEqual(sent.toSorted(), [
              ["u1", false],
              ["u2", true]
            ])
          })
        )
      })
    )
  })
}
