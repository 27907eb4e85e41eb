/**
 * The transport: requests with their body in hand go straight to undici, and answers come back whole. Any other request
 * (a stream, a form) takes the platform's client.
 *
 * **Why not the platform's client for all**
 *
 * It makes a span, an abort controller, a promise, a stream and its reader for each request. A tool that takes one record
 * a request is sent thousands a second, and then all that costs more than the request itself. Here a request costs one
 * callback. Bench `plugin-zendesk`, `plugin-braze` and `plugin-google` measure it beside a bare loop over undici, and
 * decision 0012 has the reasons. Plugins see the same `HttpClient` either way.
 *
 * @since 0.1.0
 */
import { NodeHttpClient } from "@effect/platform-node"
import { Effect, Inspectable, Layer, Option, Pipeable, Stream } from "effect"
import {
  Headers,
  HttpClient,
  HttpClientError,
  HttpClientRequest,
  HttpClientResponse,
  HttpIncomingMessage
} from "effect/http"

type Dispatcher = typeof NodeHttpClient.Dispatcher.Service

/**
 * An `HttpClient` over undici.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer: Layer.Layer<HttpClient.HttpClient> = Layer.effect(
  HttpClient.HttpClient,
  Effect.gen(function* () {
    const dispatcher = yield* NodeHttpClient.Dispatcher
    const platform = yield* NodeHttpClient.makeUndici
    return HttpClient.makeWith(
      (request: Effect.Effect<HttpClientRequest.HttpClientRequest>) =>
        Effect.flatMap(request, (known) => {
          const { body } = known
          if (body._tag === "Empty") return exchange(dispatcher, known, null)
          return body._tag === "Uint8Array"
            ? exchange(dispatcher, known, body.body)
            : platform.execute(known).pipe(Effect.provideService(HttpClient.TracerDisabledWhen, () => true))
        }),
      Effect.succeed
    )
  })
).pipe(Layer.provide(NodeHttpClient.layerDispatcher))

const exchange = (dispatcher: Dispatcher, request: HttpClientRequest.HttpClientRequest, body: Uint8Array | null) =>
  Effect.callback<HttpClientResponse.HttpClientResponse, HttpClientError.HttpClientError>((resume) => {
    const fail = (cause: unknown) =>
      resume(
        Effect.fail(
          new HttpClientError.HttpClientError({ reason: new HttpClientError.TransportError({ request, cause }) })
        )
      )
    const url = Option.getOrUndefined(HttpClientRequest.toUrl(request))
    if (url === undefined) return fail(new TypeError("the request has no valid address"))
    let controller: { readonly abort: (reason: Error) => void } | undefined
    let isGivenUp = false
    const parts: Array<Uint8Array> = []
    let status = 0
    let headers: Headers.Headers = Headers.empty
    try {
      dispatcher.dispatch(
        {
          origin: url.origin,
          path: `${url.pathname}${url.search}`,
          method: request.method,
          headers: request.headers,
          body,
          // Whoever asks says how long they wait.
          headersTimeout: 0,
          bodyTimeout: 0
        },
        {
          onRequestStart: (started) => {
            controller = started
            if (isGivenUp) started.abort(new Error("given up"))
          },
          onResponseStart: (_, statusCode, received) => {
            status = statusCode
            headers = Headers.fromInput(received)
          },
          onResponseData: (_, part) => void parts.push(part),
          onResponseEnd: () => resume(Effect.succeed(new Whole(request, url, status, headers, parts))),
          onResponseError: (_, cause) => fail(cause)
        }
      )
    } catch (cause) {
      fail(cause)
    }
    return Effect.sync(() => {
      isGivenUp = true
      controller?.abort(new Error("given up"))
    })
  })

/** An answer that was read to its end. */
class Whole extends Pipeable.Class implements HttpClientResponse.HttpClientResponse {
  readonly [HttpIncomingMessage.TypeId] = HttpIncomingMessage.TypeId
  readonly [HttpClientResponse.TypeId] = HttpClientResponse.TypeId
  readonly remoteAddress = Option.none()
  readonly request: HttpClientRequest.HttpClientRequest
  readonly status: number
  readonly headers: Headers.Headers
  private readonly address: URL
  private readonly bytes: Uint8Array
  readonly text: Effect.Effect<string>

  constructor(
    request: HttpClientRequest.HttpClientRequest,
    address: URL,
    status: number,
    headers: Headers.Headers,
    parts: ReadonlyArray<Uint8Array>
  ) {
    super()
    this.request = request
    this.address = address
    this.status = status
    this.headers = headers
    this.bytes = parts.length === 1 && parts[0] !== undefined ? parts[0] : Buffer.concat(parts)
    this.text = Effect.succeed(utf8.decode(this.bytes))
  }

  /** For what plugins seldom ask for, the platform's own reading. */
  private get web() {
    // A web response refuses bodies, and statuses, that a vendor may well answer with; only the body is read from it.
    return HttpClientResponse.fromWeb(
      this.request,
      new Response(Uint8Array.from(this.bytes), { headers: this.headers })
    )
  }
  get url() {
    return this.address.href.split("#")[0] ?? ""
  }
  get cookies() {
    return this.web.cookies
  }
  get stream() {
    return Stream.succeed(this.bytes)
  }
  get arrayBuffer() {
    return Effect.sync(() => Uint8Array.from(this.bytes).buffer)
  }
  get json() {
    return this.web.json
  }
  get urlParamsBody() {
    return this.web.urlParamsBody
  }
  get formData() {
    return this.web.formData
  }
  get upgrade() {
    return this.web.upgrade
  }
  toJSON(): unknown {
    return HttpIncomingMessage.inspect(this, {
      _id: "HttpClientResponse",
      request: this.request.toJSON(),
      status: this.status
    })
  }
  override toString(): string {
    return Inspectable.toStringUnknown(this.toJSON())
  }
  [Inspectable.NodeInspectSymbol](): unknown {
    return this.toJSON()
  }
}

const utf8 = new TextDecoder()
