/**
 * From calls to Zendesk's users and organizations, and from its answers to outcomes. Pure.
 *
 * @since 0.1.0
 */
import { type Call, type Identifier, Json, type Key, Outcome } from "@tributary/core"
import type { FieldValues, OrganizationWrite, UserWrite } from "./api.ts"

/**
 * What the plugin requires of every profile: Zendesk creates nothing without a name (R24).
 *
 * @category models
 * @since 0.1.0
 */
export interface Required {
  readonly name: string
}

/**
 * The identifier types that Zendesk finds a user or an organization by.
 *
 * @category models
 * @since 0.1.0
 */
export type IdentifierType = "user_id" | "email" | "group_id"

/**
 * The values of custom fields for traits: truth, numbers and text as they are, anything else as canonical JSON text,
 * and `null` to empty the field.
 *
 * @category combinators
 * @since 0.1.0
 */
export const fieldValues = (traits: Readonly<Record<string, Json.Json>>): FieldValues =>
  Object.fromEntries(Object.entries(traits).map(([key, value]) => [key, fieldValue(value)]))

const fieldValue = (value: Json.Json): string | number | boolean | null =>
  value !== null && typeof value === "object" ? Json.canonical(value) : value

/**
 * The user that an identify call tells of, found by e-mail address or external id.
 *
 * **Details**
 *
 * Without `skip_verify_email` Zendesk would mail every new user.
 *
 * @category combinators
 * @since 0.1.0
 */
export const user = (call: Call.Identify<IdentifierType, Required>): UserWrite => ({
  user: {
    ...identity(call),
    name: call.required.name,
    skip_verify_email: true,
    user_fields: fieldValues(call.traits)
  }
})

/** A call for a user id carries the address that stands on the same record; a call for an address nothing else. */
const identity = (call: Call.Identify<IdentifierType, Required>) => {
  const { type, value } = call.identifier
  if (type === "email") return { email: normal(value) }
  const address = addressOf(call)
  return { external_id: value, ...(address === undefined ? {} : { email: normal(address.value) }) }
}

/**
 * The address that a call for a user id carries.
 *
 * @category combinators
 * @since 0.1.0
 */
export const addressOf = ({
  identifier,
  siblings
}: Call.Identify<IdentifierType, Required>): Identifier.Identifier | undefined =>
  identifier.type === "email" ? undefined : siblings.find(({ type }) => type === "email")

/**
 * An address as Zendesk keeps it.
 *
 * @category combinators
 * @since 0.1.0
 */
export const normal = (address: string): string => address.trim().toLowerCase()

/**
 * Whether a user's primary address is this one, in its normal form. Where none is shown, nobody can say otherwise.
 *
 * @category guards
 * @since 0.1.0
 */
export const isSameAddress = ({ email }: { readonly email?: string | null }, address: string): boolean =>
  email === undefined || (email !== null && normal(email) === address)

/**
 * By what Zendesk matches: external ids in any case, addresses in lower case (R43).
 *
 * Source: the vendor's OpenAPI for external ids of users, and for the search of organizations; recorded answers for
 * addresses.
 *
 * @category models
 * @since 0.1.0
 */
export const keys = {
  user_id: (value: string): Key.Key => (value.trim() === "" ? { reason: "it is blank" } : { key: value.toLowerCase() }),
  group_id: (value: string): Key.Key =>
    value.trim() === "" ? { reason: "it is blank" } : { key: value.toLowerCase() },
  email: (value: string): Key.Key => {
    const key = normal(value)
    return /^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(key) ? { key } : { reason: "it is not an e-mail address" }
  }
}

/**
 * The organization that a group call tells of, found by external id.
 *
 * @category combinators
 * @since 0.1.0
 */
export const organization = (call: Call.Group<IdentifierType, Required>): OrganizationWrite => ({
  organization: {
    external_id: call.groupId,
    name: call.required.name,
    organization_fields: fieldValues(call.traits)
  }
})

/**
 * What became of a record that Zendesk has taken.
 *
 * **Details**
 *
 * Zendesk drops the value of a field that does not exist, and says 200. The record in its answer shows every field, so
 * one that is not there was dropped: the call is rejected, not taken as sent.
 *
 * @category combinators
 * @since 0.1.0
 */
export const outcome = (
  sent: FieldValues,
  shown: { readonly [key: string]: unknown } | null | undefined
): Outcome.Outcome => {
  if (shown === null || shown === undefined) return Outcome.delivered
  const dropped = Object.keys(sent).filter((key) => !Object.hasOwn(shown, key))
  return dropped.length === 0
    ? Outcome.delivered
    : Outcome.rejected(
        `Zendesk has no field ${dropped.map((key) => `"${key}"`).join(", ")} and dropped the value. ` +
          `Create the field in Admin Center under People > Configuration (or make it active again), then retry.`
      )
}
