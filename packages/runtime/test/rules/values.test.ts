import { assert, describe, it } from "@effect/vitest"
import { PgClient } from "@effect/sql-pg"
import { Effect, Layer, Redacted } from "effect"
import { SqlClient } from "effect/sql"
import { Audience, ComputedTrait } from "../../src/config/Computations.ts"
import { sql as query } from "../../src/config/Query.ts"
import * as Source from "../../src/config/Source.ts"
import { inStore, messageOf, queryOf, refreshed, users, write } from "../support/sources.ts"
import { describeEveryStore, everyStore } from "../support/stores.ts"

describeEveryStore("values", (store) => {
  const test = inStore(store)

  it.live("R45 a column is read by its name, whatever the others are called", () =>
    test((sql) =>
      Effect.gen(function* () {
        const names = ["q", "s", "r", "c", "w", "f", "t0", "v0", "c0", "misfit", "row", "value", `odd "name'\\`]
        yield* sql`create table ev (id int, ${sql.csv(names.map((name) => sql`${sql(name)} jsonb`))})`
        yield* sql`insert into ev ${sql.insert({ id: 1, ...Object.fromEntries(names.map((name) => [name, `{"id":99,"of":"${name.length}"}`])) })}`
        const of = users(query`select * from ev`, { traits: names })
        const found = yield* refreshed(
          of,
          ...names.map((name, i) =>
            ComputedTrait.make(`Trait ${i}`, {
              of,
              query: query`select * from ev`,
              value: name
            })
          ),
          Audience.make("All", { of, query: query`select id, q from ev` })
        )
        assert.deepStrictEqual(found.ids, ["1"])
        assert.deepStrictEqual(Object.keys(JSON.parse(found.people[0]?.traits ?? "")).toSorted(), names.toSorted())
        assert.strictEqual(found.values.length, names.length)
        for (const value of found.values) assert.strictEqual(JSON.parse(value).id, 99)
        assert.deepStrictEqual(
          found.evaluated.map(({ size, unknown }) => [size, unknown]),
          [...names, "all"].map(() => [1, 0])
        )
        yield* sql`alter table ev alter column q type text`
        assert.deepStrictEqual((yield* refreshed(users(query`select id, q from ev`))).ids, ["1"])
      })
    )
  )

  it.live("R45 a name that a query returns twice is refused, and does not matter where nobody asks for it", () =>
    test((sql) =>
      Effect.gen(function* () {
        yield* sql`create table a as select 1 as id, 'a@x.org' as email, now() as at, 'a' as note`
        yield* sql`create table b as select 2 as id, 'b@x.org' as email, now() as at, 'b' as note`
        const both = query`select a.id, a.email, b.* from a, b`
        const twice = (name: string) =>
          `the query returns 2 columns named "${name}"; name the columns that are meant, and give each a name of its own`
        assert.include(yield* messageOf(refreshed(users(both))), `profiles "users": ${twice("id")}`)
        const mine = query`select a.id as mine, a.*, b.* from a, b`
        assert.include(
          yield* messageOf(refreshed(users(mine, { id: "mine", identifiers: { email: "email" } }))),
          twice("email")
        )
        const of = users(mine, { id: "mine", identifiers: { user_id: "mine" } })
        assert.deepStrictEqual((yield* refreshed(of)).ids, ["1"])
        assert.include(
          yield* messageOf(refreshed(of, Audience.make("Both", { of, query: both }))),
          `computation "both": ${twice("id")}`
        )
        const changed = Audience.make("Changed", { of, query: query`select id from a`, changes: { query: both } })
        assert.include(yield* messageOf(refreshed(of, changed)), `the query of its changes: ${twice("id")}`)
        yield* sql`delete from a`
        assert.include(
          yield* messageOf(refreshed(users(query`select id from a`, { traits: ["email"] }))),
          'the query has no column "email"'
        )
      })
    )
  )

  it.live(
    "R45 what PostgreSQL's jsonb cannot hold is refused by column and person, and only where it is asked for",
    () =>
      test((sql) =>
        Effect.gen(function* () {
          yield* sql`create table t as select 'ada@x.org' as id, ${'{"a":"x\\u0000y"}'}::json as nul,
          ${'{"a":"\\ud800"}'}::json as half, ${'{"a":"\\ud83d\\ude00 \\\\u0000"}'}::json as fine`
          const asked = query`select * from t`
          const found = yield* refreshed(users(asked, { traits: ["fine"] }))
          assert.deepStrictEqual(JSON.parse(found.people[0]?.traits ?? ""), { fine: { a: "😀 \\u0000" } })
          for (const name of ["nul", "half"]) {
            const reason = `column "${name}" holds a character that PostgreSQL cannot hold`
            const profile = yield* messageOf(refreshed(users(asked, { traits: [name] })))
            assert.match(profile, new RegExp(`profile a[^:]*: ${reason}`))
            assert.notInclude(profile, "ada@x.org")
            const of = users(asked)
            const value = ComputedTrait.make("Value", { of, query: asked, value: name })
            assert.include(yield* messageOf(refreshed(of, value)), reason)
          }
        })
      )
  )

  it.live("R45 what JSON has no number for is refused by column and person", () =>
    test((sql) =>
      Effect.gen(function* () {
        const bad = [
          "'NaN'::float8",
          "'Infinity'::float8",
          "'-Infinity'::float4",
          "'NaN'::numeric",
          "1e400",
          "-1e400",
          `'{"a":[1e400]}'::jsonb`,
          "'[-1e400]'::json",
          "array[1, 'NaN']::float8[]"
        ]
        yield* sql`create table t as select 1 as id`
        for (const value of bad) {
          const asked = queryOf(`select id, ${value} as score from t`)
          const reason = 'column "score" holds NaN, infinity or a number beyond 1e308, which JSON cannot express'
          assert.include(yield* messageOf(refreshed(users(asked, { traits: ["score"] }))), reason, value)
          const of = users(query`select id from t`)
          const score = ComputedTrait.make("Score", { of, query: asked, value: "score" })
          assert.include(yield* messageOf(refreshed(of, score)), reason, value)
          // An id too, and for nobody else's sake.
          assert.include(
            yield* messageOf(
              refreshed(
                users(queryOf(`select ${value} as score from t`), { id: "score", identifiers: { user_id: "score" } })
              )
            ),
            reason,
            value
          )
          assert.deepStrictEqual((yield* refreshed(users(asked))).ids, ["1"])
        }
        const most = yield* refreshed(
          users(query`select id, 1.7976931348623157e308::float8 as a, '-1e308'::jsonb as b from t`, {
            traits: ["a", "b"]
          })
        )
        assert.strictEqual(JSON.parse(most.people[0]?.traits ?? "").a, Number.MAX_VALUE)
      })
    )
  )

  it.live("R45 a query may end as it likes", () =>
    test((sql) =>
      Effect.gen(function* () {
        yield* sql`create table t as select 1 as id`
        const endings = [";", "; -- all of them", " -- all; of them", ";\n/* all */ ;\n", "; /* a */ -- b", " /* ; */"]
        for (const ending of endings) {
          assert.deepStrictEqual((yield* refreshed(users(queryOf(`select id from t${ending}`)))).ids, ["1"], ending)
        }
        const texts = ["'; -- x'", "e'\\'; --'", "$a$; -- x$a$", `'a'';'`]
        for (const text of texts) {
          const found = yield* refreshed(users(queryOf(`select id, ${text} as "n;--" from t;`), { traits: ["n;--"] }))
          const [row] = yield* sql.unsafe<{ text: string }>(`select ${text} as text`)
          assert.deepStrictEqual(JSON.parse(found.people[0]?.traits ?? ""), { "n;--": row?.text }, text)
        }
      })
    )
  )

  it.live("R45 a mistake in SQL has its line and column", () =>
    test((sql) =>
      Effect.gen(function* () {
        yield* sql`create table t as select 1 as id`
        assert.include(
          yield* messageOf(refreshed(users(query`select id\nfrom t\n  where '😀' <> ${"x"} and nme = ${1}`))),
          'column "nme" does not exist (line 3, column 23 of the query)'
        )
        const of = users(query`select id from t`)
        assert.include(
          yield* messageOf(refreshed(of, Audience.make("Odd", { of, query: query`\n  selec id from t` }))),
          'syntax error at or near "selec" (line 2, column 3 of the query)'
        )
      })
    )
  )

  it.live(
    "R45 one id has one spelling: in profiles, audiences, traits, accounts and changes, of every type",
    () =>
      test((sql) =>
        Effect.gen(function* () {
          const spellings: Readonly<Record<string, ReadonlyArray<string>>> = {
            "12": [
              "12",
              "12::int8",
              "12::int2",
              "12::float8",
              "12::float4",
              "12.0",
              "12.00::numeric(6, 2)",
              "'12'::text",
              "'12'::char(8)",
              "'12'::varchar(8)",
              "'12'::name",
              "'12.0'::jsonb",
              "'1.2e1'::json",
              `'"12"'::jsonb`
            ],
            "1000000000000000": [
              "1e15::float8",
              "1e15",
              "1000000000000000",
              "'1000000000000000'::char(20)",
              "'1e15'::jsonb"
            ],
            "9007199254740993": ["9007199254740993", "9007199254740993.000", "'9007199254740993.0'::jsonb"],
            "0.1": ["0.1", "0.1::float8", "0.1::float4", "0.10::numeric"]
          }
          for (const [id, expressions] of Object.entries(spellings)) {
            const number = JSON.parse(id)
            write("people.ndjson", `{"id":"${id}"}`)
            write("numbers.ndjson", `{"id":${id}}`)
            write("zeros.ndjson", `{"id":${id.includes(".") ? id : `${id}.0`}0}`)
            write("members.csv", `id\n${id}\n`)
            assert.isFinite(number)
            const audienceOf = (of: Source.Profiles, expression: string, i: number) =>
              Audience.make(`Of ${i}`, {
                of,
                in: Source.store(),
                query: queryOf(`select ${expression} as id`),
                changes: { query: queryOf(`select ${expression} as id, now() as at`) }
              })
            const files = ["people.ndjson", "numbers.ndjson", "zeros.ndjson"].map((file) => Source.ndjson(file))
            const sources: ReadonlyArray<Source.Profiles> = [
              ...expressions.map((expression) =>
                Source.store().users({
                  query: queryOf(`select ${expression} as id, ${expression} as company`),
                  identifiers: { user_id: "id" },
                  account: "company"
                })
              ),
              ...files.map((file) => file.users({ identifiers: { user_id: "id" } })),
              Source.csv("members.csv").users({ identifiers: { user_id: "id" } })
            ]
            // Each source with one in five of the results, and each result with one in five of the sources.
            for (const [n, of] of sources.entries()) {
              const every = [
                ...expressions.map((expression, i) => audienceOf(of, expression, i)),
                ...files.map((file, i) => Audience.make(`File ${i}`, { of, file })),
                Audience.make("Cells", { of, file: Source.csv("members.csv") })
              ]
              const results = every.filter((_, i) => (i + n) % 5 === 0)
              const found = yield* refreshed(of, ...results)
              assert.deepStrictEqual(found.ids, [id])
              assert.deepStrictEqual(found.people[0]?.identifiers, [id])
              assert.deepStrictEqual(
                found.evaluated.map(({ size, unknown }) => [size, unknown]),
                results.map(() => [1, 0])
              )
              if (n % 4 > 0) continue
              const again = yield* refreshed(of, ...results)
              assert.deepStrictEqual(
                again.evaluated.map(({ partial, size, unknown }) => [size, unknown, partial]),
                results.map(({ rows }) => [1, 0, rows.changes !== undefined])
              )
            }
            const accounts = yield* sql<{ id: string }>`select distinct id from tributary.profile
            where collection = 'accounts' and id = ${id}`
            assert.deepStrictEqual(accounts, [{ id }])
            yield* refreshed(users(queryOf("select 'nobody' as id")))
          }
        })
      ),
    120_000
  )

  it.live("R45 values do not depend on the settings of the session", () =>
    test((sql) =>
      Effect.gen(function* () {
        const asked = query`select 1 as id, '2026-03-04 05:06:07.5+00'::timestamptz as at, '2026-03-04'::date as day,
          '1 year 2 days 03:04:05'::interval as took, '\\x00ff'::bytea as bytes, 0.1::float8 + 0.2::float8 as sum`
        const traits = ["at", "day", "took", "bytes", "sum"]
        const read = Effect.map(refreshed(users(asked, { traits })), ({ people }) => people[0]?.traits)
        const before = yield* read
        const settings = {
          timezone: "America/New_York",
          intervalstyle: "iso_8601",
          datestyle: "SQL, DMY",
          bytea_output: "escape",
          extra_float_digits: "-3"
        }
        const set = (name: string, to: string) => sql.unsafe(`set ${name} = ${to}`)
        for (const [name, to] of Object.entries(settings)) yield* set(name, to.includes(",") ? to : `'${to}'`)
        const after = yield* Effect.ensuring(
          read,
          Effect.orDie(Effect.forEach(Object.keys(settings), (name) => set(name, "default")))
        )
        assert.strictEqual(after, before)
        assert.deepInclude(JSON.parse(before ?? ""), { at: "2026-03-04T05:06:07.5+00:00", sum: 0.1 + 0.2 })
      })
    )
  )
})

const postgres = everyStore.find(({ url }) => url !== undefined)

describe.runIf(postgres?.url !== undefined)("values of another PostgreSQL", () => {
  const test = inStore(everyStore[0]!)

  it.live(
    "R45 arrive by name, spelled alike, in a session with fixed settings, or are refused as those of the store are",
    () =>
      test(() =>
        Effect.gen(function* () {
          if (postgres?.url === undefined) return
          const url = Redacted.make(yield* postgres.url)
          const shop = Source.postgres(url)
          yield* Effect.gen(function* () {
            const sql = yield* SqlClient.SqlClient
            yield* sql`create table ev as select '12'::char(8) as id, '{"id":99}'::jsonb as r, 12.50::float8 as sum,
            9007199254740993 as big, '2026-03-04 05:06:07+00'::timestamptz as at, 'NaN'::float8 as nan,
            ${'"\\u0000"'}::json as nul`
            const asked = query`select *, id as q from ev; -- all`
            const traits = ["r", "sum", "big", "at"]
            const of = users(asked, { traits }, shop)
            const members = Audience.make("Members", {
              of,
              query: query`select 12.0 as id, 'x' as q`,
              changes: { query: query`select 12::float8 as id, now() as at` }
            })
            const before = yield* refreshed(of, members)
            assert.deepStrictEqual([before.ids, before.people[0]?.identifiers], [["12"], ["12"]])
            assert.deepStrictEqual(
              before.people[0]?.traits,
              '{"r": {"id": 99}, "at": "2026-03-04T05:06:07+00:00", "big": 9007199254740993, "sum": 12.5}'
            )
            assert.deepStrictEqual(
              before.evaluated.map(({ size, unknown }) => [size, unknown]),
              [[1, 0]]
            )
            yield* sql`do $$ begin
            execute format('alter database %I set timezone = %L', current_database(), 'America/New_York'); end $$`
            const after = yield* refreshed(of, members)
            assert.deepStrictEqual(after.people, before.people)
            assert.deepStrictEqual(
              after.evaluated.map(({ partial, size }) => [size, partial]),
              [[1, true]]
            )
            const refused = (more: Partial<Source.ProfileOptions>, other = asked) =>
              messageOf(refreshed(users(other, more, shop)))
            assert.include(yield* refused({ traits: ["nan"] }), 'column "nan" holds NaN')
            assert.include(yield* refused({ traits: ["nul"] }), 'column "nul" holds a character')
            assert.include(
              yield* refused({}, query`select e.*, e.* from ev e`),
              'the query returns 2 columns named "id"'
            )
            assert.include(yield* refused({}, query`select\n  nme from ev`), "(line 2, column 3 of the query)")
          }).pipe(Effect.provide(PgClient.layer({ url, maxConnections: 1 }).pipe(Layer.orDie)))
        })
      )
  )
})
