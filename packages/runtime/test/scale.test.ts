import { Activation } from "@tributary/core/runtime"
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { describeStores } from "./support/stores.ts"
import { audience, inWorld } from "./support/world.ts"

// No stopwatch: an import whose plan compares each profile with each other does not end within the runner's patience.
const many = 100_000

describeStores("scale", (store) => {
  it.effect.skipIf(store.name === "PGlite")(
    "a first import of a hundred thousand profiles is planned for their number",
    () =>
      inWorld(store, { batch: 100 })((world) =>
        Effect.gen(function* () {
          yield* world.sql`insert into customer (id, email)
          select 'u' || i, 'p' || i || '@example.com' from generate_series(1, ${many}) i`
          yield* world.members("Few", ["u1", "u2"])
          const report = yield* world.sync([Activation.events(audience("Few"), world.destination)])
          assert.deepStrictEqual(report.failures, [])
          assert.strictEqual(report.imported.find(({ source }) => source === "users")?.added, many)
          assert.strictEqual(world.sent().length, 4)
        })
      )
  )

  it.effect("what an import adds is known to the planner at once, and a second import as well", () =>
    inWorld(store, { batch: 100 })((world) =>
      Effect.gen(function* () {
        const known = Effect.fnUntraced(function* (people: number) {
          yield* world.sql`insert into customer (id)
            select 'u' || i from generate_series(${people - 999}::int, ${people}::int) i`
          yield* world.sync([Activation.events(audience("Few"), world.destination)])
          const rows = yield* world.sql<{ known: number }>`select reltuples::int as known from pg_class
            where oid in ('tributary.profile'::regclass, 'tributary.identifier'::regclass)`
          return rows.map((row) => row.known)
        })
        assert.deepStrictEqual(yield* known(1_000), [1_000, 1_000])
        assert.deepStrictEqual(yield* known(2_000), [2_000, 2_000])
      })
    )
  )
})
