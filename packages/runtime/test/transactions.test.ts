import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect } from "effect"
import { SqlClient } from "effect/sql"
import { rolledBack, transaction } from "../src/store/sql/Transaction.ts"
import { describeEveryStore, everyStore } from "./support/stores.ts"

describe("a transaction whose connection ends", () => {
  for (const store of everyStore.filter(({ name }) => name === "PostgreSQL")) {
    it.effect("fails, and is no defect; the next one has a connection of its own", () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        const cut = sql`select pg_terminate_backend(pg_backend_pid())`
        const cause = yield* transaction(Effect.andThen(cut, sql`select 1`)).pipe(Effect.sandbox, Effect.flip)
        assert.isFalse(Cause.hasDies(cause), Cause.pretty(cause))
        assert.isTrue(Cause.hasFails(cause), Cause.pretty(cause))
        yield* transaction(sql`select 1`)
      }).pipe(Effect.provide(store.layer))
    )
  }
})

describeEveryStore("a transaction that is rolled back", (store) => {
  it.effect("returns its effect's value, and nothing of what it wrote stays", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const sources = sql<{ id: string }>`select id from tributary.source`
      const write = sql`insert into tributary.source (id) values ('shop')`
      const seen = yield* rolledBack(Effect.andThen(write, sources))
      assert.deepStrictEqual(seen, [{ id: "shop" }])
      assert.deepStrictEqual(yield* sources, [])
    }).pipe(Effect.provide(store.layer))
  )

  it.effect("fails as its effect does", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const write = sql`insert into tributary.source (id) values ('shop')`
      const error = yield* Effect.flip(rolledBack(Effect.andThen(write, Effect.fail("wrong"))))
      assert.strictEqual(error, "wrong")
      assert.deepStrictEqual(yield* sql`select id from tributary.source`, [])
    }).pipe(Effect.provide(store.layer))
  )

  it.effect("within another transaction takes back only its own part", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const write = (id: string) => sql`insert into tributary.source (id) values (${id})`
      yield* transaction(Effect.andThen(write("kept"), rolledBack(write("taken back"))))
      assert.deepStrictEqual(yield* sql`select id from tributary.source`, [{ id: "kept" }])
    }).pipe(Effect.provide(store.layer))
  )
})
