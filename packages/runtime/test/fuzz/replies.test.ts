// Vendor replies by the thousand, as raw bytes: every item ends as delivered, rejected with a reason, or to be told again.
import { assert, describe, it } from "@effect/vitest"
import { type Call, type Destination, type Outcome } from "@tributary/core"
import { Connection, Delivery, RateLimiter } from "@tributary/core/runtime"
import { connect } from "@tributary/core/testing"
import { Adwords } from "@tributary/destination-adwords"
import { make as makeAds } from "@tributary/destination-adwords/sandbox"
import { Braze } from "@tributary/destination-braze"
import { Zendesk } from "@tributary/destination-zendesk"
import { make as makeZendesk } from "@tributary/destination-zendesk/sandbox"
import { Effect, Layer, Redacted } from "effect"
import type { HttpClient } from "effect/http"
import * as fc from "fast-check"
import { createServer } from "node:net"
import { nastyJson, nastyText, parameters } from "./support.ts"
import * as Undici from "../../src/transport/Undici.ts"

const services = Layer.mergeAll(Undici.layer, Connection.TokenStore.layerMemory)

const secret = "s3cr3t-of-the-fuzz"

/** A server that answers every request with the bytes that the test has laid out; tokens are given as they should be. */
const openServer = Effect.acquireRelease(
  Effect.callback<{
    readonly url: string
    readonly reply: (bytes: Buffer) => void
    readonly seen: () => number
    readonly close: () => void
  }>((resume) => {
    let bytes: Buffer = Buffer.alloc(0)
    let seen = 0
    const token = JSON.stringify({
      access_token: secret,
      refresh_token: secret,
      token_type: "bearer",
      expires_in: 3600
    })
    const server = createServer((socket) => {
      let got = Buffer.alloc(0)
      socket.on("error", () => undefined)
      socket.on("data", (part) => {
        got = Buffer.concat([got, part])
        const end = got.indexOf("\r\n\r\n")
        if (end < 0) return
        const head = got.subarray(0, end).toString("latin1")
        const length = Number(/content-length: (\d+)/i.exec(head)?.[1] ?? 0)
        if (got.length < end + 4 + length) return
        got = Buffer.alloc(0)
        if (/^\w+ \/(oauth\/tokens?|token)/.test(head)) {
          socket.end(
            `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${token.length}\r\n\r\n${token}`
          )
          return
        }
        seen++
        socket.end(bytes)
      })
    })
    server.listen(0, "127.0.0.1", () => {
      const address = server.address()
      resume(
        Effect.succeed({
          url: `http://127.0.0.1:${typeof address === "object" ? address?.port : 0}`,
          reply: (next) => {
            bytes = next
          },
          seen: () => seen,
          close: () => void server.close()
        })
      )
    })
  }),
  (server) => Effect.sync(server.close)
)

const header = fc.constantFrom(
  "Retry-After: 5",
  "Retry-After: -1",
  "Retry-After: 99999999999999999999",
  "Retry-After: soon",
  "Retry-After: Wed, 21 Oct 2105 07:28:00 GMT",
  "Retry-After: Mon, 01 Jan 1900 00:00:00 GMT",
  "X-RateLimit-Remaining: 0",
  "X-RateLimit-Remaining: NaN",
  "X-RateLimit-Reset: -5",
  "RateLimit-Reset: 1e400",
  "Content-Type: text/html",
  "Content-Type: application/json; charset=utf-16",
  "Content-Encoding: gzip",
  "Content-Encoding: br",
  "WWW-Authenticate: Bearer",
  "Location: http://169.254.169.254/latest/meta-data"
)

const words = fc.constantFrom(
  "success",
  "message",
  "errors",
  "error",
  "type",
  "input_array",
  "index",
  "user",
  "user_fields",
  "id",
  "organization",
  "requestId",
  "status",
  "details",
  "reason",
  "code",
  "fieldViolations",
  "violations",
  "field",
  "attributes_processed",
  "events_processed"
)

const vendorLike = fc.letrec<{ readonly value: unknown }>((tie) => ({
  value: fc.oneof(
    { depthSize: "small" },
    nastyJson,
    fc.constantFrom("success", "INVALID_ARGUMENT", "RATE_LIMITED", "queued", 7, -1, 2 ** 60),
    fc.array(tie("value"), { maxLength: 4 }),
    fc.dictionary(words, tie("value"), { maxKeys: 4, noNullPrototype: true })
  )
})).value

const body = fc.oneof(
  fc.constantFrom("", "null", "[]", "{}", '{"message":"success"}', "<html><body>502</body></html>", "{".repeat(500)),
  fc.constant("[".repeat(3_000)),
  nastyText,
  vendorLike.map((value) => JSON.stringify(value)),
  vendorLike.map((value) => JSON.stringify(value).slice(0, -1)),
  fc.constant(`{"message":"your key ${secret} is wrong"}`)
)

const status = fc.oneof(
  fc.constantFrom(200, 201, 202, 204, 400, 401, 403, 404, 408, 409, 413, 422, 429, 500, 503),
  fc.integer({ min: 200, max: 599 })
)

const reply = fc
  .record({ status, headers: fc.uniqueArray(header, { maxLength: 3 }), body, lies: fc.constantFrom(0, 0, 0, 5, -5) })
  .map(({ status, headers, body, lies }) => {
    const length = Math.max(0, Buffer.byteLength(body) + lies)
    const head = [`HTTP/1.1 ${status} Said`, `Content-Length: ${length}`, ...headers].join("\r\n")
    return { status, bytes: Buffer.from(`${head}\r\n\r\n${body}`) }
  })

const garbage = fc
  .oneof(
    fc.constantFrom(
      "",
      "HTTP/1.1",
      "HTTP/9.9 200\r\n\r\n",
      "\r\n\r\n",
      "HTTP/1.1 099 Odd\r\n\r\n",
      "SSH-2.0-OpenSSH\r\n"
    ),
    nastyText
  )
  .map((text) => ({ status: 0, bytes: Buffer.from(text) }))

const personas = {
  computation_class: "audience",
  computation_id: "aud_vips",
  computation_key: "vips",
  namespace: "fuzz",
  space_id: "fuzz"
} as const

const identify = (id: string): Call.Call => ({
  type: "identify",
  identifier: { type: "user_id", value: id },
  required: { name: "Ada" },
  messageId: `m-${id}`,
  timestamp: "2026-01-01T00:00:00.000Z",
  siblings: [],
  joins: [],
  existingOnly: false,
  personas,
  traits: { vips: true }
})

const member = (email: string) => ({ identifiers: { email: [email] }, required: {} })

type Send = (n: number) => Effect.Effect<{ readonly items: number; readonly delivered: Delivery.Delivered }>

const eventOf = (bound: Destination.Bound, context: Destination.Context<unknown>): Send => {
  const { event } = bound
  return (n) => {
    const [first = identify("u0"), ...rest] = Array.from({ length: n }, (_, i) => identify(`u${i}`))
    return Effect.map(
      Delivery.deliver([first, ...rest], (calls) => event?.deliver(calls, context) ?? Effect.succeed([])),
      (delivered) => ({ items: n, delivered })
    )
  }
}

const listOf = (bound: Destination.Bound, context: Destination.Context<unknown>, verb: "add" | "discard"): Send => {
  const { list } = bound
  return (n) => {
    const [first = member("a@b.co"), ...rest] = Array.from({ length: n }, (_, i) => member(`u${i}@example.com`))
    return Effect.map(
      Delivery.deliver([first, ...rest], (members) => list?.[verb]("7", members, context) ?? Effect.succeed([])),
      (delivered) => ({ items: n, delivered })
    )
  }
}

const isSent = (outcome: Outcome.Outcome | undefined) => outcome?._tag === "Delivered" || outcome?._tag === "Accepted"

const law = ({ delivered, items }: Effect.Success<ReturnType<Send>>, said: number) => {
  const { outcomes, stop } = delivered
  assert.strictEqual(outcomes.length, items, "an outcome for each item")
  if (said < 200 || said > 299) assert.isFalse(outcomes.some(isSent), `nothing is delivered by status ${said}`)
  if (outcomes.includes(undefined)) assert.isDefined(stop, "an item without an outcome has a reason")
  const reasons = [
    ...outcomes.flatMap((outcome) => (outcome !== undefined && "reason" in outcome ? [outcome.reason] : [])),
    ...(stop === undefined ? [] : [stop.message])
  ]
  for (const reason of reasons) {
    assert.isAtLeast(reason.trim().length, 3)
    assert.notInclude(reason, secret)
    assert.notMatch(reason, /The plugin threw|The plugin returned/, "the plugin kept its contract")
    assert.isBelow(reason.length, 2_000, "a vendor cannot fill the store")
  }
  const wait = stop !== undefined && "retryAfterMillis" in stop ? stop.retryAfterMillis : undefined
  if (wait !== undefined) assert.isTrue(Number.isFinite(wait) && wait >= 0 && wait <= 86_400_000 * 366, `${wait}`)
}

const plugins: ReadonlyArray<
  readonly [string, (url: string) => ReadonlyArray<readonly [Destination.Destination, "event" | "add" | "discard"]>]
> = [
  [
    "Braze",
    (baseUrl) => [
      [
        Braze.destination("braze", {
          endpoint: "https://rest.fra-01.braze.eu",
          baseUrl,
          apiKey: Redacted.make(secret)
        }),
        "event"
      ]
    ]
  ],
  [
    "Zendesk",
    (baseUrl) => {
      const settings = makeZendesk().settings(baseUrl)
      return [
        [
          Zendesk.destination("zendesk", {
            subdomain: "acme",
            baseUrl,
            tokenUrl: String(settings["tokenUrl"]),
            oauth: {
              clientId: "c",
              clientSecret: Redacted.make(`${secret}-client`),
              refreshToken: Redacted.make(secret)
            }
          }),
          "event"
        ]
      ]
    }
  ],
  [
    "Google Ads",
    (baseUrl) => {
      const settings = makeAds().settings(baseUrl)
      const ads = Adwords.destination("ads", {
        accountId: "1234567890",
        oauth: { clientId: "c", clientSecret: Redacted.make(`${secret}-client`), refreshToken: Redacted.make(secret) },
        consent: { adUserData: "granted", adPersonalization: "granted" },
        termsOfServiceAccepted: true,
        baseUrl,
        tokenUrl: String(settings["tokenUrl"])
      })
      return [
        [ads, "add"],
        [ads, "discard"]
      ]
    }
  ]
]

describe("bad replies", () => {
  for (const [name, destinationsAt] of plugins) {
    it.live(`${name}: every item ends classified, whatever the vendor says`, () =>
      Effect.gen(function* () {
        const server = yield* openServer
        for (const [destination, form] of destinationsAt(server.url)) {
          // With a gate of its own: one that was told to wait would ask nobody for the rest of the test.
          const send = (n: number) =>
            Effect.flatMap(connect(destination), ({ bound, context }) =>
              form === "event" ? eventOf(bound, context)(n) : listOf(bound, context, form)(n)
            ).pipe(Effect.provide(Layer.fresh(RateLimiter.RateLimiter.layer)))
          const seen = server.seen()
          const run = Effect.runPromiseWith(yield* Effect.context<HttpClient.HttpClient | Connection.TokenStore>())
          yield* Effect.promise(() =>
            fc.assert(
              fc.asyncProperty(
                fc.oneof({ weight: 9, arbitrary: reply }, garbage),
                fc.integer({ min: 1, max: 3 }),
                (said, n) => {
                  server.reply(said.bytes)
                  return run(Effect.map(send(name === "Zendesk" ? 1 : n), (result) => law(result, said.status)))
                }
              ),
              parameters(700)
            )
          )
          assert.isAbove(server.seen() - seen, 500, "the vendor was asked")
        }
      }).pipe(Effect.scoped, Effect.provide(services))
    )
  }
})
