/**
 * What an operator says of a Braze workspace.
 *
 * @since 0.1.0
 */
import { Client, Setting } from "@tributary/core"
import { Schema } from "effect"

/** The dashboard's and the SDK's addresses are the usual mistakes: they answer, and take no data. */
const misplaced = (value: string): string | true => {
  const host = URL.canParse(value) ? new URL(value).hostname : ""
  return /^(dashboard|sdk|sondheim)[.-]/.test(host)
    ? "must be the REST endpoint, such as https://rest.fra-01.braze.eu (Braze: Settings > APIs and Identifiers)"
    : true
}

/**
 * The settings of a Braze workspace.
 *
 * @category schemas
 * @since 0.1.0
 */
export const BrazeSettings = Schema.Struct({
  /** The REST endpoint of the workspace's cluster. */
  endpoint: Setting.baseUrl.check(Schema.makeFilter(misplaced, { title: "REST endpoint" })).annotate({
    description:
      "The REST endpoint of the cluster that the workspace lives on, such as https://rest.iad-01.braze.com or " +
      "https://rest.fra-01.braze.eu. A key used on another cluster is refused as if it were wrong."
  }),
  /** A REST API key of the workspace. */
  apiKey: Setting.secret.annotate({
    description:
      "A REST API key of the workspace with the permissions users.track and users.identify. If the key has a list of " +
      "allowed IP addresses, those of this machine must be on it."
  }),
  /** Takes the endpoint's place, for a sandbox or a proxy. */
  baseUrl: Schema.optionalKey(
    Setting.baseUrl.annotate({
      description: "Where requests go instead of the endpoint: a sandbox or a proxy. Default: the endpoint."
    })
  )
})

/**
 * @category models
 * @since 0.1.0
 */
export type BrazeSettings = typeof BrazeSettings.Type

/**
 * Where requests go and how they are signed: `Authorization: Bearer <key>`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const client = (settings: BrazeSettings): Client.ClientSpec =>
  Client.bearer(settings.baseUrl ?? settings.endpoint, settings.apiKey)
