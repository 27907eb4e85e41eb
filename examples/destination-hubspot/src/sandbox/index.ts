/**
 * A fake HubSpot: contacts, their properties, and lists.
 *
 * Source: HubSpot-public-api-spec-collection, version 2026-09, and developers.hubspot.com on errors and usage limits,
 * November 2026. Rules that no document states are marked as unverified.
 *
 * @since 0.1.0
 */
import { Sandbox } from "@tributary/core"
import { fault, invalid, isFields } from "./answers.ts"
import { type Contact, Contacts, type Traces } from "./contacts.ts"
import { type List, Lists } from "./lists.ts"
import { Properties } from "./properties.ts"

/**
 * What the sandbox holds.
 *
 * @category models
 * @since 0.1.0
 */
export interface State {
  readonly contacts: ReadonlyArray<Contact>
  readonly properties: Readonly<Record<string, string>>
  readonly lists: ReadonlyArray<List>
}

/**
 * How a sandbox differs from a free account on a good day.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /** Default: 100. */
  readonly requestsPerTenSeconds?: number
  /** Default: 250,000. */
  readonly requestsPerDay?: number
  /** Requests that write contacts, in a second: one more is answered with 423. Default: any number. */
  readonly writesPerSecond?: number
  /** How results and errors name their inputs. Default: `echoed`. */
  readonly traces?: Traces
}

const token = "hubspot-sandbox-token"

const objects = "/crm/objects/2026-09/contacts"

/**
 * A fake HubSpot account.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: Options = {}): Sandbox.Sandbox<State> => {
  let made = 0
  const next = () => ++made
  const properties = new Properties()
  const contacts = new Contacts(properties, options.traces ?? "echoed", next)
  const lists = new Lists(contacts.has, next)
  const most = options.requestsPerTenSeconds ?? 100
  const burst = Sandbox.slidingWindow(most, 10_000)
  const day = Sandbox.fixedWindow(options.requestsPerDay ?? 250_000, 86_400_000)
  const writes = Sandbox.slidingWindow(options.writesPerSecond ?? Number.MAX_SAFE_INTEGER, 1000)

  const route = ({ body, method, path, query }: Sandbox.SandboxRequest, now: number): Sandbox.SandboxResponse => {
    let content: unknown = {}
    try {
      if (body !== "") content = JSON.parse(body)
    } catch {
      return invalid("Invalid input JSON")
    }
    const fields = isFields(content) ? content : {}
    if (path.startsWith("/crm/lists/2026-09")) return lists.route(method, path, query, content)
    const id = path.startsWith(`${objects}/`) ? path.slice(objects.length + 1) : ""
    if (method === "DELETE" && /^\d+$/.test(id)) {
      return contacts.archive(id) ? { status: 204 } : fault(404, "OBJECT_NOT_FOUND", "resource not found")
    }
    switch (`${method} ${path}`) {
      case `POST ${objects}/batch/upsert`:
        return writes.take(now)
          ? contacts.upsert(fields, now)
          : fault(423, "LOCKED", "The resource is locked. Try again after two seconds.") // the body is unverified
      case `POST ${objects}/batch/read`:
        return contacts.read(fields, now)
      case `POST ${objects}/merge`:
        return contacts.merge(fields, now)
      case "GET /crm/properties/2026-09/contacts":
        return properties.list()
      case "POST /crm/properties/2026-09/contacts/batch/create":
        return properties.create(fields["inputs"], now)
      default:
        return { status: 404, body: "<html><body>Not Found</body></html>" }
    }
  }

  const throttled = (policyName: "TEN_SECONDLY_ROLLING" | "DAILY") =>
    fault(429, "RATE_LIMITS", `You have reached your ${policyName.toLowerCase()} limit.`, {
      errorType: "RATE_LIMIT",
      policyName
    })

  return {
    title: "HubSpot",
    settings: (baseUrl) => ({ baseUrl, accessToken: token }),
    handle: (request, now) => {
      if (request.headers["authorization"] !== `Bearer ${token}`) {
        return fault(401, "INVALID_AUTHENTICATION", "Authentication credentials not found.")
      }
      if (!burst.take(now)) return throttled("TEN_SECONDLY_ROLLING")
      if (!day.take(now)) return throttled("DAILY")
      return {
        headers: {
          "x-hubspot-ratelimit-max": String(most),
          "x-hubspot-ratelimit-remaining": String(burst.remaining(now)),
          "x-hubspot-ratelimit-interval-milliseconds": "10000"
        },
        ...route(request, now)
      }
    },
    state: () => ({ contacts: contacts.all(), properties: properties.types(), lists: lists.all() })
  }
}
