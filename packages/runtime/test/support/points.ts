// Points: something that happens between any two statements of the store, as another process would make it happen.
import { Context, Effect, Fiber, Layer } from "effect"
import { SqlClient } from "effect/sql"
import type { TestStore } from "./stores.ts"

const evaluate = "~effect/Effect/evaluate"

/**
 * A store whose statements can be come between: `at` has an effect run before the n-th statement or commit after one that
 * contains a text. Where a transaction is open it runs as far as it comes: the embedded store has one at a time, so
 * nothing comes between there.
 */
export const withPoints = (store: TestStore) => {
  let next: { after: string; countdown: number; readonly run: Effect.Effect<void> } | undefined
  let others: ReadonlyArray<Fiber.Fiber<void>> = []
  let raw: SqlClient.SqlClient | undefined

  const isWaiting = Effect.gen(function* () {
    if (raw === undefined) return false
    const rows = yield* raw`select 1 from pg_stat_activity
      where datname = current_database() and wait_event_type = 'Lock' and state <> 'idle' limit 1`
    return rows.length > 0
  })

  const point = Effect.gen(function* () {
    if (next === undefined || next.after !== "" || raw === undefined) return
    const isInside = (yield* Effect.serviceOption(raw.transactionService))._tag === "Some"
    if (isInside && store.name === "PGlite") return
    if (next.countdown-- > 0) return
    const { run } = next
    next = undefined
    const context = Context.omit(raw.transactionService)(yield* Effect.context<never>())
    const other = Effect.runForkWith(context as Context.Context<never>)(run)
    others = [...others, other]
    // oxlint-disable-next-line no-unmodified-loop-condition -- it is whether the statement is in a transaction
    while (isInside && other.pollUnsafe() === undefined) {
      const waits = yield* Effect.promise(() => Effect.runPromiseWith(context as Context.Context<never>)(isWaiting))
      if (waits) return
    }
    if (!isInside) yield* Fiber.join(other)
  }).pipe(Effect.orDie)

  const between = <S extends object>(statement: S, text: string): S =>
    new Proxy(statement, {
      get: (target, property) =>
        property === evaluate
          ? (fiber: unknown) => {
              if (next !== undefined && text.includes(next.after)) next.after = ""
              const both: any = Effect.andThen(point, target as never)
              return both[evaluate](fiber)
            }
          : Reflect.get(target, property, target)
    })

  const layer = Layer.effect(
    SqlClient.SqlClient,
    Effect.map(SqlClient.SqlClient, (sql) => {
      raw = sql
      return new Proxy(sql, {
        apply: (client, self, args) => {
          const made: unknown = Reflect.apply(client, self, args)
          return Array.isArray(args[0]) && typeof made === "object" && made !== null
            ? between(made, args[0].join("?"))
            : made
        },
        get: (client, property) =>
          property === "withTransaction"
            ? <A, E, R>(effect: Effect.Effect<A, E, R>) => sql.withTransaction(Effect.tap(effect, () => point))
            : Reflect.get(client, property)
      })
    })
  ).pipe(Layer.provide(store.layer))

  return {
    store: { ...store, layer } satisfies TestStore,
    /** When so many statements and commits have passed, from the first on that contains a text. */
    at: (after: string, countdown: number, run: Effect.Effect<void>) =>
      Effect.sync(() => {
        next = { after, countdown, run }
      }),
    /** Whether it has happened; waits until it is through. */
    hasHappened: Effect.gen(function* () {
      const happened = next === undefined
      next = undefined
      yield* Effect.forEach(others, (other) => Fiber.join(other))
      others = []
      return happened
    })
  }
}
