/**
 * `POST /users/track` and `POST /users/identify` as they go over the wire, and what Braze's answers say.
 *
 * Source: braze-docs `_docs/_api/endpoints/user_data/post_user_track.md`, `post_user_identify.md`,
 * `_docs/_api/api_limits.md`.
 *
 * @since 0.1.0
 */
import { DeliveryError, type Destination, Identifier, type Json, Reply } from "@tributary/core"
import { Effect, Option, Schema } from "effect"
import { HttpClientRequest } from "effect/http"
import { identifyPath, patience } from "./limits.ts"
import type { BrazeSettings } from "./settings.ts"

/**
 * A pair of an alias and its kind, unique in a workspace.
 *
 * @category models
 * @since 0.1.0
 */
export type UserAlias = { readonly alias_name: string; readonly alias_label: string }

/**
 * What names a record: exactly one of Braze's identifiers.
 *
 * @category models
 * @since 0.1.0
 */
export type Name =
  | { readonly external_id: string }
  | { readonly email: string }
  | { readonly phone: string }
  | { readonly braze_id: string }
  | { readonly user_alias: UserAlias }

/**
 * Who an object is about.
 *
 * **Details**
 *
 * An alias that Braze does not know becomes a profile only where `_update_existing_only` is `false`; without it the
 * object is taken with a 201 and dropped. Any other identifier becomes one unless it is `true`.
 *
 * @category models
 * @since 0.1.0
 */
export type Identity = Name & { readonly _update_existing_only?: boolean }

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

/**
 * A record without an id, and the `external_id` of the record that it is joined with: put on it where nobody has it, else
 * it takes the other in.
 *
 * @category models
 * @since 0.1.0
 */
export type Join =
  | {
      readonly array: "aliases_to_identify"
      readonly entry: { readonly external_id: string; readonly user_alias: UserAlias }
    }
  | {
      readonly array: "emails_to_identify"
      readonly entry: {
        readonly external_id: string
        readonly email: string
        readonly prioritization: ReadonlyArray<string>
      }
    }
  | {
      readonly array: "phone_numbers_to_identify"
      readonly entry: {
        readonly external_id: string
        readonly phone: string
        readonly prioritization: ReadonlyArray<string>
      }
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

/** "You can add up to 50 user aliases per request": taken for all three arrays together. */
const mostJoins = 50

/**
 * Joins records, 50 in a request.
 *
 * **Details**
 *
 * A record that is not there, or not there any more, is no failure: by Braze's documents that is an error beside a
 * success, and a repeated request is one of these. A failure after a request that was taken leaves the batch in doubt.
 *
 * @category constructors
 * @since 0.1.0
 */
export const identify = Effect.fnUntraced(function* (
  { client }: Destination.Context<BrazeSettings>,
  joins: ReadonlyArray<Join>
): Effect.fn.Return<void, DeliveryError.DeliveryError> {
  for (let start = 0; start < joins.length; start += mostJoins) {
    const body = Object.groupBy(joins.slice(start, start + mostJoins), ({ array }) => array)
    const entries = Object.entries(body).map(([array, own]) => [array, own.map(({ entry }) => entry)])
    const request = HttpClientRequest.bodyJsonUnsafe(HttpClientRequest.post(identifyPath), Object.fromEntries(entries))
    const sent = Effect.flatMap(Reply.send(client, request), (reply) => {
      const said = Option.getOrUndefined(answer(reply))
      const isTaken = reply.status >= 200 && reply.status < 300
      if (isTaken && (said?.message === "success" || said?.message === "queued")) return Effect.void
      const errors = objectErrors(said?.errors).map(({ text }) => text)
      return Effect.fail(failure(reply, [said?.message ?? "", ...errors].join(" ").trim(), "users.identify"))
    })
    yield* start === 0 ? sent : Effect.mapError(sent, DeliveryError.partway)
  }
})

/**
 * The class of an answer that is not about single objects. The message goes before the status.
 *
 * @category combinators
 * @since 0.1.0
 */
export const failure = (
  reply: Reply.Reply,
  message: string,
  permission: "users.track" | "users.identify" = "users.track"
): DeliveryError.DeliveryError => {
  const quoted = { ...reply, text: maskEmails(message === "" ? reply.text : message) }
  const reason = Reply.summary(quoted)
  if (/invalid api key/i.test(message) || reply.status === 401 || reply.status === 403) {
    return new DeliveryError.Unauthorized({
      reason:
        `${reason}. The key must be of this endpoint's workspace and have the permission ${permission}; ` +
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
    return new DeliveryError.Throttled({
      reason,
      ...(wait === undefined ? {} : { retryAfterMillis: wait }),
      ...(reply.scope === undefined ? {} : { scope: reply.scope })
    })
  }
  return Reply.failure(quoted)
}

/** Braze's texts may repeat what they are about. What is longer than any of them is some proxy's page. */
const maskEmails = (text: string): string =>
  text.slice(0, 2000).replace(/[^\s@"'<>(),:;]+@[^\s@"'<>(),:;]+/gu, (email) => Identifier.masked(email))
