/**
 * Settings: whose HubSpot account.
 *
 * @since 0.1.0
 */
import { Client, Setting } from "@tributary/core"
import { Schema } from "effect"

/**
 * @category schemas
 * @since 0.1.0
 */
export const settings = Schema.Struct({
  accessToken: Setting.secret.annotate({
    description:
      "A service key, or the access token of a private app, with the scopes crm.objects.contacts.read and .write, " +
      "crm.schemas.contacts.write, crm.lists.read and .write."
  }),
  baseUrl: Schema.optionalKey(
    Setting.baseUrl.annotate({
      description: "Where requests go: for a sandbox or a proxy. Default: https://api.hubapi.com, for EU accounts too."
    })
  )
})

/**
 * @category constructors
 * @since 0.1.0
 */
export const client = ({ accessToken, baseUrl }: typeof settings.Type): Client.ClientSpec =>
  Client.bearer(baseUrl ?? "https://api.hubapi.com", accessToken)
