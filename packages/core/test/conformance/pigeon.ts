// A vendor that does not exist, with everything that a contract can be asked for, and a plugin for it that keeps every
// law. A test makes mistakes of it by changing one part.
import {
  type Call,
  Client,
  DeliveryError,
  Destination,
  Enrichment,
  type Member,
  Outcome,
  RateLimit,
  Reply,
  type Sandbox,
  Setting
} from "@tributary/core"
import { Effect, Option, Schema } from "effect"
import { HttpClientRequest } from "effect/http"

// ---- the vendor -------------------------------------------------------------------------------------------------

interface Person {
  readonly id: string
  readonly name: string
  readonly traits: Record<string, unknown>
}

export const key = "pigeon-sandbox-key"

export const makeSandbox = () => {
  const people = new Map<string, Person>()
  const events = new Map<string, unknown>()
  const fields = new Set<string>()
  const lists = new Map<string, { name: string; members: Set<string> }>()
  const jobs = new Map<string, { readonly at: number; readonly run: () => void }>()
  const refusal = (id: unknown): string | undefined =>
    typeof id !== "string" || !/^(user_id|email|group_id):/.test(id) || id.includes("no such")
      ? "unknown id"
      : undefined
  const settle = (now: number) => {
    for (const [id, { at, run }] of jobs) {
      if (now < at + 600_000) continue
      run()
      jobs.set(id, { at, run: () => undefined })
    }
  }
  const write = (items: ReadonlyArray<any>) => ({
    results: items.map(({ id, name, traits }) => {
      const unknown = Object.keys(traits ?? {}).find((trait) => !fields.has(trait))
      const error = refusal(id) ?? (typeof name !== "string" ? "no name" : unknown && `no field ${unknown}`)
      if (error !== undefined) return { error }
      people.set(id, { id, name, traits: { ...people.get(id)?.traits, ...traits } })
      return { id }
    })
  })
  const route = (
    method: string,
    path: string,
    query: URLSearchParams,
    body: any,
    now: number
  ): Sandbox.SandboxResponse => {
    const list = lists.get(path.split("/")[2] ?? "")
    switch (`${method} /${path.split("/")[1]}`) {
      case "GET /fields":
        return { status: 200, body: { fields: [...fields] } }
      case "POST /fields":
        if (fields.has(body.key)) return { status: 409, body: { error: "exists" } }
        fields.add(body.key)
        return { status: 201, body: { key: body.key } }
      case "POST /people":
        return body.people.length > 10
          ? { status: 413, body: { error: "too many" } }
          : { status: 200, body: write(body.people) }
      case "POST /lookup":
        return { status: 200, body: { found: body.ids.filter((id: string) => people.has(id)) } }
      case "POST /events": {
        const results = body.events.map((event: any) => {
          const error = refusal(event.id) ?? (event.name === "" ? "no name" : undefined)
          if (error === undefined) events.set(event.message, event)
          return error === undefined ? { id: event.id } : { error }
        })
        return { status: 200, body: { results } }
      }
      case "POST /lists":
        if (path.split("/").length === 2) {
          const id = `l${lists.size + 1}`
          lists.set(id, { name: body.name, members: new Set() })
          return { status: 201, body: { list: id } }
        } else if (list !== undefined) {
          const id = `j${jobs.size + 1}`
          jobs.set(id, {
            at: now,
            run: () => body.ids.forEach((who: string) => list.members[body.add ? "add" : "delete"](who))
          })
          return { status: 202, body: { job: id } }
        }
        return { status: 404, body: { error: "no such list" } }
      case "GET /lists":
        return {
          status: 200,
          body: { lists: [...lists].filter(([, { name }]) => name === query.get("name")).map(([id]) => id) }
        }
      case "PATCH /lists":
        if (list !== undefined) list.name = body.name
        return { status: list === undefined ? 404 : 200, body: { list: path.split("/")[2] } }
      case "DELETE /lists":
        return lists.delete(path.split("/")[2] ?? "")
          ? { status: 200, body: { deleted: true } }
          : { status: 404, body: { error: "no such list" } }
      case "GET /jobs": {
        const job = jobs.get(path.split("/")[2] ?? "")
        return job === undefined
          ? { status: 404 }
          : { status: 200, body: { state: now < job.at + 600_000 ? "running" : "done" } }
      }
      default:
        return { status: 404, body: "no such page" }
    }
  }
  const sandbox: Sandbox.Sandbox<unknown> = {
    title: "Pigeon",
    settings: (baseUrl) => ({ account: "acme", apiKey: key, baseUrl }),
    handle: ({ body, headers, method, path, query }, now) => {
      settle(now)
      if (headers["x-pigeon-key"] !== key) return { status: 401, body: { error: "wrong key" } }
      if (body.length > 300_000) return { status: 413, body: { error: "too large" } }
      try {
        return route(method, path, query, body === "" ? {} : JSON.parse(body), now)
      } catch {
        return { status: 400, body: { error: "no JSON" } }
      }
    },
    state: (now) => {
      settle(now)
      return {
        people: [...people.values()],
        events: [...events.values()],
        lists: [...lists].map(([id, { name, members }]) => ({ id, name, members: [...members].toSorted() }))
      }
    }
  }
  return sandbox
}

// ---- the plugin -------------------------------------------------------------------------------------------------

const settings = Schema.Struct({
  account: Setting.hostLabel.annotate({ description: "`acme` of `acme.pigeon.example`." }),
  apiKey: Setting.secret.annotate({ description: "The account's key." }),
  baseUrl: Schema.optionalKey(Setting.baseUrl.annotate({ description: "Where requests go, for a sandbox." }))
})

export type Identify = Call.Call<
  "identify" | "track" | "group",
  "user_id" | "email" | "group_id",
  { readonly name: string }
>
type Who = Member.Member<"user_id" | "email" | "group_id", { readonly name: string }>
type Result<A> = Effect.Effect<A, DeliveryError.DeliveryError>

/** The parts of the plugin that a mistake may be in. */
export const parts = {
  settings,
  client: ({ account, apiKey, baseUrl }: typeof settings.Type): Client.ClientSpec =>
    Client.header(baseUrl ?? `https://${account}.pigeon.example`, "x-pigeon-key", apiKey),
  quota: (reply: Reply.Reply) => {
    const remaining = Number(reply.headers["x-remaining"] || Number.NaN)
    const resetMillis = Number(reply.headers["x-reset"] || Number.NaN)
    return remaining >= 0 && Number.isFinite(remaining) && resetMillis >= 0 && Number.isFinite(resetMillis)
      ? { remaining, resetMillis }
      : undefined
  },
  batch: { items: 10 } as Destination.Batch,
  idOf: (type: string, value: string): string => `${type}:${value}`,
  /** Of a member's identifiers those that are told: all. */
  some: (ids: ReadonlyArray<string>): ReadonlyArray<string> => ids,
  person: (call: Identify): { id: string; name: string; traits: unknown } => ({
    id: parts.idOf(call.identifier.type, call.identifier.value),
    name: call.required.name,
    traits: call.type === "track" ? {} : call.traits
  }),
  event: (call: Identify): unknown =>
    call.type === "track"
      ? {
          id: parts.idOf(call.identifier.type, call.identifier.value),
          name: call.event,
          properties: call.properties,
          message: call.messageId,
          by: call.required.name
        }
      : {},
  path: (call: Identify | undefined): string => (call === undefined ? "" : "/people"),
  body: (body: unknown, request: HttpClientRequest.HttpClientRequest) =>
    HttpClientRequest.bodyJsonUnsafe(request, body),
  send: (client: Client.Client, request: HttpClientRequest.HttpClientRequest): Result<Reply.Reply> =>
    Reply.send(client, request),
  failure: (reply: Reply.Reply): DeliveryError.DeliveryError =>
    reply.status === 404 && /no such list/.test(reply.text)
      ? new DeliveryError.ListGone({ reason: Reply.summary(reply) })
      : Reply.failure(reply),
  /** The outcomes in an answer, or the batch's failure. */
  outcomes: (reply: Reply.Reply): Result<ReadonlyArray<Outcome.Outcome>> => {
    const results = Schema.decodeUnknownOption(Results)(reply.json)
    return reply.status === 200 && Option.isSome(results)
      ? Effect.succeed(
          results.value.results.map(({ error }) => (error === undefined ? Outcome.delivered : Outcome.rejected(error)))
        )
      : Effect.fail(parts.failure(reply))
  },
  deliver: Effect.fnUntraced(function* (
    calls: Destination.NonEmpty<Identify>,
    { client }: Destination.Context<typeof settings.Type>
  ): Effect.fn.Return<ReadonlyArray<Outcome.Outcome>, DeliveryError.DeliveryError> {
    const tracks = calls.filter((call) => call.type === "track")
    const writes = calls.filter((call) => call.type !== "track")
    const outcomes = new Map<Identify, Outcome.Outcome>()
    const each = Effect.fnUntraced(function* (some: ReadonlyArray<Identify>, path: string, body: unknown) {
      if (some.length === 0) return
      const reply = yield* parts.send(client, parts.body(body, HttpClientRequest.post(path)))
      const answer = yield* parts.outcomes(reply)
      for (const [i, call] of some.entries()) outcomes.set(call, answer[i] ?? Outcome.retry("no answer"))
    })
    yield* each(writes, parts.path(writes[0]), { people: writes.map(parts.person) })
    yield* each(tracks, "/events", { events: tracks.map(parts.event) })
    return calls.map((call) => outcomes.get(call) ?? Outcome.retry("no answer"))
  }) as (
    calls: Destination.NonEmpty<Identify>,
    context: Destination.Context<typeof settings.Type>
  ) => Result<ReadonlyArray<Outcome.Outcome>>,
  prepare: Effect.fnUntraced(function* (
    fields: Destination.NonEmpty<Destination.Field>,
    { client }: Destination.Context<unknown>
  ): Effect.fn.Return<void, DeliveryError.DeliveryError> {
    const reply = yield* parts.send(client, HttpClientRequest.get("/fields"))
    const known = Schema.decodeUnknownOption(Fields)(reply.json)
    if (Option.isNone(known)) return yield* parts.failure(reply)
    for (const field of fields) {
      if (known.value.fields.includes(field.key)) continue
      const made = yield* parts.send(client, parts.body({ key: field.key }, HttpClientRequest.post("/fields")))
      if (made.status !== 201) return yield* parts.failure(made)
    }
  }) as (fields: Destination.NonEmpty<Destination.Field>, context: Destination.Context<unknown>) => Result<void>,
  find: Effect.fnUntraced(function* (
    name: string,
    { client }: Destination.Context<unknown>
  ): Effect.fn.Return<Option.Option<string>, DeliveryError.DeliveryError> {
    const reply = yield* parts.send(client, HttpClientRequest.get("/lists", { urlParams: { name } }))
    const found = Schema.decodeUnknownOption(Lists)(reply.json)
    return Option.isNone(found) ? yield* parts.failure(reply) : Option.fromUndefinedOr(found.value.lists[0])
  }) as (name: string, context: Destination.Context<unknown>) => Result<Option.Option<string>>,
  create: Effect.fnUntraced(function* (
    { name }: Destination.ListName,
    { client }: Destination.Context<unknown>
  ): Effect.fn.Return<string, DeliveryError.DeliveryError> {
    const reply = yield* parts.send(client, parts.body({ name }, HttpClientRequest.post("/lists")))
    const made = Schema.decodeUnknownOption(List)(reply.json)
    return Option.isNone(made) ? yield* parts.failure(reply) : made.value.list
  }) as (list: Destination.ListName, context: Destination.Context<unknown>) => Result<string>,
  rename: (list: string, { name }: Destination.ListName, { client }: Destination.Context<unknown>): Result<void> =>
    Effect.flatMap(parts.send(client, parts.body({ name }, HttpClientRequest.patch(`/lists/${list}`))), (reply) =>
      reply.status === 200 ? Effect.void : Effect.fail(parts.failure(reply))
    ),
  remove: (list: string, { client }: Destination.Context<unknown>): Result<void> =>
    Effect.flatMap(parts.send(client, HttpClientRequest.delete(`/lists/${list}`)), (reply) =>
      reply.status === 200 ? Effect.void : Effect.fail(parts.failure(reply))
    ),
  /** A failure of the second step, after the first was taken. */
  later: (error: DeliveryError.DeliveryError): DeliveryError.DeliveryError => DeliveryError.partway(error),
  change: Effect.fnUntraced(function* (
    client: Client.Client,
    list: string,
    ids: ReadonlyArray<string>,
    add: boolean
  ): Effect.fn.Return<string, DeliveryError.DeliveryError> {
    const reply = yield* parts.send(client, parts.body({ ids, add }, HttpClientRequest.post(`/lists/${list}/members`)))
    const job = Schema.decodeUnknownOption(Job)(reply.json)
    return reply.status === 202 && Option.isSome(job) ? job.value.job : yield* parts.failure(reply)
  }) as (client: Client.Client, list: string, ids: ReadonlyArray<string>, add: boolean) => Result<string>,
  add: Effect.fnUntraced(function* (
    list: string,
    members: ReadonlyArray<Who>,
    { client }: Destination.Context<unknown>
  ): Effect.fn.Return<ReadonlyArray<Outcome.Outcome>, DeliveryError.DeliveryError> {
    const people = members.flatMap((member) =>
      idsOf(member).map((id) => ({ id, name: member.required.name, traits: {} }))
    )
    const written = new Map<string, Outcome.Outcome>()
    for (let from = 0; from < people.length; from += 10) {
      const some = people.slice(from, from + 10)
      const answer = parts.send(client, parts.body({ people: some }, HttpClientRequest.post("/people")))
      const outcomes = yield* Effect.flatMap(answer, parts.outcomes).pipe(
        Effect.mapError((error) => (from === 0 ? error : parts.later(error)))
      )
      for (const [i, { id }] of some.entries()) written.set(id, outcomes[i] ?? Outcome.retry("no answer"))
    }
    const ids = people.flatMap(({ id }) => (written.get(id)?._tag === "Delivered" ? [id] : []))
    const job = ids.length === 0 ? "" : yield* parts.change(client, list, ids, true).pipe(Effect.mapError(parts.later))
    return members.map((member) => {
      const outcomes = idsOf(member).flatMap((id) => written.get(id) ?? [])
      return outcomes.find(({ _tag }) => _tag !== "Delivered") ?? Outcome.accepted(job)
    })
  }) as (
    list: string,
    members: ReadonlyArray<Who>,
    context: Destination.Context<unknown>
  ) => Result<ReadonlyArray<Outcome.Outcome>>,
  discard: Effect.fnUntraced(function* (
    list: string,
    members: ReadonlyArray<Who>,
    { client }: Destination.Context<unknown>
  ): Effect.fn.Return<ReadonlyArray<Outcome.Outcome>, DeliveryError.DeliveryError> {
    const ids = members.flatMap(idsOf)
    const reply = yield* parts.send(client, parts.body({ ids }, HttpClientRequest.post("/lookup")))
    const known = Schema.decodeUnknownOption(Found)(reply.json)
    if (reply.status !== 200 || Option.isNone(known)) return yield* parts.failure(reply)
    const { found } = known.value
    if (found.length === 0) return Outcome.all(members, Outcome.delivered)
    const job = yield* parts.change(client, list, found, false)
    return members.map((member) =>
      idsOf(member).some((id) => found.includes(id)) ? Outcome.accepted(job) : Outcome.delivered
    )
  }) as (
    list: string,
    members: ReadonlyArray<Who>,
    context: Destination.Context<unknown>
  ) => Result<ReadonlyArray<Outcome.Outcome>>,
  poll: Effect.fnUntraced(function* (
    receipt: string,
    { client }: Destination.Context<unknown>
  ): Effect.fn.Return<Outcome.JobResult, DeliveryError.DeliveryError> {
    const reply = yield* parts.send(client, HttpClientRequest.get(`/jobs/${receipt}`))
    const state = Schema.decodeUnknownOption(State)(reply.json)
    if (reply.status !== 200 || Option.isNone(state)) return yield* parts.failure(reply)
    return state.value.state === "done" ? { _tag: "Finished", unattributed: [] } : { _tag: "Pending" }
  }) as (receipt: string, context: Destination.Context<unknown>) => Result<Outcome.JobResult>
}

/** Somebody with several identifiers is several people to this vendor. */
const idsOf = (member: Who): ReadonlyArray<string> =>
  parts.some(
    Object.entries(member.identifiers).flatMap(([type, values]) => values.map((value) => parts.idOf(type, value)))
  )

const Results = Schema.Struct({ results: Schema.Array(Schema.Struct({ error: Schema.optionalKey(Schema.String) })) })
const Fields = Schema.Struct({ fields: Schema.Array(Schema.String) })
const Lists = Schema.Struct({ lists: Schema.Array(Schema.String) })
const List = Schema.Struct({ list: Schema.String })
const Job = Schema.Struct({ job: Schema.String })
const Found = Schema.Struct({ found: Schema.Array(Schema.String) })
const State = Schema.Struct({ state: Schema.String })

export type Parts = typeof parts

/** The plugin, with its parts as they stand at this moment. */
export const makePlugin = () =>
  Destination.make("pigeon", {
    contract: 1,
    title: "Pigeon",
    version: "1.0.0",
    settings: parts.settings,
    client: (settings) => parts.client(settings),
    limits: [RateLimit.requests(10, "1 second"), RateLimit.on("POST /events", RateLimit.requests(5, "1 second"))],
    quota: (reply) => parts.quota(reply),
    requires: {
      identifiers: ["user_id", "email", "group_id"],
      properties: { name: Enrichment.trait("name") }
    }
  })
    .event({
      calls: ["identify", "track", "group"],
      batch: parts.batch,
      prepare: (fields, context) => parts.prepare(fields, context),
      deliver: (calls, context) => parts.deliver(calls, context)
    })
    .list({
      batch: { items: 10 },
      refreshAfter: "180 days",
      find: (name, context) => parts.find(name, context),
      create: (list, context) => parts.create(list, context),
      rename: (list, to, context) => parts.rename(list, to, context),
      remove: (list, context) => parts.remove(list, context),
      add: (list, members, context) => parts.add(list, members, context),
      discard: (list, members, context) => parts.discard(list, members, context),
      poll: (receipt, context) => parts.poll(receipt, context)
    })
