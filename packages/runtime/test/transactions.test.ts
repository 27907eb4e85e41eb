import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect } from "effect"
import { SqlClient } from "effect/sql"
import { transaction } from "../src/store/sql/Transaction.ts"
import { stores } from "./support/stores.ts"

describe("a transaction whose connection ends", () => {
  for (const store of stores.filter(({ name }) => name === "PostgreSQL")) {
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
