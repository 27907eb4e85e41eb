/**
 * Answers as a connection receives them, before a plugin does.
 *
 * @since 0.1.0
 */
import type { HttpClientResponse } from "effect/http"
import type { Scope } from "./RateLimit.ts"
import type { Reply } from "./Reply.ts"

type Response = HttpClientResponse.HttpClientResponse

/**
 * A body as JSON, or `undefined` where it is none: HTML of a proxy, or one that was cut off.
 *
 * @category constructors
 * @since 0.1.0
 */
export const parse = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined // the plugin sees `text`
  }
}

/**
 * An answer whose body is read as JSON only if somebody asks for it.
 *
 * @category constructors
 * @since 0.1.0
 */
export const received = (
  { headers, status }: Pick<Response, "headers" | "status">,
  text: string,
  receivedAt: number
): Reply => ({
  status,
  headers,
  text,
  get json() {
    return parse(text)
  },
  receivedAt
})

const scopes = new WeakMap<Response, Scope>()

/**
 * Notes what a 429 is about beside the response, for the `Reply` that is made of it.
 *
 * @category combinators
 * @since 0.1.0
 */
export const noteScope = (response: Response, scope: Scope): void => {
  scopes.set(response, scope)
}

/**
 * What a 429 is about, where a connection has noted it.
 *
 * @category combinators
 * @since 0.1.0
 */
export const scopeOf = (response: Response): Scope | undefined => scopes.get(response)
