/**
 * From calls to one `POST /users/track`, and from its answer to one outcome per call.
 *
 * @since 0.1.0
 */
import { type Call, type DeliveryError, Identifier, type Json, Outcome, type Reply } from "@tributary/core"
import { Option, Result, Schema } from "effect"
import * as Api from "./api.ts"
import { type Address, addresses, identity, joins } from "./identity.ts"
import { type IdentifierType, keyOf } from "./keys.ts"
import { type BrazeCall, refusal } from "./refusal.ts"

/**
 * A batch on its way: the request's objects, and for each the place of its call in the batch.
 *
 * @category models
 * @since 0.1.0
 */
export interface Plan {
  readonly calls: ReadonlyArray<BrazeCall>
  /** What is refused here already, by the call's place. */
  readonly refused: ReadonlyMap<number, string>
  /** Records to join before anything is written, each once. */
  readonly joins: ReadonlyArray<Api.Join>
  /** `undefined` where there is nothing to send. */
  readonly body: Api.TrackBody | undefined
  /** Places of the calls behind `attributes` and `events`, in the order of the request. */
  readonly places: { readonly attributes: ReadonlyArray<number>; readonly events: ReadonlyArray<number> }
}

/**
 * What became of a batch.
 *
 * @category models
 * @since 0.1.0
 */
export interface Settled {
  readonly outcomes: ReadonlyArray<Outcome.Outcome>
  /**
   * Places of identify calls of which Braze refused some without a word about which. Sent again one by one they
   * find out, and setting an attribute twice does no harm.
   */
  readonly inDoubt: ReadonlyArray<number>
  /** Calls that Braze refused for the sake of an address beside a better identifier: they are sent without it. */
  readonly misfits: ReadonlyArray<Misfit>
}

/**
 * An address that Braze refuses, where the person has a better identifier.
 *
 * @category models
 * @since 0.1.0
 */
export interface Misfit {
  readonly place: number
  readonly sibling: Identifier.Identifier<IdentifierType>
  readonly reason: string
}

/**
 * The request for a batch. Objects stand in the order of their calls, so of two for one person the later one wins.
 *
 * @category combinators
 * @since 0.1.0
 */
export const plan = (calls: ReadonlyArray<BrazeCall>): Plan => {
  const refused = new Map<number, string>()
  const attributes: Array<Api.AttributesObject> = []
  const events: Array<Api.EventObject> = []
  const places = { attributes: new Array<number>(), events: new Array<number>() }
  const joined = new Map<string, Api.Join>()
  calls.forEach((call, place) => {
    const reason = refusal(call)
    if (reason !== undefined) {
      refused.set(place, reason)
      return
    }
    for (const join of joins(call)) joined.set(JSON.stringify(join), join)
    if (call.type === "identify") {
      attributes.push({ ...traitsBeside(call), ...identity(call) })
      places.attributes.push(place)
    } else {
      const sent = { name: call.event, time: call.timestamp, properties: withoutNulls(call.properties) }
      events.push({ ...identity(call), ...sent })
      places.events.push(place)
    }
  })
  const body: Api.TrackBody = {
    ...(attributes.length === 0 ? {} : { attributes }),
    ...(events.length === 0 ? {} : { events })
  }
  return {
    calls,
    refused,
    joins: [...joined.values()],
    body: attributes.length + events.length === 0 ? undefined : body,
    places
  }
}

/** The traits, with the addresses of the record. A trait of the operator's wins over an address, unless it is gone. */
const traitsBeside = (call: Call.Identify<IdentifierType>): { readonly [name: string]: Json.Json } => {
  const { identifier, siblings, traits } = call
  if (siblings.length === 0 && !("email" in traits) && !("phone" in traits)) return traits
  const object: Record<string, Json.Json> = { ...traits }
  for (const field of ["email", "phone"] as const) {
    const value = traits[field]
    if (typeof value === "string") object[field] = keyOf(field, value) ?? value
  }
  // Beside an address that names the record, these would name another one.
  if (identifier.type === "email" || identifier.type === "phone") delete object["email"]
  if (identifier.type === "phone") delete object["phone"]
  for (const { field, key } of addresses(call)) object[field] ??= key
  return object
}

/** `null` clears an attribute, but is not among the types that an event property may have (`event_object.md`). */
const withoutNulls = (properties: Readonly<Record<string, Json.Json>>) =>
  Object.values(properties).includes(null)
    ? Object.fromEntries(Object.entries(properties).filter(([, value]) => value !== null))
    : properties

/**
 * One outcome per call of the plan, where the answer is about single objects; else the batch's failure.
 *
 * @category combinators
 * @since 0.1.0
 */
export const settle = (plan: Plan, reply: Reply.Reply): Result.Result<Settled, DeliveryError.DeliveryError> => {
  const answer = Option.getOrUndefined(Api.answer(reply))
  if (answer === undefined) return Result.fail(Api.failure(reply, ""))
  const isSuccess = reply.status >= 200 && reply.status < 300
  const isTaken = isSuccess && (answer.message === "success" || answer.message === "queued")
  const errors = Api.objectErrors(answer.errors)
  const { named, loose } = attribute(plan, errors)
  if (isTaken) return Result.succeed(settleTaken(plan, answer, named, loose))
  // "When no object is valid", the list of errors comes with a 400; a 2xx with another message says the same.
  if (named.size > 0 && (isSuccess || reply.status === 400)) {
    return Result.succeed(settleRefused(plan, named, loose))
  }
  return Result.fail(Api.failure(reply, [answer.message, ...errors.map((error) => error.text)].join(" ")))
}

/**
 * The outcomes of a plan of which nothing was sent.
 *
 * @category combinators
 * @since 0.1.0
 */
export const unsent = (plan: Plan): ReadonlyArray<Outcome.Outcome> =>
  plan.calls.map((_, place) => Outcome.rejected(plan.refused.get(place) ?? "Nothing was sent."))

interface Attributed {
  /** Braze's texts by the place of the call that they are about. */
  readonly named: ReadonlyMap<number, string>
  /** Errors that name no object of this request. */
  readonly loose: ReadonlyArray<Api.ObjectError>
}

const attribute = (plan: Plan, errors: ReadonlyArray<Api.ObjectError>): Attributed => {
  const named = new Map<number, string>()
  const loose: Array<Api.ObjectError> = []
  for (const error of errors) {
    const places = placesOf(plan, error.array)
    const place = places === undefined || error.index === undefined ? undefined : places[error.index]
    if (place === undefined) {
      loose.push(error)
      continue
    }
    const text = withoutIdentifier(error.text, plan.calls[place])
    const earlier = named.get(place)
    named.set(place, earlier === undefined ? text : `${earlier}; ${text}`)
  }
  return { named, loose }
}

const placesOf = (plan: Plan, array: string | undefined): ReadonlyArray<number> | undefined =>
  array === "attributes" ? plan.places.attributes : array === "events" ? plan.places.events : undefined

/** A short value may be part of a word, and tells nobody who it was. */
const withoutIdentifier = (text: string, call: BrazeCall | undefined): string =>
  call !== undefined && call.identifier.value.length > 4
    ? text.replaceAll(call.identifier.value, Identifier.masked(call.identifier.value))
    : text

/** The address that Braze's text is about, where the call can do without it. */
const misfitOf = (call: BrazeCall | undefined, text: string): Address | undefined =>
  call?.type === "identify"
    ? addresses(call).find(({ field }) => (call.traits[field] ?? null) === null && text.includes(field))
    : undefined

const misfitsOf = (plan: Plan, named: Attributed["named"]): ReadonlyArray<Misfit> =>
  [...named].flatMap(([place, text]) => {
    const address = misfitOf(plan.calls[place], text)
    return address === undefined ? [] : [{ place, sibling: address.sibling, reason: `Braze refuses it: ${text}` }]
  })

const refusedBy = (text: string) => Outcome.rejected(`Braze refuses it: ${text}`)

const settleTaken = (
  plan: Plan,
  answer: Api.Answer,
  named: Attributed["named"],
  loose: Attributed["loose"]
): Settled => {
  const attributes = doubt(plan.places.attributes, "attributes", answer.attributes_processed, named, loose)
  const events = doubt(plan.places.events, "events", answer.events_processed, named, loose)
  const doubted = [...attributes.places, ...events.places]
  const texts = loose.map((error) => error.text).join("; ")
  const suspects = new Set(doubted)
  const inDoubt: Array<number> = []
  // Sent again, an event counts again, and may mail somebody twice: who was not taken stays unknown, but is counted.
  const uncounted = Outcome.accepted(
    receipt({ job: plan.calls[events.places[0] ?? 0]?.messageId ?? "", count: events.count, reason: texts })
  )
  const outcomes = plan.calls.map((call, place) => {
    const refused = plan.refused.get(place)
    if (refused !== undefined) return Outcome.rejected(refused)
    const text = named.get(place)
    if (text !== undefined) return refusedBy(text)
    if (!suspects.has(place)) return Outcome.delivered
    if (doubted.length === 1) return refusedBy(withoutIdentifier(texts, call))
    if (call.type === "track") return uncounted
    inDoubt.push(place)
    return Outcome.retry(`Braze refused an object of this request and did not say which: ${texts}`)
  })
  return { outcomes, inDoubt, misfits: misfitsOf(plan, named) }
}

/**
 * The calls that an error without a name may be about.
 *
 * **Gotchas**
 *
 * A count that is short alone proves nothing: `attributes_processed` counts "external_ids with attributes" by the
 * documents, which objects with an e-mail need not be. A count that is full does prove that nothing is missing.
 */
const doubt = (
  places: ReadonlyArray<number>,
  array: string,
  processed: unknown,
  named: Attributed["named"],
  loose: Attributed["loose"]
): { readonly places: ReadonlyArray<number>; readonly count: number } => {
  const errors = loose.filter(
    (error) => (error.array !== "attributes" && error.array !== "events") || error.array === array
  )
  const unnamed = places.filter((place) => !named.has(place))
  if (errors.length === 0 || unnamed.length === 0) return { places: [], count: 0 }
  if (typeof processed !== "number") return { places: unnamed, count: Math.min(errors.length, unnamed.length) }
  return processed >= unnamed.length ? { places: [], count: 0 } : { places: unnamed, count: unnamed.length - processed }
}

/** Nothing of the request was taken: those who are named are refused, the others may be taken without them. */
const settleRefused = (plan: Plan, named: Attributed["named"], loose: Attributed["loose"]): Settled => {
  const unnamed = plan.calls.length - plan.refused.size - named.size
  const texts = loose.map((error) => error.text).join("; ")
  const outcomes = plan.calls.map((call, place) => {
    const refused = plan.refused.get(place)
    if (refused !== undefined) return Outcome.rejected(refused)
    const text = named.get(place)
    if (text !== undefined) return refusedBy(text)
    return unnamed === 1 && texts !== ""
      ? refusedBy(withoutIdentifier(texts, call))
      : Outcome.retry("Braze took nothing of this request and did not say what is wrong with this object.")
  })
  return { outcomes, inDoubt: [], misfits: misfitsOf(plan, named) }
}

const Receipt = Schema.fromJsonString(
  Schema.Struct({
    /** Keeps the receipts of two requests apart. */
    job: Schema.String,
    count: Schema.Finite,
    reason: Schema.String
  })
)

const receipt = Schema.encodeSync(Receipt)

/**
 * What became of events of which Braze refused some without a word about which: so many, and nobody knows whose.
 *
 * @category combinators
 * @since 0.1.0
 */
export const finished = (text: string): Outcome.JobResult =>
  Option.match(Schema.decodeOption(Receipt)(text), {
    onNone: () => ({ _tag: "Finished", unattributed: [] }),
    onSome: ({ count, reason }) => ({
      _tag: "Finished",
      unattributed: [{ count, reason: `Braze refused so many events and did not say whose: ${reason}` }]
    })
  })
