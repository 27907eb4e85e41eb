/**
 * What HubSpot allows, and what its answers say is left of it.
 *
 * @since 0.1.0
 */
import { RateLimit, type Reply } from "@tributary/core"

/**
 * Of a free account, and the least that any has: 100 requests in 10 seconds, 250,000 in a day.
 *
 * @category models
 * @since 0.1.0
 */
export const limits: ReadonlyArray<RateLimit.RateLimit> = [
  RateLimit.requests(100, "10 seconds"),
  RateLimit.requests(250_000, "1 day")
]

const count = (header: string | undefined): number =>
  header === undefined || header === "" ? Number.NaN : Number(header)

/**
 * What is left of the interval, ten seconds long.
 *
 * @category combinators
 * @since 0.1.0
 */
export const quota = ({ headers }: Reply.Reply): RateLimit.Quota | undefined => {
  const remaining = count(headers["x-hubspot-ratelimit-remaining"])
  const resetMillis = count(headers["x-hubspot-ratelimit-interval-milliseconds"])
  const isSaid = Number.isFinite(remaining) && remaining >= 0 && Number.isFinite(resetMillis) && resetMillis >= 0
  return isSaid ? { remaining, resetMillis } : undefined
}
