// People whose numbers lie far apart, as they do where a thousand of ten millions changed.
import { assert, it } from "@effect/vitest"
import { Activation, IdSet } from "@tributary/core/runtime"
import { Effect } from "effect"
import { describeStores } from "./support/stores.ts"
import { audience, inNewYear, trait, type World } from "./support/world.ts"

const everybody = audience("Everybody")
const revenue = trait("Revenue")
const ids = Array.from({ length: 30 }, (_, i) => `u${i}`)

/** Imports them one by one, each into a chunk of its own. */
const farApart = Effect.fnUntraced(function* (world: World) {
  for (const [i] of ids.entries()) {
    yield* world.sql`select setval(pg_get_serial_sequence('tributary.profile', 'no'), ${(i + 1) * IdSet.chunkSize})`
    yield* world.sql`select setval(pg_get_serial_sequence('tributary.identifier', 'no'), ${(i + 1) * IdSet.chunkSize})`
    yield* world.customers(ids.slice(0, i + 1).map((id) => ({ id })))
    yield* world.sync([Activation.events(everybody, world.destination)])
  }
})

describeStores("people far apart", (store) => {
  it.effect("travel together, and are told of what was told of them", () =>
    inNewYear(store, { batch: 10, coalesce: true })((world) =>
      Effect.gen(function* () {
        yield* farApart(world)
        const activations = [
          Activation.events(everybody, world.destination),
          Activation.events(revenue, world.destination)
        ]
        const requests = Effect.fnUntraced(function* () {
          const before = world.vendor.state.requests.length
          const { synced } = yield* world.sync(activations)
          assert.isTrue(synced.every(({ ending }) => ending._tag === "Synced"))
          return world.vendor.state.requests.length - before
        })
        yield* world.members("Everybody", ids)
        yield* world.values("Revenue", Object.fromEntries(ids.map((id, i) => [id, i])))
        assert.strictEqual(yield* requests(), 3, "entering")
        assert.deepStrictEqual(
          world
            .sent()
            .map(({ userId, traits }) => [userId, traits?.["everybody"], traits?.["revenue"]])
            .toSorted(),
          ids.map((id, i) => [id, true, i]).toSorted()
        )
        assert.strictEqual(yield* requests(), 0, "nothing is left")
        yield* world.members("Everybody", ids.slice(0, 15))
        yield* world.values("Revenue", Object.fromEntries(ids.map((id, i) => [id, i < 5 ? i + 100 : i])))
        assert.strictEqual(yield* requests(), 2, "fifteen left, and five have another value")
        assert.strictEqual(world.sent().length, 20)
        assert.strictEqual(yield* requests(), 0)
      })
    )
  )
})
