/**
 * A fake Tracking API, after Segment's documents.
 *
 * Source: twilio.com/docs/segment, HTTP API source (November 2026): 400 for a request over 500 KB and for bad JSON; 200
 * for everything else, also for events that are dropped: more than 2,500 in a batch, more than 32 KB, no `userId` and no
 * `anonymousId`, a track without `event`. A `messageId` that was seen is dropped. A group call associates one user, its
 * `userId` or `anonymousId`, with a group (Spec: Group, February 2026).
 *
 * @since 0.1.0
 */
import type { Json, Sandbox } from "@tributary/core"

/**
 * @category models
 * @since 0.1.0
 */
export interface State {
  /** Traits by user: the `userId`, else the `anonymousId`. */
  readonly users: Readonly<Record<string, Readonly<Record<string, Json.Json>>>>
  readonly groups: Readonly<Record<string, Readonly<Record<string, Json.Json>>>>
  /** Who is in which group: the `userId`, else the `anonymousId` of each group call, sorted. Nobody ever leaves one. */
  readonly memberships: Readonly<Record<string, ReadonlyArray<string>>>
  readonly events: ReadonlyArray<Json.Json>
  /** Why events were dropped after a 200, as the vendor's debugger shows it. */
  readonly dropped: ReadonlyArray<string>
}

/**
 * How a compatible endpoint answers.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /** Default: `segment`. RudderStack answers `OK`, and 400 for a batch with a call of nobody. */
  readonly dialect?: "segment" | "rudderstack"
}

const writeKey = "tracking-sandbox-key"

type Message = Record<string, unknown>

const isMessage = (value: unknown): value is Message =>
  typeof value === "object" && value !== null && !Array.isArray(value)

const isId = (value: unknown): value is string => typeof value === "string" && value !== ""

const fault = (message: Message): string | undefined => {
  if (Buffer.byteLength(JSON.stringify(message)) > 32 * 1024) return "payload too large"
  if (!isId(message["userId"]) && !isId(message["anonymousId"])) return "no_user_anon_id"
  if (message["type"] === "track" && !isId(message["event"])) return "no event"
  if (message["type"] === "group" && !isId(message["groupId"])) return "no groupId"
  return isId(message["messageId"]) && message["messageId"].length > 100 ? "messageId too long" : undefined
}

/**
 * A fake endpoint.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = ({ dialect = "segment" }: Options = {}): Sandbox.Sandbox<State> => {
  const users: Record<string, Record<string, Json.Json>> = {}
  const groups: Record<string, Record<string, Json.Json>> = {}
  const memberships: Record<string, ReadonlyArray<string>> = {}
  const events: Array<Json.Json> = []
  const dropped: Array<string> = []
  const seen = new Set<string>()

  const take = (message: Message): void => {
    const id = message["messageId"]
    if (isId(id) && seen.has(id)) return
    if (isId(id)) seen.add(id)
    const who = String(message["userId"] ?? message["anonymousId"])
    const json: Json.Json = JSON.parse(JSON.stringify(message))
    if (message["type"] === "identify") users[who] = { ...users[who], ...Object(message["traits"]) }
    else if (message["type"] === "group") {
      const group = String(message["groupId"])
      groups[group] = { ...groups[group], ...Object(message["traits"]) }
      memberships[group] = [...new Set(memberships[group]).add(who)].toSorted()
    } else events.push(json)
  }

  const success = { status: 200, body: dialect === "segment" ? { success: true } : "OK" }

  const batch = ({ body, headers }: Sandbox.SandboxRequest): Sandbox.SandboxResponse => {
    if (headers["authorization"] !== `Basic ${btoa(`${writeKey}:`)}`) return { status: 401, body: "Invalid write key" }
    if (!(headers["content-type"] ?? "").includes("application/json")) return { status: 400, body: "malformed JSON" }
    if (Buffer.byteLength(body) > 500 * 1024) return { status: 400, body: "request body too large" }
    let content: unknown
    try {
      content = JSON.parse(body)
    } catch {
      return { status: 400, body: "malformed JSON" }
    }
    const messages = isMessage(content) ? content["batch"] : undefined
    if (!Array.isArray(messages)) return { status: 400, body: "malformed JSON" }
    const nobody = messages.some((message) => !isMessage(message) || fault(message) === "no_user_anon_id")
    if (dialect === "rudderstack" && nobody) {
      return { status: 400, body: "Request neither has anonymousId nor userId" }
    }
    for (const [place, message] of messages.entries()) {
      const reason = place >= 2500 ? "too many events" : isMessage(message) ? fault(message) : "no object"
      if (reason === undefined) take(message)
      else dropped.push(reason)
    }
    return success
  }

  return {
    title: dialect === "segment" ? "Tracking API" : "RudderStack",
    settings: (baseUrl) => ({ endpoint: baseUrl, writeKey }),
    handle: (request) =>
      request.method === "POST" && request.path === "/v1/batch" ? batch(request) : { status: 404, body: "not found" },
    state: () => ({ users, groups, memberships, events, dropped })
  }
}
