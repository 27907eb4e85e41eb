// A small company: its tables in the store, a vendor on loopback, and the engine between them.
import type { Activation } from "@tributary/core/runtime"
import { serve } from "@tributary/core/testing"
import { Duration, Effect, Fiber, Layer, type Scope } from "effect"
import { SqlClient } from "effect/sql"
import { TestClock } from "effect/testing"
import { Audience, ComputedTrait } from "../../src/config/Computations.ts"
import { defineConfig, type SourcedActivation } from "../../src/config/defineConfig.ts"
import { sql } from "../../src/config/Query.ts"
import { resolve } from "../../src/config/Resolved.ts"
import * as Source from "../../src/config/Source.ts"
import { syncOnce, type SyncOnceOptions } from "../../src/engine/SyncOnce.ts"
import * as Space from "../../src/engine/Space.ts"
import { type EchoOptions, makeEcho, makeEchoSandbox, type Message } from "./echo.ts"
import type { TestStore } from "./stores.ts"
import * as Work from "./work.ts"

const tables = [
  "create table customer (id text, email text, phone text, anonymous_id text, idfa text, company text, first_name text, last_name text, name text, city text)",
  "create table company (id text, name text)",
  "create table member (audience text, id text)",
  "create table value (trait text, id text, value jsonb)"
]

export interface Customer {
  readonly id: string
  readonly email?: string
  readonly phone?: string
  readonly anonymous_id?: string
  readonly idfa?: string
  readonly company?: string
  readonly first_name?: string
  readonly last_name?: string
  readonly name?: string
  readonly city?: string
}

export const store = Source.store()

export const accounts = store.accounts({
  query: sql`select * from company`,
  identifiers: { group_id: "id" },
  traits: ["name"]
})

export const users = store.users({
  query: sql`select * from customer`,
  identifiers: { user_id: "id", email: "email", phone: "phone", anonymous_id: "anonymous_id", "ios.idfa": "idfa" },
  traits: ["first_name", "last_name", "name", "city"],
  account: "company"
})

/** An audience whose members are rows of the table `member`. */
export const audience = (name: string, of = users, options: { readonly key?: string } = {}) =>
  Audience.make(name, {
    of,
    query: sql`select id from member where audience = ${name}`,
    every: "5 minutes",
    ...options
  })

/** A computed trait whose values are rows of the table `value`. */
export const trait = (name: string, of = users, options: { readonly key?: string } = {}) =>
  ComputedTrait.make(name, {
    of,
    query: sql`select id, value from value where trait = ${name}`,
    every: "5 minutes",
    ...options
  })

export const defaults: SyncOnceOptions = {
  patience: 3,
  waitForPostponed: Duration.zero,
  isStopping: () => false,
  onProgress: () => undefined,
  folder: ".",
  only: undefined,
  full: false,
  onStep: () => undefined
}

export const makeWorld = Effect.fnUntraced(function* (echoOptions: EchoOptions = {}) {
  const client = yield* SqlClient.SqlClient
  for (const table of tables) yield* client.unsafe(table)
  const vendor = makeEchoSandbox()
  const served = yield* serve(vendor.sandbox)
  const destination = makeEcho(echoOptions).destination("echo", { baseUrl: served.baseUrl })

  const config = (...activations: ReadonlyArray<SourcedActivation>) =>
    defineConfig({ space: "acme", activations, profiles: [accounts, users] })

  /** One `tributary sync` of a configuration. */
  const sync = (activations: ReadonlyArray<SourcedActivation>, options: Partial<SyncOnceOptions> = {}) =>
    Effect.scoped(
      Effect.gen(function* () {
        const resolved = yield* Effect.fromResult(resolve(config(...activations)))
        const space = yield* Space.open(resolved)
        return yield* syncOnce(space, { ...defaults, ...options })
      })
    )

  const insert = (table: string, rows: ReadonlyArray<object>) =>
    client`insert into ${client(table)} select * from jsonb_populate_recordset(null::${client(table)}, ${JSON.stringify(rows)}::text::jsonb)`

  return {
    sql: client,
    destination,
    vendor,
    baseUrl: served.baseUrl,
    config,
    sync,
    /** Replaces the customers. */
    customers: (rows: ReadonlyArray<Customer>) =>
      Effect.andThen(client`delete from customer`, insert("customer", rows)),
    companies: (rows: ReadonlyArray<{ id: string; name?: string }>) =>
      Effect.andThen(client`delete from company`, insert("company", rows)),
    /** Replaces the members of an audience. */
    members: (name: string, ids: ReadonlyArray<string>) =>
      Effect.andThen(
        client`delete from member where audience = ${name}`,
        insert(
          "member",
          ids.map((id) => ({ audience: name, id }))
        )
      ),
    /** Replaces the values of a trait. */
    values: (name: string, values: Readonly<Record<string, unknown>>) =>
      Effect.andThen(
        client`delete from value where trait = ${name}`,
        insert(
          "value",
          Object.entries(values).map(([id, value]) => ({ trait: name, id, value }))
        )
      ),
    /** What the vendor was told since the last time this was asked. */
    sent: () => vendor.state.messages.splice(0),
    /** The number that the store knows an activation by. */
    activation: (id: string) =>
      Effect.map(
        client<{ no: number }>`select no from tributary.activation where id = ${id}`,
        (rows) => rows[0]?.no ?? 0
      ),
    /** The rejections that are kept, by identifier. */
    rejections: client<KeptRejection>`
      select a.id as activation, r.kind, i.type || ':' || i.value as identifier, r.reason, r.payload, r.at
      from tributary.rejection r join tributary.activation a on a.no = r.activation_no
      join tributary.identifier i on i.no = r.identifier_no order by a.id, i.value, r.kind`
  }
})

export interface KeptRejection {
  readonly activation: string
  readonly kind: string
  readonly identifier: string
  readonly reason: string
  readonly payload: Message | null
  readonly at: Date
}

/**
 * Runs an effect to its end while virtual time passes. Requests and queries take real time, so each step waits for them.
 * Keep steps well below a request's time-out of 30 seconds.
 */
export const whileTimePasses = <A, E, R>(
  effect: Effect.Effect<A, E, R>,
  step: Duration.Input = "100 millis"
): Effect.Effect<A, E, R> =>
  Effect.gen(function* () {
    const fiber = yield* Effect.forkChild(effect)
    while (true) {
      yield* Work.quiet
      if (fiber.pollUnsafe() !== undefined) return yield* Fiber.join(fiber)
      yield* TestClock.adjust(step)
    }
  })

export type World = Effect.Success<ReturnType<typeof makeWorld>>

/** A test in a world of its own, on the given store. */
export const inWorld =
  (testStore: TestStore, options: EchoOptions = {}) =>
  <A, E>(
    test: (world: World) => Effect.Effect<A, E, Layer.Success<typeof Space.layer> | SqlClient.SqlClient | Scope.Scope>
  ) =>
    Effect.flatMap(makeWorld(options), test).pipe(
      Effect.provide(
        Work.countRequests.pipe(
          Layer.provideMerge(Space.layer),
          Layer.provideMerge(Work.countSessions),
          Layer.provideMerge(testStore.layer)
        )
      ),
      Effect.scoped,
      Work.counted
    )

/**
 * The same, on 1 January 2026. The clock is set before the store opens: a connection pool that is open wakes for every
 * minute that a test skips.
 */
export const inNewYear: typeof inWorld = (testStore, options) => (test) =>
  Effect.andThen(TestClock.setTime(Date.parse("2026-01-01T00:00:00Z")), inWorld(testStore, options)(test))

export type AnyActivation = Activation.Activation
