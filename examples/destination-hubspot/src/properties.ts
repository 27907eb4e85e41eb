/**
 * Properties: HubSpot refuses a batch with one that it does not know, so each trait gets one before its first delivery.
 *
 * @since 0.1.0
 */
import type { Client, DeliveryError, Destination, Json } from "@tributary/core"
import { Effect } from "effect"
import * as Api from "./api.ts"

const typeFor = (sample: Json.Json): { readonly [key: string]: Json.Json } => {
  switch (typeof sample) {
    case "boolean":
      return {
        type: "bool",
        fieldType: "booleancheckbox",
        options: [
          { label: "True", value: "true", displayOrder: 0, hidden: false },
          { label: "False", value: "false", displayOrder: 1, hidden: false }
        ]
      }
    case "number":
      return { type: "number", fieldType: "number" }
    case "string":
      return { type: "string", fieldType: "text" }
    default:
      return { type: "string", fieldType: "textarea" }
  }
}

/** How HubSpot names properties. */
const isName = (key: string): boolean => /^[a-z][a-z0-9_]{0,99}$/.test(key)

/**
 * Creates the properties that are missing.
 *
 * One name that HubSpot does not take would cost the others theirs (R33). It is left out, and a call with it is refused
 * for itself: the property does not exist.
 *
 * @category requests
 * @since 0.1.0
 */
export const prepare = Effect.fnUntraced(function* (
  fields: Destination.NonEmpty<Destination.Field>,
  client: Client.Client
): Effect.fn.Return<void, DeliveryError.DeliveryError> {
  const known = yield* Api.findProperties(client)
  const missing = fields.filter(({ key }) => isName(key) && !known.has(key))
  if (missing.length === 0) return
  yield* Api.createProperties(
    client,
    missing.map(({ key, sample, title }) => ({
      name: key,
      label: title,
      groupName: "contactinformation",
      ...typeFor(sample)
    }))
  )
})
