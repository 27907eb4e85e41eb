/**
 * From people to HubSpot's contacts, and from its answers to outcomes. Pure.
 *
 * @since 0.1.0
 */
import { Json, Outcome } from "@tributary/core"
import { type Contacts, type ContactWrite, masked } from "./api.ts"
import { normalForm } from "./keys.ts"

/**
 * What became of an address: a contact has it, HubSpot refuses it, or HubSpot said nothing of it.
 *
 * @category models
 * @since 0.1.0
 */
export type Fate =
  | { readonly _tag: "Taken"; readonly id: string | undefined }
  | { readonly _tag: "Refused"; readonly reason: string }
  | { readonly _tag: "Silent"; readonly reason: string }

/**
 * Fates by the normal form of the address.
 *
 * @category models
 * @since 0.1.0
 */
export type Fates = ReadonlyMap<string, Fate>

const silent: Fate = { _tag: "Silent", reason: "HubSpot said nothing of this contact." }

/**
 * One write for each address, as HubSpot has none twice in a batch; of two for one address the later property wins.
 *
 * @category combinators
 * @since 0.1.0
 */
export const writes = (
  people: ReadonlyArray<{ readonly address: string; readonly properties: ContactWrite["properties"] }>
): ReadonlyArray<ContactWrite> => {
  const inputs = new Map<string, ContactWrite>()
  for (const { address, properties } of people) {
    const id = normalForm(address)
    const earlier = inputs.get(id)
    inputs.set(id, {
      id,
      idProperty: "email",
      objectWriteTraceId: earlier?.objectWriteTraceId ?? String(inputs.size),
      properties: { ...earlier?.properties, ...properties }
    })
  }
  return [...inputs.values()]
}

/** A number without an exponent: HubSpot takes digits and one point. */
const plainNumber = (value: number): string => {
  const text = String(value)
  const [, sign = "", whole = "", fraction = "", exponent = ""] = /^(-?)(\d)(?:\.(\d+))?e([+-]\d+)$/.exec(text) ?? []
  if (exponent === "") return text
  const digits = whole + fraction
  const point = 1 + Number(exponent)
  return point > 0
    ? `${sign}${digits.padEnd(point, "0")}` // from 1e21 on no digit is left behind the point
    : `${sign}0.${"0".repeat(-point)}${digits}`
}

/**
 * A trait's value as a property has it: text always, `""` to clear.
 *
 * @category combinators
 * @since 0.1.0
 */
export const propertyValue = (value: Json.Json): string => {
  if (value === null) return ""
  if (typeof value === "number") return plainNumber(value)
  return typeof value === "object" ? Json.canonical(value) : String(value)
}

/** The addresses that find a contact, as far as the answer has them: the primary one first. */
const addressesOf = ({ properties }: Contacts["results"][number]): ReadonlyArray<string> =>
  [properties["email"] ?? "", ...(properties["hs_additional_emails"] ?? "").split(";")]
    .map(normalForm)
    .filter((address) => address !== "")

const texts = (value: unknown): ReadonlyArray<string> =>
  Array.isArray(value) ? value.filter((item) => typeof item === "string") : []

const parse = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** HubSpot's reason without the JSON around it: `Property values were not valid: [{"message":"…",…}]`. */
const reasonOf = (message: string): string => {
  const list = parse(message.slice(message.indexOf("[")))
  const words = Array.isArray(list) ? list.flatMap((each) => texts([Object(each)["message"]])) : []
  return `HubSpot refuses it: ${masked(words.length === 0 ? message : words.join("; ")).slice(0, 300)}`
}

/**
 * What an answer says of each write.
 *
 * **Details**
 *
 * A result or an error belongs to the write whose trace id it has; else to the one whose address it names. What names
 * neither is shared out only where that leaves no choice: as many results as writes are left, or as many errors. Else
 * the writes that are left are `unclear`, and an answer to fewer of them will say more.
 *
 * @category combinators
 * @since 0.1.0
 */
export const attribute = (inputs: ReadonlyArray<ContactWrite>, { errors = [], results }: Contacts) => {
  const fates = new Map<string, Fate>()
  const open = new Map(inputs.map((input) => [input.id, input]))
  const byTrace = new Map(inputs.map(({ id, objectWriteTraceId }) => [objectWriteTraceId, id]))
  const decide = (address: string | undefined, fate: Fate): boolean => {
    if (address === undefined || !open.delete(address)) return false
    fates.set(address, fate)
    return true
  }

  const taken = ({ id }: { readonly id: string }): Fate => ({ _tag: "Taken", id })
  const untraced = results.filter((result) => !decide(byTrace.get(result.objectWriteTraceId ?? ""), taken(result)))
  const looseResults = untraced.filter(
    (result) =>
      !decide(
        addressesOf(result).find((address) => open.has(address)),
        taken(result)
      )
  )
  const looseErrors = errors.filter(({ context = {}, message }) => {
    const named = Object.values(context).flatMap(texts)
    const traces = texts(context["objectWriteTraceId"])
    const addresses = traces.length > 0 ? traces.map((trace) => byTrace.get(trace)) : named.map(normalForm)
    const refused: Fate = { _tag: "Refused", reason: reasonOf(message) }
    return addresses.filter((address) => decide(address, refused)).length === 0
  })

  const left = [...open.values()]
  const share = (fateOf: (i: number) => Fate) => left.forEach(({ id }, i) => decide(id, fateOf(i)))
  if (looseErrors.length === 0 && looseResults.length === 0) {
    // Now and then HubSpot completes a batch and says nothing of some of its inputs.
    share(() => silent)
  } else if (looseErrors.length === 0 && looseResults.length === left.length) {
    share((i) => ({ _tag: "Taken", id: left.length === 1 ? looseResults[i]?.id : undefined }))
  } else if (looseResults.length === 0 && looseErrors.length === left.length) {
    const reasons = new Set(looseErrors.map(({ message }) => reasonOf(message)))
    share(() => ({ _tag: "Refused", reason: [...reasons].join(" Or: ").slice(0, 600) }))
  } else if (left.length === 1) {
    share(() => silent)
  }
  return { fates, unclear: [...open.values()], ids: results.map(({ id }) => id) }
}

/**
 * The ids of contacts by address, primary or additional.
 *
 * @category combinators
 * @since 0.1.0
 */
export const idsByAddress = ({ results }: Contacts): ReadonlyMap<string, string> =>
  new Map(results.flatMap((contact) => addressesOf(contact).map((address) => [address, contact.id])))

/**
 * The same, where contacts turned out to exist no more between two requests: their addresses are looked up again.
 *
 * @category combinators
 * @since 0.1.0
 */
export const without = (fates: Fates, missing: ReadonlySet<string>): Fates => {
  if (missing.size === 0) return fates
  const gone: Fate = { _tag: "Silent", reason: "HubSpot has archived or merged this contact in the meantime." }
  return new Map(
    [...fates].map(([address, fate]) => [
      address,
      // Whose id is not known may be one of those that are missing.
      fate._tag === "Taken" && (fate.id === undefined || missing.has(fate.id)) ? gone : fate
    ])
  )
}

const fateOf = (fates: Fates, address: string): Fate => fates.get(normalForm(address)) ?? silent

/**
 * What became of a call.
 *
 * @category combinators
 * @since 0.1.0
 */
export const outcome = (fates: Fates, address: string): Outcome.Outcome => {
  const fate = fateOf(fates, address)
  switch (fate._tag) {
    case "Taken":
      return Outcome.delivered
    case "Refused":
      return Outcome.rejected(fate.reason)
    case "Silent":
      return Outcome.retry(fate.reason)
  }
}

/**
 * What became of a member: delivered but for the addresses that HubSpot refuses. Where one is uncertain, all are sent
 * again, which changes nothing for those that are on the list.
 *
 * @category combinators
 * @since 0.1.0
 */
export const memberOutcome = (fates: Fates, addresses: ReadonlyArray<string>): Outcome.Outcome => {
  const all = addresses.map((value) => ({ value, fate: fateOf(fates, value) }))
  const uncertain = all.find(({ fate }) => fate._tag === "Silent")
  if (uncertain !== undefined) return outcome(fates, uncertain.value)
  const refused = all.flatMap(({ fate, value }) =>
    fate._tag === "Refused" ? [{ type: "email", value, reason: fate.reason }] : []
  )
  return refused.length > 0 && refused.length === all.length
    ? Outcome.rejected(refused[0]?.reason ?? "")
    : Outcome.partly(refused)
}
