// The stores that every behaviour is tried on: PGlite always, PostgreSQL wherever one answers.
import { PgClient } from "@effect/sql-pg"
import { Effect, Layer, Redacted } from "effect"
import { SqlClient } from "effect/sql"
import * as fs from "node:fs"
import { randomUUID } from "node:crypto"
import { describe, inject } from "vitest"
import { layerMemory } from "../../src/store/Pglite.ts"

export interface TestStore {
  readonly name: "PGlite" | "PostgreSQL"
  /** A fresh, migrated store, gone with its scope. */
  readonly layer: Layer.Layer<SqlClient.SqlClient>
  /** PostgreSQL only: a connection string for a fresh database, as an operator would set it. */
  readonly url?: Effect.Effect<string>
}

const pglite: TestStore = {
  name: "PGlite",
  layer: Layer.unwrap(Effect.sync(() => layerMemory(new Blob([fs.readFileSync(inject("image"))])))).pipe(Layer.orDie)
}

const onPostgres = ({ prefix, server }: { readonly prefix: string; readonly server: string }): TestStore => {
  const at = (database: string) => {
    const url = new URL(server)
    url.pathname = `/${database}`
    return url.toString()
  }
  const asAdmin = (statement: string) =>
    Effect.flatMap(SqlClient.SqlClient, (sql) => sql.unsafe(statement)).pipe(
      Effect.provide(PgClient.layer({ url: Redacted.make(server), maxConnections: 1 })),
      Effect.orDie
    )
  const fresh = Effect.gen(function* () {
    const name = `${prefix}_${randomUUID().slice(0, 8)}`
    yield* asAdmin(`create database ${name} template ${prefix}`)
    return name
  })
  return {
    name: "PostgreSQL",
    url: Effect.map(fresh, at),
    layer: Layer.unwrap(
      Effect.map(
        Effect.acquireRelease(fresh, (name) => asAdmin(`drop database if exists ${name} with (force)`)),
        (name) => PgClient.layer({ url: Redacted.make(at(name)), maxConnections: 6 })
      )
    ).pipe(Layer.orDie)
  }
}

const postgres = inject("postgres")

export const stores: ReadonlyArray<TestStore> = postgres === null ? [pglite] : [pglite, onPostgres(postgres)]

/** A suite for every store, named after it, so that a report says which ran. */
export const describeStores = (name: string, suite: (store: TestStore) => void) => {
  for (const store of stores) describe(`${name} (${store.name})`, () => suite(store))
}
