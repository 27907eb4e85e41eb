// What a source says of its changes is as good as reading everything, and costs less.
import { assert, describe, it } from "@effect/vitest"
import { Activation } from "@tributary/core/runtime"
import { PgClient } from "@effect/sql-pg"
import { Effect, Layer, Redacted } from "effect"
import { SqlClient } from "effect/sql"
import { TestClock } from "effect/testing"
import * as fc from "fast-check"
import type { ChangesOptions } from "../src/config/Changes.ts"
import { Audience, ComputedTrait } from "../src/config/Computations.ts"
import { defineConfig, type SourcedActivation } from "../src/config/defineConfig.ts"
import { sql } from "../src/config/Query.ts"
import { resolve } from "../src/config/Resolved.ts"
import * as Source from "../src/config/Source.ts"
import * as Space from "../src/engine/Space.ts"
import { refresh } from "../src/engine/SyncOnce.ts"
import { describeStores, everyStore, runsOf, stores } from "./support/stores.ts"
import { defaults, inNewYear, inWorld, type World } from "./support/world.ts"

const feed = (what: string): ChangesOptions => ({
  query: sql`select id, at from feed where what = ${what}`,
  full: "1 day",
  overlap: "1 minute"
})

const users = Source.store().users({
  query: sql`select id, email, phone, city, company from customer`,
  identifiers: { user_id: "id", email: "email", phone: "phone" },
  traits: ["city"],
  account: "company",
  changes: feed("customer")
})
const accounts = Source.store().accounts({ query: sql`select id from company`, identifiers: { group_id: "id" } })
const vips = Audience.make("Vips", {
  of: users,
  query: sql`select id from member where audience = 'Vips'`,
  changes: feed("member")
})
const revenue = ComputedTrait.make("Revenue", {
  of: users,
  query: sql`select id, value from value where trait = 'Revenue'`,
  changes: feed("value")
})

const tables = [
  "create table feed (what text, id text, at bigint generated always as identity)",
  "create unique index customer_id on customer (id)"
]

const activations = (world: World): ReadonlyArray<SourcedActivation> => [
  Activation.events(vips, world.destination),
  Activation.events(revenue, world.destination)
]

const refreshed = Effect.fnUntraced(function* (world: World, full = false, given = activations(world)) {
  const resolved = yield* Effect.fromResult(
    resolve(defineConfig({ space: "acme", activations: given, profiles: [accounts] }))
  )
  return yield* Effect.scoped(
    Effect.flatMap(Space.open(resolved), (space) => refresh(space, { ...defaults, folder: ".", full }))
  )
})

/** Everything that a refresh writes of who there is. */
const known = (world: World) =>
  Effect.all([
    world.sql`select collection, id, gone, traits from tributary.profile order by 1, 2`,
    world.sql`select i.type, i.value, p.id, i.gone from tributary.identifier i
      join tributary.profile p on p.no = i.profile_no where not i.gone order by 1, 2`,
    world.sql`select u.id, a.id as account from tributary.account_user m join tributary.profile u on u.no = m.user_no
      join tributary.profile a on a.no = m.account_no where not m.gone order by 1, 2`,
    world.sql`select p.id, v.value from tributary.value v join tributary.profile p on p.no = v.profile_no
      where not p.gone order by 1`
  ])

const statement = (world: World, what: string, id: string, text: string, ...values: ReadonlyArray<unknown>) =>
  Effect.andThen(world.sql.unsafe(text, values), world.sql`insert into feed (what, id) values (${what}, ${id})`)

const id = fc.constantFrom("u1", "u2", "u3", "u4", "u5")
const contact = fc.option(fc.constantFrom("a@x.org", "b@x.org", "c@x.org"), { nil: null })
const step = fc.oneof(
  fc.record({ do: fc.constant("customer" as const), id, email: contact, company: fc.constantFrom(null, "c1", "c2") }),
  fc.record({ do: fc.constant("leave" as const), id }),
  fc.record({ do: fc.constant("member" as const), id, isIn: fc.boolean() }),
  fc.record({ do: fc.constant("value" as const), id, value: fc.option(fc.integer({ min: 1, max: 3 }), { nil: null }) }),
  fc.record({ do: fc.constant("look" as const) })
)
type Step = typeof step extends fc.Arbitrary<infer A> ? A : never

const perform = (world: World, given: Exclude<Step, { readonly do: "look" }>) => {
  switch (given.do) {
    case "customer":
      return statement(
        world,
        "customer",
        given.id,
        "insert into customer (id, email, company, city) values ($1, $2, $3, $2) on conflict (id) do update set email = $2, company = $3, city = $2",
        given.id,
        given.email,
        given.company
      )
    case "leave":
      return statement(world, "customer", given.id, "delete from customer where id = $1", given.id)
    case "member":
      return given.isIn
        ? statement(
            world,
            "member",
            given.id,
            "insert into member select 'Vips', $1 where not exists (select 1 from member where id = $1)",
            given.id
          )
        : statement(world, "member", given.id, "delete from member where id = $1", given.id)
    case "value":
      return given.value === null
        ? statement(world, "value", given.id, "delete from value where id = $1", given.id)
        : Effect.andThen(
            world.sql`delete from value where id = ${given.id}`,
            statement(
              world,
              "value",
              given.id,
              "insert into value values ('Revenue', $1, to_jsonb($2::int))",
              given.id,
              given.value
            )
          )
  }
}

describeStores("a source that says what changed", (store) => {
  it.effect(
    "leaves nothing for a full reading to find",
    () =>
      Effect.gen(function* () {
        const property = fc.asyncProperty(fc.array(step, { minLength: 3, maxLength: 25 }), (steps) =>
          Effect.runPromise(
            inWorld(store)((world) =>
              Effect.gen(function* () {
                for (const table of tables) yield* world.sql.unsafe(table)
                yield* refreshed(world)
                for (const each of [...steps, { do: "look" as const }]) {
                  if (each.do !== "look") {
                    yield* perform(world, each)
                    continue
                  }
                  const { evaluated, failures, imported } = yield* refreshed(world)
                  assert.deepStrictEqual(failures, [])
                  assert.isTrue(evaluated.every(({ partial }) => partial))
                  assert.isTrue(imported.find(({ source }) => source === "users")?.partial)
                  const seen = yield* known(world)
                  const sizes = evaluated.map(({ size }) => size)
                  const everything = yield* refreshed(world, true)
                  assert.isFalse(everything.evaluated.some(({ partial }) => partial))
                  assert.deepStrictEqual(yield* known(world), seen)
                  // Members that are gone leave the result with the next full reading, and were told by the import.
                  for (const { entered } of everything.evaluated) assert.strictEqual(entered, 0)
                  everything.evaluated.forEach(({ exited, size }, i) =>
                    assert.strictEqual(size + exited, sizes[i], "who left was gone")
                  )
                }
              })
            )
          )
        )
        const runs = runsOf(store.name === "PGlite" ? 10 : 8)
        yield* Effect.promise(() => fc.assert(property, { numRuns: runs, seed: 20_261_126 }))
      }),
    { timeout: 600_000 }
  )

  it.effect("is asked for what changed only, and for everything once a day, on demand, and with another query", () =>
    inNewYear(store)((world) =>
      Effect.gen(function* () {
        for (const table of tables) yield* world.sql.unsafe(table)
        yield* world.customers([{ id: "u1" }, { id: "u2" }])
        const members = (...ids: ReadonlyArray<string>) => world.members("Vips", ids)
        const vipsOf = Effect.fnUntraced(function* (full = false, given?: ReadonlyArray<SourcedActivation>) {
          const { evaluated, failures } = yield* refreshed(world, full, given)
          assert.deepStrictEqual(failures, [])
          const found = evaluated.find(({ computation }) => computation === "vips")
          return [found?.size, found?.partial]
        })
        assert.deepStrictEqual(yield* vipsOf(), [0, false])
        yield* members("u1")
        assert.deepStrictEqual(yield* vipsOf(), [0, true], "nobody said so")
        assert.deepStrictEqual(yield* vipsOf(true), [1, false], "on demand")
        yield* vipsOf(false, [Activation.events(revenue, world.destination)])
        assert.deepStrictEqual(yield* vipsOf(), [1, false], "when it comes back")
        yield* members("u1", "u2")
        assert.deepStrictEqual(yield* vipsOf(), [1, true])
        yield* TestClock.adjust("1 day")
        assert.deepStrictEqual(yield* vipsOf(), [2, false], "once a day")
        const nobody = Audience.make("Vips", {
          of: users,
          query: sql`select id from member where false`,
          changes: feed("member")
        })
        assert.deepStrictEqual(
          yield* vipsOf(false, [
            Activation.events(nobody, world.destination),
            Activation.events(revenue, world.destination)
          ]),
          [0, false],
          "with another query"
        )
      })
    )
  )

  it.effect("leaves an identifier with who has it, though only the other one who claims it was read", () =>
    inNewYear(store)((world) =>
      Effect.gen(function* () {
        for (const table of tables) yield* world.sql.unsafe(table)
        yield* refreshed(world)
        const owner = Effect.map(
          world.sql<{ id: string }>`select p.id from tributary.identifier i
            join tributary.profile p on p.no = i.profile_no where i.value = 'a@x.org' and not i.gone`,
          (rows) => rows.map((row) => row.id)
        )
        const claim = (who: "u1" | "u2") =>
          Effect.andThen(perform(world, { do: "customer", id: who, email: "a@x.org", company: null }), refreshed(world))
        yield* claim("u2")
        assert.deepStrictEqual(yield* owner, ["u2"])
        const { imported } = yield* claim("u1")
        assert.deepStrictEqual([yield* owner, imported.map(({ shared }) => shared)], [["u2"], [0, 1]])
        yield* perform(world, { do: "leave", id: "u2" })
        yield* refreshed(world)
        assert.deepStrictEqual(yield* owner, [])
        yield* claim("u1")
        assert.deepStrictEqual(yield* owner, ["u1"])
      })
    )
  )

  it.effect("has in its result who becomes known after the change that put them there", () =>
    inNewYear(store)((world) =>
      Effect.gen(function* () {
        for (const table of tables) yield* world.sql.unsafe(table)
        yield* refreshed(world)
        yield* perform(world, { do: "member", id: "u1", isIn: true })
        const before = yield* refreshed(world)
        assert.deepStrictEqual(before.evaluated.find(({ computation }) => computation === "vips")?.size, 0)
        yield* perform(world, { do: "customer", id: "u1", email: null, company: null })
        const after = yield* refreshed(world)
        const found = after.evaluated.find(({ computation }) => computation === "vips")
        assert.deepStrictEqual([found?.size, found?.partial], [1, true])
        const [left] = yield* world.sql<{ count: number }>`select count(*)::int as count from tributary.newcomer`
        assert.strictEqual(left?.count, 0)
      })
    )
  )

  it.effect("is told what is wrong with its changes, and its last result stands", () =>
    inNewYear(store)((world) =>
      Effect.gen(function* () {
        for (const table of tables) yield* world.sql.unsafe(table)
        const failuresOf = Effect.fnUntraced(function* (changes: { readonly query: ReturnType<typeof sql> }) {
          const broken = Audience.make("Vips", { of: users, query: sql`select id from member`, changes })
          const { failures } = yield* refreshed(world, false, [Activation.events(broken, world.destination)])
          return failures.map(({ message }) => message)
        })
        const [type] = yield* failuresOf({ query: sql`select id, 'now'::text as at from member` })
        assert.include(
          type,
          `computation "vips": the position of a change (column "at") is of type text; it must be a time`
        )
        const [missing] = yield* failuresOf({ query: sql`select id from member` })
        assert.include(missing, `computation "vips": the query of its changes failed: column c.at does not exist`)
      })
    )
  )
})

const postgres = everyStore.find(({ url }) => url !== undefined)

describe.runIf(postgres?.url !== undefined)("another PostgreSQL that says what changed", () => {
  it.live("by a column of times, whole numbers for ids, and a change that was committed late", () =>
    Effect.gen(function* () {
      if (postgres?.url === undefined) return
      const url = yield* postgres.url
      const shop = Source.postgres(Redacted.make(url))
      const customers = shop.users({
        query: sql`select id, email, updated_at from shopper`,
        identifiers: { user_id: "id", email: "email" },
        changes: { query: sql`select id, updated_at as at from shopper;` }
      })
      const big = ComputedTrait.make("Spent", {
        of: customers,
        query: sql`select id, spent as value from shopper where spent > ${0}`,
        changes: { query: sql`select id, updated_at as at from shopper -- of all` }
      })
      yield* Effect.gen(function* () {
        const shopDb = yield* SqlClient.SqlClient
        yield* shopDb`create table shopper (id int primary key, email text, spent int, updated_at timestamptz)`
        yield* shopDb`insert into shopper select i, i || '@x.org', i, now() - i * interval '1 hour' from generate_series(0, 99) i`
        yield* inWorld(stores[0]!)((world) =>
          Effect.gen(function* () {
            const given = [Activation.events(big, world.destination)]
            const first = yield* refreshed(world, false, given)
            assert.deepStrictEqual(first.failures, [])
            assert.deepStrictEqual([first.evaluated[0]?.size, first.evaluated[0]?.partial], [99, false])
            yield* shopDb`update shopper set spent = 500, updated_at = now() where id = 7`
            yield* shopDb`update shopper set spent = 0, updated_at = now() where id = 8`
            yield* shopDb`insert into shopper values (101, 'new@x.org', 5, now())`
            const second = yield* refreshed(world, false, given)
            assert.deepStrictEqual(second.failures, [])
            const { added, profiles } = second.imported.find(({ source }) => source === "users") ?? {}
            // The newest of the first look is read again: it may have had company.
            assert.deepStrictEqual([added, profiles], [1, 4])
            const [found] = second.evaluated
            assert.deepStrictEqual([found?.size, found?.entered, found?.exited, found?.partial], [99, 2, 1, true])
            // Committed after the last look, with a time before it.
            yield* shopDb`update shopper set spent = 900, updated_at = now() - interval '20 seconds' where id = 9`
            const third = yield* refreshed(world, false, given)
            assert.deepStrictEqual([third.evaluated[0]?.entered, third.evaluated[0]?.partial], [1, true])
          })
        )
      }).pipe(Effect.provide(PgClient.layer({ url: Redacted.make(url), maxConnections: 1 }).pipe(Layer.orDie)))
    })
  )
})
