/**
 * Refusals: what an error answer says, and which failure it stands for.
 *
 * Google refuses a request as a whole, with a status, reasons, and the fields that they concern (`google.rpc.Status`
 * with typed details; source: developers.google.com/data-manager/api/devguides/concepts/understand-errors). The
 * reasons say more than the status: a deleted list, unsigned terms and a bad hash all arrive as 400.
 *
 * @since 0.1.0
 */
import { DeliveryError, Reply } from "@tributary/core"
import { Option, Schema } from "effect"
import { waitMillis } from "./limits.ts"

/**
 * One field that was refused.
 *
 * @category models
 * @since 0.1.0
 */
export interface Violation {
  readonly field: string
  readonly reason: string
  readonly description: string
}

/**
 * An error answer, read.
 *
 * @category models
 * @since 0.1.0
 */
export interface Refusal {
  readonly code: number
  /** `INVALID_ARGUMENT`, `NOT_FOUND`, … */
  readonly status: string
  readonly message: string
  /** Every reason given, of the request and of its fields. */
  readonly reasons: ReadonlySet<string>
  readonly violations: ReadonlyArray<Violation>
  /** For Google's support. */
  readonly requestId: string | undefined
  readonly quotaLimit: string | undefined
  readonly retryDelayMillis: number | undefined
}

const ErrorAnswer = Schema.Struct({
  error: Schema.Struct({
    code: Schema.optionalKey(Schema.Finite),
    status: Schema.optionalKey(Schema.String),
    message: Schema.optionalKey(Schema.String),
    details: Schema.optionalKey(Schema.Array(Schema.Unknown))
  })
})

/** Any of the details by its fields: the type URL adds nothing, and recorded answers shorten it. */
const Detail = Schema.Struct({
  reason: Schema.optionalKey(Schema.String),
  metadata: Schema.optionalKey(Schema.Record(Schema.String, Schema.Unknown)),
  requestId: Schema.optionalKey(Schema.String),
  retryDelay: Schema.optionalKey(Schema.String),
  fieldViolations: Schema.optionalKey(
    Schema.Array(
      Schema.Struct({
        field: Schema.optionalKey(Schema.String),
        reason: Schema.optionalKey(Schema.String),
        description: Schema.optionalKey(Schema.String)
      })
    )
  )
})

const decodeAnswer = Schema.decodeUnknownOption(ErrorAnswer)
const decodeDetail = Schema.decodeUnknownOption(Detail)

const secondsOf = (duration: string | undefined): number | undefined => {
  const seconds = /^(\d+(?:\.\d+)?)s$/.exec(duration ?? "")?.[1]
  return seconds === undefined ? undefined : Number(seconds) * 1000
}

/** Status by code, for an answer that names none. */
const statusOf: Readonly<Record<number, string>> = {
  400: "INVALID_ARGUMENT",
  401: "UNAUTHENTICATED",
  403: "PERMISSION_DENIED",
  404: "NOT_FOUND",
  409: "ABORTED",
  429: "RESOURCE_EXHAUSTED",
  500: "INTERNAL",
  503: "UNAVAILABLE",
  504: "DEADLINE_EXCEEDED"
}

/**
 * Reads an error answer; `undefined` where the body is none of Google's, as from a proxy on the way.
 *
 * @category constructors
 * @since 0.1.0
 */
export const read = (reply: Reply.Reply): Refusal | undefined => {
  const answer = decodeAnswer(reply.json)
  if (Option.isNone(answer)) return undefined
  const { code = reply.status, details = [], message = "", status } = answer.value.error
  const reasons = new Set<string>()
  const violations: Array<Violation> = []
  let requestId: string | undefined
  let quotaLimit: string | undefined
  let retryDelayMillis: number | undefined
  for (const raw of details) {
    const detail = decodeDetail(raw)
    if (Option.isNone(detail)) continue
    const { fieldViolations = [], metadata, reason } = detail.value
    if (reason !== undefined) reasons.add(reason)
    const limit = metadata?.["quota_limit"]
    if (typeof limit === "string") quotaLimit = limit
    requestId = detail.value.requestId ?? requestId
    retryDelayMillis = secondsOf(detail.value.retryDelay) ?? retryDelayMillis
    for (const { description = "", field = "", reason = "" } of fieldViolations) {
      if (reason !== "") reasons.add(reason)
      violations.push({ field, reason, description })
    }
  }
  return {
    code,
    status: status ?? statusOf[code] ?? "UNKNOWN",
    message,
    reasons,
    violations,
    requestId,
    quotaLimit,
    retryDelayMillis
  }
}

const identifier = /[^\s"'<>]+@[^\s"'<>]+|\b[0-9a-f]{64}\b|\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b/gi

/**
 * A text of the vendor without the e-mails, hashes and mobile ids that it may quote.
 *
 * @category combinators
 * @since 0.1.0
 */
export const withoutIdentifiers = (text: string): string => text.replace(identifier, "***")

/** Reasons that hold for the request, whichever field they are pinned to, and what mends them. */
const advice: Readonly<Record<string, string>> = {
  INVALID_USER_LIST_TYPE:
    "The list holds another kind of identifier. Set uploadKeyType to the list's kind, or give the list another name.",
  INVALID_DESTINATION: "Check accountId and loginAccountId.",
  DATA_PARTNER_USER_LIST_MUTATE_NOT_ALLOWED: "Let the owner of the list grant write access.",
  DIFFERENT_LOGIN_ACCOUNTS_NOT_ALLOWED_FOR_DATA_PARTNER: "Check loginAccountId.",
  TERMS_AND_CONDITIONS_NOT_SIGNED: "Accept the Customer Match terms in the Google Ads account.",
  EU_POLITICAL_ADVERTISING_DECLARATION_REQUIRED:
    "Make the declaration on EU political advertising in the Google Ads account.",
  CUSTOMER_NOT_ALLOWLISTED_FOR_THIS_FEATURE: "Ask Google to make the account eligible for Customer Match.",
  MEMBERSHIP_DURATION_TOO_LONG: "Set membershipDays to 540 or less.",
  DISPLAY_NAME_ALREADY_USED: "Another list of the account has this name. Rename one of the two.",
  MULTIPLE_DATA_TYPES_NOT_ALLOWED: "This is a fault of the plugin: report it."
}

/**
 * Whether a reason concerns the request as a whole, though Google may pin it to its first member.
 *
 * @category combinators
 * @since 0.1.0
 */
export const isAboutRequest = (reason: string): boolean =>
  reason in advice || reason === "INVALID_USER_LIST_ID" || reason === "TOO_MANY_AUDIENCE_MEMBERS"

/**
 * A refusal in a line: status, reasons, Google's own words, and the id to ask its support about.
 *
 * @category combinators
 * @since 0.1.0
 */
export const describe = ({ code, message, reasons, requestId, status, violations }: Refusal): string => {
  const named = [...reasons].filter((reason) => reason !== status).join(", ")
  const first = violations[0]
  const text = withoutIdentifiers(first === undefined ? message : `${first.field}: ${first.description || message}`)
  return (
    `${code} ${status}` +
    (named === "" ? "" : ` (${named})`) +
    (text === "" ? "." : `: ${text}`) +
    (requestId === undefined ? "" : ` [request ${requestId}]`)
  )
}

/**
 * What a request was about: the members of a list, a list itself, or the lists of the account.
 *
 * @category models
 * @since 0.1.0
 */
export type Subject = "members" | "list" | "account"

/**
 * The failure that an answer stands for.
 *
 * @category combinators
 * @since 0.1.0
 */
export const toError = (reply: Reply.Reply, subject: Subject): DeliveryError.DeliveryError => {
  const refusal = read(reply)
  if (refusal === undefined) return Reply.failure(reply)
  const reason = describe(refusal)
  const advised = [...refusal.reasons].flatMap((name) => advice[name] ?? [])
  const askedMillis = refusal.retryDelayMillis ?? Reply.retryAfterMillis(reply)
  if (refusal.status === "UNAUTHENTICATED") {
    return new DeliveryError.Unauthorized({ reason: `${reason} Connect the account anew.` })
  }
  if (refusal.status === "RESOURCE_EXHAUSTED") {
    return new DeliveryError.Throttled({
      reason,
      retryAfterMillis: waitMillis(refusal.quotaLimit, askedMillis, reply.receivedAt)
    })
  }
  if (advised.length > 0) return new DeliveryError.Misconfigured({ reason: `${reason} ${advised.join(" ")}` })
  if (refusal.reasons.has("INVALID_USER_LIST_ID") || refusal.status === "NOT_FOUND") {
    return subject === "account"
      ? new DeliveryError.Misconfigured({ reason: `${reason} Check accountId: Google does not know the account.` })
      : new DeliveryError.ListGone({ reason })
  }
  if (refusal.status === "PERMISSION_DENIED") {
    return new DeliveryError.Unauthorized({
      reason:
        `${reason} Give the signing user or service account access to the Google Ads account, ` +
        `set loginAccountId where access is through a manager account, and enable the Data Manager API in the Cloud project.`
    })
  }
  if (refusal.reasons.has("TOO_MANY_AUDIENCE_MEMBERS") || refusal.code === 413) {
    return new DeliveryError.PayloadTooLarge({ reason })
  }
  if (refusal.code >= 500 || refusal.code < 400 || refusal.code === 408 || refusal.status === "ABORTED") {
    return new DeliveryError.Unavailable({
      reason,
      ...(askedMillis === undefined ? {} : { retryAfterMillis: askedMillis })
    })
  }
  return subject === "members"
    ? new DeliveryError.BatchRejected({ reason })
    : new DeliveryError.Misconfigured({ reason: `${reason} Google refuses the list as it is named or set up.` })
}
