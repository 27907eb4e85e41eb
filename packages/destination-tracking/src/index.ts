/**
 * Any endpoint that speaks Segment's Tracking API: Segment itself, RudderStack, Jitsu, and through them every tool that
 * they pass identify, track and group calls on to.
 *
 * @since 0.1.0
 */
import { Call, Client, DeliveryError, Destination, Json, Outcome, RateLimit, Reply, Setting } from "@tributary/core"
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

type Message = { readonly [key: string]: Json.Json }

/** Every call names somebody: who has no user id gets an anonymous id, the same one for the same identifier. */
const named = (call: Call.Call): Message => {
  const { type, value } = call.identifier
  const anonymousId = type === "anonymous_id" ? value : Json.fingerprint(type, value).toString(16).padStart(16, "0")
  return { ...Call.toMessage(call), ...(type === "user_id" ? {} : { anonymousId }) }
}

/** A group call puts one user into a group: one for each user of the account, the first with the account's traits. */
const messagesOf = (call: Call.Call): ReadonlyArray<Message> =>
  call.type !== "group" || call.users.length === 0
    ? [named(call)]
    : call.users.map((userId, i) => {
        const message = { ...Call.toMessage(call), userId }
        const suffix = Json.fingerprint(userId).toString(16).padStart(16, "0")
        return i === 0 ? message : { ...message, traits: {}, messageId: `${call.messageId}-${suffix}` }
      })

/** Segment answers `{"success":true}`, RudderStack `OK`, Jitsu `{"ok":true}`. */
const isTaken = ({ json, status, text }: Reply.Reply): boolean =>
  status === 200 && (/^"?ok"?$/i.test(text.trim()) || Schema.is(Taken)(json))
const Taken = Schema.Union([
  Schema.Struct({ success: Schema.Literal(true) }),
  Schema.Struct({ ok: Schema.Literal(true) })
])

const mostBytes = 32_000
/** Users of one account in a request: more have requests of their own, since one account's cannot be halved. */
const mostUsers = 500

const post = Effect.fnUntraced(function* (client: Client.Client, batch: ReadonlyArray<Message>) {
  if (batch.length === 0) return
  const request = HttpClientRequest.bodyJsonUnsafe(HttpClientRequest.post("/v1/batch"), { batch })
  const reply = yield* Reply.send(client, request)
  if (!isTaken(reply)) return yield* Reply.failure(reply)
})

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
  limits: [RateLimit.cap(50, "1 second")],
  requires: {
    identifiers: ["user_id", "email", "phone", "anonymous_id", "ios.idfa", "android.idfa", "group_id"],
    properties: {}
  }
}).event({
  calls: ["identify", "track", "group"],
  coalesce: true,
  groupUsers: true,
  batch: { items: 100, bytes: 500_000 },
  deliver: Effect.fnUntraced(function* (calls, { client }) {
    const messages = calls.map(messagesOf)
    const isFit = messages.map((own) => own.every((each) => Buffer.byteLength(JSON.stringify(each)) <= mostBytes))
    const fitting = messages.filter((_, i) => isFit[i])
    yield* post(
      client,
      fitting.flatMap((own) => own.slice(0, mostUsers))
    )
    const more = fitting.flatMap((own) => own.slice(mostUsers))
    for (let start = 0; start < more.length; start += mostUsers) {
      // The first request is taken by now: what fails from here on leaves the accounts in doubt.
      yield* Effect.mapError(post(client, more.slice(start, start + mostUsers)), DeliveryError.partway)
    }
    return isFit.map((fits) =>
      fits ? Outcome.delivered : Outcome.rejected(`The call has more than ${mostBytes} bytes.`)
    )
  })
})
