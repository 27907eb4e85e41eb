// Profiles and what is computed of them, read from queries and files of a test's own.
import { Activation } from "@tributary/core/runtime"
import { Effect, Layer } from "effect"
import { SqlClient } from "effect/sql"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import type { SourcedComputation } from "../../src/config/Computations.ts"
import { defineConfig } from "../../src/config/defineConfig.ts"
import type { Query } from "../../src/config/Query.ts"
import { resolve } from "../../src/config/Resolved.ts"
import * as Source from "../../src/config/Source.ts"
import { refreshComputation, refreshProfiles } from "../../src/engine/Refresh.ts"
import * as Space from "../../src/engine/Space.ts"
import { register } from "../../src/store/activations/Registry.ts"
import { makeEcho } from "./echo.ts"
import type { TestStore } from "./stores.ts"

// The files of a worker share this module: none of them may take the folder away from the next.
const folder = fs.mkdtempSync(path.join(os.tmpdir(), "tributary-values-"))
process.once("exit", () => fs.rmSync(folder, { recursive: true, force: true }))

export const write = (name: string, content: string) => fs.writeFileSync(path.join(folder, name), content)
const echo = makeEcho().destination("echo", { baseUrl: "http://127.0.0.1:1" })
const options = { folder, full: false }

/** SQL as it is, for queries that are made from a list. */
export const queryOf = (text: string): Query => ({ _tag: "Query", texts: [text], values: [] })

/** Imports profiles, evaluates what is computed of them, and returns what the store has then. */
export const refreshed = (profiles: Source.Profiles, ...computations: ReadonlyArray<SourcedComputation>) =>
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    const activations = computations.map((each) => Activation.events(each, echo))
    const config = defineConfig({ space: "values", profiles: [profiles], activations })
    const resolved = yield* Effect.fromResult(resolve(config))
    yield* register(resolved)
    for (const each of resolved.profiles) yield* refreshProfiles(each, options)
    const evaluated = yield* Effect.forEach(resolved.computations, (each) => refreshComputation(each, options))
    const people = yield* sql<{ id: string; traits: string; identifiers: ReadonlyArray<string> }>`
      select p.id, p.traits::text as traits,
        (select json_agg(i.value order by i.type) from tributary.identifier i where i.profile_no = p.no and not i.gone)
          as identifiers
      from tributary.profile p where p.collection = 'users' and not p.gone order by p.id`
    const values = yield* sql<{ value: string }>`select value::text as value from tributary.value order by profile_no`
    return { people, evaluated, values: values.map(({ value }) => value), ids: people.map(({ id }) => id) }
  })

export const messageOf = <A, E extends { readonly message: string }, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.map(Effect.flip(effect), ({ message }) => message)

export const inStore = (store: TestStore) => {
  const layer = Space.layer.pipe(Layer.provideMerge(store.layer))
  return <A, E>(test: (sql: SqlClient.SqlClient) => Effect.Effect<A, E, Layer.Success<typeof layer>>) =>
    Effect.flatMap(SqlClient.SqlClient, test).pipe(Effect.provide(layer))
}

export const users = (asked: Query, more: Partial<Source.ProfileOptions> = {}, from = Source.store()) =>
  from.users({ query: asked, identifiers: { user_id: "id" }, ...more })
