// The stores that behaviour is tried on. PGlite always. PostgreSQL, where one answers, for what depends on the store, and
// for everything where `TRIBUTARY_TESTS=all` asks for it.
import { PgClient } from "@effect/sql-pg"
import { type Context, Duration, Effect, Layer, Redacted, Scope } from "effect"
import { SqlClient, type SqlError } from "effect/sql"
import * as fs from "node:fs"
import { randomUUID } from "node:crypto"
import { describe, inject } from "vitest"
import { layerMemory } from "../../src/store/sql/Pglite.ts"

export interface TestStore {
  readonly name: "PGlite" | "PostgreSQL"
  /** A migrated store with nothing in it, lent for its scope. */
  readonly layer: Layer.Layer<SqlClient.SqlClient>
  /** PostgreSQL only: a connection string for a fresh database, as an operator would set it. */
  readonly url?: Effect.Effect<string>
}

/** The columns of tables and indexes, triggers and schemas: a store whose test has changed these is not lent again. */
const shape = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const [row] = yield* sql<{ shape: string }>`
    select string_agg(what, ' ' order by what) as shape from (
      select c.relname || '.' || a.attname || ' ' || a.atttypid || ' ' || a.attnotnull || ' ' || a.attisdropped as what
      from pg_attribute a join pg_class c on c.oid = a.attrelid
      where c.relnamespace = 'tributary'::regnamespace and a.attnum > 0
      union all select tgname from pg_trigger
      union all select nspname from pg_namespace where nspname not like 'pg_t%') w`
  return row?.shape
})

/** Takes away what a test has left, for the next: a store for each test would take longer than the tests. */
const emptied = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  yield* sql`select pg_terminate_backend(pid) from pg_stat_activity
    where datname = current_database() and pid <> pg_backend_pid()`
  const tables = yield* sql<{ name: string }>`
    select tablename as name from pg_tables where schemaname = 'tributary' and tablename <> 'migration'`
  yield* sql.unsafe(`truncate ${tables.map(({ name }) => `tributary.${name}`).join(", ")} restart identity`)
  yield* sql`drop schema public cascade`
  yield* sql`create schema public`
})

/** Lends stores, emptied, and makes one where none is idle. */
const lending = <Store, E>(
  make: Effect.Effect<Store, E>,
  open: (store: Store) => Layer.Layer<SqlClient.SqlClient, E>
): Layer.Layer<SqlClient.SqlClient> => {
  const idle: Array<Store> = []
  let untouched: string | undefined
  const lend: Effect.Effect<Context.Context<SqlClient.SqlClient>, E | SqlError.SqlError, Scope.Scope> = Effect.gen(
    function* () {
      const used = idle.pop()
      const store = used ?? (yield* make)
      let isWhole = true
      // Finalizers run last to first: its connections are closed by then.
      yield* Effect.addFinalizer(() => Effect.sync(() => (isWhole ? idle.push(store) : undefined)))
      const context = yield* Layer.build(open(store))
      const found = yield* Effect.provideContext(shape, context)
      untouched ??= found
      isWhole = found === untouched
      if (used !== undefined && isWhole) yield* Effect.provideContext(emptied, context)
      return isWhole ? context : yield* lend
    }
  )
  return Layer.effectContext(lend).pipe(Layer.orDie)
}

const pglite: TestStore = {
  name: "PGlite",
  layer: lending(
    Effect.suspend(() =>
      Layer.buildWithScope(layerMemory(new Blob([fs.readFileSync(inject("image"))])), Scope.makeUnsafe())
    ),
    (context) => Layer.succeedContext(context)
  )
}

const onPostgres = ({ prefix, server }: { readonly prefix: string; readonly server: string }): TestStore => {
  const at = (database: string) => {
    const url = new URL(server)
    url.pathname = `/${database}`
    return url.toString()
  }
  const fresh = Effect.gen(function* () {
    const name = `${prefix}_${randomUUID().slice(0, 8)}`
    yield* Effect.flatMap(SqlClient.SqlClient, (sql) =>
      Effect.andThen(
        sql.unsafe(`create database ${name} template ${prefix}`),
        sql.unsafe(`alter database ${name} set synchronous_commit = off`)
      )
    ).pipe(Effect.provide(PgClient.layer({ url: Redacted.make(server), maxConnections: 1 })), Effect.orDie)
    return name
  })
  return {
    name: "PostgreSQL",
    url: Effect.map(fresh, at),
    // A test that skips hours of virtual time while a connection opens has not waited too long for it.
    layer: lending(fresh, (name) =>
      PgClient.layer({ url: Redacted.make(at(name)), maxConnections: 6, connectTimeout: Duration.infinity })
    )
  }
}

const postgres = inject("postgres")

/** `TRIBUTARY_TESTS=all` runs everything on every store, and properties as often as they deserve. It takes longer. */
export const isAll = process.env["TRIBUTARY_TESTS"] === "all"

/** Every store that answers, for what depends on the store. */
export const everyStore: ReadonlyArray<TestStore> = postgres === null ? [pglite] : [pglite, onPostgres(postgres)]

/** The stores for all else. */
export const stores: ReadonlyArray<TestStore> = isAll ? everyStore : [pglite]

/** So many runs of a property where everything is asked for, and a quarter of them otherwise. */
export const runsOf = (all: number): number => (isAll ? all : Math.ceil(all / 4))

/** A suite for every store, named after it, so that a report says which ran. */
const describeOn = (on: ReadonlyArray<TestStore>) => (name: string, suite: (store: TestStore) => void) => {
  for (const store of on) describe(`${name} (${store.name})`, () => suite(store))
}

/** A suite for PGlite, and for PostgreSQL where everything is asked for. */
export const describeStores = describeOn(stores)

/** A suite that PostgreSQL runs wherever it answers. */
export const describeEveryStore = describeOn(everyStore)
