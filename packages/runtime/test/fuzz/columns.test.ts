// Queries of any columns, by any names, of any types, in any session: what is asked for arrives, and nothing else.
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import * as fc from "fast-check"
import { inStore, messageOf, queryOf, refreshed, users } from "../support/sources.ts"
import { describeEveryStore } from "../support/stores.ts"
import { nastyText, parameters } from "./support.ts"

/** A column's name in PostgreSQL: text of up to 63 bytes. */
const name = fc
  .oneof(
    {
      weight: 3,
      arbitrary: fc.constantFrom("id", "q", "s", "r", "c", "c0", "t0", "v0", "misfit", "value", "select", "Id")
    },
    { weight: 1, arbitrary: nastyText }
  )
  // A driver takes a byte-order mark off the front of a name, so such a column is refused as one that is not there.
  .filter((text) => !text.startsWith("\ufeff"))
  .filter((text) => text !== "" && text.isWellFormed() && !text.includes("\0") && Buffer.byteLength(text) < 64)

const ident = (name: string) => `"${name.replaceAll('"', '""')}"`

/** Values, and whether JSON can express them. */
const expressions: ReadonlyArray<readonly [sql: string, isExpressible: boolean]> = [
  ["1", true],
  ["9007199254740993", true],
  ["12.50", true],
  ["0.1::float8 + 0.2::float8", true],
  ["1e15::float8", true],
  ["'x '::text", true],
  ["null::int", true],
  ["true", true],
  ["'2026-03-04 05:06:07.25+00'::timestamptz", true],
  ["'1 day 02:03'::interval", true],
  ["'\\x00ff'::bytea", true],
  ["array[1, 2]", true],
  [`'{"id":99,"a":[1,null]}'::jsonb`, true],
  [`'{"b":1, "a":"\\\\u0000"}'::json`, true],
  ["'a4e1c5a2-0000-4000-8000-000000000000'::uuid", true],
  ["'NaN'::float8", false],
  ["'-Infinity'::float4", false],
  ["1e309", false],
  ["'[1e400]'::jsonb", false],
  [`'"\\u0000"'::json`, false],
  [`'"\\udc00"'::json`, false]
]

const column = fc.record({ name, of: fc.constantFrom(...expressions), isAsked: fc.boolean() })
const zone = fc.constantFrom("UTC", "America/New_York", "Asia/Kathmandu")
const style = fc.constantFrom("postgres", "iso_8601", "sql_standard")

describeEveryStore("any columns", (store) => {
  it.live("what is asked for arrives as it is, or is refused by its name; nothing else matters", () =>
    inStore(store)((sql) =>
      Effect.gen(function* () {
        const run = Effect.runPromiseWith(yield* Effect.context<Effect.Services<ReturnType<typeof refreshed>>>())
        const reset = Effect.orDie(
          sql`select set_config('timezone', 'UTC', false), set_config('intervalstyle', 'postgres', false)`
        )
        const seen = { taken: 0, twice: 0, refused: 0 }
        yield* Effect.promise(() =>
          fc.assert(
            fc.asyncProperty(fc.array(column, { maxLength: 8 }), zone, style, (columns, timezone, intervals) =>
              run(
                Effect.gen(function* () {
                  const select = [
                    "'ada' as the_id",
                    ...columns.map(({ name, of: [text] }) => `${text} as ${ident(name)}`)
                  ]
                  const asked = [...new Set(columns.filter(({ isAsked }) => isAsked).map(({ name }) => name))]
                  const named = (of: string) => columns.filter(({ name }) => name === of)
                  const of = users(queryOf(`select ${select.join(", ")};`), {
                    id: "the_id",
                    identifiers: { user_id: "the_id" },
                    traits: asked
                  })
                  yield* sql`select set_config('timezone', ${timezone}, false), set_config('intervalstyle', ${intervals}, false)`
                  const twice = asked.filter((each) => named(each).length > 1)
                  const bad = asked.filter((each) => named(each).some(({ of: [, isExpressible] }) => !isExpressible))
                  if (twice.length + bad.length > 0) {
                    const message = yield* messageOf(refreshed(of))
                    const names = twice.length > 0 ? twice : bad
                    assert.isTrue(
                      names.some((each) => message.includes(`"${each}"`)),
                      message
                    )
                    seen[twice.length > 0 ? "twice" : "refused"]++
                    return
                  }
                  const { people } = yield* refreshed(of)
                  yield* reset
                  const expected = new Map<string, string>()
                  for (const each of asked) {
                    const [found] = named(each)
                    const [row] = yield* sql.unsafe<{ value: string | null }>(
                      `select to_jsonb(${found?.of[0]})::text as value`
                    )
                    if (row?.value != null) expected.set(each, row.value)
                  }
                  const values = yield* sql<{ key: string; value: string }>`
                    select w.key, w.value::text as value from jsonb_each(${people[0]?.traits ?? ""}::text::jsonb) w`
                  assert.deepStrictEqual(new Map(values.map(({ key, value }) => [key, value])), expected)
                  seen.taken++
                }).pipe(Effect.ensuring(reset))
              )
            ),
            parameters(60)
          )
        )
        for (const [what, count] of Object.entries(seen)) assert.isAbove(count, 0, what)
      })
    )
  )
})
