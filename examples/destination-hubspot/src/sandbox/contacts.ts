/**
 * Contacts: how HubSpot finds, joins and refuses them.
 *
 * Addresses are matched trimmed and in lower case. A contact has a primary address and, after a merge, additional ones;
 * all of them find it, and none belongs to two contacts.
 *
 * @since 0.1.0
 */
import type { Sandbox } from "@tributary/core"
import { batch, fault, type Fields, invalid, isFields, isTexts, itemError } from "./answers.ts"
import type { Properties } from "./properties.ts"

/**
 * How an answer names the input that a result or an error is about. `objectWriteTraceId` is optional in HubSpot's own
 * documents: `echoed` has it in both, `errors` in errors only, `none` in neither, though the request had it.
 *
 * @category models
 * @since 0.1.0
 */
export type Traces = "echoed" | "errors" | "none"

/**
 * @category models
 * @since 0.1.0
 */
export interface Contact {
  readonly id: string
  readonly properties: Readonly<Record<string, string>>
}

interface Stored {
  readonly id: string
  readonly createdAt: string
  updatedAt: string
  properties: Readonly<Record<string, string>>
}

/** Why an input is refused, as an error of a batch and as that of a whole request. */
interface Refusal {
  readonly category: string
  readonly message: string
  readonly errors: ReadonlyArray<unknown>
}

const normal = (address: string): string => address.trim().toLowerCase()

const additional = ({ properties }: Stored): ReadonlyArray<string> =>
  (properties["hs_additional_emails"] ?? "").split(";").filter((address) => address !== "")

/** The exact rule is unverified: that syntax and domain are judged is known, and `.con` is refused in a recorded answer. */
const isAddress = (address: string): boolean => /^[^@\s]+@[^@\s]+\.[^@\s]+$/.test(address) && !address.endsWith(".con")

const notValid = (name: string, error: string, message: string): Refusal => ({
  category: "VALIDATION_ERROR",
  message: `Property values were not valid: ${JSON.stringify([{ isValid: false, message, error, name, localizedErrorMessage: message }])}`,
  errors: [{ message, code: error, context: { propertyName: [name] } }]
})

const duplicates = (ids: ReadonlyArray<string>): Sandbox.SandboxResponse | undefined => {
  const twice = ids.filter((id, i) => ids.indexOf(id) !== i)
  if (twice.length === 0) return undefined
  return invalid(`Duplicate IDs found in batch input: [${twice.join(", ")}]. IDs must be unique`, {
    context: { ids: twice }
  })
}

/** The inputs of a batch, or why it is none. */
const inputsOf = (body: Fields): ReadonlyArray<Fields> | Sandbox.SandboxResponse => {
  const given = body["inputs"]
  if (!Array.isArray(given) || given.length === 0) return invalid("Invalid input JSON: inputs is empty")
  const inputs = given.filter(isFields)
  if (inputs.length < given.length || inputs.some(({ id }) => typeof id !== "string")) {
    return invalid("Invalid input JSON: id is required")
  }
  return inputs.length > 100
    ? invalid(`The maximum number of inputs supported in a batch request is 100; ${inputs.length} were given`)
    : inputs
}

/**
 * The contacts of an account.
 *
 * @category models
 * @since 0.1.0
 */
export class Contacts {
  readonly #byId = new Map<string, Stored>()
  readonly #byAddress = new Map<string, Stored>()
  readonly #properties: Properties
  readonly #traces: Traces
  readonly #next: () => number

  constructor(properties: Properties, traces: Traces, next: () => number) {
    this.#properties = properties
    this.#traces = traces
    this.#next = next
  }

  readonly has = (id: string): boolean => this.#byId.has(id)

  readonly all = (): ReadonlyArray<Contact> =>
    [...this.#byId.values()].map(({ id, properties }) => ({ id, properties }))

  readonly upsert = (body: Fields, now: number): Sandbox.SandboxResponse => {
    const inputs = inputsOf(body)
    if ("status" in inputs) return inputs
    const bad = inputs.find(
      ({ properties }) =>
        !isFields(properties) || !Object.values(properties).every((value) => typeof value === "string")
    )
    if (bad !== undefined) return invalid("Invalid input JSON: properties is required, an object of texts")
    const other = inputs.find(({ idProperty }) => idProperty !== "email")
    if (other !== undefined) {
      return invalid(`Unable to perform update/upsert by non-unique property ${String(other["idProperty"])}`)
    }
    const twice = duplicates(inputs.map(({ id }) => normal(String(id))))
    if (twice !== undefined) return twice

    const results: Array<Fields> = []
    const errors: Array<Fields> = []
    const refusals = inputs.map((input) => this.#refusal(input))
    // Without a trace id one bad input costs the whole batch.
    const whole = refusals.find(
      (refusal, i) => refusal !== undefined && inputs[i]?.["objectWriteTraceId"] === undefined
    )
    if (whole !== undefined) {
      const status = whole.category === "CONFLICT" ? 409 : 400
      return fault(status, whole.category, whole.message, { errors: whole.errors })
    }
    for (const [i, input] of inputs.entries()) {
      const trace = input["objectWriteTraceId"]
      const refusal = refusals[i]
      if (refusal === undefined) {
        const written = this.#write(input, now)
        results.push(
          this.#traces === "echoed" && trace !== undefined ? { ...written, objectWriteTraceId: trace } : written
        )
      } else {
        const context = this.#traces === "none" ? {} : { objectWriteTraceId: [trace] }
        errors.push(itemError(refusal.category, refusal.message, context))
      }
    }
    // The order of the results is not promised.
    return batch(results.toReversed(), errors, now)
  }

  readonly #refusal = (input: Fields): Refusal | undefined => {
    const key = normal(String(input["id"]))
    const properties = isFields(input["properties"]) ? input["properties"] : {}
    const wanted = normal(String(properties["email"] ?? key))
    const bad = [key, wanted].find((address) => !isAddress(address))
    if (bad !== undefined) return notValid("email", "INVALID_EMAIL", `Email address ${bad} is invalid`)
    const misfit = this.#properties.misfit(properties)
    if (misfit !== undefined) return notValid(misfit.name, misfit.error, misfit.message)
    if (properties["email"] === undefined) return undefined
    // That a contact's own additional address is refused as its primary one is unverified; it may be promoted instead.
    const holder = this.#byAddress.get(wanted)
    const isTaken =
      holder !== undefined && (holder.properties["email"] !== wanted || holder !== this.#byAddress.get(key))
    return isTaken
      ? { category: "CONFLICT", message: `Contact already exists. Existing ID: ${holder.id}`, errors: [] }
      : undefined
  }

  readonly #write = (input: Fields, now: number): Fields => {
    const key = normal(String(input["id"]))
    const earlier = this.#byAddress.get(key)
    const time = new Date(now).toISOString()
    const contact = earlier ?? this.#create({ email: key }, time)
    const before = contact.properties["email"] ?? ""
    const given = isFields(input["properties"]) ? Object.entries(input["properties"]) : []
    const written = given.map(([name, value]) => [name, name === "email" ? normal(String(value)) : String(value)])
    contact.properties = { ...contact.properties, ...Object.fromEntries(written) }
    contact.updatedAt = time
    this.#byAddress.delete(before)
    this.#byAddress.set(contact.properties["email"] ?? "", contact)
    return { ...this.#shown(contact), new: earlier === undefined }
  }

  readonly #create = (properties: Stored["properties"], time: string): Stored => {
    const contact: Stored = { id: String(1000 + this.#next()), createdAt: time, updatedAt: time, properties }
    this.#byId.set(contact.id, contact)
    for (const address of [properties["email"] ?? "", ...additional(contact)]) this.#byAddress.set(address, contact)
    return contact
  }

  readonly #shown = ({ createdAt, id, properties, updatedAt }: Stored): Fields => ({
    id,
    properties: { ...properties, hs_object_id: id, createdate: createdAt, lastmodifieddate: updatedAt },
    createdAt,
    updatedAt,
    archived: false
  })

  readonly read = (body: Fields, now: number): Sandbox.SandboxResponse => {
    const inputs = inputsOf(body)
    if ("status" in inputs) return inputs
    const { idProperty, properties, propertiesWithHistory } = body
    if (!isTexts(properties) || !isTexts(propertiesWithHistory)) {
      return invalid("Invalid input JSON: properties and propertiesWithHistory are required")
    }
    const byAddress = idProperty === "email"
    const ids = inputs.map(({ id }) => (byAddress ? normal(String(id)) : String(id)))
    // Documented for writes; unverified for reads.
    const twice = duplicates(ids)
    if (twice !== undefined) return twice
    const results: Array<Fields> = []
    const errors: Array<Fields> = []
    const asked = ["hs_object_id", "createdate", "lastmodifieddate", ...properties]
    for (const id of ids) {
      const contact = byAddress ? this.#byAddress.get(id) : this.#byId.get(id)
      if (contact === undefined) {
        // The form of misses is unverified.
        const message =
          "Could not get some CONTACT objects, they may be deleted or not exist. Check that ids are valid."
        errors.push(itemError("OBJECT_NOT_FOUND", message, { ids: [id] }))
        continue
      }
      const shown = this.#shown(contact)
      const values = isFields(shown["properties"]) ? shown["properties"] : {}
      results.push({ ...shown, properties: Object.fromEntries(asked.map((name) => [name, values[name] ?? null])) })
    }
    return batch(results.toReversed(), errors, now)
  }

  /** Archived: its addresses are free again, and a contact that is created with one of them has a new id. */
  readonly archive = (id: string): boolean => {
    const contact = this.#byId.get(id)
    if (contact === undefined) return false
    this.#byId.delete(id)
    for (const address of [contact.properties["email"] ?? "", ...additional(contact)]) this.#byAddress.delete(address)
    return true
  }

  /** The survivor has a new id, the primary contact's address, and all other addresses as additional ones. */
  readonly merge = (body: Fields, now: number): Sandbox.SandboxResponse => {
    const primary = this.#byId.get(String(body["primaryObjectId"]))
    const other = this.#byId.get(String(body["objectIdToMerge"]))
    if (primary === undefined || other === undefined || primary === other) return invalid("Invalid contacts to merge")
    const more = [...additional(primary), other.properties["email"] ?? "", ...additional(other)]
    const properties = { ...other.properties, ...primary.properties, hs_additional_emails: more.join(";") }
    this.archive(primary.id)
    this.archive(other.id)
    return { status: 200, body: this.#shown(this.#create(properties, new Date(now).toISOString())) }
  }
}
