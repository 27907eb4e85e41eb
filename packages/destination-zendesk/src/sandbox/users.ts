// Users: create or update by external id or e-mail, look up, search.
import { type Account, countWrite, nextId, unwritten, type User } from "./account.ts"
import { change, valuesOf } from "./fields.ts"
import * as Identities from "./identities.ts"
import { leaveAll, setDefault } from "./organizations.ts"
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
  const fault = email === undefined ? undefined : Identities.faultOf(account, email, match)
  if (fault !== undefined) faults.push(fault)
  if (attributes["role"] !== undefined && attributes["role"] !== "end-user") {
    faults.push({ field: "role", description: "Role: this sandbox makes end users only", error: "InvalidValue" })
  }
  // Unverified: that the call refuses to touch those who work in Zendesk, and in which words.
  if (match !== undefined && match.role !== "end-user") {
    faults.push({ field: "role", description: "Role: an agent cannot be changed by this call", error: "InvalidValue" })
  }
  return faults
}

/**
 * Creates or updates the user with this external id, else with this e-mail address. Where the two belong to two people
 * the address is refused, and nothing of the request is stored.
 */
export const write = (account: Account, attributes: Attributes, rules: WriteRules, now: number): Written => {
  const wrong = mistyped(attributes)
  if (wrong !== undefined) return refused(wrong)
  const externalId = text(attributes, "external_id")
  const email = text(attributes, "email")
  const match =
    (externalId === undefined ? undefined : account.usersByExternalId.get(externalId.toLowerCase())) ??
    (email === undefined ? undefined : account.usersByEmail.get(Identities.normal(email)))
  return save(account, match, attributes, rules, now)
}

const save = (
  account: Account,
  match: User | undefined,
  attributes: Attributes,
  rules: WriteRules,
  now: number
): Written => {
  const externalId = text(attributes, "external_id")
  const email = text(attributes, "email")
  const faults = [...faultsOf(account, attributes, match)]
  const holder = externalId === undefined ? undefined : account.usersByExternalId.get(externalId.toLowerCase())
  if (holder !== undefined && holder !== match) {
    const description = `External: ${externalId} has already been taken`
    faults.push({ field: "external_id", description, error: "DuplicateValue" })
  }
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
  // The whole list, and not these in addition (recorded).
  if (Array.isArray(attributes["tags"])) user.tags = attributes["tags"].map(String)
  if (externalId !== undefined) identify(account, user, externalId)
  if (email !== undefined) Identities.add(account, user, email, now)
  if (organization !== undefined) setDefault(account, user, organization)
  return { _tag: "Written", user, created: match === undefined }
}

/** Matched in any case, and then kept in the case that was sent: the vendor's OpenAPI. One that was there is replaced. */
const identify = (account: Account, user: User, externalId: string): void => {
  if (user.externalId !== undefined) account.usersByExternalId.delete(user.externalId.toLowerCase())
  user.externalId = externalId
  account.usersByExternalId.set(externalId.toLowerCase(), user)
}

const created = (account: Account, now: number): User => ({
  ...unwritten,
  id: nextId(account),
  createdAt: now,
  name: "",
  identities: [],
  indexed: [],
  externalId: undefined,
  role: "end-user",
  tags: [],
  fields: {},
  organizations: []
})

export const addAgent = (account: Account, email: string): void => {
  const user: User = { ...created(account, 0), name: "Agent", role: "agent" }
  account.users.set(user.id, user)
  Identities.add(account, user, email, 0)
}

const shown = (account: Account, user: User) => ({
  id: user.id,
  name: user.name,
  email: Identities.emailOf(user) ?? null,
  external_id: user.externalId ?? null,
  role: user.role,
  active: true,
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

export const show = (account: Account, user: User): Answer => answer(200, { user: shown(account, user) })

/** A PUT by Zendesk's id, which never creates. */
export const update = (account: Account, user: User, body: Attributes, rules: WriteRules, now: number): Answer => {
  const attributes = body["user"]
  if (!isAttributes(attributes)) return invalidAttribute("user", "must be an object")
  const wrong = mistyped(attributes)
  if (wrong !== undefined) return wrong
  const written = save(account, user, attributes, rules, now)
  return written._tag === "Refused" ? written.answer : show(account, written.user)
}

/** Soft, as recorded: both keys are free at once, and whoever is sent by them next is a new user. */
export const remove = (account: Account, user: User, now: number): Answer => {
  if (user.externalId !== undefined) account.usersByExternalId.delete(user.externalId.toLowerCase())
  user.externalId = undefined
  Identities.removeAll(account, user, now)
  leaveAll(account, user)
  account.users.delete(user.id)
  return answer(200, { user: { ...shown(account, user), active: false } })
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

/** By external id what is there; by words what the index has, which learns of addresses and forgets them after a while. */
export const search = (account: Account, query: URLSearchParams, lagMillis: number, now: number): Answer => {
  const externalId = query.get("external_id")
  const words = query.get("query")
  if (externalId === null && words === null) return titled(400, "Bad Request", "query or external_id is required")
  const found: Array<User> = []
  if (externalId !== null) {
    const user = account.usersByExternalId.get(externalId.toLowerCase())
    if (user !== undefined) found.push(user)
  } else if (words !== null) {
    const wanted = words
      .replace(/^email:/, "")
      .replaceAll('"', "")
      .toLowerCase()
    const isIndexed = (user: User) =>
      wanted.includes("@")
        ? user.indexed.some(
            ({ from, until, value }) =>
              value === wanted && from + lagMillis <= now && (until === undefined || now < until + lagMillis)
          )
        : user.createdAt + lagMillis <= now && user.name.toLowerCase().includes(wanted)
    for (const user of account.users.values()) {
      if (found.length >= 10_000) break
      if (isIndexed(user)) found.push(user)
    }
  }
  return paged(
    "users",
    found.map((user) => shown(account, user)),
    query
  )
}
