/**
 * Replies: a vendor's answer, read whole, and the class of a failure that its status stands for.
 *
 * Statuses lie (a vendor may send 200 for a refusal), so a plugin reads the body first and asks `failure` for what its
 * own rules do not name.
 *
 * @since 0.1.0
 */
import { Clock, Effect } from "effect"
import type { HttpClientRequest } from "effect/http"
import type { Client } from "./Client.ts"
import {
  BatchRejected,
  type DeliveryError,
  Misconfigured,
  PayloadTooLarge,
  Throttled,
  Unauthorized,
  Unavailable
} from "./DeliveryError.ts"
import type { Scope } from "./RateLimit.ts"
import { parse, scopeOf } from "./Received.ts"

/**
 * A vendor's answer.
 *
 * @category models
 * @since 0.1.0
 */
export interface Reply {
  readonly status: number
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | undefined>>
  /** The body as it came. */
  readonly text: string
  /** The body as JSON, or `undefined` where it is none. */
  readonly json: unknown
  /** When it was read, epoch milliseconds. */
  readonly receivedAt: number
  /** What a 429 is about, as the plugin's `throttle` has read it. */
  readonly scope?: Scope | undefined
}

/**
 * Which request was answered: `POST` and `/users/track`, without the base address and the query.
 *
 * @category models
 * @since 0.1.0
 */
export interface RequestLine {
  readonly method: string
  readonly path: string
}

/**
 * Sends a request and reads the whole answer. Whatever the transport did wrong is `Unavailable`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const send = Effect.fnUntraced(function* (
  client: Client,
  request: HttpClientRequest.HttpClientRequest
): Effect.fn.Return<Reply, DeliveryError> {
  const response = yield* client
    .execute(request)
    .pipe(Effect.catchTag("HttpClientError", (error) => new Unavailable({ reason: error.reason._tag })))
  const text = yield* response.text.pipe(
    Effect.catchTag("HttpClientError", () => new Unavailable({ reason: "The answer broke off." }))
  )
  const scope = scopeOf(response)
  return {
    status: response.status,
    headers: response.headers,
    text,
    json: parse(text),
    receivedAt: yield* Clock.currentTimeMillis,
    ...(scope === undefined ? {} : { scope })
  }
})

/**
 * The longest wait that a vendor's answer may ask for: a day. One that asks for more is asked again tomorrow.
 *
 * @category constants
 * @since 0.1.0
 */
export const longestRetryAfterMillis = 86_400_000

const bounded = (millis: number) => Math.min(longestRetryAfterMillis, Math.max(0, millis))

/**
 * Milliseconds that the answer asks to wait: `Retry-After` in seconds or as a date. At most a day.
 *
 * @category combinators
 * @since 0.1.0
 */
export const retryAfterMillis = (reply: Pick<Reply, "headers" | "receivedAt">): number | undefined => {
  const header = reply.headers["retry-after"]?.trim()
  if (header === undefined || header === "") return undefined
  const seconds = Number(header)
  if (Number.isFinite(seconds)) return bounded(seconds * 1000)
  const at = Date.parse(header)
  return Number.isNaN(at) ? undefined : bounded(at - reply.receivedAt)
}

/** Enough of a body to recognise a fault by, on one line. */
const excerpt = (text: string): string => {
  const line = text.replace(/[\s\p{Cc}]+/gu, " ").trim()
  return line.length > 200 ? `${line.slice(0, 200)}…` : line
}

/**
 * A status and the beginning of the body, for messages: `429 Too many requests`.
 *
 * @category combinators
 * @since 0.1.0
 */
export const summary = (reply: Reply): string => `${reply.status} ${excerpt(reply.text) || "with an empty answer"}`

/**
 * The class of failure that a status stands for, where the vendor's body says nothing better.
 *
 * **Details**
 *
 * 401 and 403 are `Unauthorized`; 404 and 405 `Misconfigured`; 413 `PayloadTooLarge`; 429 `Throttled`; 408 and 5xx
 * `Unavailable`; every other 4xx `BatchRejected`. A 2xx or 3xx that a plugin could not read is `Unavailable`: it may
 * come from a proxy on the way.
 *
 * @category combinators
 * @since 0.1.0
 */
export const failure = (reply: Reply): DeliveryError => {
  const reason = summary(reply)
  const wait = retryAfterMillis(reply)
  const patience = wait === undefined ? { reason } : { reason, retryAfterMillis: wait }
  switch (reply.status) {
    case 401:
    case 403:
      return new Unauthorized({ reason })
    case 404:
    case 405:
      return new Misconfigured({ reason })
    case 413:
      return new PayloadTooLarge({ reason })
    case 429:
      return new Throttled(reply.scope === undefined ? patience : { ...patience, scope: reply.scope })
    case 408:
    case 503:
      return new Unavailable({ ...patience, nothingTaken: true })
    default:
      return reply.status >= 400 && reply.status < 500 ? new BatchRejected({ reason }) : new Unavailable(patience)
  }
}
