/**
 * A plugin bound to settings, with a client as the runtime would make it: for a plugin's own tests.
 *
 * @since 0.1.0
 */
import { Effect } from "effect"
import type { HttpClient } from "effect/http"
import * as Connection from "../wire/Connection.ts"
import type { BadSettings, Bound, Context, Destination } from "../contract/Destination.ts"
import type { RateLimit } from "../contract/RateLimit.ts"
import { RateLimiter } from "../wire/RateLimiter.ts"

/**
 * A bound destination and the context that its functions are called with.
 *
 * @category models
 * @since 0.1.0
 */
export interface Connected {
  readonly bound: Bound
  readonly context: Context<unknown>
}

/**
 * Binds a destination and connects it. Limits are off unless given: a plugin's test is about the plugin.
 *
 * @category constructors
 * @since 0.1.0
 */
export const connect = Effect.fnUntraced(function* (
  destination: Destination,
  limits: ReadonlyArray<RateLimit> = []
): Effect.fn.Return<Connected, BadSettings, HttpClient.HttpClient | Connection.TokenStore | RateLimiter> {
  const bound = yield* destination.bind
  const gate = yield* (yield* RateLimiter).gate(destination.id, limits)
  const client = (yield* Connection.open(bound.client, destination.id))({
    gate,
    quota: bound.quota,
    throttle: bound.throttle
  })
  return { bound, context: { client, settings: bound.settings } }
})
