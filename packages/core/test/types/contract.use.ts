// The errors that an author and an operator must get. `tsc` fails where one of them is no error any more, and a test
// reads what it says: the text after each directive is part of the message.
import { Client, Destination, Enrichment, Outcome, RateLimit, Setting } from "@tributary/core"
import { Activation, type Computation } from "@tributary/core/runtime"
import { Config, Effect, Option, Schema } from "effect"

const Zendesk = Destination.make("zendesk", {
  contract: 1,
  title: "Zendesk",
  version: "1",
  settings: Schema.Struct({ subdomain: Setting.hostLabel, token: Setting.secret }),
  client: (settings) => Client.bearer(`https://${settings.subdomain}.zendesk.com`, settings.token),
  limits: [RateLimit.cap(50, "1 second")],
  timeout: "1 minute",
  requires: {
    identifiers: ["email", "user_id"],
    properties: { name: Enrichment.trait("name").orElse(Enrichment.join("first_name", "last_name")) }
  }
}).event({
  calls: ["identify", "group"],
  batch: { items: 1 },
  deliver: (calls, { settings }) =>
    Effect.sync(() => {
      const call = calls[0]
      const name: string = call.required.name
      const type: "email" | "user_id" = call.identifier.type
      // @ts-expect-error types '"group" | "identify"' and '"track"' have no overlap
      if (call.type === "track") return []
      // @ts-expect-error Property 'nope' does not exist on type 'Filled<{ readonly name: Enrichment<string>; }>'
      void call.required.nope
      const subdomain: string = settings.subdomain
      // @ts-expect-error Property 'nope' does not exist on type '{ readonly subdomain: string; readonly token: Redacted<string>; }'
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
  limits: [],
  requires: { identifiers: ["email", "phone"], properties: {} }
}).list({
  cadence: "6 hours",
  batch: { items: 10_000 },
  create: () => Effect.succeed("1"),
  find: () => Effect.succeed(Option.none()),
  add: (_list, members) =>
    Effect.sync(() => {
      const email: ReadonlyArray<string> | undefined = members[0].identifiers.email
      // @ts-expect-error Property 'user_id' does not exist on type '{ readonly email?: readonly string[]; readonly phone?: readonly string[]; }'
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
// @ts-expect-error Type 'string' is not assignable to type 'Configurable<Redacted<string>>'
Zendesk.destination("zendesk", { subdomain: "acme", token: "in the clear" })
// @ts-expect-error Property 'token' is missing in type '{ subdomain: string; }'
Zendesk.destination("zendesk", { subdomain: "acme" })

Activation.events(trait, zendesk, { calls: ["group"] })
Activation.events(audience, zendesk)
Activation.list(audience, ads, { every: "6 hours" })
// @ts-expect-error Type '"ComputedTrait"' is not assignable to type '"Audience"'
Activation.list(trait, ads)
// @ts-expect-error Property 'list' is missing in type 'HasEvent<"group" | "identify">'
Activation.list(audience, zendesk)
// @ts-expect-error Property 'event' is missing in type 'HasList'
Activation.events(audience, ads)
// @ts-expect-error Type '"track"' is not assignable to type '"group" | "identify"'
Activation.events(audience, zendesk, { calls: ["track"] })

const base = {
  contract: 1,
  title: "T",
  version: "1",
  settings: Schema.Struct({ key: Setting.secret }),
  client: () => Client.anonymous("https://api.example.com"),
  limits: [],
  requires: { identifiers: ["email"], properties: {} }
} as const
const form = { batch: { items: 1 } } as const
const { limits: _, ...unlimited } = base
const Plugin = Destination.make("plugin", base)

// @ts-expect-error Type '2' is not assignable to type '1'
Destination.make("plugin", { ...base, contract: 2 })
// @ts-expect-error Property 'limits' is missing in type
Destination.make("plugin", unlimited)
// @ts-expect-error Type '"account"' is not assignable to type 'Scope'
Destination.make("plugin", { ...base, throttle: () => "account" })
// @ts-expect-error Type '"page"' is not assignable to type 'CallKind'
Plugin.event({ ...form, calls: ["page"], deliver: (calls) => Effect.succeed(Outcome.all(calls, Outcome.delivered)) })
// @ts-expect-error Type 'Outcome' is not assignable to type 'readonly Outcome[]'
Plugin.event({ ...form, calls: ["identify"], deliver: () => Effect.succeed(Outcome.delivered) })
// @ts-expect-error Type 'Error' is not assignable to type 'DeliveryError'
Plugin.event({ ...form, calls: ["identify"], deliver: () => Effect.fail(new Error("mine")) })
// @ts-expect-error Type 'Promise<readonly Outcome[]>' is missing the following properties from type 'Effect<
Plugin.event({ ...form, calls: ["identify"], deliver: async (calls) => Outcome.all(calls, Outcome.delivered) })
// @ts-expect-error Property 'find' is missing in type
Plugin.list({
  ...form,
  create: () => Effect.succeed("1"),
  add: (_, m) => Effect.succeed(Outcome.all(m, Outcome.delivered)),
  discard: (_, m) => Effect.succeed(Outcome.all(m, Outcome.delivered))
})
