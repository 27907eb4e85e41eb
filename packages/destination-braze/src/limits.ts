/**
 * What Braze allows, and what its answers say is left of it.
 *
 * Source: braze-docs `_docs/_api/api_limits.md`.
 *
 * @since 0.1.0
 */
import { RateLimit, Reply } from "@tributary/core"

/**
 * Where records are joined, which Braze limits by itself.
 *
 * @category constants
 * @since 0.1.0
 */
export const identifyPath = "/users/identify"

/**
 * 100 requests a second: Braze's own limit is 3,000 in 3 seconds on older plans, and by contract on newer ones. Of these
 * 20,000 a minute to `/users/identify`, which Braze shares with requests to delete, merge and rename users.
 *
 * @category models
 * @since 0.1.0
 */
export const limits: ReadonlyArray<RateLimit.RateLimit> = [
  RateLimit.cap(100, "1 second"),
  RateLimit.on(`POST ${identifyPath}`, RateLimit.requests(20_000, "1 minute"))
]

/**
 * What a 429 is about: each endpoint has a limit of its own.
 *
 * @category combinators
 * @since 0.1.0
 */
export const throttle = (_: Reply.Reply, { path }: Reply.RequestLine): RateLimit.Scope =>
  path === identifyPath ? "endpoint" : "destination"

/** No window of Braze's is longer, so no clock that is wrong can make us wait longer. */
const hourMillis = 3_600_000

const numberIn = (header: string | undefined): number | undefined => {
  const value = header === undefined || header.trim() === "" ? Number.NaN : Number(header)
  return Number.isFinite(value) && value >= 0 ? value : undefined
}

/** `X-RateLimit-Reset` is epoch seconds; seconds to go and epoch milliseconds are told from it by their size. */
const resetMillis = (reply: Reply.Reply): number | undefined => {
  const reset = numberIn(reply.headers["x-ratelimit-reset"])
  if (reset === undefined) return undefined
  const millis = reset > 1e11 ? reset - reply.receivedAt : reset > 1e9 ? reset * 1000 - reply.receivedAt : reset * 1000
  return Math.min(hourMillis, Math.max(0, millis))
}

/**
 * How long a 429 asks to wait. It is said to carry `X-Ratelimit-Retry-After` (seconds), and nothing of it is documented.
 *
 * @category combinators
 * @since 0.1.0
 */
export const patience = (reply: Reply.Reply): number | undefined => {
  const seconds = numberIn(reply.headers["x-ratelimit-retry-after"])
  if (seconds !== undefined) return Math.min(Reply.longestRetryAfterMillis, Math.max(0, seconds * 1000))
  return Reply.retryAfterMillis(reply) ?? resetMillis(reply)
}

/**
 * What an answer says of the quota: `X-RateLimit-Remaining` and `X-RateLimit-Reset`.
 *
 * @category combinators
 * @since 0.1.0
 */
export const quota = (reply: Reply.Reply, { path }: Reply.RequestLine): RateLimit.Quota | undefined => {
  const remaining = numberIn(reply.headers["x-ratelimit-remaining"])
  const reset = resetMillis(reply)
  if (remaining === undefined || reset === undefined) return undefined
  return { remaining, resetMillis: reset, ...(path === identifyPath ? { endpoint: identifyPath } : {}) }
}
