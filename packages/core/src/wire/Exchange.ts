/**
 * Exchanges: a request and its whole answer, or why there is none.
 *
 * @since 0.1.0
 */
import { Effect, Predicate } from "effect"
import type { HttpClient, HttpClientError, HttpClientRequest, HttpClientResponse } from "effect/http"
import { Unavailable } from "../contract/DeliveryError.ts"
import type { TimeLimit } from "./TimeLimit.ts"

/**
 * An answer that was read to its end.
 *
 * @category models
 * @since 0.1.0
 */
export interface Answer {
  readonly response: HttpClientResponse.HttpClientResponse
  readonly text: string
}

/**
 * Sends, and reads the answer to its end: what is slow or breaks off fails here, where the gate still counts it.
 *
 * @category combinators
 * @since 0.1.0
 */
export const exchange = (
  base: HttpClient.HttpClient,
  request: HttpClientRequest.HttpClientRequest,
  limit: TimeLimit
): Effect.Effect<Answer, Unavailable> =>
  limit
    .apply(
      Effect.flatMap(base.execute(request), (response) => Effect.map(response.text, (text) => ({ response, text })))
    )
    .pipe(
      Effect.catchTag("HttpClientError", (error) => {
        const code = codeOf(error)
        return new Unavailable({ reason: unanswered(error, code), nothingTaken: neverReached.has(code) })
      })
    )

const neverReached = new Set(["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "EHOSTUNREACH", "ENETUNREACH"])

const codeOf = ({ reason }: HttpClientError.HttpClientError): string => {
  const cause = "cause" in reason ? reason.cause : undefined
  return Predicate.hasProperty(cause, "code") && typeof cause.code === "string" ? cause.code : reason._tag
}

/** Who did not answer, and the system's word for why. Never the path: it may name a person. */
const unanswered = ({ request }: HttpClientError.HttpClientError, code: string): string => {
  const host = URL.canParse(request.url) ? new URL(request.url).host : "its address"
  return `no answer from ${host} (${code})`
}
