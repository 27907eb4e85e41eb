/**
 * A fake Data Manager API: one Google Ads account, its user lists, and the token endpoint.
 *
 * It keeps the vendor's documented rules (fast-fail, limits, quotas of the project, results long after the request,
 * members that expire) and refuses what the vendor refuses. Nothing here is Google's, and no secret is real.
 *
 * @since 0.1.0
 */
import type { Sandbox } from "@tributary/core"
import { forbidden, invalid, isRecord, refuse, violation, type Violation } from "./answers.ts"
import { readUpload, type Upload } from "./audience.ts"
import { Jobs } from "./jobs.ts"
import { UserLists } from "./lists.ts"
import { type Allowances, makeQuota, standard } from "./quota.ts"
import { clientEmail, makeTokens, oauth } from "./tokens.ts"

/**
 * What the vendor holds.
 *
 * @category models
 * @since 0.1.0
 */
export interface State {
  readonly lists: ReadonlyArray<{
    readonly id: string
    readonly displayName: string
    readonly description: string
    readonly membershipDays: number
    readonly uploadKeyTypes: ReadonlyArray<string>
    /** Hashes in hexadecimal, mobile ids or user ids, sorted. Requests that are still processed do not show. */
    readonly members: ReadonlyArray<string>
    /** How many of the members Google knows; only where the sandbox was told of `people`. */
    readonly matched?: number
  }>
  /** Requests by method, refused ones included: `{ "audienceMembers:ingest": 3 }`. */
  readonly requests: Readonly<Record<string, number>>
  /** Requests that were taken and are still processed. */
  readonly processing: number
}

/**
 * How a sandbox differs from the vendor's defaults.
 *
 * @category models
 * @since 0.1.0
 */
export interface SandboxOptions {
  /** The Google Ads account that the signer may use. Default: 1234567890. */
  readonly accountId?: string
  /** The manager account through which the signer has access; requests must name it then. */
  readonly loginAccountId?: string
  /** With which credentials `settings` signs. Default: oauth. */
  readonly credentials?: "oauth" | "serviceAccount"
  /**
   * Milliseconds from a request to its result, for all or for the nth taken upload (from 1). Default: 30 minutes. The
   * vendor promises no order: an upload that takes less time is processed before one that came earlier.
   */
  readonly processingMillis?: number | ((arrival: number) => number)
  /** Life of an access token in milliseconds. Default: one hour. */
  readonly tokenMillis?: number
  /** Requests a minute and a day. `"unlimited"` for benchmarks. */
  readonly quota?: Partial<Allowances> | "unlimited"
  /** Whether the grant was withdrawn: every token request is `invalid_grant`. */
  readonly revoked?: boolean
  /** `false`: the account has not admitted the signer. */
  readonly admitted?: boolean
  /** `false`: the account's Customer Match terms are not signed. */
  readonly termsSigned?: boolean
  /** Hashes of the people whom Google knows. */
  readonly people?: ReadonlyArray<string>
  /** Fails the nth API request (from 1) before it is read: an outage, or any answer at all. */
  readonly fault?: (arrival: number, request: Sandbox.SandboxRequest) => Fault | Sandbox.SandboxResponse | undefined
  /** Fails the nth taken upload (from 1) as a whole when it is processed, for this reason. */
  readonly jobFault?: (arrival: number) => string | undefined
  /**
   * Fails single records of the nth taken upload (from 1) when it is processed, by their place in the request (from 0)
   * and for this reason: `PARTIAL_SUCCESS` with counts by reason, and never whose they are; `FAILED` where all fail. It
   * is asked again for each upload, so what is sent again may succeed. `processingErrors` has the vendor's reasons.
   */
  readonly recordFault?: (arrival: number, record: number) => string | undefined
  /** `false`: a status says that records failed, and neither how many nor why. The vendor does not promise more. */
  readonly errorCounts?: boolean
}

/**
 * Reasons for which the vendor fails a record of an upload when it processes it.
 *
 * **Details**
 *
 * Sending again helps with `internal` only: the others are about the member, its consent or the account.
 *
 * Source: google/ads/datamanager/v1/processing_errors.proto.
 *
 * @category constants
 * @since 0.1.0
 */
export const processingErrors = {
  internal: "PROCESSING_ERROR_REASON_INTERNAL_ERROR",
  deniedConsent: "PROCESSING_ERROR_REASON_DENIED_CONSENT",
  noConsent: "PROCESSING_ERROR_REASON_NO_CONSENT",
  unknownConsent: "PROCESSING_ERROR_REASON_UNKNOWN_CONSENT",
  invalidFormat: "PROCESSING_ERROR_REASON_INVALID_FORMAT"
} as const

/**
 * Passing troubles of the vendor.
 *
 * @category models
 * @since 0.1.0
 */
export type Fault = "UNAVAILABLE" | "ABORTED" | "DEADLINE_EXCEEDED" | "INTERNAL"

const faultCodes = { UNAVAILABLE: 503, ABORTED: 409, DEADLINE_EXCEEDED: 504, INTERNAL: 500 }
const unlimited = { perMinute: Number.POSITIVE_INFINITY, perDay: Number.POSITIVE_INFINITY }
const listsPath = /^\/v1\/accountTypes\/GOOGLE_ADS\/accounts\/(\d+)\/userLists(?:\/(\d+))?$/
const keyTypeOf: Readonly<Record<string, string>> = {
  userData: "CONTACT_ID",
  mobileData: "MOBILE_ID",
  userIdData: "USER_ID",
  pairData: "PAIR_ID"
}

const parse = (body: string): unknown => {
  try {
    return JSON.parse(body)
  } catch {
    return undefined
  }
}

/** The method that a request asks for, as its quota and the counts name it. */
const methodOf = ({ method, path }: Sandbox.SandboxRequest) => {
  const operation = /^\/v1\/audienceMembers:(ingest|remove|removeAll)$/.exec(path)?.[1]
  if (method === "POST" && (operation === "ingest" || operation === "remove" || operation === "removeAll")) {
    return { family: "mutate", operation, name: `audienceMembers:${operation}` } as const
  }
  if (method === "GET" && path === "/v1/requestStatus:retrieve") {
    return { family: "read", name: "requestStatus:retrieve" } as const
  }
  const [, account, id] = listsPath.exec(path) ?? []
  const methods = id === undefined ? ["GET", "POST"] : ["GET", "PATCH", "DELETE"]
  if (account === undefined || !methods.includes(method)) return undefined
  const family = method === "GET" ? "manageRead" : "manageMutate"
  return { family, account, id, name: `userLists ${method}` } as const
}

const failuresOf = (
  recordFault: SandboxOptions["recordFault"],
  arrival: number,
  upload: Upload | undefined
): ReadonlyMap<number, string> => {
  const failures = new Map<number, string>()
  if (recordFault === undefined || upload === undefined) return failures
  for (let record = 0; record < upload.records; record++) {
    const reason = recordFault(arrival, record)
    if (reason !== undefined) failures.set(record, reason)
  }
  return failures
}

/**
 * A fake Google Ads account behind the Data Manager API.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: SandboxOptions = {}): Sandbox.Sandbox<State> => {
  const account = options.accountId ?? "1234567890"
  const login = options.loginAccountId
  const lists = new UserLists(account)
  const jobs = new Jobs((id) => lists.byId.get(id))
  const tokens = makeTokens({ tokenMillis: options.tokenMillis ?? 3_600_000, revoked: options.revoked ?? false })
  const quota = makeQuota(
    options.quota === "unlimited"
      ? { mutate: unlimited, read: unlimited, manageMutate: unlimited, manageRead: unlimited }
      : { ...standard, ...options.quota }
  )
  const people = options.people === undefined ? undefined : new Set(options.people)
  const requests: Record<string, number> = {}
  let arrivals = 0
  let uploads = 0
  const processing = options.processingMillis ?? 1_800_000

  const isAdmitted = (accountId: unknown, loginAccountId: unknown) =>
    options.admitted !== false &&
    accountId === account &&
    (login === undefined ? loginAccountId === undefined || loginAccountId === account : loginAccountId === login)

  /** The destinations of a request with their lists, or its refusal. */
  const readDestinations = (body: Readonly<Record<string, unknown>>, kind: string | undefined, requestId: string) => {
    const destinations: unknown = body["destinations"]
    if (!Array.isArray(destinations) || destinations.length === 0) {
      return invalid(requestId, [violation("destinations", "REQUIRED_FIELD_MISSING", "Required field is missing.")])
    }
    if (destinations.length > 10) {
      return invalid(requestId, [violation("destinations", "TOO_MANY_DESTINATIONS", "At most 10 destinations.")])
    }
    const found: Array<{ readonly body: unknown; readonly list: string }> = []
    for (const [index, destination] of destinations.entries()) {
      const refusal = (name: string, reason: string) =>
        invalid(requestId, [violation(name, reason, `The destination is refused: ${reason}.`)])
      const operating: unknown = isRecord(destination) ? destination["operatingAccount"] : undefined
      if (!isRecord(destination) || !isRecord(operating) || operating["accountType"] !== "GOOGLE_ADS") {
        return refusal(`destinations[${index}]`, "INVALID_DESTINATION")
      }
      const loginAccount = destination["loginAccount"]
      if (!isAdmitted(operating["accountId"], isRecord(loginAccount) ? loginAccount["accountId"] : undefined)) {
        return forbidden(requestId)
      }
      const id = destination["productDestinationId"]
      const list = typeof id === "string" ? lists.byId.get(id) : undefined
      if (list === undefined) return refusal(`destinations[${index}].product_destination_id`, "INVALID_USER_LIST_ID")
      if (kind !== undefined && !list.uploadKeyTypes.includes(keyTypeOf[kind] ?? "PSEUDONYMOUS_ID")) {
        return refusal("audience_members[0]", "INVALID_USER_LIST_TYPE")
      }
      found.push({ body: destination, list: list.id })
    }
    return found
  }

  const mutate = (operation: "ingest" | "remove" | "removeAll", body: unknown, requestId: string, now: number) => {
    if (!isRecord(body)) return invalid(requestId, [])
    let upload: Upload | undefined
    let asOf = now
    if (operation === "removeAll") {
      const time = body["removeAsOfTime"]
      asOf = time === undefined ? now : typeof time === "string" ? Date.parse(time) : Number.NaN
      if (!(asOf <= now)) {
        return invalid(requestId, [
          violation("remove_as_of_time", "INVALID_REMOVE_AS_OF_TIME", "The time must not be in the future.")
        ])
      }
    } else {
      const read: Upload | ReadonlyArray<Violation> = readUpload(body, operation)
      if (!("kind" in read)) return invalid(requestId, read)
      upload = read
    }
    const destinations = readDestinations(body, upload?.kind, requestId)
    if ("status" in destinations) return destinations
    if (options.termsSigned === false) {
      return invalid(requestId, [
        violation("audience_members[0]", "TERMS_AND_CONDITIONS_NOT_SIGNED", "Required terms are not accepted.")
      ])
    }
    if (body["validateOnly"] !== true) {
      const arrival = ++uploads
      jobs.take(requestId, {
        operation,
        destinations,
        upload,
        asOf,
        takenAt: now,
        finishesAt: now + (typeof processing === "number" ? processing : processing(arrival)),
        failure: options.jobFault?.(arrival),
        failures: failuresOf(options.recordFault, arrival, upload),
        counts: options.errorCounts !== false
      })
    }
    return { status: 200, body: { requestId } }
  }

  const manage = (
    id: string | undefined,
    account: string,
    request: Sandbox.SandboxRequest,
    body: unknown,
    requestId: string
  ) => {
    const header = request.headers["login-account"]
    const named = header === undefined ? undefined : /^accountTypes\/GOOGLE_ADS\/accounts\/(\d+)$/.exec(header)?.[1]
    if ((header !== undefined && named === undefined) || !isAdmitted(account, named)) return forbidden(requestId)
    if (id !== undefined) return lists.one(request.method, id, request, body, requestId)
    return request.method === "POST"
      ? lists.create(body, request.query.get("validateOnly") === "true", requestId)
      : lists.find(request.query, requestId)
  }

  const handle = (request: Sandbox.SandboxRequest, now: number): Sandbox.SandboxResponse => {
    if (request.path === "/token" && request.method === "POST") {
      requests["token"] = (requests["token"] ?? 0) + 1
      return tokens.answer(request, now)
    }
    const method = methodOf(request)
    if (method === undefined) return { status: 404, body: "<!DOCTYPE html><title>Error 404 (Not Found)!!1</title>" }
    const requestId = `sandbox-${++arrivals}`
    requests[method.name] = (requests[method.name] ?? 0) + 1
    const fault = options.fault?.(arrivals, request)
    if (typeof fault === "string") return refuse(faultCodes[fault], fault, "Try again later.", { requestId })
    if (fault !== undefined) return fault
    if (!tokens.admits(request.headers["authorization"], now)) {
      const message = "Request had invalid authentication credentials. Expected OAuth 2 access token."
      return refuse(401, "UNAUTHENTICATED", message, { requestId })
    }
    const refusal = quota[method.family](now, requestId)
    if (refusal !== undefined) return refusal
    const body = request.body === "" ? undefined : parse(request.body)
    if (request.body !== "" && body === undefined) {
      const message = "Invalid JSON payload received. Unexpected end of string."
      return refuse(400, "INVALID_ARGUMENT", message, { requestId, reason: "INVALID_ARGUMENT" })
    }
    jobs.settle(now)
    if (method.family === "manageRead" || method.family === "manageMutate")
      return manage(method.id, method.account, request, body, requestId)
    if (method.family === "mutate") return mutate(method.operation, body, requestId, now)
    const status = jobs.status(request.query.get("requestId") ?? "", now)
    if (status !== undefined) return { status: 200, body: status }
    return invalid(requestId, [violation("request_id", "INVALID_REQUEST_ID", "The request ID is not valid.")])
  }

  return {
    title: "Google Ads Customer Match (Data Manager API)",
    settings: (baseUrl) => ({
      baseUrl,
      tokenUrl: `${baseUrl}/token`,
      accountId: account,
      ...(login === undefined ? {} : { loginAccountId: login }),
      ...(options.credentials === "serviceAccount"
        ? { serviceAccount: { clientEmail, privateKey: tokens.privateKey() } }
        : { oauth }),
      consent: { adUserData: "granted", adPersonalization: "granted" },
      termsOfServiceAccepted: true
    }),
    handle,
    state: (now) => {
      jobs.settle(now)
      return {
        lists: [...lists.byId.values()].map((list) => {
          const members = UserLists.members(list, now).toSorted()
          return {
            id: list.id,
            displayName: list.displayName,
            description: list.description,
            membershipDays: list.membershipDays,
            uploadKeyTypes: list.uploadKeyTypes,
            members,
            ...(people === undefined ? {} : { matched: members.filter((member) => people.has(member)).length })
          }
        }),
        requests: { ...requests },
        processing: jobs.processing()
      }
    }
  }
}
