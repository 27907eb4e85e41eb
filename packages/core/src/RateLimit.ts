/**
 * Limits as data: what a vendor, or an operator, allows a destination.
 *
 * A plugin declares its limits and never waits for them. Requests are counted where they leave, so a call that takes
 * two requests costs two (R28, R29).
 *
 * @since 0.1.0
 */
import { Duration } from "effect"

/**
 * One limit. Several hold together.
 *
 * @category models
 * @since 0.1.0
 */
export type RateLimit =
  | { readonly _tag: "Requests"; readonly count: number; readonly windowMillis: number }
  | { readonly _tag: "Records"; readonly count: number; readonly windowMillis: number }
  | { readonly _tag: "Concurrent"; readonly count: number }

/**
 * At most `count` requests in any window of this length.
 *
 * @example
 * ```ts
 * RateLimit.requests(50, "1 second")
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const requests = (count: number, window: Duration.Input): RateLimit => ({
  _tag: "Requests",
  count,
  windowMillis: Duration.toMillis(Duration.fromInputUnsafe(window))
})

/**
 * At most `count` items (calls, members) in any window of this length.
 *
 * @category constructors
 * @since 0.1.0
 */
export const records = (count: number, window: Duration.Input): RateLimit => ({
  _tag: "Records",
  count,
  windowMillis: Duration.toMillis(Duration.fromInputUnsafe(window))
})

/**
 * At most `count` requests at the same time.
 *
 * @category constructors
 * @since 0.1.0
 */
export const concurrent = (count: number): RateLimit => ({ _tag: "Concurrent", count })

/**
 * What a vendor's answer says of the quota: what is left, and when it is whole again.
 *
 * @category models
 * @since 0.1.0
 */
export interface Quota {
  /** Requests that the vendor will still take until the reset. */
  readonly remaining: number
  /** Milliseconds from the answer until the quota is whole again. */
  readonly resetMillis: number
}

/**
 * A limit in words: `50 requests per 1s`.
 *
 * @category combinators
 * @since 0.1.0
 */
export const describe = (limit: RateLimit): string =>
  limit._tag === "Concurrent"
    ? `${limit.count} requests at a time`
    : `${limit.count} ${limit._tag === "Requests" ? "requests" : "records"} per ${Duration.format(Duration.millis(limit.windowMillis))}`
