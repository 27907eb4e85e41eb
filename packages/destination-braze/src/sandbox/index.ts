/**
 * A fake Braze: `POST /users/track` and `POST /users/identify` with the rules that Braze documents, and the profiles that
 * it would then hold.
 *
 * Sources: braze-docs `_docs/_api/endpoints/user_data/post_user_track.md`, `post_user_identify.md`,
 * `_docs/_api/api_limits.md`, `_docs/_api/errors.md`. The form `errors[{type, input_array, index}]` is in no official text (UNVERIFIED).
 *
 * @since 0.1.0
 */
import { type Json, Sandbox } from "@tributary/core"
import { makeProfiles, type Profiles } from "./profiles.ts"
import {
  type IdentifyArray,
  identifyRefusal,
  type InputArray,
  isJsonObject,
  type JsonObject,
  refusal
} from "./rules.ts"

/**
 * What a test can switch.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /** The one key that is known. Default: `braze-sandbox-key`. */
  readonly apiKey?: string
  /** What the key may do. Default: `["users.track", "users.identify"]`. */
  readonly permissions?: ReadonlyArray<string>
  /** Objects per request: 75 in all (default), 75 in each array (older plans), 50 in all (MAU CY 24-25). */
  readonly plan?: "75 in total" | "75 per array" | "50 in total"
  /** Requests per window; `false` for no limit. Default: 3,000 per 3 seconds. */
  readonly limit?: { readonly requests: number; readonly windowMillis: number } | false
  /** Requests a minute to `/users/identify`. Default: 20,000. */
  readonly identifyLimit?: number
  /** Requests per hour beside the limit, as MAU plans have it: the headers then speak of the hour. Default: none. */
  readonly hourly?: number
  /** Whether a 429 says how long to wait. Default: true. */
  readonly saysRetryAfter?: boolean
  /** Milliseconds between the answer and the moment when its objects are applied. Default: 0. */
  readonly delayMillis?: number
  /** Answers 202 `queued`, as Braze does in an outage of its own. Default: false. */
  readonly queues?: boolean
  /** External ids that are refused for ever. */
  readonly blacklist?: ReadonlyArray<string>
  /** Errors of objects as plain text, without an index. Default: false. */
  readonly plainErrors?: boolean
  /** Whether events are kept, or only counted: benchmarks have millions. Default: true. */
  readonly keepEvents?: boolean
}

/**
 * What the fake Braze holds.
 *
 * @category models
 * @since 0.1.0
 */
export interface State extends Profiles {
  /** Attributes written so far, changed or not. */
  readonly dataPoints: number
  readonly requests: { readonly accepted: number; readonly refused: number; readonly throttled: number }
  /** Objects that were taken, in all. */
  readonly objects: { readonly [K in InputArray]: number }
  /** Requests that were taken and are not applied yet. */
  readonly pending: number
}

interface Taken {
  readonly dueAt: number
  readonly apply: () => void
}

const arrays: ReadonlyArray<InputArray> = ["attributes", "events", "purchases"]
const identifyArrays: ReadonlyArray<IdentifyArray> = [
  "aliases_to_identify",
  "emails_to_identify",
  "phone_numbers_to_identify"
]
const maxIdentified = 50
const maxBodyBytes = 4 * 1024 * 1024
const nothingValid = "Valid data must be provided in the 'attributes', 'events', or 'purchases' fields."

const parse = (body: string): Json.Json | undefined => {
  try {
    const json: Json.Json = JSON.parse(body)
    return json
  } catch {
    return undefined
  }
}

/**
 * A fake Braze.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: Options = {}): Sandbox.Sandbox<State> => {
  const apiKey = options.apiKey ?? "braze-sandbox-key"
  const may = (permission: string) => options.permissions?.includes(permission) ?? true
  const trackLimits = makeLimits(options)
  const identifyLimits = makeLimits({ limit: { requests: options.identifyLimit ?? 20_000, windowMillis: 60_000 } })
  const profiles = makeProfiles({ keepEvents: options.keepEvents ?? true })
  const blacklist = new Set(options.blacklist)
  const delayMillis = options.delayMillis ?? 0
  const requests = { accepted: 0, refused: 0, throttled: 0 }
  const objects = { attributes: 0, events: 0, purchases: 0 }
  let waiting: Array<Taken> = []

  const settle = (now: number) => {
    if (waiting.length === 0) return
    const isLater = waiting.findIndex((taken) => taken.dueAt > now)
    const due = isLater === -1 ? waiting : waiting.slice(0, isLater)
    waiting = isLater === -1 ? [] : waiting.slice(isLater)
    for (const { apply } of due) apply()
  }
  const take = (now: number, apply: () => void) => {
    if (delayMillis > 0) waiting.push({ dueAt: now + delayMillis, apply })
    else apply()
  }

  const track = (body: string, now: number): Sandbox.SandboxResponse => {
    if (body.length * 3 > maxBodyBytes && Buffer.byteLength(body) > maxBodyBytes) {
      return { status: 413, body: { message: "Request Entity Too Large" } }
    }
    const json = parse(body)
    if (!isJsonObject(json)) return refuse(400, "Invalid JSON: the body must be an object")
    const given = { attributes: json["attributes"], events: json["events"], purchases: json["purchases"] }
    const valid: { [K in InputArray]: Array<JsonObject> } = { attributes: [], events: [], purchases: [] }
    const errors: Array<{ readonly type: string; readonly input_array: InputArray; readonly index: number }> = []
    const counts = arrays.map((array) => (Array.isArray(given[array]) ? given[array].length : 0))
    if (exceeds(counts, options.plan)) return refuse(400, "Max Input Length Exceeded")
    for (const array of arrays) {
      const list = given[array]
      if (list === undefined) continue
      if (!Array.isArray(list)) return refuse(400, `'${array}' must be an array of objects`)
      for (const [index, object] of list.entries()) {
        const type = refusal(array, object, blacklist)
        if (type !== undefined) errors.push({ type, input_array: array, index })
        else valid[array].push(object)
      }
    }
    const sent = options.plainErrors === true ? errors.map((error) => error.type) : errors
    if (arrays.every((array) => valid[array].length === 0)) {
      return { status: 400, body: { message: nothingValid, errors: sent } }
    }
    take(now, () => {
      for (const object of valid.attributes) profiles.applyAttributes(object)
      for (const object of valid.events) profiles.applyEvent(object)
      for (const object of valid.purchases) profiles.applyPurchase(object)
    })
    for (const array of arrays) objects[array] += valid[array].length
    if (options.queues === true) return { status: 202, body: { message: "queued" } }
    return {
      status: 201,
      body: {
        message: "success",
        ...(given.attributes === undefined ? {} : { attributes_processed: valid.attributes.length }),
        ...(given.events === undefined ? {} : { events_processed: valid.events.length }),
        ...(given.purchases === undefined ? {} : { purchases_processed: valid.purchases.length }),
        ...(sent.length === 0 ? {} : { errors: sent })
      }
    }
  }

  /** Whom it does not find it leaves alone, and says nothing. */
  const identify = (body: string, now: number): Sandbox.SandboxResponse => {
    const json = parse(body)
    if (!isJsonObject(json)) return refuse(400, "Invalid JSON: the body must be an object")
    const given = identifyArrays.flatMap((array) => {
      const list = json[array]
      return Array.isArray(list) ? list.map((object) => ({ array, object })) : []
    })
    if (given.length === 0) return refuse(400, `One of ${identifyArrays.join(", ")} is required`)
    if (given.length > maxIdentified) return refuse(400, "Max Input Length Exceeded")
    const errors = given.flatMap(({ array, object }) => identifyRefusal(array, object) ?? [])
    const valid = given.filter(({ array, object }) => identifyRefusal(array, object) === undefined)
    if (valid.length === 0) return { status: 400, body: { message: "Valid data must be provided", errors } }
    take(now, () => {
      for (const { object } of valid) if (isJsonObject(object)) profiles.applyIdentify(object)
    })
    if (options.queues === true) return { status: 202, body: { message: "queued" } }
    return {
      status: 201,
      body: { message: "success", aliases_processed: valid.length, ...(errors.length === 0 ? {} : { errors }) }
    }
  }

  const answer = (request: Sandbox.SandboxRequest, now: number): Sandbox.SandboxResponse => {
    const isTrack = request.path === "/users/track"
    if (request.method !== "POST" || (!isTrack && request.path !== "/users/identify")) {
      return { status: 404, body: "Invalid URL" }
    }
    if (request.headers["authorization"] !== `Bearer ${apiKey}`) return refuse(401, "Invalid API Key")
    const permission = isTrack ? "users.track" : "users.identify"
    if (!may(permission)) return refuse(403, `The API key lacks the permission ${permission}`)
    const { check, headers } = isTrack ? trackLimits : identifyLimits
    const patience = check(now)
    if (patience !== undefined) {
      requests.throttled++
      return {
        status: 429,
        body: { message: "Too many requests" },
        headers:
          options.saysRetryAfter === false ? {} : { "X-Ratelimit-Retry-After": String(Math.ceil(patience / 1000)) }
      }
    }
    const isJson = request.headers["content-type"]?.startsWith("application/json") === true
    const response = isJson
      ? (isTrack ? track : identify)(request.body, now)
      : refuse(400, "Content-Type must be application/json")
    return { ...response, headers: headers(now) }
  }

  return {
    title: "Braze",
    settings: (baseUrl) => ({ endpoint: baseUrl, apiKey }),
    handle: (request, now) => {
      settle(now)
      const response = answer(request, now)
      if (response.status < 300) requests.accepted++
      else if (response.status !== 429) requests.refused++
      return response
    },
    state: (now) => {
      settle(now)
      return {
        ...profiles.snapshot(),
        dataPoints: profiles.dataPoints(),
        requests: { ...requests },
        objects: { ...objects },
        pending: waiting.length
      }
    }
  }
}

const refuse = (status: number, message: string): Sandbox.SandboxResponse => ({ status, body: { message, errors: [] } })

const exceeds = (counts: ReadonlyArray<number>, plan: Options["plan"] = "75 in total"): boolean => {
  if (plan === "75 per array") return counts.some((count) => count > 75)
  return counts.reduce((sum, count) => sum + count, 0) > (plan === "50 in total" ? 50 : 75)
}

/** The windows that a request must fit into; headers speak of the hour where the plan has one. */
const makeLimits = (options: Pick<Options, "limit" | "hourly">) => {
  const limit = options.limit ?? { requests: 3000, windowMillis: 3000 }
  const burst =
    limit === false
      ? undefined
      : { count: limit.requests, window: Sandbox.fixedWindow(limit.requests, limit.windowMillis) }
  const hourly =
    options.hourly === undefined
      ? undefined
      : { count: options.hourly, window: Sandbox.fixedWindow(options.hourly, 3_600_000) }
  const all = [hourly, burst].filter((one) => one !== undefined)
  const shown = hourly ?? burst
  return {
    /** Counts a request, or says how many milliseconds it comes too early. */
    check: (now: number): number | undefined => {
      const full = all.find((one) => one.window.remaining(now) <= 0)
      if (full !== undefined) return full.window.resetMillis(now)
      for (const one of all) one.window.take(now)
      return undefined
    },
    headers: (now: number): Readonly<Record<string, string>> =>
      shown === undefined
        ? {}
        : {
            "X-RateLimit-Limit": String(shown.count),
            "X-RateLimit-Remaining": String(shown.window.remaining(now)),
            "X-RateLimit-Reset": String(Math.ceil((now + shown.window.resetMillis(now)) / 1000))
          }
  }
}
