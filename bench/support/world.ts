// A store of its own for a case, filled by SQL: what is measured is the engine, not the import.
import { RateLimit } from "@tributary/core"
import { Activation } from "@tributary/core/runtime"
import { Adwords } from "@tributary/destination-adwords"
import { Braze } from "@tributary/destination-braze"
import { PgClient } from "@effect/sql-pg"
import { Duration, Effect, Layer, Redacted, type Scope } from "effect"
import { SqlClient } from "effect/sql"
import { spawn } from "node:child_process"
import { randomUUID } from "node:crypto"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { growSlowly } from "../../packages/runtime/src/cli/Heap.ts"
import { Audience, ComputedTrait } from "../../packages/runtime/src/config/Computations.ts"
import type { ChangesOptions } from "../../packages/runtime/src/config/Changes.ts"
import { defineConfig, type SourcedActivation } from "../../packages/runtime/src/config/defineConfig.ts"
import type { Query } from "../../packages/runtime/src/config/Query.ts"
import { type Resolved, resolve } from "../../packages/runtime/src/config/Resolved.ts"
import * as Source from "../../packages/runtime/src/config/Source.ts"
import { refreshComputation } from "../../packages/runtime/src/engine/Refresh.ts"
import * as Space from "../../packages/runtime/src/engine/Space.ts"
import { syncOnce } from "../../packages/runtime/src/engine/SyncOnce.ts"
import * as Store from "../../packages/runtime/src/store/sql/Store.ts"

// As the command does.
growSlowly()

const server = new URL(process.env["TEST_DATABASE_URL"] ?? "postgres://postgres@127.0.0.1:5432/postgres")

const onServer = (statement: string) =>
  Effect.flatMap(SqlClient.SqlClient, (client) => client.unsafe(statement)).pipe(
    Effect.provide(PgClient.layer({ url: Redacted.make(server.toString()), maxConnections: 1 })),
    Effect.orDie
  )

export type StoreName = "PostgreSQL" | "PGlite"

/** A database, or a folder, for one run. */
export const place = Effect.fnUntraced(function* (
  store: StoreName
): Effect.fn.Return<Store.Location, never, Scope.Scope> {
  if (store === "PGlite") {
    const folder = yield* Effect.acquireRelease(
      Effect.sync(() => fs.mkdtempSync(path.join(os.tmpdir(), "tributary-bench-"))),
      (made) => Effect.sync(() => fs.rmSync(made, { recursive: true, force: true }))
    )
    return { _tag: "Folder", folder: path.join(folder, ".tributary") }
  }
  const name = yield* Effect.acquireRelease(
    Effect.gen(function* () {
      const made = `tributary_bench_${randomUUID().slice(0, 8)}`
      yield* onServer(`create database ${made}`)
      return made
    }),
    (made) => onServer(`drop database if exists ${made} with (force)`)
  )
  const url = new URL(server)
  url.pathname = `/${name}`
  return { _tag: "Postgres", url: Redacted.make(url.toString()) }
})

/** One statement in a database that is not the store's. */
export const onPlace = (location: Store.Location, statement: string) =>
  location._tag === "Postgres"
    ? Effect.flatMap(SqlClient.SqlClient, (client) => client.unsafe(statement)).pipe(
        Effect.provide(PgClient.layer({ url: location.url, maxConnections: 1 })),
        Effect.orDie
      )
    : Effect.void

/** Resident memory of this process from now on, in MB: the most of all, and of each half of the time. */
export const sampled = Effect.map(
  Effect.acquireRelease(
    Effect.sync(() => {
      const samples = [process.memoryUsage().rss]
      const timer = setInterval(() => void samples.push(process.memoryUsage().rss), 100)
      return { samples, timer }
    }),
    ({ timer }) => Effect.sync(() => clearInterval(timer))
  ),
  ({ samples }) =>
    () => {
      const most = (some: ReadonlyArray<number>) => some.reduce((a, b) => Math.max(a, b), 0) / 2 ** 20
      const half = samples.length >> 1
      return { most: most(samples), first: most(samples.slice(0, half)), second: most(samples.slice(half)) }
    }
)

type Services = Layer.Success<typeof Space.layer> | SqlClient.SqlClient | Scope.Scope

export const inStore = <A, E>(store: StoreName, work: (location: Store.Location) => Effect.Effect<A, E, Services>) =>
  Effect.runPromise(
    Effect.scoped(
      Effect.flatMap(place(store), (location) =>
        Effect.scoped(work(location)).pipe(Effect.provide(Space.layer.pipe(Layer.provideMerge(Store.layer(location)))))
      )
    )
  )

/** Milliseconds that an effect takes, and what it answers. */
export const timed = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const began = performance.now()
    const value = yield* effect
    return { value, millis: performance.now() - began }
  })

export const run = Effect.fnUntraced(function* (...statements: ReadonlyArray<string>) {
  const client = yield* SqlClient.SqlClient
  for (const statement of statements) yield* client.unsafe(statement)
})

/** People u1, u2, … with a user id, and an address where asked for, as an import would have left them. */
export const people = Effect.fnUntraced(function* (count: number, withEmail = false) {
  yield* run(
    `insert into tributary.profile (collection, id, source, traits)
     select 'users', 'u' || i, 'users', '{}' from generate_series(1, ${count}) i`,
    `insert into tributary.identifier (collection, type, value, profile_no, added_at)
     select 'users', 'user_id', id, no, now() from tributary.profile order by no`,
    ...(withEmail
      ? [
          `insert into tributary.identifier (collection, type, value, profile_no, added_at)
           select 'users', 'email', id || '@example.com', no, now() from tributary.profile order by no`
        ]
      : []),
    `insert into tributary.source (id, imported_at) values ('users', now())`,
    "vacuum analyze tributary.profile",
    "vacuum analyze tributary.identifier"
  )
})

/** The same, with an address and a phone number each. */
export const contacts = Effect.fnUntraced(function* (count: number) {
  yield* run(
    `insert into tributary.profile (collection, id, source, traits)
     select 'users', 'u' || i, 'users', '{}' from generate_series(1, ${count}) i`,
    `insert into tributary.identifier (collection, type, value, profile_no, added_at)
     select 'users', 'email', id || '@example.com', no, now() from tributary.profile order by no`,
    `insert into tributary.identifier (collection, type, value, profile_no, added_at)
     select 'users', 'phone', '+336' || lpad(no::text, 8, '0'), no, now() from tributary.profile order by no`,
    `insert into tributary.source (id, imported_at) values ('users', now())`,
    "vacuum analyze tributary.profile",
    "vacuum analyze tributary.identifier"
  )
})

/** A query of fixed text. */
export const all = (columns: string, table: string): Query => ({
  _tag: "Query",
  texts: [`select ${columns} from ${table}`],
  values: []
})

const source = Source.store()
export const users = source.users({
  query: all("id, id as email", "nobody"),
  identifiers: { user_id: "id", email: "email" },
  every: "1 day"
})

/** An audience that is the rows of a table (id text). */
export const audience = (name: string, table: string, changes?: ChangesOptions) =>
  Audience.make(name, {
    of: users,
    query: all("id", table),
    every: "1 day",
    ...(changes === undefined ? {} : { changes })
  })

/** A trait that is the rows of a table (id text, value jsonb). */
export const trait = (name: string, table: string) =>
  ComputedTrait.make(name, { of: users, query: all("id, value", table), every: "1 day" })

export const unlimited = { cap: RateLimit.requests(1_000_000, "1 second") }

/** Google, by its sandbox on this port. */
export const google = (baseUrl: string) =>
  Adwords.destination(
    "ads",
    {
      accountId: "1234567890",
      oauth: {
        clientId: "sandbox.apps.googleusercontent.com",
        clientSecret: Redacted.make("sandbox-client-secret"),
        refreshToken: Redacted.make("1//sandbox-refresh-token")
      },
      consent: { adUserData: "granted", adPersonalization: "granted" },
      termsOfServiceAccepted: true,
      baseUrl,
      tokenUrl: `${baseUrl}/token`
    },
    unlimited
  )

export const braze = (baseUrl: string) =>
  Braze.destination(
    "braze",
    { endpoint: "https://rest.fra-01.braze.eu", baseUrl, apiKey: Redacted.make("bench") },
    unlimited
  )

export const config = (activations: ReadonlyArray<SourcedActivation>) =>
  Effect.fromResult(resolve(defineConfig({ space: "bench", activations })))

export const open = (resolved: Resolved) => Space.open(resolved)

const options = {
  folder: ".",
  full: false,
  only: undefined,
  patience: 5,
  waitForPostponed: Duration.zero,
  isStopping: () => false,
  onProgress: () => undefined,
  onStep: () => undefined
}

/** Evaluates everything, or what has this name, without importing: the people are there. */
export const evaluate = (resolved: Resolved, name?: string) =>
  Effect.forEach(
    resolved.computations.filter((computation) => name === undefined || computation.name === name),
    (computation) => refreshComputation(computation, { folder: ".", full: false })
  )

/** Tells what is due: the sync alone. A list that was told a moment ago is not due. */
export const tell = (space: Space.Space) =>
  Effect.map(
    syncOnce({ ...space, resolved: { ...space.resolved, profiles: [], computations: [] } }, options),
    ({ synced }) => {
      const bad = synced.filter(({ ending }) => ending._tag !== "Synced" && ending._tag !== "NotDue")
      if (bad.length > 0) throw new Error(`It did not settle: ${JSON.stringify(bad)}`)
      return synced.reduce(
        (sum, { counts }) => sum + counts.identify + counts.track + counts.group + counts.add + counts.discard,
        0
      )
    }
  )

/** A vendor in a process of its own that takes everything, and gives this to who asks for a token. */
export const receiver = (status: number, body: string, token = "{}") =>
  another("receiver.ts", String(status), body, token)

/** Google's sandbox in a process of its own. */
export const googleSandbox = () => another("google.ts")

const another = (file: string, ...args: ReadonlyArray<string>) =>
  Effect.acquireRelease(
    Effect.callback<{ readonly url: string; readonly stop: () => void }>((resume) => {
      const child = spawn(process.execPath, ["--conditions=source", path.join(import.meta.dirname, file), ...args], {
        stdio: ["ignore", "pipe", "inherit"]
      })
      child.stdout.once("data", (port: Buffer) =>
        resume(Effect.succeed({ url: `http://127.0.0.1:${port.toString().trim()}`, stop: () => void child.kill() }))
      )
    }),
    ({ stop }) => Effect.sync(stop)
  )

export { Activation, Adwords }
