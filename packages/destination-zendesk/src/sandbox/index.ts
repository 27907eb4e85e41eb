/**
 * A fake Zendesk.
 *
 * It keeps the rules that Zendesk documents for the calls around users and organizations: rotating OAuth tokens,
 * matching, uniqueness, fields that must exist, the account's budget of requests by the minute, the five writes of one
 * record in a minute, bulk jobs that must be enabled first, and a search that lags behind.
 *
 * @since 0.1.0
 */
import { type Json, Sandbox } from "@tributary/core"
import { clientId, clientSecret, makeAccess } from "./access.ts"
import { emptyAccount, type User } from "./account.ts"
import * as Fields from "./fields.ts"
import * as Identities from "./identities.ts"
import { makeJobs } from "./jobs.ts"
import * as Organizations from "./organizations.ts"
import * as Users from "./users.ts"
import { type Answer, answer, type Attributes, invalidEndpoint, isAttributes, notFound, titled } from "./wire.ts"

export type { FieldSeed, FieldType } from "./fields.ts"

/**
 * Requests in a minute, for the whole account, by plan.
 *
 * Source: developer.zendesk.com, usage limits, November 2026.
 *
 * @category models
 * @since 0.1.0
 */
export const plans = {
  team: 200,
  growth: 400,
  professional: 400,
  enterprise: 700,
  "enterprise-plus": 2500,
  "high-volume": 2500
} as const

/**
 * What a test may switch. Times are in milliseconds.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /** Default: `enterprise-plus`, 2,500 requests a minute. */
  readonly plan?: keyof typeof plans
  /** In place of the plan's. */
  readonly requestsPerMinute?: number
  /** Of one user, or one organization. Default: 5. */
  readonly writesPerMinute?: number
  /** Whether Zendesk Support has enabled bulk user import. Default: false. */
  readonly bulkImport?: boolean
  /** From the making of a job to its end. Default: 2,000. */
  readonly jobMillis?: number
  /** Until the search knows of a new record. Default: 120,000. */
  readonly searchLagMillis?: number
  /** 300 to 172,800. Default: 3,600. */
  readonly accessTokenSeconds?: number
  /** When API tokens are turned off, epoch milliseconds. Default: 30 April 2027. */
  readonly apiTokensEnd?: number
  /** Whether the token belongs to an admin, who alone may make fields. Default: true. */
  readonly admin?: boolean
  /** E-mail addresses of agents, whom the call for end users cannot change. */
  readonly agents?: ReadonlyArray<string>
  readonly userFields?: ReadonlyArray<Fields.FieldSeed>
  readonly organizationFields?: ReadonlyArray<Fields.FieldSeed>
  /** Keys that no field may have. The vendor names `channel` as an example and publishes no list. */
  readonly reservedKeys?: ReadonlyArray<string>
  /** Answers before anything else does: outages, proxies, a shutdown in mid-answer. */
  readonly intercept?: (request: Sandbox.SandboxRequest, now: number) => Sandbox.SandboxResponse | undefined
}

/**
 * What the sandbox holds.
 *
 * @category models
 * @since 0.1.0
 */
export interface State {
  readonly users: ReadonlyArray<{
    readonly id: number
    readonly name: string
    /** The primary address. */
    readonly email: string | null
    /** All addresses that the user is found by, the primary one first. */
    readonly emails: ReadonlyArray<string>
    readonly external_id: string | null
    readonly role: string
    /** Fields that have a value. */
    readonly user_fields: { readonly [key: string]: Json.Json }
    /** The default organization first. */
    readonly organization_ids: ReadonlyArray<number>
  }>
  readonly organizations: ReadonlyArray<{
    readonly id: number
    readonly name: string
    readonly external_id: string | null
    readonly organization_fields: { readonly [key: string]: Json.Json }
  }>
  readonly user_fields: ReadonlyArray<{ readonly key: string; readonly type: string; readonly title: string }>
  readonly organization_fields: ReadonlyArray<{ readonly key: string; readonly type: string; readonly title: string }>
  /** Verification mails sent to new users. */
  readonly mails: number
  /** How often the tokens were refreshed. */
  readonly refreshes: number
}

/**
 * A fake Zendesk account.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: Options = {}): Sandbox.Sandbox<State> => {
  const account = emptyAccount()
  Fields.seed(account, account.userFields, options.userFields ?? [])
  Fields.seed(account, account.organizationFields, options.organizationFields ?? [])
  for (const email of options.agents ?? []) Users.addAgent(account, email)

  const perMinute = options.requestsPerMinute ?? plans[options.plan ?? "enterprise-plus"]
  const bucket = Sandbox.fixedWindow(perMinute, 60_000)
  const writesPerMinute = options.writesPerMinute ?? 5
  const searchLagMillis = options.searchLagMillis ?? 120_000
  const fieldRules = { admin: options.admin ?? true, reservedKeys: options.reservedKeys ?? ["channel"] }
  const jobs = makeJobs(account, {
    bulkImport: options.bulkImport ?? false,
    jobMillis: options.jobMillis ?? 2000
  })
  const access = makeAccess({
    accessTokenSeconds: options.accessTokenSeconds ?? 3600,
    apiTokensEnd: options.apiTokensEnd ?? Date.UTC(2027, 3, 30)
  })

  const quotaHeaders = (now: number): Record<string, string> => {
    const remaining = String(bucket.remaining(now))
    return {
      "x-rate-limit": String(perMinute),
      "x-rate-limit-remaining": remaining,
      "ratelimit-limit": String(perMinute),
      "ratelimit-remaining": remaining,
      "ratelimit-reset": String(Math.ceil(bucket.resetMillis(now) / 1000))
    }
  }

  const get = (path: string, query: URLSearchParams, now: number): Answer => {
    if (path === "/users/show_many") return Users.showMany(account, query)
    if (path === "/users/search") return Users.search(account, query, searchLagMillis, now)
    if (path === "/organizations/search") return Organizations.search(account, query, searchLagMillis, now)
    if (path === "/user_fields") return Fields.list("user_field", account.userFields, query)
    if (path === "/organization_fields") return Fields.list("organization_field", account.organizationFields, query)
    if (path === "/job_statuses/show_many") return jobs.showMany(query, now)
    const membersOf = /^\/organizations\/(\d+)\/organization_memberships$/.exec(path)?.[1]
    if (membersOf !== undefined) return Organizations.memberships(account, Number(membersOf), query)
    const job = /^\/job_statuses\/([\w-]+)$/.exec(path)?.[1]
    return job === undefined ? invalidEndpoint : jobs.show(job, now)
  }

  const posts: { readonly [path: string]: (body: Attributes, now: number) => Answer } = {
    "/users/create_or_update": (body, now) => Users.createOrUpdate(account, body, { writesPerMinute }, now),
    "/users/create_or_update_many": (body, now) => jobs.create(body, now),
    "/organizations/create_or_update": (body, now) => Organizations.createOrUpdate(account, body, writesPerMinute, now),
    "/organization_memberships": (body) => Organizations.createMembership(account, body),
    "/user_fields": (body) => Fields.create(account, "user_field", account.userFields, body, fieldRules),
    "/organization_fields": (body) =>
      Fields.create(account, "organization_field", account.organizationFields, body, fieldRules)
  }

  /** What is asked of one user and of their identities. */
  const ofUser = (user: User, rest: string, request: Sandbox.SandboxRequest, now: number): Answer => {
    const { method, query } = request
    const withBody = (then: (body: Attributes) => Answer) => {
      const body = parsed(request.body)
      return isAttributes(body) ? then(body) : unreadable
    }
    const [, id, verb] = /^\/identities\/(\d+)(?:\/(make_primary))?$/.exec(rest) ?? []
    if (id !== undefined) {
      if (method === "GET" && verb === undefined) return Identities.change(account, user, Number(id), "show", now)
      if (method === "DELETE" && verb === undefined) return Identities.change(account, user, Number(id), "delete", now)
      return method === "PUT" && verb !== undefined
        ? Identities.change(account, user, Number(id), "make_primary", now)
        : invalidEndpoint
    }
    switch (`${method} ${rest}`) {
      case "GET /identities":
        return Identities.list(user, query)
      case "POST /identities":
        return withBody((body) => Identities.create(account, user, body, now))
      case "GET ":
        return Users.show(account, user)
      case "PUT ":
        return withBody((body) => Users.update(account, user, body, { writesPerMinute }, now))
      case "DELETE ":
        return Users.remove(account, user, now)
      default:
        return invalidEndpoint
    }
  }

  const route = (request: Sandbox.SandboxRequest, now: number): Answer => {
    const path = request.path.slice("/api/v2".length).replace(/\.json$/, "")
    const [, id, rest = ""] = /^\/users\/(\d+)(\/.*)?$/.exec(path) ?? []
    if (id !== undefined) {
      const user = account.users.get(Number(id))
      return user === undefined ? notFound : ofUser(user, rest, request, now)
    }
    if (request.method === "GET") return get(path, request.query, now)
    if (request.method === "POST") {
      const known = Object.hasOwn(posts, path) ? posts[path] : undefined
      if (known === undefined) return invalidEndpoint
      const body = parsed(request.body)
      return isAttributes(body) ? known(body, now) : unreadable
    }
    const membership = /^\/organization_memberships\/(\d+)$/.exec(path)?.[1]
    return request.method === "DELETE" && membership !== undefined
      ? Organizations.removeMembership(account, Number(membership))
      : invalidEndpoint
  }

  const handle = (request: Sandbox.SandboxRequest, now: number): Answer => {
    jobs.settle(now)
    const intercepted = options.intercept?.(request, now)
    if (intercepted !== undefined) return intercepted
    if (request.path === "/oauth/tokens" && request.method === "POST") return access.token(request, now)
    if (!request.path.startsWith("/api/v2/")) return invalidEndpoint
    const refusal = access.refusal(request, now)
    if (refusal !== undefined) return refusal
    if (!bucket.take(now)) {
      return {
        ...answer(429, "Number of allowed API requests per minute exceeded"),
        headers: { ...quotaHeaders(now), "retry-after": String(Math.ceil(bucket.resetMillis(now) / 1000)) }
      }
    }
    const reply = route(request, now)
    return { ...reply, headers: { ...reply.headers, ...quotaHeaders(now) } }
  }

  return {
    title: "Zendesk",
    settings: (baseUrl) => ({
      subdomain: "sandbox",
      oauth: { clientId, clientSecret, refreshToken: access.refreshToken() },
      baseUrl,
      tokenUrl: `${baseUrl}/oauth/tokens`
    }),
    handle,
    state: (now) => {
      jobs.settle(now)
      return {
        users: Array.from(account.users.values(), (user) => ({
          id: user.id,
          name: user.name,
          email: Identities.emailOf(user) ?? null,
          emails: user.identities
            .toSorted((a, b) => Number(b.primary) - Number(a.primary) || a.id - b.id)
            .map(({ value }) => value),
          external_id: user.externalId ?? null,
          role: user.role,
          user_fields: { ...user.fields },
          organization_ids: user.organizations
        })),
        organizations: Array.from(account.organizations.values(), (organization) => ({
          id: organization.id,
          name: organization.name,
          external_id: organization.externalId ?? null,
          organization_fields: { ...organization.fields }
        })),
        user_fields: Array.from(account.userFields.values(), ({ key, type, title }) => ({ key, type, title })),
        organization_fields: Array.from(account.organizationFields.values(), ({ key, type, title }) => ({
          key,
          type,
          title
        })),
        mails: account.mails,
        refreshes: access.refreshes()
      }
    }
  }
}

const unreadable = titled(400, "Unprocessable JSON", "The request body must be a JSON object")

const parsed = (body: string): unknown => {
  try {
    return JSON.parse(body)
  } catch {
    return undefined
  }
}
