/**
 * Google Ads Customer Match, told over the Data Manager API.
 *
 * An audience becomes a user list that campaigns can target. Members go up as hashes in their normal form; Google
 * matches them against its own accounts, later, and tells counts only.
 *
 * @since 0.1.0
 */
import { Destination, type DeliveryError, Enrichment, type Outcome } from "@tributary/core"
import { Effect } from "effect"
import { createRequire } from "node:module"
import { addressTraits } from "./address.ts"
import * as Api from "./api.ts"
import { ledgerKeys } from "./keys.ts"
import * as Lifecycle from "./lifecycle.ts"
import { limits } from "./limits.ts"
import * as List from "./list.ts"
import { client, Settings } from "./settings.ts"

const { version }: { readonly version: string } = createRequire(import.meta.url)("../package.json")

/** Sends what there is to send: a request for nobody is none. */
const exchange = Effect.fnUntraced(function* (
  request: List.Request,
  send: (members: ReadonlyArray<Api.AudienceMember>) => ReturnType<typeof Api.ingest>
): Effect.fn.Return<ReadonlyArray<Outcome.Outcome>, DeliveryError.DeliveryError> {
  if (request.audienceMembers.length === 0) return request.settled.filter((outcome) => outcome !== undefined)
  const reply = yield* send(request.audienceMembers)
  return yield* Effect.fromResult(List.outcomes(reply, request))
})

/**
 * Google Ads Customer Match.
 *
 * **Details**
 *
 * The limits are those of one Cloud project, whose quota all destinations share that are signed by its credentials
 * (source: developers.google.com/data-manager/api/devguides/limits). A list takes changes every six hours at most.
 * Members are added again every 180 days, because Google forgets them after `membershipDays`.
 *
 * @example
 * ```ts
 * const ads = Adwords.destination("ads", {
 *   accountId: "123-456-7890",
 *   oauth: {
 *     clientId: "….apps.googleusercontent.com",
 *     clientSecret: Config.Redacted("ADS_CLIENT_SECRET"),
 *     refreshToken: Config.Redacted("ADS_REFRESH_TOKEN")
 *   },
 *   termsOfServiceAccepted: true
 * })
 * ```
 *
 * @category plugins
 * @since 0.1.0
 */
export const Adwords = Destination.make("adwords", {
  contract: 1,
  title: "Google Ads Customer Match",
  version,
  settings: Settings,
  client,
  limits,
  requires: {
    identifiers: List.identifierTypes,
    keys: ledgerKeys,
    properties: { address: Enrichment.optional(addressTraits) }
  }
}).list({
  cadence: "6 hours",
  refreshAfter: "180 days",
  batch: { items: List.most.members },
  find: Lifecycle.find,
  create: Lifecycle.create,
  rename: Lifecycle.rename,
  remove: Lifecycle.remove,
  add: (list, members, context) =>
    exchange(List.toAdd(members, context.settings), (audienceMembers) => Api.ingest(context, list, audienceMembers)),
  discard: (list, members, context) =>
    exchange(List.toDiscard(members, context.settings), (audienceMembers) =>
      Api.remove(context, list, audienceMembers)
    ),
  poll: (receipt, context) =>
    Effect.flatMap(Api.retrieveStatus(context, receipt), (reply) => Effect.fromResult(List.jobResult(reply)))
})
