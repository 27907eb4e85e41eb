/**
 * Zendesk as a destination of Tributary.
 *
 * @since 0.1.0
 */
import { type Call, type Client, DeliveryError, Destination, Enrichment, type Outcome } from "@tributary/core"
import { Effect } from "effect"
import { createRequire } from "node:module"
import * as Api from "./api.ts"
import * as Event from "./event.ts"
import * as Fields from "./fields.ts"
import { limits, quota, throttle } from "./limits.ts"
import * as Memberships from "./memberships.ts"
import { client, settings } from "./settings.ts"

const { version }: { readonly version: string } = createRequire(import.meta.url)("../package.json")

/**
 * Tells Zendesk of users (identify) and organizations (group): traits and audiences become custom fields.
 *
 * **When to use**
 *
 * Where agents should see a computed trait or an audience beside the ticket, or triggers should act on it.
 *
 * **Gotchas**
 *
 * A profile is told once per identifier. Zendesk knows two users where it is told of a `user_id` and of an e-mail
 * address that it has not seen together: choose one of them in the activation
 * (`identifiers: { email: "none" }`).
 *
 * @example
 * ```ts
 * const zendesk = Zendesk.destination("zendesk", {
 *   subdomain: "acme",
 *   oauth: {
 *     clientId: "tributary",
 *     clientSecret: Config.Redacted("ZENDESK_CLIENT_SECRET"),
 *     refreshToken: Config.Redacted("ZENDESK_REFRESH_TOKEN")
 *   }
 * })
 * ```
 *
 * @category plugins
 * @since 0.1.0
 */
export const Zendesk = Destination.make("zendesk", {
  contract: 1,
  title: "Zendesk",
  version,
  settings,
  client,
  limits,
  quota,
  throttle,
  requires: {
    identifiers: ["user_id", "email", "group_id"],
    properties: { name: Enrichment.trait("name").orElse(Enrichment.join("first_name", "last_name")) }
  }
}).event({
  calls: ["identify", "group"],
  // One request a record: order, limits and outcomes are the record's own. Bulk import is off in most accounts.
  batch: { items: 1 },
  coalesce: true,
  groupUsers: "known",
  prepare: (fields, { client }) => Fields.prepare(fields, client),
  deliver: (calls, { client }) => Effect.forEach(calls, (call) => deliver(client, call))
})

const deliver = (
  client: Client.Client,
  call: Call.Call<"identify" | "group", Event.IdentifierType, Event.Required>
): Effect.Effect<Outcome.Outcome, DeliveryError.DeliveryError> =>
  (call.type === "identify" ? tellUser(client, call) : tellOrganization(client, call)).pipe(
    Effect.catchTag("Refused", (refused) => Effect.succeed(refused.outcome))
  )

const tellUser = Effect.fnUntraced(function* (
  client: Client.Client,
  call: Call.Identify<Event.IdentifierType, Event.Required>
) {
  const write = Event.user(call)
  const user = yield* Api.writeUser(client, write)
  return Event.outcome(write.user.user_fields, user.user_fields)
})

const tellOrganization = Effect.fnUntraced(function* (
  client: Client.Client,
  call: Call.Group<Event.IdentifierType, Event.Required>
) {
  const write = Event.organization(call)
  const organization = yield* Api.writeOrganization(client, write)
  // The organization is written by now: what fails from here on leaves it in doubt.
  yield* Memberships.complete(client, organization.id, call.users).pipe(
    Effect.mapError((error) => {
      if (error._tag !== "Refused") return DeliveryError.partway(error)
      const { outcome } = error
      return outcome._tag === "Retry" ? new DeliveryError.Unavailable({ reason: outcome.reason }) : error
    })
  )
  return Event.outcome(write.organization.organization_fields, organization.organization_fields)
})
