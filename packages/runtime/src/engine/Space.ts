/**
 * A space: one configuration, entered into the store and connected.
 *
 * @since 0.1.0
 */
import { type Destination, Json } from "@tributary/core"
import {
  Cadence,
  Connection,
  Diff,
  Enricher,
  Ledger,
  RateLimiter,
  Reconciler,
  Scheduler
} from "@tributary/core/runtime"
import { Effect, Layer, Schema, type Scope } from "effect"
import type { HttpClient } from "effect/http"
import { SqlClient } from "effect/sql"
import type { BadConfig } from "../config/Mistakes.ts"
import type { Resolved } from "../config/Resolved.ts"
import { type DestinationBusy, lockSession, take } from "../ownership/Ownership.ts"
import { type Registered, register, reviseRejections } from "../store/activations/Registry.ts"
import * as Budgets from "../store/destinations/Budgets.ts"
import * as Keys from "../store/ledger/Keys.ts"
import * as Exits from "../store/activations/Exits.ts"
import { toLedgerError } from "../store/sql/failures.ts"
import { recover } from "../store/ledger/Recovery.ts"
import * as SqlLedger from "../store/ledger/SqlLedger.ts"
import * as Tokens from "../store/destinations/Tokens.ts"
import { connect, versionOf } from "./Destinations.ts"
import * as Undici from "../transport/Undici.ts"
import type { Activation } from "./Activation.ts"
import type { OwnedDestination } from "./OwnedDestination.ts"

/**
 * Everything that the engine is made of, over a store.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer: Layer.Layer<
  | Reconciler.Reconciler
  | Ledger.Ledger
  | Diff.Diff
  | Enricher.Enricher
  | RateLimiter.RateLimiter
  | Scheduler.Scheduler
  | Connection.TokenStore
  | HttpClient.HttpClient,
  never,
  SqlClient.SqlClient
> = Reconciler.Reconciler.layer.pipe(
  Layer.provideMerge(
    Layer.mergeAll(
      SqlLedger.layer,
      Tokens.layer,
      Diff.Diff.layer,
      Enricher.Enricher.layer,
      RateLimiter.RateLimiter.layer.pipe(Layer.provide(Budgets.layer)),
      Scheduler.Scheduler.layer,
      Undici.layer
    )
  )
)

/**
 * A space at work.
 *
 * @category models
 * @since 0.1.0
 */
export interface Space {
  readonly resolved: Resolved
  readonly registered: Registered
  readonly destinations: ReadonlyArray<OwnedDestination>
}

/**
 * The settings of one or several destinations are wrong.
 *
 * @category errors
 * @since 0.1.0
 */
export class BadDestinations extends Schema.TaggedError<BadDestinations>()("BadDestinations", {
  messages: Schema.Array(Schema.String)
}) {
  override get message(): string {
    return this.messages.join("\n")
  }
}

/**
 * Connects destinations, or reports what is wrong with the settings of all that cannot be connected.
 *
 * @category constructors
 * @since 0.1.0
 */
export const connectAll = Effect.fnUntraced(function* (destinations: ReadonlyArray<Destination.Destination>) {
  const attempts = yield* Effect.forEach(destinations, (destination) => Effect.result(connect(destination)))
  const messages = attempts.flatMap((attempt) => (attempt._tag === "Failure" ? [attempt.failure.message] : []))
  if (messages.length > 0) return yield* new BadDestinations({ messages })
  return attempts.flatMap((attempt) => (attempt._tag === "Success" ? [attempt.success] : []))
})

/**
 * Enters a configuration into the store, connects its destinations, and owns them until the scope closes: all, or those
 * of the activations named.
 *
 * @category constructors
 * @since 0.1.0
 */
export const open = Effect.fnUntraced(function* (
  resolved: Resolved,
  only?: ReadonlySet<string>
): Effect.fn.Return<
  Space,
  BadConfig | BadDestinations | DestinationBusy | Ledger.LedgerError | Ledger.Fenced,
  SqlClient.SqlClient | HttpClient.HttpClient | Connection.TokenStore | RateLimiter.RateLimiter | Scope.Scope
> {
  const connected = yield* connectAll(resolved.destinations)
  const registered = yield* register(resolved).pipe(Effect.catchTag("SqlError", toLedgerError))
  const wanted = new Set(
    resolved.activations.filter(({ id }) => only?.has(id) ?? true).map((activation) => activation.destination.id)
  )
  const owned = connected.filter((each) => only === undefined || wanted.has(each.destination.id))
  const session = yield* lockSession.pipe(Effect.catchTag("SqlError", toLedgerError))
  const destinations = yield* Effect.forEach(owned, (each) =>
    Effect.gen(function* () {
      const { id } = each.destination
      const owner = yield* take(id, session).pipe(
        Effect.tap((taken) => recover(taken, undefined)),
        Effect.tap((taken) => Keys.revise(taken, each.bound.keys, String(Json.fingerprint(versionOf(each))))),
        Effect.tap(() => reviseRejections(id, versionOf(each))),
        Effect.catchTag("SqlError", toLedgerError)
      )
      each.lease.hold(owner)
      const configured = resolved.activations
        .filter((activation) => activation.destination.id === id)
        .map((activation): Activation => ({ ...activation, no: registered.activations.get(activation.id) ?? 0 }))
      const removed = yield* Exits.removed(id).pipe(Effect.catchTag("SqlError", toLedgerError))
      const left = removed.map(({ no, sentAs }): Activation => ({
        ...sentAs,
        no,
        hold: undefined,
        cadence: Cadence.hourly
      }))
      return { connected: each, owner, activations: [...configured, ...left], space: resolved.space }
    })
  )
  return { resolved, registered, destinations }
})
