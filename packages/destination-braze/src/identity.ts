/**
 * Who an object is about: the identifier that names the record, the addresses that stand on it, and the records that are
 * joined with it first.
 *
 * Braze names a record by one identifier, in this order: `external_id`, else `braze_id`, else `user_alias`, else `email`,
 * else `phone`. Beside a better one, an address is a plain attribute. An alias beside an `external_id` is refused, so such
 * a record is joined by `POST /users/identify`.
 *
 * Source: braze-docs `_docs/_api/endpoints/user_data/post_user_track.md` and `post_user_identify.md`.
 *
 * @since 0.1.0
 */
import type { Identifier } from "@tributary/core"
import type * as Api from "./api.ts"
import { type IdentifierType, keyOf } from "./keys.ts"
import type { BrazeCall } from "./refusal.ts"

/**
 * The identifier types in the order in which Braze names a record by them.
 *
 * @category constants
 * @since 0.1.0
 */
export const order = ["user_id", "braze_id", "anonymous_id", "email", "phone"] as const

const aliasOf = (name: string): Api.UserAlias => ({ alias_name: name, alias_label: "anonymous_id" })

/**
 * What names the record, and whether one may be created. An alias that Braze does not know becomes a profile only where it
 * is said; all others do unless it is forbidden.
 *
 * @category combinators
 * @since 0.1.0
 */
export const identity = ({ existingOnly, identifier }: BrazeCall): Api.Identity => {
  const named = nameOf(identifier)
  if (existingOnly) return { ...named, _update_existing_only: true }
  return identifier.type === "anonymous_id" ? { ...named, _update_existing_only: false } : named
}

const nameOf = ({ type, value }: Identifier.Identifier<IdentifierType>): Api.Name => {
  switch (type) {
    case "user_id":
      return { external_id: value }
    case "braze_id":
      return { braze_id: value }
    case "anonymous_id":
      return { user_alias: aliasOf(value) }
    case "email":
      return { email: keyOf(type, value) ?? value }
    case "phone":
      return { phone: keyOf(type, value) ?? value }
  }
}

/** Addresses that Braze would take for attributes beside an identifier of this type. */
const attributesBeside = (type: IdentifierType): ReadonlyArray<"email" | "phone"> =>
  type === "phone" ? [] : type === "email" ? ["phone"] : ["email", "phone"]

/**
 * The siblings of a call that stand on its record as attributes.
 *
 * @category combinators
 * @since 0.1.0
 */
export const addresses = ({ identifier, siblings }: BrazeCall): ReadonlyArray<Address> => {
  if (siblings.length === 0) return none
  return attributesBeside(identifier.type).flatMap((field): ReadonlyArray<Address> => {
    const sibling = siblings.find(({ type }) => type === field)
    const key = sibling === undefined ? undefined : keyOf(field, sibling.value)
    return sibling === undefined || key === undefined ? none : [{ field, key, sibling }]
  })
}

/**
 * An address that stands on a record, as it is sent and as it stood in the call.
 *
 * @category models
 * @since 0.1.0
 */
export interface Address {
  readonly field: "email" | "phone"
  readonly key: string
  readonly sibling: Identifier.Identifier<IdentifierType>
}

const none: ReadonlyArray<Address> = []

/**
 * The records that Braze is to join with the call's own: who was known without an id before, and has one now.
 *
 * **Details**
 *
 * Only a record with an `external_id` takes others in. Of several with an address only those without an id are meant, and
 * of these the one updated last: somebody else's record is never taken.
 *
 * @category combinators
 * @since 0.1.0
 */
export const joins = ({ identifier, joins: others }: BrazeCall): ReadonlyArray<Api.Join> => {
  if (identifier.type !== "user_id" || others.length === 0) return nothing
  const external_id = identifier.value
  return others.flatMap(({ type, value }): ReadonlyArray<Api.Join> => {
    const key = keyOf(type, value)
    if (key === undefined) return []
    switch (type) {
      case "anonymous_id":
        return [{ array: "aliases_to_identify", entry: { external_id, user_alias: aliasOf(key) } }]
      case "email":
        return [{ array: "emails_to_identify", entry: { external_id, email: key, prioritization } }]
      case "phone":
        return [{ array: "phone_numbers_to_identify", entry: { external_id, phone: key, prioritization } }]
      case "user_id":
      case "braze_id":
        return []
    }
  })
}

const nothing: ReadonlyArray<Api.Join> = []
const prioritization = ["unidentified", "most_recently_updated"] as const
