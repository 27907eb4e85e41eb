/**
 * What the vendor checks of an ingest or remove request before it takes it: fast-fail, so one bad required field
 * refuses the whole request.
 *
 * Sources: google/ads/datamanager/v1/audience.proto, ingestion_service.proto, error.proto;
 * developers.google.com/data-manager/api/devguides/concepts/understand-errors.
 *
 * @since 0.1.0
 */
import { isRecord, violation, type Violation } from "./answers.ts"

/**
 * The members of a request that was taken.
 *
 * @category models
 * @since 0.1.0
 */
export interface Upload {
  /** The field that the members carry, such as `userData`. */
  readonly kind: string
  readonly records: number
  readonly identifiers: number
  /** Identifiers of the members whose consent is not denied. */
  readonly keys: ReadonlyArray<string>
  /** For each member where its keys end: they begin where those of the one before end. */
  readonly ends: ReadonlyArray<number>
  /** Members whose consent is denied: taken, and dropped when they are processed. */
  readonly denied: number
}

const dataKinds = [
  "userData",
  "mobileData",
  "userIdData",
  "compositeData",
  "pairData",
  "ppidData",
  "googleUserIdData",
  "partnerProvidedIdData"
]
const memberFields = new Set([...dataKinds, "consent", "destinationReferences"])
const ingestFields = new Set([
  "destinations",
  "audienceMembers",
  "consent",
  "validateOnly",
  "encoding",
  "encryptionInfo",
  "termsOfService"
])
const removeFields = new Set(["destinations", "audienceMembers", "validateOnly", "encoding", "encryptionInfo"])

const hexDigits = /^[0-9a-fA-F]*$/
const base64 = /^[A-Za-z0-9+/]*={0,2}$/
const uuid = /^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$/

const hashProblem = (value: string, encoding: unknown): string | undefined => {
  if (encoding === "HEX") {
    if (value.length % 2 === 1 || !hexDigits.test(value)) return "INVALID_HEX_ENCODING"
    return value.length === 64 ? undefined : "INVALID_SHA256_FORMAT"
  }
  if (value.length % 4 !== 0 || !base64.test(value)) return "INVALID_BASE64_ENCODING"
  return value.length === 44 ? undefined : "INVALID_SHA256_FORMAT"
}

const inHex = (value: string, encoding: unknown) =>
  encoding === "HEX" ? value.toLowerCase() : Buffer.from(value, "base64").toString("hex")

/** Adds the identifiers of `userData` to `keys`; the reason why it is refused otherwise. */
const readUserData = (data: unknown, encoding: unknown, keys: Array<string>): string | undefined => {
  const identifiers: unknown = isRecord(data) ? data["userIdentifiers"] : undefined
  if (!Array.isArray(identifiers) || identifiers.length === 0) return "REQUIRED_FIELD_MISSING"
  if (identifiers.length > 10) return "TOO_MANY_USER_IDENTIFIERS"
  for (let i = 0; i < identifiers.length; i++) {
    const identifier: unknown = identifiers[i]
    if (!isRecord(identifier) || Object.keys(identifier).length !== 1) return "INVALID_AUDIENCE_MEMBER"
    const hash = identifier["emailAddress"] ?? identifier["phoneNumber"]
    if (typeof hash === "string") {
      const problem = hashProblem(hash, encoding)
      if (problem !== undefined) return problem
      keys.push(inHex(hash, encoding))
      continue
    }
    const address = identifier["address"]
    if (!isRecord(address)) return "REQUIRED_FIELD_MISSING"
    const { givenName, familyName, regionCode, postalCode } = address
    if (
      typeof givenName !== "string" ||
      typeof familyName !== "string" ||
      typeof regionCode !== "string" ||
      typeof postalCode !== "string" ||
      postalCode === ""
    ) {
      return "REQUIRED_FIELD_MISSING"
    }
    const problem = hashProblem(givenName, encoding) ?? hashProblem(familyName, encoding)
    if (problem !== undefined) return problem
    if (!/^[A-Z]{2}$/.test(regionCode)) return "INVALID_REGION_CODE"
    keys.push(`${inHex(givenName, encoding)}|${inHex(familyName, encoding)}|${regionCode}|${postalCode}`)
  }
  return undefined
}

const readMobileData = (data: unknown, keys: Array<string>): string | undefined => {
  const ids: unknown = isRecord(data) ? data["mobileIds"] : undefined
  if (!Array.isArray(ids) || ids.length === 0) return "REQUIRED_FIELD_MISSING"
  if (ids.length > 10) return "TOO_MANY_USER_IDENTIFIERS"
  for (let i = 0; i < ids.length; i++) {
    const id: unknown = ids[i]
    if (typeof id !== "string" || !uuid.test(id)) return "INVALID_MOBILE_ID_FORMAT"
    keys.push(id)
  }
  return undefined
}

const readUserIdData = (data: unknown, keys: Array<string>): string | undefined => {
  const id = isRecord(data) ? data["userId"] : undefined
  if (typeof id !== "string" || id === "") return "REQUIRED_FIELD_MISSING"
  keys.push(id)
  return undefined
}

const readData = (kind: string, data: unknown, encoding: unknown, keys: Array<string>): string | undefined => {
  if (kind === "userData") return readUserData(data, encoding, keys)
  if (kind === "mobileData") return readMobileData(data, keys)
  if (kind === "userIdData") return readUserIdData(data, keys)
  return undefined // another list type's business: refused where the list is known
}

const isConsentValue = (value: unknown) =>
  value === undefined || value === "CONSENT_GRANTED" || value === "CONSENT_DENIED"
const isConsent = (value: unknown) =>
  value === undefined ||
  (isRecord(value) && isConsentValue(value["adUserData"]) && isConsentValue(value["adPersonalization"]))
const isDenied = (value: unknown) =>
  isRecord(value) && (value["adUserData"] === "CONSENT_DENIED" || value["adPersonalization"] === "CONSENT_DENIED")

const at = (index: number, reason: string): Violation =>
  violation(`audience_members[${index}]`, reason, `The audience member is refused: ${reason}.`)
const missing = (field: string) => violation(field, "REQUIRED_FIELD_MISSING", "Required field is missing.")

/**
 * Reads the members of a request, or says what is wrong with it.
 *
 * @category combinators
 * @since 0.1.0
 */
export const readUpload = (
  body: Readonly<Record<string, unknown>>,
  operation: "ingest" | "remove"
): Upload | ReadonlyArray<Violation> => {
  const fields = operation === "ingest" ? ingestFields : removeFields
  for (const name of Object.keys(body)) {
    if (!fields.has(name)) return [violation(name, "INVALID_ARGUMENT", `Unknown name "${name}": Cannot find field.`)]
  }
  const members: unknown = body["audienceMembers"]
  if (!Array.isArray(members) || members.length === 0) return [missing("audience_members")]
  if (members.length > 10_000) {
    return [
      violation(
        "audience_members",
        "TOO_MANY_AUDIENCE_MEMBERS",
        "At most 10,000 audience members are allowed per request."
      )
    ]
  }
  const { encoding, consent, termsOfService } = body
  if (encoding !== undefined && encoding !== "HEX" && encoding !== "BASE64") {
    return [violation("encoding", "INVALID_ENUM_VALUE", "Enum value cannot be used.")]
  }
  if (!isConsent(consent)) return [violation("consent", "INVALID_ENUM_VALUE", "Enum value cannot be used.")]

  const violations: Array<Violation> = []
  const keys: Array<string> = []
  const ends: Array<number> = []
  let identifiers = 0
  let denied = 0
  let kind: string | undefined
  for (let i = 0; i < members.length; i++) {
    const member: unknown = members[i]
    if (!isRecord(member)) {
      violations.push(at(i, "INVALID_AUDIENCE_MEMBER"))
      continue
    }
    let own: string | undefined
    let problem: string | undefined
    for (const name in member) {
      if (!memberFields.has(name)) problem = "INVALID_ARGUMENT"
      else if (name !== "consent" && name !== "destinationReferences") {
        if (own !== undefined) problem = "INVALID_AUDIENCE_MEMBER"
        own = name
      }
    }
    const memberConsent = member["consent"]
    if (!isConsent(memberConsent)) problem = "INVALID_ENUM_VALUE"
    if (own === undefined) problem ??= "REQUIRED_FIELD_MISSING"
    else {
      if (kind !== undefined && own !== kind) {
        return [violation("audience_members", "MULTIPLE_DATA_TYPES_NOT_ALLOWED", "One data type per request.")]
      }
      if (kind === undefined && own === "userData" && encoding === undefined) return [missing("encoding")]
      kind = own
      const before = keys.length
      problem ??= readData(own, member[own], encoding, keys)
      identifiers += keys.length - before
      if (isDenied(memberConsent ?? consent)) {
        denied++
        keys.length = before
      }
    }
    if (problem !== undefined) violations.push(at(i, problem))
    ends.push(keys.length)
  }
  if (operation === "ingest" && (kind === "userData" || kind === "mobileData")) {
    const status = isRecord(termsOfService) ? termsOfService["customerMatchTermsOfServiceStatus"] : undefined
    if (status !== "ACCEPTED") violations.push(missing("terms_of_service.customer_match_terms_of_service_status"))
  }
  if (violations.length > 0 || kind === undefined) return violations
  return { kind, records: members.length, identifiers, keys, ends, denied }
}
