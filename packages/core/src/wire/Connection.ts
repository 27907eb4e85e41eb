/**
 * Connections: an `HttpClient` made from a client's data.
 *
 * It prepends the base address, refuses every other host, signs, waits at the gate, times out, learns from the answer's
 * quota, and blots out a secret that the vendor repeats.
 *
 * @since 0.1.0
 */
import { Clock, Duration, Effect } from "effect"
import { HttpClient, type HttpClientError, HttpClientRequest, type HttpClientResponse } from "effect/http"
import type { Client, ClientSpec } from "../contract/Client.ts"
import { type DeliveryError, Misconfigured, PayloadTooLarge } from "../contract/DeliveryError.ts"
import { type Answer, exchange } from "./Exchange.ts"
import type { Quota } from "../contract/RateLimit.ts"
import type { Gate } from "./RateLimiter.ts"
import { type Reply, retryAfterMillis } from "../contract/Reply.ts"
import * as Signer from "./Signer.ts"
import * as Spans from "../telemetry/Spans.ts"
import * as TimeLimit from "./TimeLimit.ts"

export { TokenStore, TokenStoreError } from "./Signer.ts"

/**
 * What a connection is made with.
 *
 * @category models
 * @since 0.1.0
 */
export interface ConnectionOptions {
  readonly gate: Gate
  readonly quota?: ((reply: Reply) => Quota | undefined) | undefined
  /** Asked when the gate has let a request through, before it leaves. Default: it may. */
  readonly mayLeave?: Effect.Effect<void, DeliveryError>
  /** Bytes in the body of a request at most; what is larger never leaves. Default: no limit. */
  readonly mostBytes?: number | undefined
  /** For one request, its answer included. Default: 30 seconds. */
  readonly timeout?: Duration.Input
}

type Request = HttpClientRequest.HttpClientRequest

/**
 * Opens the connection of a destination: the function it returns makes a client for each way out (`options`), and all of them
 * sign with the same token.
 *
 * @category constructors
 * @since 0.1.0
 */
export const open = Effect.fn(Spans.open)(function* (
  spec: ClientSpec,
  destination: string
): Effect.fn.Return<(options: ConnectionOptions) => Client, never, HttpClient.HttpClient | Signer.TokenStore> {
  const base = yield* HttpClient.HttpClient
  const signer = yield* Signer.make(spec.authorization, base, destination)
  return (options) => makeClient(spec, base, signer, options)
})

/** `POST /users/track`: below the base address. */
const endpointOf = ({ method, url }: Request, root: string): string => {
  const below = url.startsWith(root) ? url.slice(root.length) : url
  const end = below.search(/[?#]/)
  return `${method} ${end === -1 ? below : below.slice(0, end)}`
}

const makeClient = (
  spec: ClientSpec,
  base: HttpClient.HttpClient,
  signer: Signer.Signer,
  options: ConnectionOptions
): Client => {
  const limit = TimeLimit.make(Duration.fromInputUnsafe(options.timeout ?? "30 seconds"))
  const mayLeave = options.mayLeave ?? Effect.void
  const { host, origin } = new URL(spec.baseUrl)
  const root = spec.baseUrl.replace(/\/$/, "")

  const once = (request: Request): Effect.Effect<Answer, DeliveryError> =>
    Effect.flatMap(signer.sign(request), (signed) =>
      Effect.map(
        options.gate.request(
          Effect.andThen(mayLeave, Effect.tap(exchange(base, signed, limit), heeded)),
          endpointOf(signed, root)
        ),
        withoutSecrets
      )
    )

  /** Heard before the request leaves the gate: whoever waits for its place must not go on. */
  const heeded = ({ response: { headers, status } }: Answer) =>
    status === 429 || status === 503
      ? Effect.flatMap(Clock.currentTimeMillis, (receivedAt) =>
          options.gate.pause(retryAfterMillis({ headers, receivedAt }) ?? 0)
        )
      : Effect.void

  const withoutSecrets = (answer: Answer): Answer => {
    const repeated = signer.secrets().filter((secret) => answer.text.includes(secret))
    if (repeated.length === 0) return answer
    const text = repeated.reduce((blotted, secret) => blotted.replaceAll(secret, "<redacted>"), answer.text)
    const response: HttpClientResponse.HttpClientResponse = Object.create(answer.response, {
      text: { value: Effect.succeed(text) }
    })
    return { response, text }
  }

  const observed = ({ response, text }: Answer) =>
    Effect.flatMap(Clock.currentTimeMillis, (receivedAt) => {
      const { headers, status } = response
      const quota = options.quota?.({ status, headers, text, json: undefined, receivedAt })
      return quota === undefined ? Effect.succeed(response) : Effect.as(options.gate.observe(quota), response)
    })

  const execute = (request: Request) => {
    const absolute = HttpClientRequest.prependUrl(request, spec.baseUrl)
    // Behind the slash that ends an origin nothing can name another.
    const isHome =
      absolute.url.startsWith(`${origin}/`) || (URL.canParse(absolute.url) && new URL(absolute.url).origin === origin)
    if (!isHome) {
      return Effect.fail(new Misconfigured({ reason: `The plugin asked for a host other than ${host}.` }))
    }
    const bytes = absolute.body._tag === "Uint8Array" ? absolute.body.body.length : 0
    if (options.mostBytes !== undefined && bytes > options.mostBytes) {
      return Effect.fail(
        new PayloadTooLarge({ reason: `${bytes} bytes, and a request holds ${options.mostBytes} at most.` })
      )
    }
    return Effect.flatMap(once(absolute), (answer) =>
      answer.response.status === 401 && signer.renew !== undefined
        ? Effect.flatMap(Effect.andThen(signer.renew(answer.response), once(absolute)), observed)
        : observed(answer)
    )
  }

  return HttpClient.makeWith(
    (request: Effect.Effect<Request, HttpClientError.HttpClientError | DeliveryError>) =>
      Effect.flatMap(request, execute),
    (request) => Effect.succeed(request)
  )
}
