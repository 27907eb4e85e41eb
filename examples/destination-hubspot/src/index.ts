/**
 * HubSpot as a destination: traits and audiences as properties of contacts, and audiences as lists.
 *
 * An example of a plugin with both forms, whose vendor knows list members by ids of its own only.
 *
 * @since 0.1.0
 */
import { DeliveryError, Destination, type Member, Outcome } from "@tributary/core"
import { Effect } from "effect"
import { createRequire } from "node:module"
import * as Api from "./api.ts"
import * as Contacts from "./contacts.ts"
import { limits, quota } from "./limits.ts"
import { prepare } from "./properties.ts"
import { client, settings } from "./settings.ts"

const { version }: { readonly version: string } = createRequire(import.meta.url)("../package.json")

/** Somebody with several addresses is several contacts, and a batch of contacts has a size of its own. */
const addressesOf = (members: ReadonlyArray<Member.Member<"email">>) => {
  const addresses = members.flatMap(({ identifiers }) => identifiers.email ?? [])
  return addresses.length > Api.mostContacts
    ? Effect.fail(
        new DeliveryError.PayloadTooLarge({ reason: `${addresses.length} addresses in one batch of contacts` })
      )
    : Effect.succeed(addresses)
}

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
  requires: { identifiers: ["email"], properties: {} }
})
  .event({
    calls: ["identify"],
    batch: { items: Api.mostContacts },
    coalesce: true,
    prepare: (fields, { client }) => prepare(fields, client),
    deliver: Effect.fnUntraced(function* (calls, { client }) {
      const { inputs, traceOf } = Contacts.writes(
        calls.map(({ identifier, traits }) => ({
          address: identifier.value,
          properties: Object.fromEntries(
            Object.entries(traits).map(([key, value]) => [key, Contacts.propertyValue(value)])
          )
        }))
      )
      const settled = Contacts.settle(yield* Api.upsert(client, inputs))
      return calls.map(({ identifier }) => settled.outcome(traceOf(identifier.value)))
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
      const { inputs, traceOf } = Contacts.writes(
        addresses.map((address) => ({ address, properties: { email: address } }))
      )
      const settled = Contacts.settle(yield* Api.upsert(client, inputs))
      const ids = inputs.flatMap(({ objectWriteTraceId }) => settled.idOf(objectWriteTraceId) ?? [])
      // The contacts are written by now: what fails from here on leaves them in doubt.
      if (ids.length > 0) yield* Api.change(client, list, "add", ids).pipe(Effect.mapError(DeliveryError.partway))
      return members.map(({ identifiers }) => {
        const outcomes = (identifiers.email ?? []).map((address) => settled.outcome(traceOf(address)))
        return outcomes.find(({ _tag }) => _tag !== "Delivered") ?? Outcome.delivered
      })
    }),
    discard: Effect.fnUntraced(function* (list, members, { client }) {
      const addresses = yield* addressesOf(members)
      const idOf = Contacts.idsByAddress(yield* Api.lookUp(client, addresses))
      const ids = [...new Set(addresses.flatMap((address) => idOf(address) ?? []))]
      if (ids.length > 0) yield* Api.change(client, list, "remove", ids)
      // Whom HubSpot does not have is on no list of its.
      return Outcome.all(members, Outcome.delivered)
    })
  })
