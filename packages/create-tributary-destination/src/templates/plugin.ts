/**
 * The plugin itself.
 *
 * @since 0.1.0
 */
import { type Auth, type Choices, exportOf, titleOf } from "../Choices.ts"

const settingsOf: { readonly [A in Auth]: string } = {
  bearer: `,
  token: Setting.secret.annotate({ description: "An access token." })`,
  header: `,
  apiKey: Setting.secret.annotate({ description: "An API key." })`,
  basic: `,
  username: Schema.NonEmptyString.annotate({ description: "The user that requests are made as." }),
  password: Setting.secret.annotate({ description: "The user's password." })`,
  oauth: `,
  clientId: Schema.NonEmptyString.annotate({ description: "The OAuth client's id." }),
  clientSecret: Setting.secret.annotate({ description: "The OAuth client's secret." }),
  refreshToken: Setting.secret.annotate({ description: "A refresh token, from an authorization of the account." })`,
  none: ""
}

const clientOf: { readonly [A in Auth]: string } = {
  bearer: "({ baseUrl, token }) => Client.bearer(baseUrl, token)",
  header: `({ apiKey, baseUrl }) => Client.header(baseUrl, "x-api-key", apiKey)`,
  basic: "({ baseUrl, password, username }) => Client.basic(baseUrl, username, password)",
  oauth: `({ baseUrl, ...oauth }) =>
    Client.refreshToken(baseUrl, { ...oauth, tokenUrl: \`\${baseUrl}/oauth/token\`, rotates: false, body: "form" })`,
  none: "({ baseUrl }) => Client.anonymous(baseUrl)"
}

const call = `
/** A call in the vendor's wire form. */
const item = (call: Call.Call<"identify" | "track">): Json.Json => {
  const who = { [call.identifier.type]: call.identifier.value }
  return call.type === "identify"
    ? { ...who, traits: call.traits }
    : { ...who, event: call.event, properties: call.properties, at: call.timestamp, key: call.messageId }
}
`

const event = `.event({
  calls: ["identify", "track"],
  batch: { items: 100 },
  coalesce: true,
  deliver: (calls, { client }) => submit(client, "/v1/batch", { items: calls.map(item) })
})`

const lists = `
const Lists = Schema.Struct({ lists: Schema.Array(Schema.Struct({ id: Schema.String })) })
const List = Schema.Struct({ id: Schema.String })

/** The answer's content, or the class of its failure. A list that is not there any more is created again. */
const read = <A>(
  reply: Reply.Reply,
  schema: Schema.ConstraintDecoder<A>
): Effect.Effect<A, DeliveryError.DeliveryError> => {
  if (reply.status === 404) return Effect.fail(new DeliveryError.ListGone({ reason: Reply.summary(reply) }))
  const content = Schema.decodeUnknownOption(schema)(reply.json)
  return reply.status >= 200 && reply.status < 300 && Option.isSome(content)
    ? Effect.succeed(content.value)
    : Effect.fail(Reply.failure(reply))
}

const send = <A>(
  client: Client.Client,
  request: HttpClientRequest.HttpClientRequest,
  schema: Schema.ConstraintDecoder<A>
): Effect.Effect<A, DeliveryError.DeliveryError> =>
  Effect.flatMap(Reply.send(client, request), (reply) => read(reply, schema))
`

const list = `.list({
  batch: { items: 500 },
  find: (name, { client }) =>
    Effect.map(send(client, HttpClientRequest.get("/v1/lists", { urlParams: { name } }), Lists), ({ lists }) =>
      Option.map(Option.fromUndefinedOr(lists[0]), ({ id }) => id)
    ),
  create: ({ description, name }, { client }) =>
    Effect.map(send(client, post("/v1/lists", { name, description }), List), ({ id }) => id),
  rename: (list, { name }, { client }) => Effect.asVoid(send(client, post(\`/v1/lists/\${list}\`, { name }), List)),
  remove: (list, { client }) => Effect.asVoid(send(client, HttpClientRequest.delete(\`/v1/lists/\${list}\`), List)),
  add: (list, members, { client }) =>
    submit(client, \`/v1/lists/\${list}/members\`, { add: members.map(({ identifiers }) => ({ ...identifiers })) }),
  discard: (list, members, { client }) =>
    submit(client, \`/v1/lists/\${list}/members\`, { remove: members.map(({ identifiers }) => ({ ...identifiers })) })
})`

/**
 * @category templates
 * @since 0.1.0
 */
export const source = ({ auth, form, name }: Choices): string => {
  const isEvent = form !== "list"
  const isList = form !== "event"
  const imports = [
    ...(isEvent ? ["type Call"] : []),
    "Client",
    "DeliveryError",
    "Destination",
    "type Json",
    "Outcome",
    "RateLimit",
    "Reply",
    "Setting"
  ].map((word) => (word === "DeliveryError" && !isList ? "type DeliveryError" : word))
  return `/**
 * ${titleOf(name)} as a destination of Tributary.
 *
 * Everything here is to be replaced by what the vendor's documents say. The sandbox is written from the same documents,
 * and never from this file.
 */
import { ${imports.join(", ")} } from "@tributary/core"
import { Effect, Option, Schema } from "effect"
import { HttpClientRequest } from "effect/http"
import { createRequire } from "node:module"

const { version }: { readonly version: string } = createRequire(import.meta.url)("../package.json")

const settings = Schema.Struct({
  baseUrl: Setting.baseUrl.annotate({ description: "The API's address, such as https://api.example.com." })${settingsOf[auth]}
})

const post = (path: string, body: Json.Json) => HttpClientRequest.bodyJsonUnsafe(HttpClientRequest.post(path), body)

/** The vendor's answer to a batch: a result for each item, in their order. */
const Results = Schema.Struct({ results: Schema.Array(Schema.Struct({ error: Schema.optionalKey(Schema.String) })) })

/** Sends a batch: an outcome for each item, or the failure of the whole. */
const submit = Effect.fnUntraced(function* (
  client: Client.Client,
  path: string,
  body: Json.Json
): Effect.fn.Return<ReadonlyArray<Outcome.Outcome>, DeliveryError.DeliveryError> {
  const reply = yield* Reply.send(client, post(path, body))
${isList ? `  if (reply.status === 404) return yield* new DeliveryError.ListGone({ reason: Reply.summary(reply) })\n` : ""}  const answer = Schema.decodeUnknownOption(Results)(reply.json)
  if (reply.status !== 200 || Option.isNone(answer)) return yield* Reply.failure(reply)
  return answer.value.results.map(({ error }) => (error === undefined ? Outcome.delivered : Outcome.rejected(error)))
})
${isEvent ? call : ""}${isList ? lists : ""}
export const ${exportOf(name)} = Destination.make("${name}", {
  contract: 1,
  title: "${titleOf(name)}",
  version,
  settings,
  client: ${clientOf[auth]},
  limits: [RateLimit.requests(50, "1 second")],
  requires: { identifiers: ["user_id", "email"], properties: {} }
})${isEvent ? event : ""}${isList ? list : ""}
`
}
