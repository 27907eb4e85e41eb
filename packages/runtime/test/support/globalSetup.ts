// What every test file would otherwise pay for itself: a migrated image of PGlite, the same as the store of a folder, and
// a migrated template database on PostgreSQL, where one answers. All go when the run ends, with whatever databases a cut-off test left behind.
import { PGlite } from "@electric-sql/pglite"
import { PgClient } from "@effect/sql-pg"
import { Effect, Redacted } from "effect"
import { SqlClient } from "effect/sql"
import { randomUUID } from "node:crypto"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import type { TestProject } from "vitest/node"
import * as Migrations from "../../src/store/sql/Migrations.ts"
import { layerMemory, Pglite } from "../../src/store/sql/Pglite.ts"

declare module "vitest" {
  interface ProvidedContext {
    /** The file of the PGlite image. */
    readonly image: string
    /** A folder's migrated store with nothing in it, to be copied. */
    readonly store: string
    /** A server, and the prefix of databases of this run: its template is the prefix alone. */
    readonly postgres: { readonly server: string; readonly prefix: string } | null
  }
}

const server = process.env["TEST_DATABASE_URL"] ?? "postgres://postgres@127.0.0.1:5432/postgres"

const at = (database: string) => {
  const url = new URL(server)
  url.pathname = `/${database}`
  return Redacted.make(url.toString())
}

const onServer = <A>(run: (sql: SqlClient.SqlClient) => Effect.Effect<A, unknown>) =>
  Effect.flatMap(SqlClient.SqlClient, run).pipe(
    Effect.provide(PgClient.layer({ url: Redacted.make(server), maxConnections: 1, connectTimeout: "2 seconds" }))
  )

const dumpImage = Effect.gen(function* () {
  yield* Migrations.run
  const { db } = yield* Pglite
  return yield* Effect.promise(() => db.dumpDataDir("none"))
}).pipe(Effect.provide(layerMemory()), Effect.scoped)

export default async function setup(project: TestProject) {
  const image = path.join(os.tmpdir(), `tributary-test-${randomUUID()}.tar`)
  const blob = await Effect.runPromise(dumpImage)
  fs.writeFileSync(image, Buffer.from(await blob.arrayBuffer()))
  project.provide("image", image)
  const store = path.join(os.tmpdir(), `tributary-test-${randomUUID()}`)
  fs.mkdirSync(store)
  const db = await PGlite.create({ dataDir: path.join(store, "pgdata"), loadDataDir: blob })
  await db.close()
  project.provide("store", store)

  const prefix = `tributary_test_${randomUUID().replaceAll("-", "")}`
  const answers = await Effect.runPromise(
    onServer((sql) => sql.unsafe(`create database ${prefix}`)).pipe(
      Effect.as(true),
      Effect.catchCause(() => Effect.succeed(false))
    )
  )
  if (answers) await Effect.runPromise(Migrations.run.pipe(Effect.provide(PgClient.layer({ url: at(prefix) }))))
  else if (process.env["REQUIRE_POSTGRES"] === "1") {
    throw new Error("REQUIRE_POSTGRES is set and no PostgreSQL answers; set TEST_DATABASE_URL to one")
  }
  project.provide("postgres", answers ? { server, prefix } : null)
  console.log(answers ? "Stores: PGlite and PostgreSQL." : "Stores: PGlite. No PostgreSQL answers, so it is left out.")

  return async () => {
    fs.rmSync(image, { force: true })
    fs.rmSync(store, { recursive: true, force: true })
    if (!answers) return
    await Effect.runPromise(
      onServer((sql) =>
        Effect.gen(function* () {
          const left = yield* sql<{ name: string }>`
            select datname as name from pg_database where starts_with(datname, ${prefix})`
          for (const { name } of left) yield* sql.unsafe(`drop database if exists ${name} with (force)`)
        })
      )
    )
  }
}
