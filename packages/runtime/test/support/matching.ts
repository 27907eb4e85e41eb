// A vendor that matches as many do: addresses by their lower-case form without dots, phones by their digits; and that
// joins what it is told together on one record. Written as a vendor would be, and not from any mapping.
import { Client, DeliveryError, Destination, Key, Outcome, Reply, type Sandbox, Setting } from "@tributary/core"
import { Effect, Option, Schema } from "effect"
import { HttpClientRequest } from "effect/http"

interface Person {
  readonly ids: Record<string, string>
  readonly traits: Record<string, unknown>
  readonly events: Array<string>
}

interface Request {
  readonly path: string
  readonly body: any
}

/** What an identifier is to the vendor. */
export const normal = (type: string, value: string): string =>
  type === "email"
    ? value
        .trim()
        .toLowerCase()
        .replace(/\.(?=.*@)/g, "")
    : type === "phone"
      ? value.replace(/\D/g, "")
      : value

/** A phone that the vendor refuses, whoever has it: nobody knows before it is sent. */
const isRefused = (type: string, value: string) => type === "phone" && normal(type, value).startsWith("999")

export interface Watch {
  /** Who is removed, at that instant. */
  readonly onRemove: (key: string) => void
  /** A request has come in, and is not taken yet. */
  readonly onRequest: () => void
}

/** The vendor: who is on its list, which records it has, and what it was asked. */
export const makeVendor = (watch: Partial<Watch> = {}) => {
  const list = new Set<string>()
  const people: Array<Person> = []
  const requests: Array<Request> = []
  const answers: Array<{ readonly path: string; readonly status: number }> = []
  const messages = new Set<string>()
  const state = {
    /** The answer to every request: 520 after it has taken it, any other instead of taking it. */
    trouble: undefined as 429 | 503 | 520 | undefined
  }

  const find = (type: string, value: string) =>
    people.find(
      (person) => person.ids[type] !== undefined && normal(type, person.ids[type] ?? "") === normal(type, value)
    )

  const apply = (object: any) => {
    const { event, existingOnly, ids, joins, messageId, traits } = object
    const entries = Object.entries<string>(ids)
    const [mainType = "", mainValue = ""] = entries[0] ?? []
    for (const { type, value } of joins ?? []) {
      const known = find(type, value)
      if (known !== undefined && known.ids[mainType] === undefined) known.ids[mainType] = mainValue
    }
    let person = find(mainType, mainValue)
    if (person === undefined) {
      if (existingOnly === true) return
      person = { ids: {}, traits: {}, events: [] }
      people.push(person)
    }
    for (const [type, value] of entries) person.ids[type] = value
    Object.assign(person.traits, traits ?? {})
    // The same message again is the same event.
    if (event !== undefined && !messages.has(messageId)) person.events.push(event)
    messages.add(messageId)
  }

  const take = ({ body, path }: Request): Sandbox.SandboxResponse => {
    switch (path) {
      case "/list/add": {
        const refused = body.filter(({ type, value }: any) => isRefused(type, value))
        for (const { type, value } of body) if (!isRefused(type, value)) list.add(`${type}:${normal(type, value)}`)
        return { status: 200, body: { refused } }
      }
      case "/list/remove":
        for (const { type, value } of body) {
          const key = `${type}:${normal(type, value)}`
          watch.onRemove?.(key)
          list.delete(key)
        }
        return { status: 200, body: {} }
      case "/records": {
        const outcomes = body.map((object: any) => {
          const bad = Object.entries(object.traits ?? {}).find(([, value]) => value === "refused")
          if (bad !== undefined) return `the vendor refuses ${bad[0]}`
          apply(object)
          return "ok"
        })
        return { status: 200, body: { outcomes } }
      }
      default:
        return { status: 404 }
    }
  }

  const sandbox: Sandbox.Sandbox = {
    title: "Matching",
    settings: (baseUrl) => ({ baseUrl }),
    state: () => ({ list: [...list], people }),
    handle: ({ body: text, path }) => {
      const request = { path, body: text === "" ? undefined : JSON.parse(text) }
      requests.push(request)
      watch.onRequest?.()
      const planned = answers.findIndex((answer) => answer.path === path)
      const [answer] = planned === -1 ? [] : answers.splice(planned, 1)
      const status = answer?.status ?? state.trouble
      if (status === undefined) return take(request)
      if (status === 520) take(request)
      return { status, ...(status === 429 ? { headers: { "retry-after": "20" } } : {}) }
    }
  }
  return { sandbox, list, people, requests, answers, state, messages }
}

const Outcomes = Schema.Struct({ outcomes: Schema.Array(Schema.String) })
const Refused = Schema.Struct({
  refused: Schema.optionalKey(Schema.Array(Schema.Struct({ type: Schema.String, value: Schema.String })))
})

const post = (path: string, body: unknown) => HttpClientRequest.bodyJsonUnsafe(HttpClientRequest.post(path), body)

/** Of a request that broke off nobody knows whether it was taken. */
const failure = (reply: Reply.Reply) =>
  reply.status === 520 ? Effect.fail(new DeliveryError.Unavailable({ reason: "reset" })) : Reply.failure(reply)

/** A plugin for it, with the vendor's normal forms as keys. */
export const makeMatching = (
  options: {
    readonly version?: string
    readonly withoutKeys?: boolean
    readonly batch?: number
    /** The vendor has taken it, and nobody has heard so yet. */
    readonly beforeHeard?: () => Effect.Effect<void>
  } = {}
) =>
  Destination.make("matching", {
    contract: 1,
    limits: [],
    title: "Matching",
    version: options.version ?? "1",
    settings: Schema.Struct({ baseUrl: Setting.baseUrl }),
    client: (settings) => Client.anonymous(settings.baseUrl),
    requires: {
      identifiers: ["user_id", "email", "phone"],
      ...(options.withoutKeys === true
        ? {}
        : {
            keys: {
              email: (value: string): Key.Key =>
                value.includes("@") ? { key: normal("email", value) } : { reason: "it is not an address" },
              phone: (value: string): Key.Key => ({ key: normal("phone", value) })
            }
          }),
      properties: {}
    }
  })
    .event({
      calls: ["identify", "track"],
      batch: { items: options.batch ?? 10 },
      per: "profile",
      coalesce: true,
      deliver: Effect.fnUntraced(function* (calls, { client }) {
        const body = calls.map((call) => ({
          ids: Object.fromEntries([call.identifier, ...call.siblings].map(({ type, value }) => [type, value])),
          joins: call.joins,
          existingOnly: call.existingOnly,
          messageId: call.messageId,
          ...(call.type === "identify" ? { traits: call.traits } : { event: call.event })
        }))
        const reply = yield* Reply.send(client, post("/records", body))
        yield* options.beforeHeard?.() ?? Effect.void
        const answer = Schema.decodeUnknownOption(Outcomes)(reply.json)
        if (reply.status !== 200 || Option.isNone(answer)) return yield* failure(reply)
        return answer.value.outcomes.map((word) => (word === "ok" ? Outcome.delivered : Outcome.rejected(word)))
      })
    })
    .list({
      batch: { items: options.batch ?? 10 },
      find: () => Effect.succeed(Option.some("list")),
      create: () => Effect.succeed("list"),
      add: (_, members, { client }) => deliverMembers(client, "/list/add", members),
      discard: (_, members, { client }) => deliverMembers(client, "/list/remove", members)
    })

const deliverMembers = Effect.fnUntraced(function* (
  client: Client.Client,
  path: string,
  members: ReadonlyArray<{ readonly identifiers: Readonly<Record<string, ReadonlyArray<string> | undefined>> }>
) {
  const of = ({ identifiers }: (typeof members)[number]) =>
    Object.entries(identifiers).flatMap(([type, values]) => (values ?? []).map((value) => ({ type, value })))
  const reply = yield* Reply.send(client, post(path, members.flatMap(of)))
  const answer = Schema.decodeUnknownOption(Refused)(reply.json)
  if (reply.status !== 200 || Option.isNone(answer)) return yield* failure(reply)
  const refused = answer.value.refused ?? []
  return members.map((member) =>
    Outcome.partly(
      of(member)
        .filter(({ type, value }) => refused.some((each) => each.type === type && each.value === value))
        .map((each) => ({ ...each, reason: "the vendor refuses it" }))
    )
  )
})
