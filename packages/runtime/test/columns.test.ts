// Many values in one: columns that come from the store, and arrays that go there.
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { SqlClient } from "effect/sql"
import fc from "fast-check"
import { among, int4s, int4Set, timestamps } from "../src/store/sql/Columns.ts"
import { everyStore } from "./support/stores.ts"

const sorted = (of: Iterable<number>) => [...new Set(of)].toSorted((a, b) => a - b)

describe("columns", () => {
  it("reads what PostgreSQL aggregates, four bytes a number, big end first", () =>
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 2 ** 31 - 1 })), (given) => {
        const bytes = Buffer.alloc(given.length * 4 + 1)
        given.forEach((no, i) => bytes.writeInt32BE(no, i * 4 + 1))
        assert.deepStrictEqual([...int4Set(bytes.subarray(1))], sorted(given))
        assert.deepStrictEqual([...int4s(bytes.subarray(1))], given)
      })
    ))
})

for (const store of everyStore) {
  describe(`columns (${store.name})`, () => {
    it.live("of timestamps are the milliseconds that a date of the driver has", () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        const texts = [
          "2026-01-01 00:00:00+00",
          "2026-11-26 10:43:01.123999+00",
          "2000-01-01 00:00:00.000999+00",
          "1999-12-31 23:59:59.999+00",
          "1969-12-31 23:59:59.5+00"
        ]
        const rows = yield* sql<{ at: Date }>`select t::timestamptz as at from unnest(${texts}::text[]) t`
        const [row] = yield* sql<{ column: Uint8Array }>`
          select string_agg(timestamptz_send(t::timestamptz), ''::bytea) as column from unnest(${texts}::text[]) t`
        assert.deepStrictEqual(
          [...timestamps(row?.column)],
          rows.map(({ at }) => at.getTime())
        )
      }).pipe(Effect.provide(store.layer))
    )

    it.live("of no rows are empty", () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        const [row] = yield* sql<{ nos: Uint8Array | null; at: Uint8Array | null }>`
          select string_agg(int4send(n), ''::bytea) as nos, string_agg(timestamptz_send(now()), ''::bytea) as at
          from generate_series(1, 0) n`
        assert.deepStrictEqual([int4s(row?.nos).length, int4Set(row?.nos).size, timestamps(row?.at).length], [0, 0, 0])
      }).pipe(Effect.provide(store.layer))
    )

    it.live("among them is who is asked for, however far apart", () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        const rows = sql`(select n as no from generate_series(0, 400) n
          union all select unnest(${[65_535, 65_536, 2 ** 31 - 1]}::int[])) r`
        const numbers = fc.oneof(
          fc.uniqueArray(fc.integer({ min: 0, max: 400 })),
          fc.uniqueArray(fc.constantFrom(0, 1, 7, 8, 9, 400, 65_535, 65_536, 2 ** 31 - 1))
        )
        yield* Effect.promise(() =>
          fc.assert(
            fc.asyncProperty(numbers, async (given) => {
              const asked = sorted(given)
              const [found] = await Effect.runPromise(
                sql<{ nos: Uint8Array | null }>`select string_agg(int4send(no), ''::bytea order by no) as nos
                  from ${rows} where ${among(sql, "no", asked)}`
              )
              assert.deepStrictEqual([...int4s(found?.nos)], asked)
            }),
            { numRuns: 50 }
          )
        )
      }).pipe(Effect.provide(store.layer))
    )

    it.live("arrays of numbers and of bytes arrive as they were given", () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        const parts = [Uint8Array.of(0, 34, 92, 255), new Uint8Array(0)]
        const [row] = yield* sql<{ numbers: string; none: number; parts: string }>`
          select ${[1, null, -3]}::int[]::text as numbers, cardinality(${[]}::int[]) as none,
            (select string_agg(encode(b, 'hex'), ' ') from unnest(${parts}::bytea[]) b) as parts`
        assert.deepStrictEqual(row, { numbers: "{1,NULL,-3}", none: 0, parts: "00225cff " })
      }).pipe(Effect.provide(store.layer))
    )
  })
}
