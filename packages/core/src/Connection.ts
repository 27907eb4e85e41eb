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
import type { Client, ClientSpec } from "./Client.ts"
import { type DeliveryError, Misconfigured, PayloadTooLarge } from "./DeliveryError.ts"
import { exchange } from "./Exchange.ts"
import type { Quota } from "./RateLimit.ts"
import type { Gate } from "./RateLimiter.ts"
import type { Reply } from "./Reply.ts"
import * as Signer from "./Signer.ts"

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
 * Opens the connection of a destination: what it answers makes a client for each way out (`options`), and all of them
 * sign with the same token.
 *
 * @category constructors
 * @since 0.1.0
 */
export const open = Effect.fnUntraced(function* (
  spec: ClientSpec,
  destination: string
): Effect.fn.Return<(options: ConnectionOptions) => Client, never, HttpClient.HttpClient | Signer.TokenStore> {
  const base = yield* HttpClient.HttpClient
  const signer = yield* Signer.make(spec.authorization, base, destination)
  return (options) => makeClient(spec, base, signer, options)
})

/** `POST /users/track`: below the base address. */
const endpointOf = ({ method, url }: Request, home: URL): string => {
  const { pathname } = new URL(url)
  const root = home.pathname.replace(/\/$/, "")
  return `${method} ${pathname.startsWith(root) ? pathname.slice(root.length) : pathname}`
}

const makeClient = (
  spec: ClientSpec,
  base: HttpClient.HttpClient,
  signer: Signer.Signer,
  options: ConnectionOptions
): Client => {
  const timeout = Duration.fromInputUnsafe(options.timeout ?? "30 seconds")
  const mayLeave = options.mayLeave ?? Effect.void
  const home = new URL(spec.baseUrl)

  const once = (request: Request): Effect.Effect<HttpClientResponse.HttpClientResponse, DeliveryError> =>
    Effect.flatMap(signer.sign(request), (signed) =>
      options.gate.request(
        Effect.andThen(mayLeave, Effect.flatMap(exchange(base, signed, timeout), withoutSecrets)),
        endpointOf(signed, home)
      )
    )

  const withoutSecrets = (response: HttpClientResponse.HttpClientResponse) =>
    Effect.map(response.text.pipe(Effect.orElseSucceed(() => "")), (text) => {
      const repeated = signer.secrets().filter((secret) => text.includes(secret))
      if (repeated.length === 0) return response
      const clean = repeated.reduce((blotted, secret) => blotted.replaceAll(secret, "<redacted>"), text)
      const shown: HttpClientResponse.HttpClientResponse = Object.create(response, {
        text: { value: Effect.succeed(clean) }
      })
      return shown
    })

  const execute = Effect.fnUntraced(function* (request: Request) {
    const absolute = HttpClientRequest.prependUrl(request, spec.baseUrl)
    const url = URL.canParse(absolute.url) ? new URL(absolute.url) : undefined
    if (url === undefined || url.origin !== home.origin) {
      return yield* new Misconfigured({ reason: `The plugin asked for a host other than ${home.host}.` })
    }
    const bytes = absolute.body._tag === "Uint8Array" ? absolute.body.body.length : 0
    if (options.mostBytes !== undefined && bytes > options.mostBytes) {
      return yield* new PayloadTooLarge({ reason: `${bytes} bytes, and a request holds ${options.mostBytes} at most.` })
    }
    let response = yield* once(absolute)
    if (response.status === 401 && signer.renew !== undefined) {
      yield* signer.renew(response)
      response = yield* once(absolute)
    }
    const quota = options.quota?.({
      status: response.status,
      headers: response.headers,
      text: yield* response.text.pipe(Effect.orElseSucceed(() => "")),
      json: undefined,
      receivedAt: yield* Clock.currentTimeMillis
    })
    if (quota !== undefined) yield* options.gate.observe(quota)
    return response
  })

  return HttpClient.makeWith(
    (request: Effect.Effect<Request, HttpClientError.HttpClientError | DeliveryError>) =>
      Effect.flatMap(request, execute),
    (request) => Effect.succeed(request)
  )
}
