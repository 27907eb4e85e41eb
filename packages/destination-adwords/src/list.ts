/**
 * Members to Google's form, and Google's answers to outcomes.
 *
 * Google refuses a request whole when one member of it is malformed. So every identifier is brought to its normal form
 * here, and a member who has none that Google could match is rejected before anything is sent: one bad address never
 * costs its neighbours (R33).
 *
 * @since 0.1.0
 */
import { DeliveryError, type Identifier, type Member, Outcome, type Reply } from "@tributary/core"
import { Option, Result, Schema } from "effect"
import { addressOf, type Parts } from "./address.ts"
import { type AudienceMember, RequestStatus, Taken, type UserIdentifier } from "./api.ts"
import * as Keys from "./keys.ts"
import * as Refusal from "./refusal.ts"
import type { Settings } from "./settings.ts"

/**
 * The identifier types that Google Ads lists are made of.
 *
 * @category models
 * @since 0.1.0
 */
export const identifierTypes = [
  "email",
  "phone",
  "ios.idfa",
  "android.idfa",
  "user_id"
] as const satisfies ReadonlyArray<Identifier.IdentifierType>

/**
 * The most members that a request takes, and the most identifiers of one member (source: ingestion_service.proto,
 * audience.proto).
 *
 * @category constants
 * @since 0.1.0
 */
export const most = { members: 10_000, identifiers: 10 }

type Type = (typeof identifierTypes)[number]

/**
 * A member as this plugin is given it. The address is missing in a removal of a profile that stays.
 *
 * @category models
 * @since 0.1.0
 */
export type ListMember = Member.Member<Type, { readonly address?: Parts | null }>

/**
 * A request made from members, and what is already known of those who are not in it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Request {
  readonly audienceMembers: ReadonlyArray<AudienceMember>
  /** For each audience member the index of the member that it was made from. */
  readonly owners: ReadonlyArray<number>
  /** For each member its outcome, or `undefined` where the answer will tell. */
  readonly settled: ReadonlyArray<Outcome.Outcome | undefined>
}

/**
 * The request that adds members.
 *
 * **Details**
 *
 * A member with more than ten identifiers becomes several audience members, each with ten at most, and each matched by
 * itself; so does a member with several user ids, since an audience member holds one.
 *
 * @category combinators
 * @since 0.1.0
 */
export const toAdd = (members: ReadonlyArray<ListMember>, settings: Settings): Request =>
  assemble(members, settings, false)

/**
 * The request that removes members.
 *
 * **Details**
 *
 * Every identifier is removed, however many a member has. One that has no normal form was never added, so there is
 * nothing to do for it. A member with no identifier of the list's kind is rejected all the same: if `uploadKeyType` was
 * changed, it may still stand in a list of the old kind.
 *
 * @category combinators
 * @since 0.1.0
 */
export const toDiscard = (members: ReadonlyArray<ListMember>, settings: Settings): Request =>
  assemble(members, settings, true)

const isFailed = (reply: Reply.Reply): boolean => reply.status < 200 || reply.status > 299

const decodeTaken = Schema.decodeUnknownOption(Taken)

/**
 * The outcome of each member, from the answer to the request.
 *
 * **Details**
 *
 * Members whom Google names as malformed are rejected with its reason; the others of a refused request are sent again
 * at once. A reason that concerns the request fails the batch, though Google pins it to the first member.
 *
 * @category combinators
 * @since 0.1.0
 */
export const outcomes = (
  reply: Reply.Reply,
  request: Request
): Result.Result<ReadonlyArray<Outcome.Outcome>, DeliveryError.DeliveryError> => {
  const refusal = Refusal.read(reply)
  const taken = decodeTaken(reply.json)
  if (refusal === undefined && Option.isSome(taken) && !isFailed(reply)) {
    const accepted = Outcome.accepted(taken.value.requestId)
    return Result.succeed(request.settled.map((outcome) => outcome ?? accepted))
  }
  const faults = refusal === undefined ? undefined : faultsOf(refusal, request)
  if (faults === undefined) return Result.fail(Refusal.toError(reply, "members"))
  const again = Outcome.retry("Google refused the request for the sake of another member.", 0)
  return Result.succeed(
    request.settled.map((outcome, index) => {
      const reason = faults.get(index)
      return outcome ?? (reason === undefined ? again : Outcome.rejected(reason))
    })
  )
}

const decodeStatus = Schema.decodeUnknownOption(RequestStatus)

/** Reasons of Google's own: sending again may help, and is harmless, as an ingest or a removal is idempotent. */
const isPassing = (reason: string): boolean => /_(?:INTERNAL_ERROR|UNSPECIFIED|UNKNOWN)$/.test(reason)

const withoutCounts: Outcome.Unattributed = { reason: "Google took a part and gives no counts.", count: 0 }

/**
 * What became of a request, from its status.
 *
 * **Details**
 *
 * A request that failed as a whole through Google's own fault, or that Google does not know any more, is lost: its
 * members are sent again. So are they where a part failed through Google's own fault, or for no reason given. Google
 * gives counts for each reason and never says whose they are. Denied consent or a wrong form would fail the same way
 * again.
 *
 * @category combinators
 * @since 0.1.0
 */
export const jobResult = (reply: Reply.Reply): Result.Result<Outcome.JobResult, DeliveryError.DeliveryError> => {
  const refusal = Refusal.read(reply)
  if (refusal?.status === "INVALID_ARGUMENT" || refusal?.status === "NOT_FOUND") {
    return Result.succeed({ _tag: "Lost", reason: Refusal.describe(refusal) })
  }
  const decoded = decodeStatus(reply.json)
  if (refusal !== undefined || Option.isNone(decoded) || isFailed(reply)) {
    return Result.fail(Refusal.toError(reply, "account"))
  }
  // A request of this plugin has one destination.
  const status = decoded.value.requestStatusPerDestination[0]
  const counts = (status?.errorInfo?.errorCounts ?? []).map(
    ({ reason = "PROCESSING_ERROR_REASON_UNSPECIFIED", recordCount = 0 }) => ({
      reason,
      count: Number(recordCount)
    })
  )
  const isWorthAgain = counts.length === 0 || counts.some(({ reason }) => isPassing(reason))
  switch (status?.requestStatus) {
    case "SUCCESS":
      return Result.succeed({ _tag: "Finished", unattributed: counts })
    case "PARTIAL_SUCCESS":
      return Result.succeed({
        _tag: isWorthAgain ? "Partial" : "Finished",
        unattributed: counts.length > 0 ? counts : [withoutCounts]
      })
    case "FAILED":
      return Result.succeed(
        counts.every(({ reason }) => isPassing(reason))
          ? { _tag: "Lost", reason: "Google failed to process the request." }
          : { _tag: isWorthAgain ? "Partial" : "Finished", unattributed: counts }
      )
    default:
      return Result.succeed({ _tag: "Pending" })
  }
}

/** Reasons that only a member can be at fault for (source: google/ads/datamanager/v1/error.proto). */
const aboutMember = new Set([
  "REQUIRED_FIELD_MISSING",
  "INVALID_FORMAT",
  "INVALID_HEX_ENCODING",
  "INVALID_BASE64_ENCODING",
  "INVALID_SHA256_FORMAT",
  "INVALID_AUDIENCE_MEMBER",
  "INVALID_MOBILE_ID_FORMAT",
  "TOO_MANY_USER_IDENTIFIERS",
  "NO_IDENTIFIERS_PROVIDED"
])

/**
 * The members at fault and why, or `undefined` where the whole request is.
 *
 * Google adds reasons over time, and pins those of the request to `audience_members[0]`. An unknown one there, and
 * nowhere else, may be either: then nobody is blamed, and the batch is halved until it shows.
 */
const faultsOf = (refusal: Refusal.Refusal, request: Request): ReadonlyMap<number, string> | undefined => {
  if (refusal.code !== 400) return undefined
  const faults = new Map<number, string>()
  let isCertain = request.audienceMembers.length === 1
  for (const { description, field, reason } of refusal.violations) {
    if (Refusal.isAboutRequest(reason)) return undefined
    const index = Number(/audience_?members\[(\d+)\]/i.exec(field)?.[1] ?? "-1")
    const owner = request.owners[index]
    if (owner === undefined) continue
    if (index > 0 || aboutMember.has(reason)) isCertain = true
    faults.set(owner, wordsOf(reason, description, request.audienceMembers[index]))
  }
  return isCertain && faults.size > 0 ? faults : undefined
}

/** Google's words about a member, without the identifier that they may quote. */
const wordsOf = (reason: string, description: string, member: AudienceMember | undefined): string => {
  const isUserId = member !== undefined && "userIdData" in member
  const quoted = isUserId ? description.replaceAll(member.userIdData.userId, "***") : description
  return `Google refuses the member: ${[reason, Refusal.withoutIdentifiers(quoted)].filter((text) => text !== "").join(": ")}`
}

const none: ReadonlyArray<string> = []

const full = Outcome.retry(`The request holds ${most.members} audience members already.`, 0)

const lacks: Readonly<Record<Settings["uploadKeyType"], string>> = {
  CONTACT_ID: "The profile has no e-mail address and no phone number, and the list takes nothing else.",
  MOBILE_ID: "The profile has no mobile advertising id of the list's key space, and the list takes nothing else.",
  USER_ID: "The profile has no user_id, and the list takes nothing else."
}

/** Why a member was left out, in Google's terms: each reason once. */
const rejected = (reasons: ReadonlySet<string>): Outcome.Outcome =>
  Outcome.rejected(`Google can match the profile by none of its identifiers. ${[...reasons].join(" ")}`)

const assemble = (members: ReadonlyArray<ListMember>, settings: Settings, isRemoval: boolean): Request => {
  const audienceMembers: Array<AudienceMember> = []
  const owners: Array<number> = []
  const settled: Array<Outcome.Outcome | undefined> = []
  const lacking = Outcome.rejected(lacks[settings.uploadKeyType])
  const partsOf = readers[settings.uploadKeyType]
  const reasons = new Set<string>()
  for (let index = 0; index < members.length; index++) {
    const member = members[index]
    reasons.clear()
    const parts = member === undefined ? undefined : partsOf(member, settings, reasons)
    if (parts === undefined) {
      settled.push(lacking)
    } else if (parts.length === 0) {
      settled.push(isRemoval ? Outcome.delivered : rejected(reasons))
    } else if (audienceMembers.length + parts.length > most.members && audienceMembers.length > 0) {
      settled.push(full)
    } else {
      for (const part of parts) {
        audienceMembers.push(part)
        owners.push(index)
      }
      settled.push(undefined)
    }
  }
  return { audienceMembers, owners, settled }
}

/**
 * A member's audience members: `undefined` where it has no identifier of the kind, none where it has no usable one. Adds
 * to `reasons` why an identifier cannot be used.
 */
type Reader = (
  member: ListMember,
  settings: Settings,
  reasons: Set<string>
) => ReadonlyArray<AudienceMember> | undefined

const contacts: Reader = ({ identifiers, required }, settings, reasons) => {
  const emails = identifiers.email ?? none
  const phones = identifiers.phone ?? none
  if (emails.length + phones.length === 0) return undefined
  const found = keysOf(emails, Keys.keyEmail, settings, reasons)
    .map((emailAddress): UserIdentifier => ({ emailAddress }))
    .concat(keysOf(phones, Keys.keyPhone, settings, reasons).map((phoneNumber) => ({ phoneNumber })))
  // The ledger knows of identifiers and not of addresses: an address alone would be nobody's entry.
  const parts = settings.addresses && found.length > 0 ? required.address : undefined
  const address = parts === undefined || parts === null ? undefined : addressOf(parts)
  if (address !== undefined) found.push({ address })
  return inTens(found).map((userIdentifiers) => ({ userData: { userIdentifiers } }))
}

const mobileIds: Reader = ({ identifiers }, settings, reasons) => {
  const [values = none, key] =
    settings.keySpace === "IOS"
      ? [identifiers["ios.idfa"], Keys.keyIosIdfa]
      : [identifiers["android.idfa"], Keys.keyAndroidIdfa]
  if (values.length === 0) return undefined
  return inTens(keysOf(values, key, settings, reasons)).map((mobileIds) => ({ mobileData: { mobileIds } }))
}

const userIds: Reader = ({ identifiers: { user_id: values = none } }, settings, reasons) =>
  values.length === 0
    ? undefined
    : keysOf(values, Keys.keyUserId, settings, reasons).map((userId) => ({ userIdData: { userId } }))

const readers: Readonly<Record<Settings["uploadKeyType"], Reader>> = {
  CONTACT_ID: contacts,
  MOBILE_ID: mobileIds,
  USER_ID: userIds
}

/** Keys, each once: several spellings of one address (a.b@gmail.com, ab@gmail.com) are one identifier. */
const keysOf = (
  values: ReadonlyArray<string>,
  keyOf: (value: string, settings: Settings) => Keys.Key,
  settings: Settings,
  reasons: Set<string>
): ReadonlyArray<string> => {
  const keys: Array<string> = []
  for (const value of values) {
    const key = keyOf(value, settings)
    if ("reason" in key) reasons.add(key.reason)
    else if (!keys.includes(key.key)) keys.push(key.key)
  }
  return keys
}

/** In groups of ten, which is what one audience member holds. */
const inTens = <A>(found: ReadonlyArray<A>): ReadonlyArray<ReadonlyArray<A>> => {
  if (found.length === 0) return []
  if (found.length <= most.identifiers) return [found]
  const groups: Array<ReadonlyArray<A>> = []
  for (let start = 0; start < found.length; start += most.identifiers) {
    groups.push(found.slice(start, start + most.identifiers))
  }
  return groups
}
