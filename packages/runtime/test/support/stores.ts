// The stores that every behaviour is tried on: PGlite always, PostgreSQL wherever one answers.
import { PgClient } from "@effect/sql-pg"
import { Effect, Layer, Redacted } from "effect"
import { SqlClient } from "effect/sql"
import { randomUUID } from "node:crypto"
import { describe } from "vitest"
import * as Migrations from "../../src/store/Migrations.ts"
import { layerMemory, Pglite } from "../../src/store/Pglite.ts"

export interface TestStore {
  readonly name: "PGlite" | "PostgreSQL"
  /** A fresh, migrated store, gone with its scope. */
  readonly layer: Layer.Layer<SqlClient.SqlClient>
  /** PostgreSQL only: a connection string for a fresh database, as an operator would set it. */
  readonly url?: Effect.Effect<string>
}

const server = process.env["TEST_DATABASE_URL"] ?? "postgres://postgres@127.0.0.1:5432/postgres"

const at = (database: string) => {
  const url = new URL(server)
  url.pathname = `/${database}`
  return url.toString()
}

const admin = PgClient.layer({ url: Redacted.make(server), maxConnections: 1, connectTimeout: "2 seconds" })

const asAdmin = (statement: string) =>
  Effect.flatMap(SqlClient.SqlClient, (sql) => sql.unsafe(statement)).pipe(Effect.provide(admin), Effect.orDie)

const answers = await Effect.runPromise(
  Effect.flatMap(SqlClient.SqlClient, (sql) => sql`select 1`).pipe(
    Effect.provide(admin),
    Effect.as(true),
    Effect.catchCause(() => Effect.succeed(false))
  )
)
if (!answers && process.env["REQUIRE_POSTGRES"] === "1") {
  throw new Error("REQUIRE_POSTGRES is set and no PostgreSQL answers; set TEST_DATABASE_URL to one")
}

let image: Promise<Blob> | undefined
/** PGlite's start-up, paid once a worker. */
const migratedImage = () =>
  (image ??= Effect.runPromise(
    Effect.gen(function* () {
      yield* Migrations.run
      const { db } = yield* Pglite
      return yield* Effect.promise(() => db.dumpDataDir("none"))
    }).pipe(Effect.provide(layerMemory()), Effect.scoped)
  ))

const pglite: TestStore = {
  name: "PGlite",
  layer: Layer.unwrap(Effect.map(Effect.promise(migratedImage), (blob) => layerMemory(blob))).pipe(Layer.orDie)
}

let template: Promise<string> | undefined
const migratedTemplate = () =>
  (template ??= Effect.runPromise(
    Effect.gen(function* () {
      const name = `tributary_template_${randomUUID().replaceAll("-", "")}`
      yield* asAdmin(`create database ${name}`)
      yield* Migrations.run.pipe(
        Effect.provide(PgClient.layer({ url: Redacted.make(at(name)), maxConnections: 1 })),
        Effect.orDie
      )
      return name
    })
  ))

const freshDatabase = Effect.gen(function* () {
  const from = yield* Effect.promise(migratedTemplate)
  const name = `tributary_test_${randomUUID().replaceAll("-", "")}`
  yield* asAdmin(`create database ${name} template ${from}`)
  return name
})

const postgres: TestStore = {
  name: "PostgreSQL",
  url: Effect.map(freshDatabase, at),
  layer: Layer.unwrap(
    Effect.map(
      Effect.acquireRelease(freshDatabase, (name) => asAdmin(`drop database if exists ${name} with (force)`)),
      (name) => PgClient.layer({ url: Redacted.make(at(name)), maxConnections: 6 })
    )
  ).pipe(Layer.orDie)
}

export const stores: ReadonlyArray<TestStore> = answers ? [pglite, postgres] : [pglite]

/** A suite for every store, named after it, so that a report says which ran. */
export const describeStores = (name: string, suite: (store: TestStore) => void) => {
  for (const store of stores) describe(`${name} (${store.name})`, () => suite(store))
}
