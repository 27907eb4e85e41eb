/**
 * Serves a sandbox over HTTP on this machine.
 *
 * @since 0.1.0
 */
import { Clock, Effect, Schema, type Scope } from "effect"
import { createServer, type IncomingMessage } from "node:http"
import type { Sandbox, SandboxRequest } from "../contract/Sandbox.ts"

/**
 * The port is taken, or may not be opened.
 *
 * @category errors
 * @since 0.1.0
 */
export class CannotListen extends Schema.TaggedError<CannotListen>()("CannotListen", {
  port: Schema.Number,
  reason: Schema.String
}) {
  override get message(): string {
    return `Cannot listen on 127.0.0.1:${this.port}: ${this.reason}. Choose another port.`
  }
}

/**
 * A sandbox that answers on `baseUrl` until its scope closes.
 *
 * @category models
 * @since 0.1.0
 */
export interface Served<out State> {
  readonly baseUrl: string
  readonly sandbox: Sandbox<State>
  /** Requests answered so far. */
  readonly requests: () => number
}

const read = (request: IncomingMessage, done: (body: string) => void) => {
  const parts: Array<Buffer> = []
  request.on("data", (part: Buffer) => parts.push(part))
  request.on("end", () => done(Buffer.concat(parts).toString("utf8")))
}

const toSandbox = (request: IncomingMessage, body: string): SandboxRequest => {
  const url = new URL(request.url ?? "/", "http://sandbox")
  const headers: Record<string, string> = {}
  for (const [name, value] of Object.entries(request.headers)) {
    if (value !== undefined) headers[name] = Array.isArray(value) ? value.join(", ") : value
  }
  return { method: request.method ?? "GET", path: url.pathname, query: url.searchParams, headers, body }
}

/**
 * Serves a sandbox on 127.0.0.1, on a free port unless one is given. `GET /_sandbox/state` answers its state.
 *
 * **Details**
 *
 * The sandbox's time is the `Clock` of the fiber that serves it, so a test's virtual time governs its windows.
 *
 * @category constructors
 * @since 0.1.0
 */
export const serve = Effect.fnUntraced(function* <State>(
  sandbox: Sandbox<State>,
  options: { readonly port?: number } = {}
): Effect.fn.Return<Served<State>, CannotListen, Scope.Scope> {
  const clock = yield* Clock.Clock
  let requests = 0
  const server = createServer((request, response) =>
    read(request, (body) => {
      const now = clock.currentTimeMillisUnsafe()
      if (request.url === "/_sandbox/state") {
        response.writeHead(200, { "content-type": "application/json" })
        response.end(JSON.stringify(sandbox.state(now), null, 2))
        return
      }
      requests++
      const answer = sandbox.handle(toSandbox(request, body), now)
      const isText = typeof answer.body === "string"
      response.writeHead(answer.status, {
        "content-type": isText ? "text/plain; charset=utf-8" : "application/json",
        ...answer.headers
      })
      response.end(answer.body === undefined ? "" : isText ? answer.body : JSON.stringify(answer.body))
    })
  )
  server.keepAliveTimeout = 60_000
  const port = yield* Effect.acquireRelease(
    Effect.callback<number, CannotListen>((resume) => {
      const wanted = options.port ?? 0
      server.once("error", (error) => resume(new CannotListen({ port: wanted, reason: error.message })))
      server.listen(wanted, "127.0.0.1", () => {
        const address = server.address()
        resume(Effect.succeed(typeof address === "object" && address !== null ? address.port : wanted))
      })
    }),
    () =>
      Effect.callback<void>((resume) => {
        server.close(() => resume(Effect.void))
        server.closeAllConnections()
      })
  )
  return { baseUrl: `http://127.0.0.1:${port}`, sandbox, requests: () => requests }
})
