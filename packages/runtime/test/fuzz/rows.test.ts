// Rows by the thousand: each is taken, or the import says why it takes none, and where.
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { SqlClient } from "effect/sql"
import * as fc from "fast-check"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { Audience, ComputedTrait } from "../../src/config/Computations.ts"
import { defineConfig } from "../../src/config/defineConfig.ts"
import { resolve } from "../../src/config/Resolved.ts"
import { sql as query } from "../../src/config/Query.ts"
import * as Source from "../../src/config/Source.ts"
import { Activation } from "@tributary/core/runtime"
import { refreshComputation, refreshProfiles } from "../../src/engine/Refresh.ts"
import * as Space from "../../src/engine/Space.ts"
import { register } from "../../src/store/activations/Registry.ts"
import { makeEcho } from "../support/echo.ts"
import { stores } from "../support/stores.ts"
import { nastyJson, nastyText, parameters } from "./support.ts"

const folder = fs.mkdtempSync(path.join(os.tmpdir(), "tributary-fuzz-"))

const configOf = (kind: "ndjson" | "csv") => {
  const file = (name: string) => (kind === "csv" ? Source.csv(`${name}.csv`) : Source.ndjson(`${name}.ndjson`))
  const users = file("users").users({
    identifiers: { user_id: "user_id", email: "email" },
    traits: ["name"],
    account: "account"
  })
  const echo = makeEcho().destination("echo", { baseUrl: "http://127.0.0.1:1" })
  const members = Audience.make("Members", { of: users, file: file("members") })
  const revenue = ComputedTrait.make("Revenue", { of: users, file: file("values") })
  const config = defineConfig({
    space: "fuzz",
    activations: [Activation.events(members, echo), Activation.events(revenue, echo)]
  })
  return Effect.fromResult(resolve(config))
}

const write = (name: string, content: string | Uint8Array) => fs.writeFileSync(path.join(folder, name), content)
const lines = (rows: ReadonlyArray<unknown>) => rows.map((row) => JSON.stringify(row)).join("\n")

/** What the store keeps, for comparing. */
const kept = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const [row] = yield* sql<{ profiles: number; identifiers: number }>`
    select (select count(*)::int from tributary.profile where collection = 'users' and not gone) as profiles,
      (select count(*)::int from tributary.identifier where collection = 'users' and not gone) as identifiers`
  return row
})

/** A good import afterwards: whatever came before, the store takes it. */
const heals = Effect.gen(function* () {
  const resolved = yield* configOf("ndjson")
  write(
    "users.ndjson",
    lines([
      { id: "a", user_id: "a" },
      { id: "b", user_id: "b", email: "b@example.com" }
    ])
  )
  const imported = yield* refreshProfiles(resolved.profiles[0]!, { folder, full: false })
  assert.strictEqual(imported.profiles, 2)
  assert.deepStrictEqual(yield* kept, { profiles: 2, identifiers: 3 })
})

const holds = (rule: string) => (error: { readonly message: string }) => {
  assert.isAbove(error.message.length, 10)
  assert.notMatch(error.message, /\n\s+at |undefined|\[object/, rule)
  return error.message
}

const ids = fc.constantFrom<unknown>("a", "b", "c", 1, 2, "1")
const row = fc.record(
  {
    id: fc.oneof({ weight: 8, arbitrary: ids }, { weight: 1, arbitrary: nastyJson }),
    user_id: fc.oneof({ weight: 4, arbitrary: ids }, { weight: 1, arbitrary: nastyJson }),
    email: nastyJson,
    name: fc.oneof({ weight: 3, arbitrary: fc.constant("Ada") }, { weight: 1, arbitrary: nastyJson }),
    account: nastyJson,
    __proto__: nastyJson
  },
  { requiredKeys: [] }
)

for (const store of stores) {
  describe(`bad rows (${store.name})`, () => {
    const runtime = Space.layer.pipe(Layer.provideMerge(store.layer))

    it.live("profiles: taken whole, or refused whole with the reason", () =>
      Effect.gen(function* () {
        const resolved = yield* configOf("ndjson")
        yield* register(resolved)
        const run = Effect.runPromiseWith(yield* Effect.context<SqlClient.SqlClient>())
        let taken = 0
        let refused = 0
        yield* Effect.promise(() =>
          fc.assert(
            fc.asyncProperty(fc.array(fc.oneof({ weight: 12, arbitrary: row }, nastyJson), { maxLength: 6 }), (rows) =>
              run(
                Effect.gen(function* () {
                  write("users.ndjson", lines(rows))
                  const before = yield* kept
                  const result = yield* Effect.result(refreshProfiles(resolved.profiles[0]!, { folder, full: false }))
                  if (result._tag === "Failure") {
                    refused++
                    holds("a refusal is words")(result.failure)
                    assert.deepStrictEqual(yield* kept, before, "a refusal changes nothing")
                    return
                  }
                  taken++
                  const distinct = new Set(
                    rows.map((each) => {
                      const id = (each as { readonly id?: unknown }).id
                      return typeof id === "string" ? id : JSON.stringify(id)
                    })
                  )
                  assert.strictEqual(result.success.profiles, distinct.size)
                  assert.strictEqual((yield* kept)?.profiles, distinct.size)
                })
              )
            ),
            parameters(60)
          )
        )
        assert.isAbove(taken, 0)
        assert.isAbove(refused, 0)
        yield* heals
      }).pipe(Effect.provide(runtime))
    )

    it.live("results: every row counts as a member, as unknown, or fails the evaluation with the reason", () =>
      Effect.gen(function* () {
        const resolved = yield* configOf("ndjson")
        yield* register(resolved)
        yield* heals
        const run = Effect.runPromiseWith(yield* Effect.context<Layer.Success<typeof runtime>>())
        const member = fc.record({ id: fc.oneof({ weight: 5, arbitrary: ids }, nastyText) })
        const value = fc.record(
          { id: fc.oneof({ weight: 5, arbitrary: ids }, nastyText), value: nastyJson },
          { requiredKeys: ["id"] }
        )
        yield* Effect.promise(() =>
          fc.assert(
            fc.asyncProperty(
              fc.array(member, { maxLength: 6 }),
              fc.uniqueArray(value, { maxLength: 6, selector: ({ id }) => String(id) }),
              (members, values) =>
                run(
                  Effect.gen(function* () {
                    write("members.ndjson", lines(members))
                    write("values.ndjson", lines(values))
                    for (const computation of resolved.computations) {
                      const rows: ReadonlyArray<{ readonly id: unknown; readonly value?: unknown }> =
                        computation.kind === "audience" ? members : values
                      const result = yield* Effect.result(refreshComputation(computation, { folder, full: false }))
                      if (result._tag === "Failure") {
                        holds("a failure is words")(result.failure)
                        continue
                      }
                      const known = rows.filter(({ id }) => ["a", "b"].includes(String(id)))
                      const unknown = rows.length - known.length
                      assert.strictEqual(result.success.unknown, unknown)
                      const sent = computation.kind === "audience" ? known : known.filter((r) => r.value != null)
                      assert.strictEqual(result.success.size, new Set(sent.map(({ id }) => String(id))).size)
                    }
                  })
                )
            ),
            parameters(40)
          )
        )
      }).pipe(Effect.provide(runtime))
    )

    it.live("files: bytes that are no NDJSON and no CSV are refused with their place, and never half taken", () =>
      Effect.gen(function* () {
        const run = Effect.runPromiseWith(yield* Effect.context<SqlClient.SqlClient>())
        yield* register(yield* configOf("ndjson"))
        const chunk = fc.oneof(
          fc.constantFrom(
            '{"id":"a"}\n',
            '{"id":"a","user_id":"a"}\r\n',
            "\n",
            "\r\n",
            '{"id":"b"',
            "id,user_id,email,name,account\n",
            "a,a,a@example.com,Ada,\n",
            'b,"b""c",,"x\ny",\n',
            '"unclosed\n',
            "a,b,c,d,e,f,g,h\n",
            "\ufeff"
          ),
          nastyText
        )
        const file = fc.oneof(
          fc.array(chunk, { maxLength: 8 }).map((parts) => Buffer.from(parts.join(""))),
          fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes))
        )
        for (const kind of ["ndjson", "csv"] as const) {
          const resolved = yield* configOf(kind)
          yield* Effect.promise(() =>
            fc.assert(
              fc.asyncProperty(file, (bytes) =>
                run(
                  Effect.gen(function* () {
                    write(`users.${kind}`, bytes)
                    const before = yield* kept
                    const result = yield* Effect.result(refreshProfiles(resolved.profiles[0]!, { folder, full: false }))
                    if (result._tag === "Failure") {
                      holds("a refusal is words")(result.failure)
                      assert.deepStrictEqual(yield* kept, before)
                    } else if (kind === "ndjson") {
                      // Taken whole: every line is a row, and every row a profile.
                      const given = bytes.toString("utf8").replace(/^\ufeff/, "")
                      const lines = given.split(/\r\n|\r|\n/).filter((line) => line.trim() !== "")
                      const ids = new Set(lines.map((line) => String(JSON.parse(line).id)))
                      assert.strictEqual(result.success.profiles, ids.size)
                    }
                  })
                )
              ),
              parameters(40)
            )
          )
        }
        yield* heals
      }).pipe(Effect.provide(runtime))
    )

    it.live("what looks odd and is right is taken: large numbers as they are, backslashes, a byte order mark", () =>
      Effect.gen(function* () {
        const resolved = yield* configOf("ndjson")
        yield* register(resolved)
        const sql = yield* SqlClient.SqlClient
        const rows = [
          '\ufeff{"id":9007199254740992}',
          '{"id":9007199254740993}',
          '{"id":"C:\\\\udead","email":"\\ud83d\\ude00"}'
        ]
        write("users.ndjson", rows.join("\r\n"))
        const imported = yield* refreshProfiles(resolved.profiles[0]!, { folder, full: false })
        assert.strictEqual(imported.profiles, 3)
        const ids = yield* sql<{ id: string }>`select id from tributary.profile where not gone order by id`
        assert.deepStrictEqual(
          ids.map(({ id }) => id).toSorted(),
          ["9007199254740992", "9007199254740993", "C:\\udead"].toSorted()
        )
      }).pipe(Effect.provide(runtime))
    )

    it.live("a file that lacks a column, or its encoding, is refused: nobody loses an address by it", () =>
      Effect.gen(function* () {
        const resolved = yield* configOf("csv")
        yield* register(resolved)
        const [users] = resolved.profiles
        write("users.csv", "id,user_id,mail,name,account\na,a,a@x.io,Ada,\n")
        assert.include(
          (yield* Effect.flip(refreshProfiles(users!, { folder, full: false }))).message,
          'users.csv has no column "email"'
        )
        write("users.csv", Buffer.from("id,user_id,email,name,account\na,a,m\u00fcller@x.io,Ada,\n", "latin1"))
        assert.include(
          (yield* Effect.flip(refreshProfiles(users!, { folder, full: false }))).message,
          "users.csv is not in UTF-8"
        )
        const cut = Buffer.from("id,user_id,email,name,account\na,a,a@x.io,Ada,ü")
        write("users.csv", cut.subarray(0, cut.length - 1))
        assert.include(
          (yield* Effect.flip(refreshProfiles(users!, { folder, full: false }))).message,
          "users.csv is not in UTF-8"
        )
        write("users.csv", "id,user_id,email,name,account\na,a,müller@x.io,Ada,\n")
        assert.strictEqual((yield* refreshProfiles(users!, { folder, full: false })).profiles, 1)
        const revenue = resolved.computations.find(({ kind }) => kind === "trait")
        write("values.csv", "id,value\na,5\n")
        assert.strictEqual((yield* refreshComputation(revenue!, { folder, full: false })).size, 1)
        write("values.csv", "id,revenue\na,6\n")
        assert.include(
          (yield* Effect.flip(refreshComputation(revenue!, { folder, full: false }))).message,
          'no row has a column "value"; say which one holds the value'
        )
      }).pipe(Effect.provide(runtime))
    )

    it.live("people of two hundred traits and sixty identifiers, from a file and from the store", () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        const traits = Array.from({ length: 200 }, (_, index) => `trait_${index}`)
        const identifiers = Array.from({ length: 60 }, (_, index) => `identifier_${index}`)
        const person = Object.fromEntries([...traits, ...identifiers].map((name) => [name, `of ${name}`]))
        yield* sql`create table wide (id text, ${sql.csv(Object.keys(person).map((name) => sql`${sql(name)} text`))})`
        yield* sql`insert into wide ${sql.insert({ id: "b", ...person })}`
        write("wide.ndjson", lines([{ id: "a", ...person }]))
        const options = { traits, identifiers: Object.fromEntries(identifiers.map((name) => [name, name])) }
        for (const users of [
          Source.ndjson("wide.ndjson").users(options),
          Source.store().users({ ...options, query: query`select * from wide` })
        ]) {
          const resolved = yield* Effect.fromResult(
            resolve(defineConfig({ space: "wide", profiles: [users], activations: [] }))
          )
          yield* register(resolved)
          const imported = yield* refreshProfiles(resolved.profiles[0]!, { folder, full: false })
          assert.strictEqual(imported.profiles, 1)
          const [kept] = yield* sql<{ traits: Record<string, string>; identifiers: number }>`
            select traits, (select count(*)::int from tributary.identifier i where i.profile_no = p.no) as identifiers
            from tributary.profile p where not gone`
          assert.deepStrictEqual(kept?.traits, Object.fromEntries(traits.map((name) => [name, `of ${name}`])))
          assert.strictEqual(kept?.identifiers, 60)
        }
      }).pipe(Effect.provide(runtime))
    )

    it.live("a row that no database can hold is named with its place", () =>
      Effect.gen(function* () {
        const resolved = yield* configOf("ndjson")
        yield* register(resolved)
        const message = (content: string) => {
          write("users.ndjson", content)
          return Effect.map(
            Effect.flip(refreshProfiles(resolved.profiles[0]!, { folder, full: false })),
            (error) => error.message
          )
        }
        assert.strictEqual(
          yield* message(lines([{ id: "a" }, { id: "b", email: "x\u0000y" }])),
          'profiles "users": users.ndjson, row 2: has a character that PostgreSQL cannot hold (a NUL, or half of a surrogate pair). Nothing was changed.'
        )
        assert.include(yield* message('{"id":"a"}\n{"id":"b"}\n{"id":'), "users.ndjson, row 3: is not valid JSON")
        assert.include(yield* message(lines([{ id: "a", user_id: "x".repeat(9_000) }])), "longer than 2,000 bytes")
        assert.include(yield* message(lines([{ id: "a", user_id: "漢".repeat(1_000) }])), "longer than 2,000 bytes")
        const deep = `{"id":"a","name":${"[".repeat(20_000)}${"]".repeat(20_000)}}`
        assert.include(yield* message(deep), "users.ndjson, row 1: has more than 100 levels")
        assert.include(yield* message('{"id":"a","name":1e400}'), "row 1: has a number beyond 1e308")
        assert.include(yield* message('{"id":""}'), "1 row has no id")
        assert.include(yield* message('{"id":"a","email":["b@x.io","c@x.io"]}'), 'column "email" of profile')
        assert.include(yield* message('["a"]'), "row 1: is not an object")
      }).pipe(Effect.provide(runtime))
    )
  })
}
