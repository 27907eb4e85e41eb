/**
 * Connections: an `HttpClient` made from a client's data.
 *
 * It prepends the base address, refuses every other host, signs, waits at the gate, times out, learns from the answer's
 * quota, and blots out a secret that the vendor repeats.
 *
 * @since 0.1.0
 */
import { Duration, Effect } from "effect"
import { HttpClient, type HttpClientError, HttpClientRequest, type HttpClientResponse } from "effect/http"
import type { Client, ClientSpec } from "../contract/Client.ts"
import { type DeliveryError, Misconfigured, PayloadTooLarge } from "../contract/DeliveryError.ts"
import { type Answer, exchange } from "./Exchange.ts"
import type { Quota, Scope } from "../contract/RateLimit.ts"
import type { Gate, Heard } from "./RateLimiter.ts"
import { noteScope, received, scopeOf } from "../contract/Received.ts"
import { type Reply, type RequestLine, retryAfterMillis } from "../contract/Reply.ts"
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
  readonly quota?: ((reply: Reply, request: RequestLine) => Quota | undefined) | undefined
  /** What a 429 is about. Default: the destination. */
  readonly throttle?: ((reply: Reply, request: RequestLine) => Scope) | undefined
  /** Asked when the gate has let a request through, before it leaves. Default: it may. */
  readonly mayLeave?: Effect.Effect<void, DeliveryError>
  /** Bytes in the body of a request at most; what is larger never leaves. Default: no limit. */
  readonly mostBytes?: number | undefined
  /** For one request, its answer included. Default: 30 seconds. */
  readonly timeout?: Duration.Input | undefined
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

/** `/users/track`: below the base address. */
const pathOf = (url: string, root: string): string => {
  const below = url.startsWith(root) ? url.slice(root.length) : url
  const end = below.search(/[?#]/)
  return end === -1 ? below : below.slice(0, end)
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
    Effect.flatMap(signer.sign(request), (signed) => {
      const line = { method: signed.method, path: pathOf(signed.url, root) }
      return Effect.map(
        options.gate.request(
          Effect.andThen(mayLeave, exchange(base, signed, limit)),
          `${line.method} ${line.path}`,
          (answer, receivedAt) => heard(answer, receivedAt, line)
        ),
        withoutSecrets
      )
    })

  /** The plugin reads the answer before the gate acts on it. */
  const heard = ({ response, text }: Answer, receivedAt: number, line: RequestLine): Heard => {
    const { headers, status } = response
    const reply = received(response, text, receivedAt)
    const quota = options.quota?.(reply, line)
    const isTaken = status < 400
    if (status !== 429 && status !== 503) return { quota, isTaken }
    const scope = status === 429 ? (options.throttle?.(reply, line) ?? "destination") : "destination"
    if (status === 429) noteScope(response, scope)
    const millis = retryAfterMillis({ headers, receivedAt }) ?? 0
    return { quota, isTaken, pause: scope === "item" ? undefined : { millis, scope } }
  }

  const withoutSecrets = (answer: Answer): Answer => {
    const repeated = signer.secrets().filter((secret) => answer.text.includes(secret))
    if (repeated.length === 0) return answer
    const text = repeated.reduce((blotted, secret) => blotted.replaceAll(secret, "<redacted>"), answer.text)
    const response: HttpClientResponse.HttpClientResponse = Object.create(answer.response, {
      text: { value: Effect.succeed(text) }
    })
    const scope = scopeOf(answer.response)
    if (scope !== undefined) noteScope(response, scope)
    return { response, text }
  }

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
        ? Effect.map(Effect.andThen(signer.renew(answer.response), once(absolute)), ({ response }) => response)
        : Effect.succeed(answer.response)
    )
  }

  return HttpClient.makeWith(
    (request: Effect.Effect<Request, HttpClientError.HttpClientError | DeliveryError>) =>
      Effect.flatMap(request, execute),
    (request) => Effect.succeed(request)
  )
}
