// Organizations and their memberships.
import { type Account, countWrite, nextId, type Organization, unwritten, type User } from "./account.ts"
import { change, valuesOf } from "./fields.ts"
import {
  type Answer,
  answer,
  type Attributes,
  type Fault,
  invalidAttribute,
  isAttributes,
  notFound,
  paged,
  recordInvalid,
  text,
  titled,
  tooManyUpdates,
  wrongText
} from "./wire.ts"

const shown = (account: Account, organization: Organization) => ({
  id: organization.id,
  name: organization.name,
  external_id: organization.externalId ?? null,
  organization_fields: valuesOf(account.organizationFields, organization.fields),
  created_at: new Date(organization.createdAt).toISOString()
})

/** By `id` or `external_id` only: a name matches nothing, it can only be taken. */
export const createOrUpdate = (account: Account, body: Attributes, writesPerMinute: number, now: number): Answer => {
  const attributes = body["organization"]
  if (!isAttributes(attributes)) return invalidAttribute("organization", "must be an object")
  const wrong = wrongText(attributes, "organization", ["name", "external_id", "details", "notes"])
  if (wrong !== undefined) return wrong
  const given = attributes["organization_fields"]
  if (given !== undefined && !isAttributes(given)) {
    return invalidAttribute("organization.organization_fields", "must be an object")
  }
  const externalId = text(attributes, "external_id")
  const match =
    typeof attributes["id"] === "number"
      ? account.organizations.get(attributes["id"])
      : externalId === undefined
        ? undefined
        : account.organizationsByExternalId.get(externalId.toLowerCase())
  const name = text(attributes, "name")
  const faults: Array<Fault> = []
  if (name === undefined && (match === undefined || attributes["name"] !== undefined)) {
    faults.push({ field: "name", description: "Name: cannot be blank", error: "BlankValue" })
  }
  // The name is trimmed before it is compared: the vendor's OpenAPI.
  const owner = name === undefined ? undefined : account.organizationsByName.get(name)
  if (owner !== undefined && owner !== match) {
    faults.push({ field: "name", description: `Name: ${name} has already been taken`, error: "DuplicateValue" })
  }
  const changed = change(account.organizationFields, match?.fields ?? {}, given ?? {})
  if (faults.length + changed.faults.length > 0) return recordInvalid([...faults, ...changed.faults])
  const organization: Organization = match ?? {
    ...unwritten,
    id: nextId(account),
    createdAt: now,
    name: "",
    externalId: undefined,
    fields: {},
    members: new Map()
  }
  if (!countWrite(organization, writesPerMinute, now)) return tooManyUpdates("organization", now)
  account.organizations.set(organization.id, organization)
  organization.fields = changed.values
  if (name !== undefined) {
    account.organizationsByName.delete(organization.name)
    organization.name = name
    account.organizationsByName.set(name, organization)
  }
  if (externalId !== undefined) {
    if (organization.externalId !== undefined) {
      account.organizationsByExternalId.delete(organization.externalId.toLowerCase())
    }
    organization.externalId = externalId
    account.organizationsByExternalId.set(externalId.toLowerCase(), organization)
  }
  return answer(match === undefined ? 201 : 200, { organization: shown(account, organization) })
}

export const search = (account: Account, query: URLSearchParams, lagMillis: number, now: number): Answer => {
  const externalId = query.get("external_id")
  const name = query.get("name")
  if ((externalId === null) === (name === null)) {
    return titled(400, "Bad Request", "Either external_id or name is required, not both")
  }
  const found =
    externalId === null
      ? account.organizationsByName.get((name ?? "").trim())
      : account.organizationsByExternalId.get(externalId.toLowerCase())
  const indexed = found !== undefined && found.createdAt + lagMillis <= now
  return paged("organizations", indexed ? [shown(account, found)] : [], query)
}

const shownMembership = (id: number, user: User, organization: Organization) => ({
  id,
  user_id: user.id,
  organization_id: organization.id,
  default: user.organizations[0] === organization.id
})

export const memberships = (account: Account, organizationId: number, query: URLSearchParams): Answer => {
  const organization = account.organizations.get(organizationId)
  if (organization === undefined) return notFound
  const members = [...organization.members].flatMap(([userId, id]) => {
    const user = account.users.get(userId)
    return user === undefined ? [] : [shownMembership(id, user, organization)]
  })
  return paged("organization_memberships", members, query)
}

const join = (account: Account, user: User, organization: Organization, asDefault: boolean): number => {
  const id = nextId(account)
  organization.members.set(user.id, id)
  account.memberships.set(id, { user, organization })
  user.organizations = asDefault ? [organization.id, ...user.organizations] : [...user.organizations, organization.id]
  return id
}

const leave = (account: Account, user: User, organization: Organization): void => {
  const id = organization.members.get(user.id)
  if (id !== undefined) account.memberships.delete(id)
  organization.members.delete(user.id)
  user.organizations = user.organizations.filter((other) => other !== organization.id)
}

export const leaveAll = (account: Account, user: User): void => {
  for (const id of user.organizations) {
    const organization = account.organizations.get(id)
    if (organization !== undefined) leave(account, user, organization)
  }
}

export const createMembership = (account: Account, body: Attributes): Answer => {
  const attributes = body["organization_membership"]
  if (!isAttributes(attributes)) return invalidAttribute("organization_membership", "must be an object")
  const { user_id: userId, organization_id: organizationId } = attributes
  const user = typeof userId === "number" ? account.users.get(userId) : undefined
  const organization = typeof organizationId === "number" ? account.organizations.get(organizationId) : undefined
  const faults: Array<Fault> = []
  if (user === undefined) faults.push({ field: "user", description: "User cannot be blank", error: "BlankValue" })
  if (organization === undefined) {
    faults.push({ field: "organization", description: "Organization cannot be blank", error: "BlankValue" })
  }
  if (user === undefined || organization === undefined) return recordInvalid(faults)
  if (organization.members.has(user.id)) {
    return recordInvalid([{ field: "user_id", description: "User has already been taken", error: "DuplicateValue" }])
  }
  const id = join(account, user, organization, attributes["default"] === true)
  return answer(201, { organization_membership: shownMembership(id, user, organization) })
}

export const removeMembership = (account: Account, id: number): Answer => {
  const membership = account.memberships.get(id)
  if (membership === undefined) return notFound
  leave(account, membership.user, membership.organization)
  return answer(204)
}

/** What `organization_id` of a user does: the new organization takes the place of the default one. */
export const setDefault = (account: Account, user: User, organization: Organization): void => {
  const before = user.organizations[0]
  if (before === organization.id) return
  const left = before === undefined ? undefined : account.organizations.get(before)
  if (left !== undefined) leave(account, user, left)
  if (organization.members.has(user.id)) {
    user.organizations = [organization.id, ...user.organizations.filter((other) => other !== organization.id)]
  } else join(account, user, organization, true)
}
