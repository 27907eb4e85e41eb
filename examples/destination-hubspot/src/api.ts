/**
 * HubSpot's wire forms and the plugin's requests, in the API's version 2026-09.
 *
 * Source: HubSpot-public-api-spec-collection (contacts, properties and lists of 2026-09), developers.hubspot.com on
 * multi-status errors and usage, November 2026.
 *
 * @since 0.1.0
 */
import { type Client, DeliveryError, type Json, Reply } from "@tributary/core"
import { Effect, Option, Schema } from "effect"
import { HttpClientRequest } from "effect/http"

type Failure = DeliveryError.DeliveryError

/**
 * Most inputs that a batch of contacts may have.
 *
 * @category constants
 * @since 0.1.0
 */
export const mostContacts = 100

/**
 * A contact to create or update. `objectWriteTraceId` may come back with its result or its error: it is optional in
 * HubSpot's documents.
 *
 * @category models
 * @since 0.1.0
 */
export interface ContactWrite {
  readonly id: string
  readonly idProperty: "email"
  readonly objectWriteTraceId: string
  readonly properties: { readonly [name: string]: string }
}

const Contact = Schema.Struct({
  id: Schema.String,
  objectWriteTraceId: Schema.optionalKey(Schema.String),
  properties: Schema.Record(Schema.String, Schema.NullOr(Schema.String))
})
const ItemError = Schema.Struct({
  message: Schema.String,
  context: Schema.optionalKey(Schema.Record(Schema.String, Schema.Unknown))
})
const Contacts = Schema.Struct({
  results: Schema.Array(Contact),
  errors: Schema.optionalKey(Schema.Array(ItemError))
})
// Who was added stands under `recordsIdsAdded` in 2026-09 and under `recordIdsAdded` elsewhere; it is not needed.
const Memberships = Schema.Struct({ recordIdsMissing: Schema.Array(Schema.String) })
const ListAnswer = Schema.Struct({ list: Schema.Struct({ listId: Schema.String }) })
const Properties = Schema.Struct({ results: Schema.Array(Schema.Struct({ name: Schema.String, type: Schema.String })) })
const Fault = Schema.Struct({
  category: Schema.String,
  message: Schema.String,
  policyName: Schema.optionalKey(Schema.Unknown)
})

const decodeFault = Schema.decodeUnknownOption(Fault)

/**
 * What HubSpot says of a batch of contacts.
 *
 * @category models
 * @since 0.1.0
 */
export type Contacts = typeof Contacts.Type

/**
 * HubSpot's words without the addresses in them.
 *
 * @category combinators
 * @since 0.1.0
 */
export const masked = (text: string): string =>
  // Of a huge answer only the beginning is kept, and masking takes its time by the length.
  text.slice(0, 2000).replace(/[^\s"'<>:]+@[^\s"'<>]+/g, "<address>")

/** HubSpot's guide: wait two seconds at least, where another write holds the record. */
const lockedMillis = 2000

/** The day ends at midnight in the account's time zone, which no answer names: it is asked again every hour. */
const dailyMillis = 3_600_000

/** The class of a failure: the category goes before the status. Addresses in HubSpot's words are masked. */
const failure = (reply: Reply.Reply): Failure => {
  const words = { ...reply, text: masked(reply.text) }
  const reason = Reply.summary(words)
  const fault = Option.getOrUndefined(decodeFault(reply.json))
  if (fault?.category === "MISSING_SCOPES") {
    return new DeliveryError.Unauthorized({ reason: `${reason}. Give the key the scopes of the settings.` })
  }
  const wait = Reply.retryAfterMillis(reply)
  if (reply.status === 429 && fault?.policyName === "DAILY") {
    return new DeliveryError.Throttled({ reason, retryAfterMillis: wait ?? dailyMillis })
  }
  if (reply.status === 423) {
    return new DeliveryError.Unavailable({ reason, retryAfterMillis: wait ?? lockedMillis, nothingTaken: true })
  }
  // The account is being moved to another data center.
  if (reply.status === 477) {
    const patience = wait === undefined ? { reason } : { reason, retryAfterMillis: wait }
    return new DeliveryError.Unavailable({ ...patience, nothingTaken: true })
  }
  return Reply.failure(words)
}

const read = <A>(reply: Reply.Reply, schema: Schema.ConstraintDecoder<A>): Effect.Effect<A, Failure> => {
  const content = Schema.decodeUnknownOption(schema)(reply.json)
  return reply.status >= 200 && reply.status < 300 && Option.isSome(content)
    ? Effect.succeed(content.value)
    : Effect.fail(failure(reply))
}

const send = <A>(
  client: Client.Client,
  request: HttpClientRequest.HttpClientRequest,
  schema: Schema.ConstraintDecoder<A>
): Effect.Effect<A, Failure> => Effect.flatMap(Reply.send(client, request), (reply) => read(reply, schema))

const withBody = (request: HttpClientRequest.HttpClientRequest, body: unknown) =>
  HttpClientRequest.bodyJsonUnsafe(request, body)

/**
 * Creates or updates contacts by e-mail address, 100 at most: 200, or 207 where some have errors.
 *
 * @category requests
 * @since 0.1.0
 */
export const upsert = (client: Client.Client, inputs: ReadonlyArray<ContactWrite>): Effect.Effect<Contacts, Failure> =>
  send(client, withBody(HttpClientRequest.post("/crm/objects/2026-09/contacts/batch/upsert"), { inputs }), Contacts)

/**
 * The contacts with these addresses, primary or additional, 100 at most. Those that HubSpot does not have are among the
 * errors.
 *
 * `/search` would lag behind writes; this reads the records.
 *
 * @category requests
 * @since 0.1.0
 */
export const lookUp = (client: Client.Client, addresses: ReadonlyArray<string>): Effect.Effect<Contacts, Failure> =>
  send(
    client,
    withBody(HttpClientRequest.post("/crm/objects/2026-09/contacts/batch/read"), {
      idProperty: "email",
      inputs: addresses.map((id) => ({ id })),
      properties: ["email", "hs_additional_emails"],
      propertiesWithHistory: []
    }),
    Contacts
  )

const isGone = (reply: Reply.Reply): boolean => reply.status === 404 && Option.isSome(decodeFault(reply.json))

const gone = (reply: Reply.Reply) => new DeliveryError.ListGone({ reason: Reply.summary(reply) })

/** A request about one list, which may be gone. */
const ofList = <A>(
  client: Client.Client,
  request: HttpClientRequest.HttpClientRequest,
  schema: Schema.ConstraintDecoder<A>
): Effect.Effect<A, Failure> =>
  Effect.flatMap(Reply.send(client, request), (reply) =>
    isGone(reply) ? Effect.fail(gone(reply)) : read(reply, schema)
  )

/**
 * Puts contacts on a list, or takes them off, and returns those that do not exist any more: archived, or merged into a
 * contact with another id. Those that are there, or are not, are no errors.
 *
 * @category requests
 * @since 0.1.0
 */
export const change = (
  client: Client.Client,
  list: string,
  way: "add" | "remove",
  recordIds: ReadonlyArray<string>
): Effect.Effect<ReadonlySet<string>, Failure> => {
  const request = withBody(HttpClientRequest.put(`/crm/lists/2026-09/${list}/memberships/${way}`), recordIds)
  return Effect.map(ofList(client, request, Memberships), ({ recordIdsMissing }) => new Set(recordIdsMissing))
}

/**
 * @category requests
 * @since 0.1.0
 */
export const findList = Effect.fnUntraced(function* (
  client: Client.Client,
  name: string
): Effect.fn.Return<Option.Option<string>, Failure> {
  const path = `/crm/lists/2026-09/object-type-id/0-1/name/${encodeURIComponent(name)}`
  const reply = yield* Reply.send(client, HttpClientRequest.get(path))
  if (isGone(reply)) return Option.none()
  return Option.some((yield* read(reply, ListAnswer)).list.listId)
})

/**
 * Creates a list of contacts whose members are set by hand.
 *
 * @category requests
 * @since 0.1.0
 */
export const createList = (client: Client.Client, name: string): Effect.Effect<string, Failure> => {
  const body = { name, objectTypeId: "0-1", processingType: "MANUAL" }
  const created = send(client, withBody(HttpClientRequest.post("/crm/lists/2026-09"), body), ListAnswer)
  return Effect.map(created, ({ list }) => list.listId)
}

/**
 * @category requests
 * @since 0.1.0
 */
export const renameList = (client: Client.Client, list: string, listName: string): Effect.Effect<void, Failure> => {
  const request = HttpClientRequest.put(`/crm/lists/2026-09/${list}/update-list-name`, { urlParams: { listName } })
  return Effect.asVoid(ofList(client, request, Schema.Struct({ updatedList: Schema.Unknown })))
}

/**
 * @category requests
 * @since 0.1.0
 */
export const removeList = Effect.fnUntraced(function* (
  client: Client.Client,
  list: string
): Effect.fn.Return<void, Failure> {
  const reply = yield* Reply.send(client, HttpClientRequest.delete(`/crm/lists/2026-09/${list}`))
  if (isGone(reply)) return yield* gone(reply)
  if (reply.status !== 204) return yield* failure(reply)
})

/**
 * The names of the properties that contacts have.
 *
 * @category requests
 * @since 0.1.0
 */
export const findProperties = (client: Client.Client): Effect.Effect<ReadonlySet<string>, Failure> =>
  Effect.map(
    send(client, HttpClientRequest.get("/crm/properties/2026-09/contacts"), Properties),
    ({ results }) => new Set(results.map(({ name }) => name))
  )

/**
 * @category requests
 * @since 0.1.0
 */
export const createProperties = (
  client: Client.Client,
  inputs: ReadonlyArray<{ readonly [key: string]: Json.Json }>
): Effect.Effect<void, Failure> => {
  const request = withBody(HttpClientRequest.post("/crm/properties/2026-09/contacts/batch/create"), { inputs })
  return Effect.asVoid(send(client, request, Properties))
}
