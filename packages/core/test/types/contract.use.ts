// The errors that an author and an operator must get. `tsc` fails where one of them is no error any more.
import {
  Activation,
  type Computation,
  Client,
  Destination,
  Enrichment,
  Outcome,
  RateLimit,
  Setting
} from "@tributary/core"
import { Config, Effect, Option, Schema } from "effect"

const Zendesk = Destination.make("zendesk", {
  contract: 1,
  title: "Zendesk",
  version: "1",
  settings: Schema.Struct({ subdomain: Setting.hostLabel, token: Setting.secret }),
  client: (settings) => Client.bearer(`https://${settings.subdomain}.zendesk.com`, settings.token),
  requires: {
    identifiers: ["email", "user_id"],
    properties: { name: Enrichment.trait("name").orElse(Enrichment.join("first_name", "last_name")) }
  }
}).event({
  calls: ["identify", "group"],
  batch: { items: 1 },
  limits: [RateLimit.requests(50, "1 second")],
  deliver: (calls, { settings }) =>
    Effect.sync(() => {
      const call = calls[0]
      const name: string = call.required.name
      const type: "email" | "user_id" = call.identifier.type
      // @ts-expect-error track was not declared
      if (call.type === "track") return []
      // @ts-expect-error no such required property
      void call.required.nope
      const subdomain: string = settings.subdomain
      // @ts-expect-error no such setting
      void settings.nope
      void [name, type, subdomain]
      return [Outcome.delivered]
    })
})

const Ads = Destination.make("adwords", {
  contract: 1,
  title: "Ads",
  version: "1",
  settings: Schema.Struct({ account: Schema.String }),
  client: () => Client.anonymous("https://example.com"),
  requires: { identifiers: ["email", "phone"], properties: {} }
}).list({
  cadence: "6 hours",
  batch: { items: 10_000 },
  limits: [],
  create: () => Effect.succeed("1"),
  find: () => Effect.succeed(Option.none()),
  add: (_list, members) =>
    Effect.sync(() => {
      const email: ReadonlyArray<string> | undefined = members[0].identifiers.email
      // @ts-expect-error not declared
      void members[0].identifiers.user_id
      void email
      return [Outcome.delivered]
    }),
  discard: (_list, members) => Effect.succeed(Outcome.all(members, Outcome.delivered))
})

declare const trait: Computation.ComputedTrait
declare const audience: Computation.Audience

const zendesk = Zendesk.destination("zendesk", { subdomain: "acme", token: Config.Redacted("ZENDESK_TOKEN") })
const ads = Ads.destination("ads", { account: Config.String("ADS_ACCOUNT") })
// @ts-expect-error a secret is no string
Zendesk.destination("zendesk", { subdomain: "acme", token: "in the clear" })
// @ts-expect-error a setting is missing
Zendesk.destination("zendesk", { subdomain: "acme" })

Activation.events(trait, zendesk, { calls: ["group"] })
Activation.events(audience, zendesk)
Activation.list(audience, ads, { every: "6 hours" })
// @ts-expect-error a trait on a list
Activation.list(trait, ads)
// @ts-expect-error zendesk has no list form
Activation.list(audience, zendesk)
// @ts-expect-error ads has no event form
Activation.events(audience, ads)
// @ts-expect-error not declared
Activation.events(audience, zendesk, { calls: ["track"] })
