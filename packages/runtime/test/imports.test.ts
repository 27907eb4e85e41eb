// Imports of many new people, slice by slice: killed or not, they end the same.
import { Activation, IdSet } from "@tributary/core/runtime"
import { afterAll, assert, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { SqlClient } from "effect/sql"
import fc from "fast-check"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { Audience } from "../src/config/Computations.ts"
import { defineConfig } from "../src/config/defineConfig.ts"
import { resolve } from "../src/config/Resolved.ts"
import * as Source from "../src/config/Source.ts"
import { refreshComputation, refreshProfiles } from "../src/engine/Refresh.ts"
import * as Space from "../src/engine/Space.ts"
import { SliceSize } from "../src/store/profiles/ImportNew.ts"
import { register } from "../src/store/activations/Registry.ts"
import { OnProgress } from "../src/sources/Staging.ts"
import { makeEcho } from "./support/echo.ts"
import { describeStores, isAll, runsOf } from "./support/stores.ts"

const folder = fs.mkdtempSync(path.join(os.tmpdir(), "tributary-imports-"))
afterAll(() => fs.rmSync(folder, { recursive: true, force: true }))

interface Person {
  readonly id: string
  readonly email?: string
  readonly phone?: string
  readonly name?: string
  readonly account?: string
}

const write = (name: string, rows: ReadonlyArray<unknown>) =>
  fs.writeFileSync(path.join(folder, name), rows.map((row) => JSON.stringify(row)).join("\n"))

const config = Effect.suspend(() => {
  const users = Source.ndjson("users.ndjson").users({
    identifiers: { user_id: "id", email: "email", phone: "phone" },
    traits: ["name"],
    account: "account"
  })
  const members = Audience.make("Members", { of: users, file: Source.ndjson("members.ndjson") })
  const echo = makeEcho().destination("echo", { baseUrl: "http://127.0.0.1:1" })
  return Effect.fromResult(resolve(defineConfig({ space: "imports", activations: [Activation.events(members, echo)] })))
})

const importing = (people: ReadonlyArray<Person>) =>
  Effect.gen(function* () {
    const [profiles] = (yield* config).profiles
    write("users.ndjson", people)
    return yield* refreshProfiles(profiles!, { folder, full: false })
  })

/** Ends the process after so many slices, as far as the import can tell: nothing of it runs on. */
const killedAfter = (slices: number) => {
  let written = 0
  return Effect.provideService(OnProgress, (progress) => {
    if (progress.includes("written") && ++written === slices) throw new Error("killed")
  })
}

/** All that an import writes, by names and not by numbers. */
const everything = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const profiles = yield* sql<{ no: number; id: string }>`
    select p.no, p.collection || ' ' || p.id as id, p.source, p.traits, p.gone,
      (select json_agg(json_build_array(i.type, i.value, i.gone) order by i.type, i.value)
        from tributary.identifier i where i.profile_no = p.no) as identifiers,
      (select json_agg(json_build_array(a.id, m.gone) order by a.id)
        from tributary.account_user m join tributary.profile a on a.no = m.account_no where m.user_no = p.no) as accounts
    from tributary.profile p order by p.collection, p.id`
  const names = new Map(profiles.map(({ id, no }) => [no, id]))
  const marked = IdSet.decodeAll(
    (yield* sql<{ bits: Uint8Array }>`select bits from tributary.dirty where length(bits) > 0`).map(({ bits }) => bits)
  )
  return {
    profiles: profiles.map((profile) => ({ ...profile, no: undefined })),
    marked: [...marked].map((no) => names.get(no)).toSorted()
  }
})

const emptied = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  yield* sql`truncate tributary.profile, tributary.identifier, tributary.account_user, tributary.source, tributary.dirty,
    tributary.snapshot, tributary.change, tributary.evaluation, tributary.newcomer restart identity`
  yield* sql`update tributary.computation set evaluated_at = null, size = 0`
})

const temporary = Effect.flatMap(
  SqlClient.SqlClient,
  (sql) => sql<{ name: string }>`select relname as name from pg_class where relname like 'stage_%' and relkind = 'r'`
)

// Few names, so that several claim the same.
const person = fc.record(
  {
    id: fc.constantFrom("a", "b", "c", "d", "e", "f", "g", "h", "i"),
    email: fc.constantFrom("1@example.com", "2@example.com", "3@example.com", "4@example.com"),
    phone: fc.constantFrom("+331", "+332", "+333"),
    name: fc.constantFrom("Ada", "Bo"),
    account: fc.constantFrom("acme", "globex")
  },
  { requiredKeys: ["id"] }
)
const people = fc.uniqueArray(person, { selector: ({ id }) => id, minLength: 2, maxLength: 9 })

describeStores("imports", (store) => {
  const runtime = Space.layer.pipe(Layer.provideMerge(store.layer))

  it.live("a first import that was killed goes on where it was, and reads no slice as new again", () =>
    Effect.gen(function* () {
      yield* register(yield* config)
      const sql = yield* SqlClient.SqlClient
      const shop = Array.from({ length: 95 }, (_, i) => ({ id: `u${i}`, email: `u${i}@example.com` }))
      const sent: Array<string> = []
      yield* importing(shop).pipe(killedAfter(4), Effect.exit)
      const [half] = yield* sql`select (select count(*)::int from tributary.profile) as profiles,
          (select count(*)::int from tributary.identifier) as identifiers,
          (select count(*)::int from tributary.source where imported_at is not null) as imported`
      assert.deepStrictEqual(half, { profiles: 40, identifiers: 80, imported: 0 })
      const { added, profiles } = yield* importing(shop).pipe(
        Effect.provideService(OnProgress, (progress) => void sent.push(progress))
      )
      assert.deepStrictEqual({ added, profiles }, { added: 55, profiles: 95 })
      assert.deepStrictEqual(
        sent,
        [10, 20, 30, 40, 50, 55].map((count) => `${count} of 55 new profiles written`)
      )
      const [all] = yield* sql`select (select count(*)::int from tributary.profile) as profiles,
          (select count(*)::int from tributary.identifier) as identifiers,
          (select count(*)::int from tributary.source where imported_at is not null) as imported`
      assert.deepStrictEqual(all, { profiles: 95, identifiers: 190, imported: 1 })
      assert.deepStrictEqual(yield* temporary, [])
    }).pipe(Effect.provideService(SliceSize, 10), Effect.provide(runtime))
  )

  it.live(
    "in slices, killed after any of them and begun again, an import writes and marks what it does in one go",
    () =>
      Effect.gen(function* () {
        const resolved = yield* config
        yield* register(resolved)
        const run = Effect.runPromiseWith(yield* Effect.context<SqlClient.SqlClient>())
        const after = (
          before: ReadonlyArray<Person>,
          members: ReadonlyArray<string>,
          then: Effect.Effect<unknown, unknown, SqlClient.SqlClient>
        ) =>
          Effect.gen(function* () {
            yield* emptied
            yield* importing(before)
            write(
              "members.ndjson",
              members.map((id) => ({ id }))
            )
            yield* refreshComputation(resolved.computations[0]!, { folder, full: false })
            yield* Effect.flatMap(SqlClient.SqlClient, (sql) => sql`truncate tributary.dirty`)
            yield* then
            return yield* everything
          }).pipe(Effect.provide(Space.layer))
        let kills = 0
        yield* Effect.promise(() =>
          fc.assert(
            fc.asyncProperty(
              people,
              fc.array(person.map(({ id }) => id)),
              people,
              fc.integer({ min: 1, max: 2 }),
              fc.integer({ min: 1, max: 3 }),
              async (before, members, next, size, slices) => {
                const whole = await run(after(before, members, importing(next)))
                const sliced = importing(next).pipe(Effect.provideService(SliceSize, size))
                const killed = sliced.pipe(
                  killedAfter(slices),
                  Effect.exit,
                  Effect.tap((exit) => Effect.sync(() => (exit._tag === "Failure" ? kills++ : undefined)))
                )
                const twice = await run(after(before, members, Effect.andThen(killed, sliced)))
                assert.deepStrictEqual(twice, whole)
              }
            ),
            { numRuns: runsOf(30) }
          )
        )
        assert.isAbove(kills, isAll ? 3 : 0)
      }).pipe(Effect.provide(runtime))
  )
})
