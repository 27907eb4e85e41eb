/**
 * Custom fields: Zendesk drops a value whose field does not exist, so each trait gets one before its first delivery.
 *
 * @since 0.1.0
 */
import { type Client, DeliveryError, type Destination, Json } from "@tributary/core"
import { type Computation } from "@tributary/core/runtime"
import { DateTime, Effect, Option } from "effect"
import * as Api from "./api.ts"
import type { Refused } from "./refusal.ts"

/**
 * The type of field that a value gets: `checkbox`, `decimal`, `date` for `YYYY-MM-DD`, else `text`.
 *
 * @category combinators
 * @since 0.1.0
 */
export const typeFor = (sample: Json.Json): "checkbox" | "decimal" | "date" | "text" => {
  if (typeof sample === "boolean") return "checkbox"
  if (typeof sample === "number" || Json.isExact(sample)) return "decimal"
  return typeof sample === "string" && isDay(sample) ? "date" : "text"
}

/** A day that exists: `2026-02-30` is text. */
const isDay = (text: string): boolean =>
  /^\d{4}-\d\d-\d\d$/.test(text) &&
  Option.exists(DateTime.make(`${text}T00:00:00Z`), (day) => DateTime.formatIsoDateUtc(day) === text)

const texts: ReadonlyArray<string> = ["text", "textarea", "regexp", "dropdown"]

/** The types of field that hold a value: Zendesk cannot change a type later (unverified), so it must fit. */
const holds = (sample: Json.Json): ReadonlyArray<string> => {
  switch (typeFor(sample)) {
    case "checkbox":
      return ["checkbox"]
    case "decimal":
      return Number.isInteger(sample) ? ["decimal", "integer"] : ["decimal"]
    case "date":
      return ["date", ...texts]
    case "text":
      return texts
  }
}

/**
 * One text says little of the others: "N/A" stands among numbers, and "soon" among days. Such a value is rejected by
 * itself, and must not stop the destination.
 */
const mayHold = (sample: Json.Json, type: string): boolean =>
  typeof sample === "string" && ["date", "decimal", "integer"].includes(type)

/**
 * Why an existing field cannot take a trait, or `undefined` where it can.
 *
 * @category combinators
 * @since 0.1.0
 */
export const objection = (field: Destination.Field, existing: Api.Field): string | undefined => {
  const name = `Zendesk's ${nouns[field.collection]} field "${field.key}"`
  if (existing.active === false) {
    return `${name} is not active. Make it active in Admin Center under People > Configuration.`
  }
  const fitting = holds(field.sample)
  if (fitting.includes(existing.type) || mayHold(field.sample, existing.type)) return undefined
  return (
    `${name} is of type ${existing.type}, and the values of "${field.title}" need ${fitting.join(" or ")}. ` +
    `Give the computation another key, or delete the field in Admin Center under People > Configuration ` +
    `and let Tributary create it again.`
  )
}

const nouns: { readonly [C in Computation.Collection]: string } = { users: "user", accounts: "organization" }

/**
 * Creates the fields that are missing, and refuses those that exist and cannot hold the value.
 *
 * @category requests
 * @since 0.1.0
 */
export const prepare = (
  fields: Destination.NonEmpty<Destination.Field>,
  client: Client.Client
): Effect.Effect<void, DeliveryError.DeliveryError> =>
  Effect.forEach(
    ["users", "accounts"] as const,
    (collection) => {
      const wanted = fields.filter((field) => field.collection === collection)
      return wanted.length === 0 ? Effect.void : prepareCollection(client, collection, wanted)
    },
    { discard: true }
  )

const prepareCollection = Effect.fnUntraced(function* (
  client: Client.Client,
  collection: Computation.Collection,
  fields: ReadonlyArray<Destination.Field>
): Effect.fn.Return<void, DeliveryError.DeliveryError> {
  const existing = new Map((yield* findFields(client, collection)).map((field) => [field.key, field]))
  for (const field of fields) {
    const found = existing.get(field.key)
    if (found !== undefined) yield* fitting(field, found)
    else {
      const type = typeFor(field.sample)
      yield* Api.createField(client, collection, { key: field.key, title: field.title, type }).pipe(
        Effect.catchTag("Refused", (refused) => lateOrRefused(client, field, refused))
      )
      existing.set(field.key, { key: field.key, type, active: true })
    }
  }
})

const findFields = (client: Client.Client, collection: Computation.Collection) =>
  Api.findFields(client, collection).pipe(Effect.catchTag("Refused", (refused) => asFailure(refused, "")))

const fitting = (field: Destination.Field, existing: Api.Field): Effect.Effect<void, DeliveryError.Misconfigured> => {
  const reason = objection(field, existing)
  return reason === undefined ? Effect.void : Effect.fail(new DeliveryError.Misconfigured({ reason }))
}

/** Somebody may have created the field since the list was read; else the refusal stands. */
const lateOrRefused = Effect.fnUntraced(function* (
  client: Client.Client,
  field: Destination.Field,
  refused: Refused
): Effect.fn.Return<void, DeliveryError.DeliveryError> {
  const found = (yield* findFields(client, field.collection)).find(({ key }) => key === field.key)
  if (found !== undefined) return yield* fitting(field, found)
  return yield* asFailure(
    refused,
    `Zendesk does not create the ${nouns[field.collection]} field "${field.key}". Give the computation a key that ` +
      `Zendesk does not reserve, or create the field in Admin Center under People > Configuration. It says: `
  )
})

const asFailure = ({ outcome }: Refused, before: string): Effect.Effect<never, DeliveryError.DeliveryError> => {
  switch (outcome._tag) {
    case "Rejected":
      return Effect.fail(new DeliveryError.Misconfigured({ reason: `${before}${outcome.reason}` }))
    case "Retry":
      return Effect.fail(
        new DeliveryError.Unavailable({
          reason: outcome.reason,
          ...(outcome.afterMillis === undefined ? {} : { retryAfterMillis: outcome.afterMillis })
        })
      )
    default:
      return Effect.die(new Error(`A refusal is no ${outcome._tag}.`))
  }
}
