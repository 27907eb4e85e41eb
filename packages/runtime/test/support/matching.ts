// A vendor that matches as many do: addresses by their lower-case form without dots, phones by their digits; and that
// joins what it is told together on one record. Written as a vendor would be, and not from any mapping.
import { Client, Destination, Key, Outcome, Reply, type Sandbox, Setting } from "@tributary/core"
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

const normal = (type: string, value: string): string =>
  type === "email"
    ? value
        .trim()
        .toLowerCase()
        .replace(/\.(?=.*@)/g, "")
    : type === "phone"
      ? value.replace(/\D/g, "")
      : value

/** The vendor: who is on its list, which records it has, and what it was asked. */
export const makeVendor = () => {
  const list = new Set<string>()
  const people: Array<Person> = []
  const requests: Array<Request> = []
  const answers: Array<{ readonly path: string; readonly status: number }> = []

  const find = (type: string, value: string) =>
    people.find(
      (person) => person.ids[type] !== undefined && normal(type, person.ids[type] ?? "") === normal(type, value)
    )

  const apply = (object: any) => {
    const { event, existingOnly, ids, joins, traits } = object
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
    if (event !== undefined) person.events.push(event)
  }

  const sandbox: Sandbox.Sandbox = {
    title: "Matching",
    settings: (baseUrl) => ({ baseUrl }),
    state: () => ({ list: [...list], people }),
    handle: (request) => {
      const body = request.body === "" ? undefined : JSON.parse(request.body)
      requests.push({ path: request.path, body })
      const planned = answers.findIndex(({ path }) => path === request.path)
      if (planned !== -1) {
        const [answer] = answers.splice(planned, 1)
        return { status: answer?.status ?? 500 }
      }
      switch (request.path) {
        case "/list/add":
          for (const { type, value } of body) list.add(`${type}:${normal(type, value)}`)
          return { status: 200, body: {} }
        case "/list/remove":
          for (const { type, value } of body) list.delete(`${type}:${normal(type, value)}`)
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
  }
  return { sandbox, list, people, requests, answers }
}

const Outcomes = Schema.Struct({ outcomes: Schema.Array(Schema.String) })

const post = (path: string, body: unknown) => HttpClientRequest.bodyJsonUnsafe(HttpClientRequest.post(path), body)

/** A plugin for it, with the vendor's normal forms as keys. */
export const makeMatching = (options: { readonly version?: string; readonly withoutKeys?: boolean } = {}) =>
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
      batch: { items: 10 },
      per: "profile",
      coalesce: true,
      deliver: Effect.fnUntraced(function* (calls, { client }) {
        const body = calls.map((call) => ({
          ids: Object.fromEntries([call.identifier, ...call.siblings].map(({ type, value }) => [type, value])),
          joins: call.joins,
          existingOnly: call.existingOnly,
          ...(call.type === "identify" ? { traits: call.traits } : { event: call.event })
        }))
        const reply = yield* Reply.send(client, post("/records", body))
        const answer = Schema.decodeUnknownOption(Outcomes)(reply.json)
        if (reply.status !== 200 || Option.isNone(answer)) return yield* Reply.failure(reply)
        return answer.value.outcomes.map((word) => (word === "ok" ? Outcome.delivered : Outcome.rejected(word)))
      })
    })
    .list({
      batch: { items: 10 },
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
  const body = members.flatMap(({ identifiers }) =>
    Object.entries(identifiers).flatMap(([type, values]) => (values ?? []).map((value) => ({ type, value })))
  )
  const reply = yield* Reply.send(client, post(path, body))
  return reply.status === 200 ? Outcome.all(members, Outcome.delivered) : yield* Reply.failure(reply)
})
