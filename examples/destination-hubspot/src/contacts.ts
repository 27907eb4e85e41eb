/**
 * From people to HubSpot's contacts, and from its answers to outcomes. Pure.
 *
 * @since 0.1.0
 */
import { Json, Outcome } from "@tributary/core"
import type { Contacts, ContactWrite } from "./api.ts"

/** One contact for all spellings of an address: HubSpot stores them in lower case, and takes none twice in a batch. */
const keyOf = (address: string): string => address.toLowerCase()

/**
 * A batch of writes, and for each address the trace id of its write.
 *
 * @category models
 * @since 0.1.0
 */
export interface Writes {
  readonly inputs: ReadonlyArray<ContactWrite>
  readonly traceOf: (address: string) => string
}

/**
 * One write for each address; of two for one address the later property wins.
 *
 * @category combinators
 * @since 0.1.0
 */
export const writes = (
  people: ReadonlyArray<{ readonly address: string; readonly properties: ContactWrite["properties"] }>
): Writes => {
  const inputs = new Map<string, ContactWrite>()
  for (const { address, properties } of people) {
    const key = keyOf(address)
    const earlier = inputs.get(key)
    inputs.set(key, {
      id: earlier?.id ?? address,
      idProperty: "email",
      objectWriteTraceId: earlier?.objectWriteTraceId ?? String(inputs.size),
      properties: { ...earlier?.properties, ...properties }
    })
  }
  return {
    inputs: [...inputs.values()],
    traceOf: (address) => inputs.get(keyOf(address))?.objectWriteTraceId ?? ""
  }
}

/**
 * A trait's value as a property has it: text always, `""` to clear.
 *
 * @category combinators
 * @since 0.1.0
 */
export const propertyValue = (value: Json.Json): string => {
  if (value === null) return ""
  return typeof value === "object" ? Json.canonical(value) : String(value)
}

/**
 * What became of a write, and the contact's id where there is one.
 *
 * @category combinators
 * @since 0.1.0
 */
export const settle = ({ errors = [], results }: Contacts) => {
  const refused = new Map(
    errors.flatMap(({ context, message }) => (context?.["objectWriteTraceId"] ?? []).map((trace) => [trace, message]))
  )
  const written = new Map(
    results.flatMap(({ id, objectWriteTraceId: trace }) => (trace === undefined ? [] : [[trace, id]]))
  )
  return {
    idOf: (trace: string): string | undefined => written.get(trace),
    outcome: (trace: string): Outcome.Outcome => {
      const reason = refused.get(trace)
      if (reason !== undefined) return Outcome.rejected(`HubSpot refuses it: ${reason.slice(0, 300)}`)
      // Now and then HubSpot completes a batch and says nothing of some of its inputs.
      return written.has(trace) ? Outcome.delivered : Outcome.retry("HubSpot said nothing of this contact.")
    }
  }
}

/**
 * The ids of contacts by address.
 *
 * @category combinators
 * @since 0.1.0
 */
export const idsByAddress = ({ results }: Contacts) => {
  const ids = new Map(results.map(({ id, properties }) => [keyOf(properties["email"] ?? ""), id]))
  return (address: string): string | undefined => ids.get(keyOf(address))
}
