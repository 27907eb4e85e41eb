/**
 * What a refusal of Zendesk means: for the record, or for all of them.
 *
 * @since 0.1.0
 */
import { DeliveryError, Identifier, Outcome, Reply } from "@tributary/core"
import { Data, Effect, Option, Schema } from "effect"
import { isAboutOne } from "./limits.ts"

/**
 * Zendesk refused one record, and would take the next.
 *
 * @category errors
 * @since 0.1.0
 */
export class Refused extends Data.TaggedError("Refused")<{
  readonly outcome: Outcome.Outcome
  /** The attributes and custom fields that the refusal names. */
  readonly fields: ReadonlyArray<string>
  /** Those of them whose value another record has. */
  readonly duplicates: ReadonlyArray<string>
}> {}

const about = (outcome: Outcome.Outcome, words?: Words): Refused =>
  new Refused({ outcome, fields: words?.fields ?? [], duplicates: words?.duplicates ?? [] })

/**
 * Whether a refusal is about this attribute, or custom field, of the record.
 *
 * @category guards
 * @since 0.1.0
 */
export const concerns = ({ fields, outcome }: Refused, field: string): boolean =>
  outcome._tag === "Rejected" && fields.includes(field)

/**
 * Whether Zendesk will not take the record, as opposed to not now.
 *
 * @category guards
 * @since 0.1.0
 */
export const isRejected = ({ outcome }: Refused): boolean => outcome._tag === "Rejected"

const Detail = Schema.Struct({
  description: Schema.optionalKey(Schema.String),
  error: Schema.optionalKey(Schema.String)
})

// Two shapes for one thing: developer.zendesk.com shows the first, older endpoints answer the second.
const ErrorBody = Schema.Union([
  Schema.Struct({
    error: Schema.String,
    description: Schema.optionalKey(Schema.Unknown),
    details: Schema.optionalKey(Schema.Unknown)
  }),
  Schema.Struct({ error: Schema.Struct({ title: Schema.String, message: Schema.optionalKey(Schema.String) }) })
])
const decodeError = Schema.decodeUnknownOption(ErrorBody)
const decodeDetails = Schema.decodeUnknownOption(Schema.Record(Schema.String, Schema.Array(Detail)))

interface Words {
  readonly code: string
  readonly text: string
  readonly fields: ReadonlyArray<string>
  readonly duplicates: ReadonlyArray<string>
}

/** The words are recorded, and the code stands beside them in most answers. */
const isDuplicate = ({ description = "", error }: typeof Detail.Type): boolean =>
  error === "DuplicateValue" || /already (being used|been taken)/i.test(description)

const wordsOf = (json: unknown): Words | undefined => {
  const body = Option.getOrUndefined(decodeError(json))
  if (body === undefined) return undefined
  if (typeof body.error !== "string") {
    const { title, message } = body.error
    return { code: title, text: message === undefined ? title : `${title}: ${message}`, fields: [], duplicates: [] }
  }
  const entries = Object.entries(
    Option.getOrElse(decodeDetails("details" in body ? body.details : undefined), () => ({}))
  )
  const details = entries.flatMap(([field, faults]) =>
    faults.map(({ description = "", error }) => {
      // Zendesk speaks of a field's title, and an operator knows it by its key.
      const named = description.toLowerCase().includes(field.toLowerCase()) ? description : `${field}: ${description}`
      return error === undefined ? named : `${named} (${error})`.trim()
    })
  )
  const description = "description" in body && typeof body.description === "string" ? body.description : ""
  const sent = details.length > 0 ? details.join("; ") : description
  return {
    code: body.error,
    text: sent === "" ? body.error : `${body.error}: ${sent}`,
    fields: entries.map(([field]) => field),
    duplicates: entries.filter(([, faults]) => faults.some(isDuplicate)).map(([field]) => field)
  }
}

// Bounded, so that a page of HTML without a space costs nothing.
const readable = 4000
const shown = 400

/** Without e-mail addresses, and without the identifiers that were sent. */
const masked = (text: string, identifiers: ReadonlyArray<string>): string => {
  let safe = text.slice(0, readable)
  for (const value of identifiers) {
    const literal = value.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")
    const alone = new RegExp(`(?<![\\p{L}\\p{N}])${literal}(?![\\p{L}\\p{N}])`, "giu")
    if (value !== "") safe = safe.replace(alone, Identifier.masked(value))
  }
  return safe.replace(/[^\s<>"'(),:;=]{1,256}(?:@|%40)[^\s<>"'(),:;]{1,256}/giu, (email) => Identifier.masked(email))
}

/**
 * The status and Zendesk's own words, without e-mail addresses and without the `identifiers` that were sent.
 *
 * @category combinators
 * @since 0.1.0
 */
export const reason = (reply: Reply.Reply, identifiers: ReadonlyArray<string>): string => {
  const words = wordsOf(reply.json)
  if (words === undefined) return Reply.summary({ ...reply, text: masked(reply.text, identifiers) })
  const text = masked(words.text, identifiers)
  return `${reply.status} ${text.length > shown ? `${text.slice(0, shown)}…` : text}`
}

/**
 * Whether a 404 is about a record. One that says nothing in JSON comes from the host.
 *
 * @category guards
 * @since 0.1.0
 */
export const isAboutRecord = (reply: Reply.Reply): boolean => {
  const code = wordsOf(reply.json)?.code
  return code !== undefined && code !== "InvalidEndpoint"
}

/**
 * The class of an answer that is not what was asked for.
 *
 * **Details**
 *
 * 429 in plain text about "a single unique user" is a limit of five writes a minute on that one record: it waits, and
 * the others go on. A 404 that says nothing in JSON does not come from the API but from the host: the subdomain is
 * wrong. Any other 4xx that `Reply.failure` has no name for is about the record.
 *
 * @category combinators
 * @since 0.1.0
 */
export const classify = (
  reply: Reply.Reply,
  identifiers: ReadonlyArray<string>
): Refused | DeliveryError.DeliveryError => {
  const why = reason(reply, identifiers)
  if (isAboutOne(reply)) {
    return about(Outcome.retry(why, Reply.retryAfterMillis(reply) ?? 60_000))
  }
  switch (reply.status) {
    case 409:
      return about(Outcome.retry(why))
    case 401:
      return new DeliveryError.Unauthorized({
        reason: `${why}. Authorize the OAuth client anew and set the new refresh token.`
      })
    case 403:
      return new DeliveryError.Unauthorized({
        reason: `${why}. Authorize the OAuth client as an admin, with the scopes "read" and "write".`
      })
    case 404:
      return isAboutRecord(reply)
        ? about(Outcome.rejected(why))
        : new DeliveryError.Misconfigured({ reason: `${why}. Check "subdomain" and "baseUrl".` })
  }
  const failure = Reply.failure({ ...reply, text: why.slice(String(reply.status).length).trim() })
  return failure._tag === "BatchRejected" ? about(Outcome.rejected(why), wordsOf(reply.json)) : failure
}

/**
 * The answer as `schema` has it, or what its refusal means. The body counts, whatever the status says of it.
 *
 * @category combinators
 * @since 0.1.0
 */
export const read = <S extends Schema.ConstraintDecoder<unknown>>(schema: S) => {
  const decode = Schema.decodeUnknownOption(schema)
  return (
    reply: Reply.Reply,
    identifiers: ReadonlyArray<string> = []
  ): Effect.Effect<S["Type"], Refused | DeliveryError.DeliveryError> => {
    const body = reply.status >= 200 && reply.status < 300 ? decode(reply.json) : Option.none()
    return Effect.mapError(Effect.fromOption(body), () => classify(reply, identifiers))
  }
}
