import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Latch, Stream } from "effect"
import { HttpClient, HttpClientRequest } from "effect/http"
import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import * as Undici from "../src/transport/Undici.ts"

const serving = (handle: (request: IncomingMessage, body: string, response: ServerResponse) => void) =>
  Effect.map(
    Effect.acquireRelease(
      Effect.callback<{ readonly url: string; readonly close: () => void }>((resume) => {
        const server = createServer((request, response) => {
          const parts: Array<Buffer> = []
          request.on("data", (part: Buffer) => parts.push(part))
          request.on("end", () => handle(request, Buffer.concat(parts).toString(), response))
        })
        server.listen(0, "127.0.0.1", () => {
          const address = server.address()
          const close = () => {
            server.closeAllConnections()
            server.close()
          }
          resume(Effect.succeed({ url: `http://127.0.0.1:${typeof address === "object" ? address?.port : 0}`, close }))
        })
      }),
      ({ close }) => Effect.sync(close)
    ),
    ({ url }) => url
  )

const post = (url: string, body = `{"a":1}`) =>
  Effect.flatMap(HttpClient.HttpClient, (client) =>
    client.execute(HttpClientRequest.bodyText(HttpClientRequest.post(url), body, "application/json"))
  )

/** The system's word for why there was no answer. */
const codeOf = Effect.fnUntraced(function* (url: string) {
  const error = yield* Effect.flip(post(url))
  const cause = "cause" in error.reason ? error.reason.cause : undefined
  return typeof cause === "object" && cause !== null && "code" in cause ? cause.code : cause
})

describe("the transport", () => {
  it.live("sends what it is given, and answers what came", () =>
    Effect.gen(function* () {
      const url = yield* serving((request, body, response) => {
        response.setHeader("X-Seen", `${request.method} ${request.url} ${request.headers["content-type"]}`)
        response.writeHead(201).end(`{"echo":${body},"name":"Ädä"}`)
      })
      const answer = yield* post(`${url}/users?dry=true`)
      assert.strictEqual(answer.status, 201)
      assert.strictEqual(answer.headers["x-seen"], "POST /users?dry=true application/json")
      assert.strictEqual(yield* answer.text, `{"echo":{"a":1},"name":"Ädä"}`)
      assert.deepStrictEqual(yield* answer.json, { echo: { a: 1 }, name: "Ädä" })
      assert.strictEqual(new TextDecoder().decode(yield* answer.arrayBuffer), yield* answer.text)
      assert.strictEqual(yield* Stream.mkString(Stream.decodeText(answer.stream)), yield* answer.text)
      assert.strictEqual(answer.url, `${url}/users?dry=true`)
    }).pipe(Effect.provide(Undici.layer))
  )

  it.live("reads an answer in many parts, one without a body, and a byte order mark", () =>
    Effect.gen(function* () {
      const url = yield* serving((request, _, response) => {
        if (request.url === "/none") return void response.writeHead(204).end()
        if (request.url === "/bom") return void response.end(Buffer.from([0xef, 0xbb, 0xbf, 0x7b, 0x7d]))
        const bytes = Buffer.from("ä".repeat(50_000))
        response.write(bytes.subarray(0, 33_333))
        setImmediate(() => response.end(bytes.subarray(33_333)))
      })
      assert.strictEqual(yield* (yield* post(`${url}/many`)).text, "ä".repeat(50_000))
      const none = yield* post(`${url}/none`)
      assert.deepStrictEqual([none.status, yield* none.text], [204, ""])
      assert.strictEqual(yield* (yield* post(`${url}/bom`)).text, "{}")
    }).pipe(Effect.provide(Undici.layer))
  )

  it.live("says why there was no answer: refused, reset, broken off", () =>
    Effect.gen(function* () {
      const url = yield* serving((request, _, response) => {
        if (request.url === "/reset") return void request.socket.destroy()
        response.writeHead(200, { "content-length": "1000" })
        response.write("{")
        setImmediate(() => request.socket.destroy())
      })
      assert.strictEqual(yield* codeOf("http://127.0.0.1:1/"), "ECONNREFUSED")
      assert.include(["UND_ERR_SOCKET", "ECONNRESET"], yield* codeOf(`${url}/reset`))
      assert.include(["UND_ERR_SOCKET", "ECONNRESET"], yield* codeOf(`${url}/broken`))
    }).pipe(Effect.provide(Undici.layer))
  )

  it.live("an interruption closes the connection", () =>
    Effect.gen(function* () {
      const arrived = yield* Latch.make(false)
      const closed = yield* Latch.make(false)
      const url = yield* serving((request) => {
        request.socket.on("close", () => Effect.runSync(closed.open))
        Effect.runSync(arrived.open)
      })
      const fiber = yield* Effect.forkChild(post(url))
      yield* arrived.await
      yield* Fiber.interrupt(fiber)
      yield* closed.await
    }).pipe(Effect.provide(Undici.layer))
  )

  it.live("a body that is still to come goes the platform's way", () =>
    Effect.gen(function* () {
      const url = yield* serving((_, body, response) => void response.end(body.toUpperCase()))
      const client = yield* HttpClient.HttpClient
      const request = HttpClientRequest.bodyStream(
        HttpClientRequest.post(url),
        Stream.make(new TextEncoder().encode("late")),
        { contentType: "text/plain" }
      )
      assert.strictEqual(yield* (yield* client.execute(request)).text, "LATE")
    }).pipe(Effect.provide(Undici.layer))
  )
})
