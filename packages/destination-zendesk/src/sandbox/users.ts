// Users: create or update by external id or e-mail, look up, search.
import { type Account, countWrite, nextId, unwritten, type User } from "./account.ts"
import { change, valuesOf } from "./fields.ts"
import { setDefault } from "./organizations.ts"
import {
  type Answer,
  answer,
  type Attributes,
  type Fault,
  invalidAttribute,
  isAttributes,
  paged,
  recordInvalid,
  text,
  titled,
  tooManyUpdates,
  wrongText
} from "./wire.ts"

export interface WriteRules {
  /** Writes of one record in a minute. */
  readonly writesPerMinute: number
}

export type Written =
  | { readonly _tag: "Written"; readonly user: User; readonly created: boolean }
  | { readonly _tag: "Refused"; readonly answer: Answer }

const refused = (answer: Answer): Written => ({ _tag: "Refused", answer })

const mistyped = (attributes: Attributes): Answer | undefined => {
  const wrong = wrongText(attributes, "user", ["name", "email", "external_id", "phone", "time_zone", "locale", "role"])
  if (wrong !== undefined) return wrong
  for (const name of ["skip_verify_email", "verified"]) {
    const value = attributes[name]
    if (value !== undefined && typeof value !== "boolean") return invalidAttribute(`user.${name}`, "must be a boolean")
  }
  const { organization_id: organization, user_fields: fields, tags } = attributes
  if (organization !== undefined && organization !== null && !Number.isInteger(organization)) {
    return invalidAttribute("user.organization_id", "must be an integer")
  }
  if (fields !== undefined && !isAttributes(fields)) return invalidAttribute("user.user_fields", "must be an object")
  if (tags !== undefined && !Array.isArray(tags)) return invalidAttribute("user.tags", "must be an array")
  return undefined
}

const faultsOf = (account: Account, attributes: Attributes, match: User | undefined): ReadonlyArray<Fault> => {
  const faults: Array<Fault> = []
  const email = text(attributes, "email")
  if (text(attributes, "name") === undefined && (match === undefined || attributes["name"] !== undefined)) {
    faults.push({ field: "name", description: "Name: cannot be blank", error: "BlankValue" })
  }
  if (email !== undefined) {
    const owner = account.usersByEmail.get(email.toLowerCase())
    if (!/^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(email)) {
      faults.push({ field: "email", description: `Email: ${email} is not properly formatted`, error: "InvalidValue" })
    } else if (owner !== undefined && owner !== match) {
      faults.push({
        field: "email",
        description: `Email: ${email} is already being used by another user`,
        error: "DuplicateValue"
      })
    }
  }
  if (attributes["role"] !== undefined && attributes["role"] !== "end-user") {
    faults.push({ field: "role", description: "Role: this sandbox makes end users only", error: "InvalidValue" })
  }
  // Unverified: that the call refuses to touch those who work in Zendesk, and in which words.
  if (match !== undefined && match.role !== "end-user") {
    faults.push({ field: "role", description: "Role: an agent cannot be changed by this call", error: "InvalidValue" })
  }
  return faults
}

/** Creates or updates the user with this external id, else with this e-mail address. */
export const write = (account: Account, attributes: Attributes, rules: WriteRules, now: number): Written => {
  const wrong = mistyped(attributes)
  if (wrong !== undefined) return refused(wrong)
  const externalId = text(attributes, "external_id")
  const email = text(attributes, "email")
  const match =
    (externalId === undefined ? undefined : account.usersByExternalId.get(externalId.toLowerCase())) ??
    (email === undefined ? undefined : account.usersByEmail.get(email.toLowerCase()))
  const faults = faultsOf(account, attributes, match)
  const fields = isAttributes(attributes["user_fields"]) ? attributes["user_fields"] : {}
  const changed = change(account.userFields, match?.fields ?? {}, fields)
  if (faults.length + changed.faults.length > 0) return refused(recordInvalid([...faults, ...changed.faults]))
  const organization =
    typeof attributes["organization_id"] === "number"
      ? account.organizations.get(attributes["organization_id"])
      : undefined
  if (typeof attributes["organization_id"] === "number" && organization === undefined) {
    return refused(
      recordInvalid([{ field: "organization", description: "Organization cannot be blank", error: "BlankValue" }])
    )
  }
  const user = match ?? created(account, now)
  if (!countWrite(user, rules.writesPerMinute, now)) return refused(tooManyUpdates("user", now))
  if (match === undefined) {
    account.users.set(user.id, user)
    if (attributes["skip_verify_email"] !== true && email !== undefined) account.mails++
  }
  user.name = text(attributes, "name") ?? user.name
  user.fields = changed.values
  if (Array.isArray(attributes["tags"])) user.tags = attributes["tags"].map(String)
  // Matched in any case, and then kept in the case that was sent: the vendor's OpenAPI.
  if (externalId !== undefined) {
    if (user.externalId !== undefined) account.usersByExternalId.delete(user.externalId.toLowerCase())
    user.externalId = externalId
    account.usersByExternalId.set(externalId.toLowerCase(), user)
  }
  if (email !== undefined) {
    // A further address stands beside the primary one, and the user is found by both.
    user.email ??= email.toLowerCase()
    account.usersByEmail.set(email.toLowerCase(), user)
  }
  if (organization !== undefined) setDefault(account, user, organization)
  return { _tag: "Written", user, created: match === undefined }
}

const created = (account: Account, now: number): User => ({
  ...unwritten,
  id: nextId(account),
  createdAt: now,
  name: "",
  email: undefined,
  externalId: undefined,
  role: "end-user",
  tags: [],
  fields: {},
  organizations: []
})

export const addAgent = (account: Account, email: string): void => {
  const user: User = { ...created(account, 0), name: "Agent", email: email.toLowerCase(), role: "agent" }
  account.users.set(user.id, user)
  account.usersByEmail.set(email.toLowerCase(), user)
}

const shown = (account: Account, user: User) => ({
  id: user.id,
  name: user.name,
  email: user.email ?? null,
  external_id: user.externalId ?? null,
  role: user.role,
  organization_id: user.organizations[0] ?? null,
  tags: user.tags,
  user_fields: valuesOf(account.userFields, user.fields),
  created_at: new Date(user.createdAt).toISOString()
})

export const createOrUpdate = (account: Account, body: Attributes, rules: WriteRules, now: number): Answer => {
  const attributes = body["user"]
  if (!isAttributes(attributes)) return invalidAttribute("user", "must be an object")
  const written = write(account, attributes, rules, now)
  return written._tag === "Refused"
    ? written.answer
    : answer(written.created ? 201 : 200, { user: shown(account, written.user) })
}

/** By ids or external ids, 100 at most; what is not known is left out. Reads the records, so it never lags. */
export const showMany = (account: Account, query: URLSearchParams): Answer => {
  const ids = query.get("ids")
  const externalIds = query.get("external_ids")
  const asked = (externalIds ?? ids ?? "").split(",").filter((id) => id !== "")
  if (asked.length === 0) return titled(400, "Bad Request", "ids or external_ids is required")
  if (asked.length > 100) return titled(400, "Bad Request", "At most 100 ids or external_ids are taken")
  const found = asked.flatMap((id) => {
    const user =
      externalIds === null ? account.users.get(Number(id)) : account.usersByExternalId.get(id.trim().toLowerCase())
    return user ?? []
  })
  return answer(200, {
    users: [...new Set(found)].map((user) => shown(account, user)),
    next_page: null,
    previous_page: null,
    count: found.length
  })
}

/** Reads the index, which learns of a new user only after a while. */
export const search = (account: Account, query: URLSearchParams, lagMillis: number, now: number): Answer => {
  const externalId = query.get("external_id")
  const words = query.get("query")
  if (externalId === null && words === null) return titled(400, "Bad Request", "query or external_id is required")
  const indexed = (user: User) => user.createdAt + lagMillis <= now
  const found: Array<User> = []
  if (externalId !== null) {
    const user = account.usersByExternalId.get(externalId.toLowerCase())
    if (user !== undefined && indexed(user)) found.push(user)
  } else if (words !== null) {
    const wanted = words
      .replace(/^email:/, "")
      .replaceAll('"', "")
      .toLowerCase()
    const byEmail = account.usersByEmail.get(wanted)
    if (byEmail !== undefined) {
      if (indexed(byEmail)) found.push(byEmail)
    } else {
      for (const user of account.users.values()) {
        if (found.length >= 10_000) break
        if (indexed(user) && user.name.toLowerCase().includes(wanted)) found.push(user)
      }
    }
  }
  return paged(
    "users",
    found.map((user) => shown(account, user)),
    query
  )
}
