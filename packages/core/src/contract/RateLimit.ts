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
 * One limit. Several hold together. With an `endpoint` it counts only what goes there.
 *
 * @category models
 * @since 0.1.0
 */
export type RateLimit = Counted | { readonly _tag: "Concurrent"; readonly count: number }

/**
 * A limit on a count in a window.
 *
 * @category models
 * @since 0.1.0
 */
export interface Counted {
  readonly _tag: "Requests" | "Records"
  readonly count: number
  readonly windowMillis: number
  readonly endpoint?: string
  /** Whether it is a ceiling of ours (`cap`), which an operator's cap replaces, and not the vendor's own limit. */
  readonly isCap?: true
}

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
export const requests = (count: number, window: Duration.Input): Counted => ({
  _tag: "Requests",
  count,
  windowMillis: Duration.toMillis(Duration.fromInputUnsafe(window))
})

/**
 * A plugin's own ceiling on requests: what it sends at most where nobody says otherwise.
 *
 * **When to use**
 *
 * For a default that an operator may raise. What the vendor itself publishes is `requests`.
 *
 * **Details**
 *
 * An operator's cap replaces it, whatever its window (`capped`).
 *
 * @example
 * ```ts
 * RateLimit.cap(100, "1 second")
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const cap = (count: number, window: Duration.Input): Counted => ({ ...requests(count, window), isCap: true })

/**
 * At most `count` items (calls, members) in any window of this length.
 *
 * @category constructors
 * @since 0.1.0
 */
export const records = (count: number, window: Duration.Input): Counted => ({
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
 * The same limit on one family of endpoints: a path, with or without a method, and everything below it.
 *
 * **Details**
 *
 * The path is the one that the plugin asks its client for, without the base address. Records are counted by the batch
 * and have no endpoint.
 *
 * @example
 * ```ts
 * RateLimit.on("POST /users/track/sync", RateLimit.requests(500, "1 minute"))
 * ```
 *
 * @category combinators
 * @since 0.1.0
 */
export const on = (endpoint: string, limit: Counted): Counted => ({ ...limit, endpoint })

/**
 * Whether a limit counts a request to this endpoint (`POST /users/track`).
 *
 * @category guards
 * @since 0.1.0
 */
export const concerns = ({ endpoint: family }: Counted, endpoint: string): boolean =>
  family === undefined || covers(family, endpoint)

/**
 * Whether a family of endpoints (`/users`, `POST /users`) has this one (`POST /users/track`).
 *
 * @category guards
 * @since 0.1.0
 */
export const covers = (family: string, endpoint: string): boolean => {
  const asked = family.startsWith("/") ? endpoint.slice(endpoint.indexOf("/")) : endpoint
  const end = asked[family.length]
  return asked.startsWith(family) && (end === undefined || end === "/" || end === "?" || family.endsWith("/"))
}

/**
 * The limits of a destination once an operator's cap is set (R28).
 *
 * **Details**
 *
 * The cap replaces the limit that it is about and no other: one of the same kind (requests, records, or requests at a
 * time) that counts everywhere, and that either is the plugin's own `cap` or has the same window. A limit of an
 * endpoint, a budget of a day, or a limit in another window is the vendor's, and stays beside it.
 *
 * @category combinators
 * @since 0.1.0
 */
export const capped = (
  limits: ReadonlyArray<RateLimit>,
  replacement: RateLimit | undefined
): ReadonlyArray<RateLimit> =>
  replacement === undefined ? limits : [...limits.filter((limit) => !isAbout(replacement, limit)), replacement]

const isAbout = (replacement: RateLimit, limit: RateLimit): boolean => {
  if (limit._tag === "Concurrent" || replacement._tag === "Concurrent") return limit._tag === replacement._tag
  return (
    limit._tag === replacement._tag &&
    limit.endpoint === undefined &&
    (limit.isCap === true || limit.windowMillis === replacement.windowMillis)
  )
}

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
  /** The family of endpoints that it counts, as `on` has it. Default: all requests of the destination. */
  readonly endpoint?: string
}

/**
 * What a 429 is about: one item of the request, what goes to its endpoint, or everything that goes to the destination.
 *
 * @category models
 * @since 0.1.0
 */
export type Scope = "item" | "endpoint" | "destination"

/**
 * A limit in words: `50 requests per 1s`.
 *
 * @category combinators
 * @since 0.1.0
 */
export const describe = (limit: RateLimit): string => {
  if (limit._tag === "Concurrent") return `${limit.count} requests at a time`
  const what = limit._tag === "Requests" ? "requests" : "records"
  const where = limit.endpoint === undefined ? "" : ` to ${limit.endpoint}`
  return `${limit.count.toLocaleString("en-US")} ${what}${where} per ${Duration.format(Duration.millis(limit.windowMillis))}`
}
