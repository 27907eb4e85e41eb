/**
 * What Zendesk allows, and what its answers say is left of it.
 *
 * @since 0.1.0
 */
import { RateLimit, type Reply } from "@tributary/core"

/**
 * A ceiling that is above every plan: Suite Team has 200 requests a minute for the whole account, Enterprise Plus
 * 2,500. The headers bring it down (`quota`).
 *
 * Source: RULES.md R28; developer.zendesk.com, usage limits.
 *
 * @category models
 * @since 0.1.0
 */
export const limits: ReadonlyArray<RateLimit.RateLimit> = [RateLimit.cap(50, "1 second"), RateLimit.concurrent(10)]

/**
 * Whether an answer is the refusal of a sixth write of one user, or organization, in a minute. The account may have
 * hundreds of requests left by then (`X-Rate-Limit-Remaining: 668`, recorded), and the others go on.
 *
 * @category guards
 * @since 0.1.0
 */
export const isAboutOne = ({ status, text }: Pick<Reply.Reply, "status" | "text">): boolean =>
  status === 429 && /single unique/i.test(text)

/**
 * What a 429 is about.
 *
 * @category combinators
 * @since 0.1.0
 */
export const throttle = (reply: Reply.Reply): RateLimit.Scope => (isAboutOne(reply) ? "item" : "destination")

const whole = (header: string | undefined): number | undefined => {
  const value = header === undefined || header.trim() === "" ? Number.NaN : Number(header)
  return Number.isFinite(value) && value >= 0 ? value : undefined
}

/**
 * What is left of the account's requests, and when they are whole again.
 *
 * **Details**
 *
 * `ratelimit-reset` is in seconds. Where only the older `x-rate-limit-remaining` is there, the budget is whole again
 * within a minute, the length of Zendesk's window.
 *
 * @category combinators
 * @since 0.1.0
 */
export const quota = ({ headers }: Pick<Reply.Reply, "headers">): RateLimit.Quota | undefined => {
  const remaining = whole(headers["ratelimit-remaining"]) ?? whole(headers["x-rate-limit-remaining"])
  if (remaining === undefined) return undefined
  return { remaining, resetMillis: (whole(headers["ratelimit-reset"]) ?? 60) * 1000 }
}
