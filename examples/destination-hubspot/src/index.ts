/**
 * HubSpot as a destination: traits and audiences as properties of contacts, and audiences as lists.
 *
 * An example of a plugin with both forms, whose vendor knows list members by ids of its own only.
 *
 * @since 0.1.0
 */
import { type Client, DeliveryError, Destination, type Member, Outcome } from "@tributary/core"
import { Effect } from "effect"
import { createRequire } from "node:module"
import * as Api from "./api.ts"
import * as Contacts from "./contacts.ts"
import * as Keys from "./keys.ts"
import { limits, quota } from "./limits.ts"
import { prepare } from "./properties.ts"
import { client, settings } from "./settings.ts"
import { write } from "./write.ts"

const { version }: { readonly version: string } = createRequire(import.meta.url)("../package.json")

/** Somebody with several addresses is several contacts, and a batch of contacts has a size of its own. */
const addressesOf = (members: ReadonlyArray<Member.Member<"email">>) => {
  const addresses = new Set(members.flatMap(({ identifiers }) => identifiers.email ?? []).map(Keys.normalForm))
  return addresses.size > Api.mostContacts
    ? Effect.fail(new DeliveryError.PayloadTooLarge({ reason: `${addresses.size} addresses in one batch of contacts` }))
    : Effect.succeed([...addresses])
}

/** The contacts that there are. What is not an address finds none, and might cost the others the whole request. */
const lookUp = (client: Client.Client, addresses: ReadonlyArray<string>) => {
  const keys = addresses.filter((address) => "key" in Keys.email(address))
  return keys.length === 0 ? Effect.succeed({ results: [] }) : Api.lookUp(client, keys)
}

/**
 * Finds contacts, and creates those that are missing.
 *
 * A contact that exists is not written: its address may be an additional one, which a write would make the primary one,
 * or be refused for.
 */
const findOrCreate = Effect.fnUntraced(function* (client: Client.Client, addresses: ReadonlyArray<string>) {
  const found = yield* lookUp(client, addresses)
  const idOf = Contacts.idsByAddress(found)
  const missing = addresses.filter((address) => !idOf.has(address))
  const written = yield* write(
    client,
    Contacts.writes(missing.map((address) => ({ address, properties: { email: address } })))
  )
  const fates = new Map(written.fates)
  for (const address of addresses) {
    const id = idOf.get(address)
    if (id !== undefined) fates.set(address, { _tag: "Taken", id })
  }
  return { fates, ids: [...new Set([...found.results.map(({ id }) => id), ...written.ids])] }
})

/**
 * The HubSpot plugin.
 *
 * @example
 * ```ts
 * const hubspot = HubSpot.destination("hubspot", { accessToken: Config.Redacted("HUBSPOT_TOKEN") })
 * ```
 *
 * @category plugins
 * @since 0.1.0
 */
export const HubSpot = Destination.make("hubspot", {
  contract: 1,
  title: "HubSpot",
  version,
  settings,
  client,
  limits,
  quota,
  requires: { identifiers: ["email"], keys: { email: Keys.email }, properties: {} }
})
  .event({
    calls: ["identify"],
    batch: { items: Api.mostContacts },
    coalesce: true,
    prepare: (fields, { client }) => prepare(fields, client),
    deliver: Effect.fnUntraced(function* (calls, { client }) {
      const inputs = Contacts.writes(
        calls.map(({ identifier, traits }) => ({
          address: identifier.value,
          properties: Object.fromEntries(
            Object.entries(traits).map(([key, value]) => [key, Contacts.propertyValue(value)])
          )
        }))
      )
      const { fates } = yield* write(client, inputs)
      return calls.map(({ identifier }) => Contacts.outcome(fates, identifier.value))
    })
  })
  .list({
    batch: { items: Api.mostContacts },
    find: (name, { client }) => Api.findList(client, name),
    create: ({ name }, { client }) => Api.createList(client, name),
    rename: (list, { name }, { client }) => Api.renameList(client, list, name),
    remove: (list, { client }) => Api.removeList(client, list),
    add: Effect.fnUntraced(function* (list, members, { client }) {
      const addresses = yield* addressesOf(members)
      const { fates, ids } = yield* findOrCreate(client, addresses)
      // Contacts may be created by now: what fails from here on leaves them in doubt.
      const missing =
        ids.length === 0
          ? new Set<string>()
          : yield* Api.change(client, list, "add", ids).pipe(Effect.mapError(DeliveryError.partway))
      const listed = Contacts.without(fates, missing)
      return members.map(({ identifiers }) => Contacts.memberOutcome(listed, identifiers.email ?? []))
    }),
    discard: Effect.fnUntraced(function* (list, members, { client }) {
      const { results } = yield* lookUp(client, yield* addressesOf(members))
      // A removal never creates a contact: whom HubSpot does not have is on no list of its.
      const ids = [...new Set(results.map(({ id }) => id))]
      if (ids.length > 0) yield* Api.change(client, list, "remove", ids)
      return Outcome.all(members, Outcome.delivered)
    })
  })
