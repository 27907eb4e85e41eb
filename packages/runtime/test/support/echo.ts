// A destination for tests: it posts calls in Segment's own shape, and members as they are, to a sandbox that keeps them.
import {
  Call,
  Client,
  DeliveryError,
  Destination,
  Enrichment,
  Outcome,
  RateLimit,
  Reply,
  type Sandbox,
  Setting
} from "@tributary/core"
import { Duration, Effect, Option, Schema } from "effect"
import { HttpClientRequest } from "effect/http"

export type Message = { readonly [key: string]: any }

const Outcomes = Schema.Struct({ outcomes: Schema.Array(Schema.String) })

const post = (path: string, body: unknown) => HttpClientRequest.bodyJsonUnsafe(HttpClientRequest.post(path), body)

const outcomeOf = (word: string): Outcome.Outcome =>
  word === "ok"
    ? Outcome.delivered
    : word.startsWith("job ")
      ? Outcome.accepted(word.slice(4))
      : word.startsWith("retry")
        ? Outcome.retry("the sandbox says later", Number(word.slice(6)))
        : Outcome.rejected(word)

const tell = Effect.fnUntraced(function* (client: Client.Client, path: string, body: unknown) {
  const reply = yield* Reply.send(client, post(path, body))
  const answer = Schema.decodeUnknownOption(Outcomes)(reply.json)
  if (reply.status !== 200 || Option.isNone(answer)) return yield* Reply.failure(reply)
  return answer.value.outcomes.map(outcomeOf)
})

export interface EchoOptions {
  readonly batch?: number
  readonly bytes?: number
  readonly coalesce?: boolean
  readonly groupUsers?: boolean | "known"
  readonly requiresName?: boolean
  readonly limits?: ReadonlyArray<RateLimit.RateLimit>
  readonly cadence?: Duration.Input
  readonly acceptsHistorical?: boolean
  readonly refreshAfter?: Duration.Input
  readonly calls?: ReadonlyArray<Call.CallKind>
  readonly version?: string
  /** Runs between the vendor's answer to a batch and its being heard: what happens while a batch is in flight. */
  readonly beforeHeard?: (batch: ReadonlyArray<Call.Call>) => Effect.Effect<void>
}

/** A plugin with both forms, of the given kind. */
export const makeEcho = (options: EchoOptions = {}) => {
  const batch = { items: options.batch ?? 10, ...(options.bytes === undefined ? {} : { bytes: options.bytes }) }
  const limits = options.limits ?? []
  const name: Enrichment.Enrichment<string> = Enrichment.trait("name").orElse(
    Enrichment.join("first_name", "last_name")
  )
  return Destination.make("echo", {
    contract: 1,
    title: "Echo",
    version: options.version ?? "1",
    settings: Schema.Struct({ baseUrl: Setting.baseUrl, token: Schema.optionalKey(Setting.secret) }),
    client: (settings) =>
      settings.token === undefined
        ? Client.anonymous(settings.baseUrl)
        : Client.bearer(settings.baseUrl, settings.token),
    limits,
    requires: {
      identifiers: ["user_id", "email", "phone", "anonymous_id", "group_id", "ios.idfa", "custom"],
      properties: options.requiresName === true ? { name } : {}
    }
  })
    .event({
      calls: options.calls ?? ["identify", "track", "group"],
      batch,
      coalesce: options.coalesce ?? false,
      groupUsers: options.groupUsers ?? false,
      deliver: (calls, { client }) =>
        tell(client, "/batch", {
          batch: calls.map((call) => ({
            ...Call.toMessage(call),
            identifier: `${call.identifier.type}:${call.identifier.value}`,
            required: call.required,
            ...(call.type === "group" && (options.groupUsers ?? false) !== false ? { users: call.users } : {})
          }))
        }).pipe(Effect.tap(() => options.beforeHeard?.(calls) ?? Effect.void))
    })
    .list({
      ...(options.cadence === undefined ? {} : { cadence: options.cadence }),
      ...(options.refreshAfter === undefined ? {} : { refreshAfter: options.refreshAfter }),
      acceptsHistorical: options.acceptsHistorical ?? true,
      batch,
      find: (wanted, { client }) =>
        Reply.send(client, HttpClientRequest.get(`/lists?name=${encodeURIComponent(wanted)}`)).pipe(
          Effect.flatMap((reply) =>
            reply.status === 200
              ? Effect.succeed(Option.some(reply.text))
              : reply.status === 404
                ? Effect.succeed(Option.none())
                : Effect.fail(Reply.failure(reply))
          )
        ),
      create: (list, { client }) => Effect.map(ok(client, post("/lists", list)), (reply) => reply.text),
      rename: (list, to, { client }) => Effect.asVoid(ok(client, post(`/lists/${list}/rename`, to))),
      remove: (list, { client }) =>
        Effect.asVoid(ok(client, HttpClientRequest.delete(`/lists/${list}`))).pipe(
          Effect.catchTag("Misconfigured", (error) => new DeliveryError.ListGone({ reason: error.reason }))
        ),
      add: (list, members, { client }) => tellList(client, `/lists/${list}/add`, members),
      discard: (list, members, { client }) => tellList(client, `/lists/${list}/discard`, members),
      poll: (job, { client }) => Effect.flatMap(Reply.send(client, HttpClientRequest.get(`/jobs/${job}`)), jobResult)
    })
}

const jobResult = (reply: Reply.Reply): Effect.Effect<Outcome.JobResult, DeliveryError.DeliveryError> =>
  reply.status !== 200
    ? Effect.fail(Reply.failure(reply))
    : reply.text === "lost"
      ? Effect.succeed({ _tag: "Lost", reason: "the job failed" })
      : reply.text === "pending"
        ? Effect.succeed({ _tag: "Pending" })
        : reply.text.startsWith("partial ")
          ? Effect.succeed({
              _tag: "Partial",
              unattributed: [{ count: Number(reply.text.slice(8)), reason: "internal" }]
            })
          : Effect.succeed({
              _tag: "Finished",
              unattributed: reply.text === "done" ? [] : [{ count: 2, reason: reply.text }]
            })

const ok = (client: Client.Client, request: HttpClientRequest.HttpClientRequest) =>
  Effect.flatMap(Reply.send(client, request), (reply) =>
    reply.status === 200 ? Effect.succeed(reply) : Effect.fail(Reply.failure(reply))
  )

const tellList = (client: Client.Client, path: string, members: unknown) =>
  tell(client, path, { members }).pipe(
    Effect.catchTag("Misconfigured", (error) => new DeliveryError.ListGone({ reason: error.reason }))
  )

export interface EchoState {
  readonly messages: Array<Message>
  readonly lists: Map<string, { name: string; members: Set<string>; log: Array<string> }>
  readonly requests: Array<{
    readonly path: string
    readonly body: any
    readonly at: number
    readonly headers: Message
  }>
}

export type Answer = (request: Sandbox.SandboxRequest, body: any, now: number) => Sandbox.SandboxResponse | undefined

/** The vendor: keeps what it is told, unless `answer` says something else for a request. */
export const makeEchoSandbox = () => {
  const state: EchoState = { messages: [], lists: new Map(), requests: [] }
  let answer: Answer = () => undefined
  const ok = (items: ReadonlyArray<unknown>) => ({ status: 200, body: { outcomes: items.map(() => "ok") } })
  const memberIds = (member: Message) =>
    Object.entries(member["identifiers"] as Message).flatMap(([type, values]) =>
      (values as Array<string>).map((value) => `${type}:${value}`)
    )
  const sandbox: Sandbox.Sandbox<EchoState> = {
    title: "Echo",
    settings: (baseUrl) => ({ baseUrl }),
    state: () => state,
    handle: (request, now) => {
      const body = request.body === "" ? undefined : JSON.parse(request.body)
      state.requests.push({ path: request.path, body, at: now, headers: request.headers })
      const special = answer(request, body, now)
      if (special !== undefined) {
        // Items that the answer takes are kept, as a vendor with partial failures would.
        const outcomes = (special.body as any)?.outcomes
        if (special.status === 200 && Array.isArray(outcomes) && body?.batch !== undefined) {
          state.messages.push(...body.batch.filter((_: Message, i: number) => outcomes[i] === "ok"))
        }
        return special
      }
      if (request.path === "/batch") {
        state.messages.push(...body.batch)
        return ok(body.batch)
      }
      if (request.path === "/lists" && request.method === "GET") {
        const found = [...state.lists].find(([, list]) => list.name === request.query.get("name"))
        return found === undefined ? { status: 404 } : { status: 200, body: found[0] }
      }
      if (request.path === "/lists") {
        const id = `list${state.lists.size + 1}`
        state.lists.set(id, { name: body.name, members: new Set(), log: [] })
        return { status: 200, body: id }
      }
      const [, , id = "", verb] = request.path.split("/")
      const list = state.lists.get(id)
      if (list === undefined) return { status: 404 }
      if (request.method === "DELETE") {
        state.lists.delete(id)
        return { status: 200, body: "" }
      }
      if (verb === "rename") {
        list.name = body.name
        return { status: 200, body: "" }
      }
      for (const identifier of body.members.flatMap(memberIds)) {
        if (verb === "add") list.members.add(identifier)
        else list.members.delete(identifier)
        list.log.push(`${verb} ${identifier}`)
      }
      return ok(body.members)
    }
  }
  return {
    sandbox,
    state,
    /** From now on, this answers first; `undefined` leaves a request to the sandbox. */
    answerWith: (next: Answer) => {
      answer = next
    }
  }
}
