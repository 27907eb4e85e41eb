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
import * as People from "./people.ts"
import { Refused } from "./refusal.ts"
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
 * One user for each person: found by `user_id`, with the person's e-mail address as an identity. Somebody without a
 * `user_id` is found by the address, whoever has it at Zendesk.
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
    keys: Event.keys,
    properties: { name: Enrichment.trait("name").orElse(Enrichment.join("first_name", "last_name")) }
  }
}).event({
  calls: ["identify", "group"],
  // One request a record: order, limits and outcomes are the record's own. Bulk import is off in most accounts.
  batch: { items: 1 },
  per: "profile",
  coalesce: true,
  groupUsers: "known",
  prepare: (fields, { client }) => Fields.prepare(fields, client),
  deliver: (calls, { client }) => Effect.forEach(calls, (call) => deliver(client, call))
})

const deliver = (
  client: Client.Client,
  call: Call.Call<"identify" | "group", Event.IdentifierType, Event.Required>
): Effect.Effect<Outcome.Outcome, DeliveryError.DeliveryError> =>
  (call.type === "identify" ? People.tell(client, call) : tellOrganization(client, call)).pipe(
    Effect.catchTag("Refused", (refused) => Effect.succeed(refused.outcome))
  )

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
      const { duplicates, fields, outcome } = error
      return new Refused({ outcome: People.inDoubt(outcome), duplicates, fields })
    })
  )
  return Event.outcome(write.organization.organization_fields, organization.organization_fields)
})
