/**
 * Any endpoint that speaks Segment's Tracking API: Segment itself, RudderStack, Jitsu, and through them every tool that
 * they pass identify, track and group calls on to.
 *
 * @since 0.1.0
 */
import { Call, Client, Destination, Json, Outcome, RateLimit, Reply, Setting } from "@tributary/core"
import { Effect, Redacted, Schema } from "effect"
import { HttpClientRequest } from "effect/http"
import { createRequire } from "node:module"

const { version }: { readonly version: string } = createRequire(import.meta.url)("../package.json")

const settings = Schema.Struct({
  endpoint: Setting.baseUrl.annotate({
    description: "Where calls go: https://api.segment.io, https://eu1.api.segmentapis.com, or a RudderStack data plane."
  }),
  writeKey: Setting.secret.annotate({ description: "The write key of the source." })
})

/** Every call names somebody: who has no user id gets an anonymous id, the same one for the same identifier. */
const named = (call: Call.Call): { readonly [key: string]: Json.Json } => {
  const { type, value } = call.identifier
  const anonymousId = type === "anonymous_id" ? value : Json.fingerprint(type, value).toString(16).padStart(16, "0")
  return { ...Call.toMessage(call), ...(type === "user_id" ? {} : { anonymousId }) }
}

/** Segment answers `{"success":true}`, RudderStack `OK`, Jitsu `{"ok":true}`. */
const isTaken = ({ json, status, text }: Reply.Reply): boolean =>
  status === 200 && (/^"?ok"?$/i.test(text.trim()) || Schema.is(Taken)(json))
const Taken = Schema.Union([
  Schema.Struct({ success: Schema.Literal(true) }),
  Schema.Struct({ ok: Schema.Literal(true) })
])

const mostBytes = 32_000

/**
 * The Tracking API as a destination. A request holds 500 KB and a call 32 KB at most.
 *
 * @category plugins
 * @since 0.1.0
 */
export const Tracking = Destination.make("tracking", {
  contract: 1,
  title: "Tracking API",
  version,
  settings,
  client: ({ endpoint, writeKey }) =>
    Client.header(endpoint, "authorization", Redacted.make(btoa(`${Redacted.value(writeKey)}:`)), "Basic "),
  requires: {
    identifiers: ["user_id", "email", "phone", "anonymous_id", "ios.idfa", "android.idfa", "group_id"],
    properties: {}
  }
}).event({
  calls: ["identify", "track", "group"],
  coalesce: true,
  batch: { items: 100, bytes: 500_000 },
  limits: [RateLimit.requests(50, "1 second")],
  deliver: Effect.fnUntraced(function* (calls, { client }) {
    const messages = calls.map(named)
    const isFit = messages.map((message) => Buffer.byteLength(JSON.stringify(message)) <= mostBytes)
    const batch = messages.filter((_, i) => isFit[i])
    if (batch.length > 0) {
      const reply = yield* Reply.send(
        client,
        HttpClientRequest.bodyJsonUnsafe(HttpClientRequest.post("/v1/batch"), { batch })
      )
      if (!isTaken(reply)) return yield* Reply.failure(reply)
    }
    return isFit.map((fits) =>
      fits ? Outcome.delivered : Outcome.rejected(`The call has more than ${mostBytes} bytes.`)
    )
  })
})
