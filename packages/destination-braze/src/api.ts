/**
 * `POST /users/track` as it goes over the wire, and what Braze's answers say.
 *
 * Source: braze-docs `_docs/_api/endpoints/user_data/post_user_track.md`, `_docs/_api/api_limits.md`.
 *
 * @since 0.1.0
 */
import { DeliveryError, type Destination, Identifier, type Json, Reply } from "@tributary/core"
import { type Effect, Option, Schema } from "effect"
import { HttpClientRequest } from "effect/http"
import { patience } from "./limits.ts"
import type { BrazeSettings } from "./settings.ts"

/**
 * Who an object is about: exactly one of Braze's identifiers.
 *
 * **Details**
 *
 * An alias that Braze does not know becomes a profile only where `_update_existing_only` is `false`; without it the
 * object is taken with a 201 and dropped.
 *
 * @category models
 * @since 0.1.0
 */
export type Identity =
  | { readonly external_id: string }
  | { readonly email: string }
  | { readonly phone: string }
  | { readonly braze_id: string }
  | {
      readonly user_alias: { readonly alias_name: string; readonly alias_label: string }
      readonly _update_existing_only: false
    }

/**
 * Sets attributes of a person; `null` clears one.
 *
 * @category models
 * @since 0.1.0
 */
export type AttributesObject = Identity & { readonly [trait: string]: Json.Json }

/**
 * Something that happened to a person.
 *
 * @category models
 * @since 0.1.0
 */
export type EventObject = Identity & {
  readonly name: string
  /** ISO 8601. */
  readonly time: string
  readonly properties: { readonly [property: string]: Json.Json }
}

/**
 * The body of a request: 75 objects in all, 4 MB.
 *
 * @category models
 * @since 0.1.0
 */
export interface TrackBody {
  readonly attributes?: ReadonlyArray<AttributesObject>
  readonly events?: ReadonlyArray<EventObject>
}

const Answer = Schema.Struct({
  message: Schema.String,
  attributes_processed: Schema.optionalKey(Schema.Unknown),
  events_processed: Schema.optionalKey(Schema.Unknown),
  errors: Schema.optionalKey(Schema.Unknown)
})

/**
 * Braze's answer, where it is one of Braze's.
 *
 * @category schemas
 * @since 0.1.0
 */
export interface Answer extends Schema.Schema.Type<typeof Answer> {}

/**
 * @category combinators
 * @since 0.1.0
 */
export const answer: (reply: Reply.Reply) => Option.Option<Answer> = (reply) =>
  Schema.decodeUnknownOption(Answer)(reply.json)

/**
 * What Braze says of one object, or of some object that it does not name.
 *
 * @category models
 * @since 0.1.0
 */
export interface ObjectError {
  readonly text: string
  readonly array: string | undefined
  readonly index: number | undefined
}

const ErrorObject = Schema.Struct({
  type: Schema.optionalKey(Schema.Unknown),
  message: Schema.optionalKey(Schema.Unknown),
  input_array: Schema.optionalKey(Schema.Unknown),
  index: Schema.optionalKey(Schema.Unknown)
})
const decodeErrorObject = Schema.decodeUnknownOption(ErrorObject)

/**
 * The errors of an answer, whatever their form: `{type, input_array, index}`, plain text, or anything else.
 *
 * @category combinators
 * @since 0.1.0
 */
export const objectErrors = (errors: unknown): ReadonlyArray<ObjectError> => {
  if (errors === undefined || errors === null) return []
  return (Array.isArray(errors) ? errors : [errors]).map((error: unknown) => {
    if (typeof error === "string") return { text: maskEmails(error), array: undefined, index: undefined }
    const fields = Option.getOrElse(decodeErrorObject(error), (): typeof ErrorObject.Type => ({}))
    const text = [fields.type, fields.message].find((candidate) => typeof candidate === "string")
    return {
      text: maskEmails(typeof text === "string" ? text : JSON.stringify(error)),
      array: typeof fields.input_array === "string" ? fields.input_array : undefined,
      index: typeof fields.index === "number" ? fields.index : undefined
    }
  })
}

/**
 * Sends objects and reads the answer.
 *
 * @category constructors
 * @since 0.1.0
 */
export const track = (
  { client }: Destination.Context<BrazeSettings>,
  body: TrackBody
): Effect.Effect<Reply.Reply, DeliveryError.DeliveryError> => Reply.send(client, trackRequest(body))

const trackRequest = (body: TrackBody): HttpClientRequest.HttpClientRequest =>
  HttpClientRequest.bodyJsonUnsafe(HttpClientRequest.post("/users/track"), body)

/**
 * The class of an answer that is not about single objects. The message goes before the status.
 *
 * @category combinators
 * @since 0.1.0
 */
export const failure = (reply: Reply.Reply, message: string): DeliveryError.DeliveryError => {
  const quoted = { ...reply, text: maskEmails(message === "" ? reply.text : message) }
  const reason = Reply.summary(quoted)
  if (/invalid api key/i.test(message) || reply.status === 401 || reply.status === 403) {
    return new DeliveryError.Unauthorized({
      reason:
        `${reason}. The key must be of this endpoint's workspace and have the permission users.track; ` +
        `if it has a list of allowed IP addresses, this machine must be on it.`
    })
  }
  if (/max input length/i.test(message)) return new DeliveryError.PayloadTooLarge({ reason })
  if (reply.status === 404) {
    return new DeliveryError.Misconfigured({
      reason: `${reason}. Set "endpoint" to the REST endpoint that Braze shows under Settings > APIs and Identifiers.`
    })
  }
  if (reply.status === 429) {
    const wait = patience(reply)
    return new DeliveryError.Throttled(wait === undefined ? { reason } : { reason, retryAfterMillis: wait })
  }
  return Reply.failure(quoted)
}

/** Braze's texts may repeat what they are about. What is longer than any of them is some proxy's page. */
const maskEmails = (text: string): string =>
  text.slice(0, 2000).replace(/[^\s@"'<>(),:;]+@[^\s@"'<>(),:;]+/gu, (email) => Identifier.masked(email))
