// Identities: the addresses that a user is found by. One of them is primary, and is what the user shows as `email`.
import { type Account, nextId, type User } from "./account.ts"
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
  text
} from "./wire.ts"

export interface Identity {
  readonly id: number
  readonly value: string
  primary: boolean
  verified: boolean
}

/** Addresses are trimmed and compared in lower case, and so they are shown. */
export const normal = (address: string): string => address.trim().toLowerCase()

export const emailOf = (user: User): string | undefined => user.identities.find(({ primary }) => primary)?.value

/** Why a user cannot have this address, as recorded: a malformed one has no code. */
export const faultOf = (account: Account, address: string, of: User | undefined): Fault | undefined => {
  if (!/^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(address)) {
    return { field: "email", description: `Email: ${address} is not properly formatted` }
  }
  const owner = account.usersByEmail.get(normal(address))
  return owner === undefined || owner === of
    ? undefined
    : {
        field: "email",
        description: `Email: ${address} is already being used by another user`,
        error: "DuplicateValue"
      }
}

/** A further address stands beside the primary one, and the user is found by both. */
export const add = (account: Account, user: User, address: string, now: number): Identity => {
  const value = normal(address)
  const known = user.identities.find((identity) => identity.value === value)
  if (known !== undefined) return known
  const identity = { id: nextId(account), value, primary: user.identities.length === 0, verified: false }
  user.identities.push(identity)
  account.usersByEmail.set(value, user)
  user.indexed.push({ value, from: now, until: undefined })
  return identity
}

const remove = (account: Account, user: User, identity: Identity, now: number): void => {
  user.identities.splice(user.identities.indexOf(identity), 1)
  account.usersByEmail.delete(identity.value)
  for (const entry of user.indexed) if (entry.value === identity.value) entry.until ??= now
  // Unverified: that the next address takes the place of a primary one that is deleted.
  const [next] = user.identities
  if (identity.primary && next !== undefined) next.primary = true
}

export const removeAll = (account: Account, user: User, now: number): void => {
  for (let [first] = user.identities; first !== undefined; [first] = user.identities) remove(account, user, first, now)
}

const shown = (user: User, { id, primary, value, verified }: Identity) => ({
  id,
  user_id: user.id,
  type: "email",
  value,
  verified,
  primary,
  deliverable_state: "deliverable"
})

const shownAll = (user: User) => user.identities.map((identity) => shown(user, identity))

export const list = (user: User, query: URLSearchParams): Answer => paged("identities", shownAll(user), query)

export const create = (account: Account, user: User, body: Attributes, now: number): Answer => {
  const attributes = body["identity"]
  if (!isAttributes(attributes)) return invalidAttribute("identity", "must be an object")
  const value = text(attributes, "value")
  if (attributes["type"] !== "email" || value === undefined) {
    return recordInvalid([{ field: "value", description: "Value: cannot be blank", error: "BlankValue" }])
  }
  const fault = faultOf(account, value, undefined)
  if (fault !== undefined) return recordInvalid([fault])
  if (attributes["skip_verify_email"] !== true) account.mails++
  return answer(201, { identity: shown(user, add(account, user, value, now)) })
}

/** What is asked of one identity. `primary` cannot be changed by a PUT on it, but by `make_primary` alone. */
export const change = (
  account: Account,
  user: User,
  id: number,
  request: "show" | "make_primary" | "delete",
  now: number
): Answer => {
  const identity = user.identities.find((each) => each.id === id)
  if (identity === undefined) return notFound
  switch (request) {
    case "show":
      return answer(200, { identity: shown(user, identity) })
    case "make_primary":
      for (const each of user.identities) each.primary = each === identity
      return answer(200, { identities: shownAll(user), count: user.identities.length })
    case "delete":
      remove(account, user, identity, now)
      return answer(204)
  }
}
