/**
 * What an operator says of a Zendesk account.
 *
 * @since 0.1.0
 */
import { Client, Setting } from "@tributary/core"
import { Schema } from "effect"

/**
 * The settings of a Zendesk destination.
 *
 * **Details**
 *
 * Zendesk makes no new API tokens since 27 October 2026 and turns the last ones off on 30 April 2027
 * (developer.zendesk.com, "OAuth migration"), so the plugin knows OAuth only.
 *
 * @category schemas
 * @since 0.1.0
 */
export const settings = Schema.Struct({
  /** The account: `acme` of `acme.zendesk.com`. */
  subdomain: Setting.hostLabel.annotate({
    description: "The account: `acme` of `acme.zendesk.com`."
  }),
  oauth: Schema.Struct({
    /** The unique identifier of the OAuth client. */
    clientId: Schema.NonEmptyString.annotate({
      description: "The unique identifier of the OAuth client (Admin Center > Apps and integrations > APIs)."
    }),
    /** The OAuth client's secret. */
    clientSecret: Setting.secret.annotate({
      description: "The OAuth client's secret. It also seals the tokens in the store."
    }),
    /** The first refresh token; Zendesk replaces it at every use, and Tributary keeps the newest. */
    refreshToken: Setting.secret.annotate({
      description:
        "The first refresh token, from the authorization of an admin. Zendesk replaces it at every use and Tributary " +
        "keeps the newest, so change it here only to connect anew."
    })
  }),
  /** Where requests go. Default: `https://{subdomain}.zendesk.com`. */
  baseUrl: Schema.optionalKey(
    Setting.baseUrl.annotate({
      description: "Where requests go: for a sandbox or a proxy. Default: `https://{subdomain}.zendesk.com`."
    })
  ),
  /** Where tokens are refreshed. Default: `/oauth/tokens` at the base address. */
  tokenUrl: Schema.optionalKey(
    Setting.baseUrl.annotate({
      description: "Where tokens are refreshed. Default: `/oauth/tokens` at the base address."
    })
  )
})

/**
 * The settings, decoded.
 *
 * @category models
 * @since 0.1.0
 */
export type Settings = typeof settings.Type

/**
 * Where requests go and how they are signed. The refresh token rotates: an old one is dead once it was used.
 *
 * @category combinators
 * @since 0.1.0
 */
export const client = ({ subdomain, oauth, ...address }: Settings): Client.ClientSpec => {
  const baseUrl = (address.baseUrl ?? `https://${subdomain}.zendesk.com`).replace(/\/+$/, "")
  return Client.refreshToken(baseUrl, {
    tokenUrl: address.tokenUrl ?? `${baseUrl}/oauth/tokens`,
    clientId: oauth.clientId,
    clientSecret: oauth.clientSecret,
    refreshToken: oauth.refreshToken,
    rotates: true,
    body: "json"
  })
}
