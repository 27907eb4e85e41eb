import { assert, it } from "@effect/vitest"
import { Activation } from "@tributary/core/runtime"
import { Effect } from "effect"
import { describeEveryStore } from "../support/stores.ts"
import { accounts, audience, inWorld, trait, type World } from "../support/world.ts"

const seats = trait("seats", accounts)
const vips = audience("vips")

/** The group calls since the last time this was asked. */
const groups = (world: World) =>
  world
    .sent()
    .filter(({ type }) => type === "group")
    .map(({ groupId, traits }) => [groupId, traits])

describeEveryStore("reached users of accounts", (store) => {
  it.effect(
    "R9 an account is sent again when one more of its users is known to the vendor, and once for all of them",
    () =>
      inWorld(store, { groupUsers: "known" })((world) =>
        Effect.gen(function* () {
          const activations = [
            Activation.events(seats, world.destination),
            Activation.events(vips, world.destination, { hold: false })
          ]
          yield* world.companies([{ id: "initech" }, { id: "hooli" }])
          yield* world.customers([
            { id: "u1", company: "initech" },
            { id: "U2", company: "initech" },
            { id: "u3", company: "hooli" }
          ])
          yield* world.values("seats", { initech: 2, hooli: 1 })
          yield* world.sync(activations)
          assert.sameDeepMembers(groups(world), [
            ["initech", { seats: 2 }],
            ["hooli", { seats: 1 }]
          ])
          yield* world.sync(activations)
          assert.deepStrictEqual(groups(world), [])
          // Both at once: the account follows them.
          yield* world.members("vips", ["u1", "U2"])
          yield* world.sync(activations)
          assert.deepStrictEqual(groups(world), [["initech", { seats: 2 }]])
          yield* world.sync(activations)
          assert.deepStrictEqual(groups(world), [])
          // Known is known: what comes later of the same people says nothing of their account.
          yield* world.members("vips", ["U2"])
          yield* world.sync(activations)
          assert.deepStrictEqual(groups(world), [])
        })
      )
  )

  it.effect("R9 an account is not sent again for a user who was refused", () =>
    inWorld(store, { groupUsers: "known" })((world) =>
      Effect.gen(function* () {
        const activations = [Activation.events(seats, world.destination), Activation.events(vips, world.destination)]
        yield* world.companies([{ id: "initech" }])
        yield* world.customers([{ id: "u1", company: "initech" }])
        yield* world.values("seats", { initech: 2 })
        yield* world.sync(activations)
        groups(world)
        world.vendor.answerWith((request, body) =>
          request.path === "/batch" && body.batch[0]?.type === "identify"
            ? { status: 200, body: { outcomes: body.batch.map(() => "no such person") } }
            : undefined
        )
        yield* world.members("vips", ["u1"])
        yield* world.sync(activations)
        assert.strictEqual((yield* world.rejections).length, 1)
        assert.deepStrictEqual(groups(world), [])
      })
    )
  )

  it.effect("R9 an account is not sent again where the vendor takes users whom it does not know", () =>
    inWorld(store, { groupUsers: true })((world) =>
      Effect.gen(function* () {
        const activations = [Activation.events(seats, world.destination), Activation.events(vips, world.destination)]
        yield* world.companies([{ id: "initech" }])
        yield* world.customers([{ id: "u1", company: "initech" }])
        yield* world.values("seats", { initech: 2 })
        yield* world.sync(activations)
        groups(world)
        yield* world.members("vips", ["u1"])
        yield* world.sync(activations)
        assert.deepStrictEqual(groups(world), [])
      })
    )
  )
})
