/**
 * User lists of one account: create, look up, rename, delete, with the members that they hold.
 *
 * Source: google/ads/datamanager/v1/user_list_service.proto and user_list.proto.
 *
 * @since 0.1.0
 */
import type { Sandbox } from "@tributary/core"
import { invalid, isRecord, notFound, refuse, violation, type Violation } from "./answers.ts"

const day = 86_400_000

/**
 * A user list.
 *
 * @category models
 * @since 0.1.0
 */
export interface UserList {
  readonly id: string
  displayName: string
  description: string
  membershipDays: number
  readonly uploadKeyTypes: ReadonlyArray<string>
  readonly info: unknown
  /** Identifier, and when it was last added. */
  readonly members: Map<string, number>
}

interface Fields {
  readonly displayName?: string
  readonly description?: string
  readonly membershipDays?: number
}

const known = new Set([
  "name",
  "displayName",
  "description",
  "membershipStatus",
  "integrationCode",
  "membershipDuration",
  "accountAccessStatus",
  "targetNetworkInfo",
  "ingestedUserListInfo"
])
const keyTypes = new Set(["CONTACT_ID", "MOBILE_ID", "USER_ID", "PAIR_ID", "PSEUDONYMOUS_ID"])

const text = (value: unknown): string | undefined => (typeof value === "string" ? value : undefined)

/** What a filter asks of one field, or `undefined` where it is no filter. AIP-160, as far as lists need it. */
const conditionsOf = (filter: string) => {
  const pattern = /\s*(display_name|description|id)\s*(=|!=)\s*"((?:[^"\\]|\\.)*)"\s*(AND\s|$)/y
  const conditions: Array<{ readonly field: string; readonly equal: boolean; readonly value: string }> = []
  while (pattern.lastIndex < filter.length) {
    const [, field, operator, value] = pattern.exec(filter) ?? []
    if (field === undefined || value === undefined) return undefined
    conditions.push({ field, equal: operator === "=", value: value.replace(/\\(.)/g, "$1") })
  }
  return conditions
}

/**
 * The user lists of an account.
 *
 * @category models
 * @since 0.1.0
 */
export class UserLists {
  readonly byId = new Map<string, UserList>()
  private nextId = 8_000_000_001
  private readonly account: string

  constructor(account: string) {
    this.account = account
  }

  /** Members of a list whose time has not run out at `now`. */
  static members(list: UserList, now: number): Array<string> {
    const since = now - list.membershipDays * day
    const members: Array<string> = []
    for (const [member, addedAt] of list.members) if (addedAt > since) members.push(member)
    return members
  }

  create(body: unknown, isTrial: boolean, requestId: string): Sandbox.SandboxResponse {
    const problems: Array<Violation> = []
    const fields = this.read(body, undefined, problems)
    const info = isRecord(body) ? body["ingestedUserListInfo"] : undefined
    const uploadKeyTypes = this.readKeyTypes(info, problems)
    if (fields.displayName === undefined && problems.length === 0) {
      problems.push(violation("display_name", "REQUIRED_FIELD_MISSING", "Required field is missing."))
    }
    if (problems.length > 0 || fields.displayName === undefined) return invalid(requestId, problems)
    if (isTrial) return { status: 200, body: {} }
    const list: UserList = {
      id: String(this.nextId++),
      displayName: fields.displayName,
      description: fields.description ?? "",
      membershipDays: fields.membershipDays ?? 30,
      uploadKeyTypes,
      info,
      members: new Map()
    }
    this.byId.set(list.id, list)
    return { status: 200, body: this.show(list) }
  }

  find(query: URLSearchParams, requestId: string): Sandbox.SandboxResponse {
    const conditions = conditionsOf(query.get("filter") ?? "")
    const offset = Number(query.get("pageToken") ?? "0")
    const size = Number(query.get("pageSize") ?? "0")
    if (conditions === undefined || !Number.isInteger(offset) || !Number.isInteger(size) || size < 0) {
      return refuse(400, "INVALID_ARGUMENT", "Request contains an invalid argument.", {
        requestId,
        reason: "INVALID_ARGUMENT"
      })
    }
    const pageSize = Math.min(size === 0 ? 50 : size, 1000)
    const matching = [...this.byId.values()].filter((list) =>
      conditions.every(({ field, equal, value }) => {
        const actual = field === "id" ? list.id : field === "description" ? list.description : list.displayName
        return (actual === value) === equal
      })
    )
    const page = matching.slice(offset, offset + pageSize)
    return {
      status: 200,
      body: {
        ...(page.length === 0 ? {} : { userLists: page.map((list) => this.show(list)) }),
        ...(offset + pageSize < matching.length ? { nextPageToken: String(offset + pageSize) } : {})
      }
    }
  }

  one(method: string, id: string, request: Sandbox.SandboxRequest, body: unknown, requestId: string) {
    const list = this.byId.get(id)
    if (list === undefined) return notFound(requestId)
    const isTrial = request.query.get("validateOnly") === "true"
    if (method === "DELETE") {
      if (!isTrial) this.byId.delete(id)
      return { status: 200, body: {} }
    }
    if (method === "PATCH") {
      const problems: Array<Violation> = []
      const fields = this.read(body, list, problems)
      if (problems.length > 0) return invalid(requestId, problems)
      const mask = request.query.get("updateMask")?.split(",") ?? Object.keys(fields)
      const has = (name: string, proto: string) => !isTrial && (mask.includes(name) || mask.includes(proto))
      if (has("displayName", "display_name")) list.displayName = fields.displayName ?? list.displayName
      if (has("description", "description")) list.description = fields.description ?? list.description
      if (has("membershipDuration", "membership_duration")) {
        list.membershipDays = fields.membershipDays ?? list.membershipDays
      }
    }
    return { status: 200, body: this.show(list) }
  }

  private read(body: unknown, self: UserList | undefined, problems: Array<Violation>): Fields {
    if (!isRecord(body)) {
      problems.push(violation("user_list", "REQUIRED_FIELD_MISSING", "Required field is missing."))
      return {}
    }
    for (const name of Object.keys(body)) {
      if (!known.has(name)) problems.push(violation(name, "INVALID_ARGUMENT", `Unknown name "${name}".`))
    }
    const displayName = text(body["displayName"])
    if ("displayName" in body && (displayName === undefined || displayName === "")) {
      problems.push(violation("display_name", "INVALID_FORMAT", "Format is invalid."))
    }
    for (const other of this.byId.values()) {
      if (other !== self && other.displayName === displayName) {
        problems.push(violation("display_name", "DISPLAY_NAME_ALREADY_USED", "The display name is already used."))
      }
    }
    const description = text(body["description"])
    const membershipDays = this.readDays(body["membershipDuration"], problems)
    return {
      ...(displayName === undefined ? {} : { displayName }),
      ...(description === undefined ? {} : { description }),
      ...(membershipDays === undefined ? {} : { membershipDays })
    }
  }

  private readDays(duration: unknown, problems: Array<Violation>): number | undefined {
    if (duration === undefined) return undefined
    const seconds = /^(\d+)s$/.exec(text(duration) ?? "")?.[1]
    const days = Number(seconds ?? "0.5") / 86_400
    const field = "membership_duration"
    if (!Number.isInteger(days)) {
      problems.push(violation(field, "INVALID_FORMAT", "The duration must be an exact multiple of 24 hours."))
    } else if (days > 540) {
      problems.push(violation(field, "MEMBERSHIP_DURATION_TOO_LONG", "The duration must be 540 days at most."))
    }
    return days
  }

  private readKeyTypes(info: unknown, problems: Array<Violation>): ReadonlyArray<string> {
    const field = "ingested_user_list_info.upload_key_types"
    const types: unknown = isRecord(info) ? info["uploadKeyTypes"] : undefined
    if (!isRecord(info) || !Array.isArray(types) || types.length === 0) {
      problems.push(violation(field, "REQUIRED_FIELD_MISSING", "Required field is missing."))
      return []
    }
    const names = types.map(String)
    if (!names.every((name) => keyTypes.has(name))) {
      problems.push(violation(field, "INVALID_ENUM_VALUE", "Enum value cannot be used."))
    }
    if (names.includes("MOBILE_ID")) {
      const mobile = info["mobileIdInfo"]
      const isWhole =
        isRecord(mobile) &&
        (mobile["keySpace"] === "IOS" || mobile["keySpace"] === "ANDROID") &&
        (text(mobile["appId"]) ?? "") !== ""
      if (!isWhole) {
        problems.push(
          violation("ingested_user_list_info.mobile_id_info", "REQUIRED_FIELD_MISSING", "Required field is missing.")
        )
      }
    }
    return names
  }

  private show(list: UserList) {
    return {
      name: `accountTypes/GOOGLE_ADS/accounts/${this.account}/userLists/${list.id}`,
      id: list.id, // int64 travels as a string
      displayName: list.displayName,
      description: list.description,
      membershipStatus: "OPEN",
      membershipDuration: `${list.membershipDays * 86_400}s`,
      accessReason: "OWNED",
      ingestedUserListInfo: list.info
    }
  }
}
