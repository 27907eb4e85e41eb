/**
 * The profiles that a fake Braze holds, and how an object changes them.
 *
 * Sources: braze-docs `_docs/_api/endpoints/user_data/post_user_track.md` (alias-only and email-only profiles, nested
 * attributes, duplicate events), `post_user_identify.md` (joining) and `objects_filters/user_attributes_object.md` (null,
 * inc, add, remove).
 *
 * @since 0.1.0
 */
import type { Json } from "@tributary/core"
import { isDropped, isJsonObject, type JsonObject, normalPhone } from "./rules.ts"

/**
 * An event as the profile's history holds it.
 *
 * @category models
 * @since 0.1.0
 */
export interface StoredEvent {
  readonly name: string
  readonly time: string
  readonly properties: JsonObject
}

/**
 * A profile as plain data.
 *
 * @category models
 * @since 0.1.0
 */
export interface Profile {
  readonly braze_id: string
  readonly external_id: string | null
  readonly user_alias: { readonly alias_name: string; readonly alias_label: string } | null
  /** Custom attributes and Braze's own fields, `email` and `phone` among them. */
  readonly attributes: JsonObject
  /** In the order in which they were applied; empty where the sandbox only counts them. */
  readonly events: ReadonlyArray<StoredEvent>
  readonly eventCount: number
  readonly purchaseCount: number
}

interface Stored {
  readonly place: number
  externalId: string | null
  alias: Profile["user_alias"]
  /** Another profile has taken it in. */
  isGone: boolean
  attributes: { [name: string]: Json.Json }
  events: Array<StoredEvent> | undefined
  eventCount: number
  purchaseCount: number
  /** Grows with every update of any profile: which of several with one e-mail is the newest. */
  updated: number
}

/**
 * Profiles by each of their handles.
 *
 * @category models
 * @since 0.1.0
 */
export interface Profiles {
  readonly count: number
  readonly users: { readonly [externalId: string]: Profile }
  /** By `<alias_label>:<alias_name>`. */
  readonly aliases: { readonly [alias: string]: Profile }
  /** Where several share an e-mail, the one that an object with this e-mail would update. */
  readonly emails: { readonly [email: string]: Profile }
  readonly phones: { readonly [phone: string]: Profile }
}

const notAttributes = new Set([
  "external_id",
  "user_alias",
  "braze_id",
  "_update_existing_only",
  "push_token_import",
  "bio" // removed years ago, and not taken as a custom attribute either
])

/** A profile's place in the order of creation, in the form of a Braze id. */
const brazeIdOf = (place: number) => place.toString(16).padStart(24, "0")
const aliasKey = (alias: { readonly alias_name: string; readonly alias_label: string }) =>
  `${alias.alias_label}:${alias.alias_name}`

/**
 * An empty set of profiles. With `keepEvents: false` events are counted and forgotten.
 *
 * @category constructors
 * @since 0.1.0
 */
export const makeProfiles = (options: { readonly keepEvents: boolean }) => {
  const all: Array<Stored> = []
  const byExternalId = new Map<string, Stored>()
  const byAlias = new Map<string, Stored>()
  const byField = { email: new Map<string, Array<Stored>>(), phone: new Map<string, Array<Stored>>() }
  let clock = 0
  let dataPoints = 0

  const create = (externalId: string | null, alias: Profile["user_alias"]): Stored => {
    const stored: Stored = {
      place: all.length,
      externalId,
      alias,
      isGone: false,
      attributes: {},
      events: undefined,
      eventCount: 0,
      purchaseCount: 0,
      updated: ++clock
    }
    all.push(stored)
    if (externalId !== null) byExternalId.set(externalId, stored)
    if (alias !== null) byAlias.set(aliasKey(alias), stored)
    return stored
  }

  /** Addresses are compared byte for byte (UNVERIFIED), phone numbers by their digits. */
  const holders = (field: "email" | "phone", value: string) =>
    byField[field].get(field === "phone" ? (normalPhone(value) ?? value) : value)

  const index = (stored: Stored, name: "email" | "phone", value: Json.Json | undefined) => {
    const old = stored.attributes[name]
    const move = (text: string, to: ReadonlyArray<Stored>) =>
      byField[name].set(name === "phone" ? (normalPhone(text) ?? text) : text, [...to])
    if (typeof old === "string") move(old, holders(name, old)?.filter((other) => other !== stored) ?? [])
    if (typeof value === "string") move(value, [...(holders(name, value) ?? []), stored])
  }

  const set = (stored: Stored, name: string, value: Json.Json) => {
    if (name === "email" || name === "phone") index(stored, name, value)
    if (value === null) delete stored.attributes[name]
    // An assignment to `__proto__` would change what the object is.
    else if (name === "__proto__") Object.defineProperty(stored.attributes, name, { value, enumerable: true })
    else stored.attributes[name] = value
  }

  /** The one with an external id before others, then the one updated last. */
  const newest = (candidates: ReadonlyArray<Stored> | undefined): Stored | undefined => {
    let best: Stored | undefined
    for (const candidate of candidates ?? []) {
      const isIdentified = candidate.externalId !== null
      const bestIsIdentified = best?.externalId !== undefined && best.externalId !== null
      if (
        best === undefined ||
        (isIdentified && !bestIsIdentified) ||
        (isIdentified === bestIsIdentified && candidate.updated > best.updated)
      ) {
        best = candidate
      }
    }
    return best
  }

  const present = (stored: Stored | undefined) => (stored?.isGone === true ? undefined : stored)

  const resolve = (object: JsonObject): Stored | undefined => {
    const { external_id, user_alias, braze_id, email, phone } = object
    const updateOnly = object["_update_existing_only"]
    if (typeof external_id === "string") {
      return byExternalId.get(external_id) ?? (updateOnly === true ? undefined : create(external_id, null))
    }
    if (typeof braze_id === "string")
      return /^[0-9a-f]{24}$/.test(braze_id) ? present(all[Number.parseInt(braze_id, 16)]) : undefined
    if (isJsonObject(user_alias)) {
      const alias = { alias_name: String(user_alias["alias_name"]), alias_label: String(user_alias["alias_label"]) }
      return byAlias.get(aliasKey(alias)) ?? (updateOnly === false ? create(null, alias) : undefined)
    }
    const field = typeof email === "string" ? "email" : "phone"
    const value = typeof email === "string" ? email : phone
    if (typeof value !== "string") return undefined
    const known = newest(holders(field, value))
    if (known !== undefined || updateOnly === true) return known
    const stored = create(null, null)
    set(stored, field, value)
    return stored
  }

  /** `{inc}`, `{add}` and `{remove}` change a value; everything else replaces it. */
  const written = (old: Json.Json | undefined, value: Json.Json): Json.Json => {
    if (!isJsonObject(value)) return Array.isArray(value) ? [...new Set(value)] : value
    const { inc, add, remove } = value
    if (typeof inc === "number") return (typeof old === "number" ? old : 0) + inc
    if (!Array.isArray(add) && !Array.isArray(remove)) return value
    const elements = new Set<Json.Json>(Array.isArray(old) ? old : [])
    if (Array.isArray(add)) for (const element of add) elements.add(element)
    if (Array.isArray(remove)) for (const element of remove) elements.delete(element)
    return [...elements]
  }

  const identifierField = (object: JsonObject): string | undefined => {
    const { external_id, user_alias, braze_id, email } = object
    if (external_id !== undefined || user_alias !== undefined || braze_id !== undefined) return undefined
    return typeof email === "string" ? "email" : "phone"
  }

  const toProfile = (stored: Stored): Profile => ({
    braze_id: brazeIdOf(stored.place),
    external_id: stored.externalId,
    user_alias: stored.alias,
    attributes: { ...stored.attributes },
    events: stored.events === undefined ? [] : [...stored.events],
    eventCount: stored.eventCount,
    purchaseCount: stored.purchaseCount
  })

  /** What the target lacks is filled from the source, which vanishes. */
  const takeIn = (target: Stored, source: Stored) => {
    // One alias of a kind: profiles that have one each are not joined.
    if (target.alias !== null && source.alias !== null) return
    for (const field of ["email", "phone"] as const) index(source, field, undefined)
    const taken = { ...source.attributes }
    source.attributes = {}
    for (const [name, value] of Object.entries(taken)) {
      if (target.attributes[name] === undefined) set(target, name, value)
    }
    target.events = [...(source.events ?? []), ...(target.events ?? [])]
    target.eventCount += source.eventCount
    target.purchaseCount += source.purchaseCount
    target.updated = ++clock
    if (source.alias !== null) {
      target.alias = source.alias
      byAlias.set(aliasKey(source.alias), target)
    }
    source.alias = null
    source.isGone = true
  }

  /** Of several with an address the one that the words leave; `undefined` where they leave several. */
  const prioritized = (candidates: ReadonlyArray<Stored>, words: Json.Json | undefined): Stored | undefined => {
    let left = candidates
    for (const word of Array.isArray(words) ? words : []) {
      if (word === "identified") left = left.filter(({ externalId }) => externalId !== null)
      if (word === "unidentified") left = left.filter(({ externalId }) => externalId === null)
      const byAge = left.toSorted((one, other) => one.updated - other.updated)
      if (word === "most_recently_updated") left = byAge.slice(-1)
      if (word === "least_recently_updated") left = byAge.slice(0, 1)
    }
    return left.length === 1 ? left[0] : undefined
  }

  const unidentified = ({ email, phone, prioritization, user_alias }: JsonObject): Stored | undefined => {
    if (isJsonObject(user_alias)) {
      const alias = { alias_name: String(user_alias["alias_name"]), alias_label: String(user_alias["alias_label"]) }
      return byAlias.get(aliasKey(alias))
    }
    const found = typeof email === "string" ? holders("email", email) : holders("phone", String(phone))
    return prioritized(found ?? [], prioritization)
  }

  return {
    /**
     * Puts an external id on a record that has none, or has the record with that id take it in. What is not found, or
     * found more than once, is left alone.
     */
    applyIdentify: (object: JsonObject) => {
      const source = unidentified(object)
      const externalId = String(object["external_id"])
      if (source === undefined || source.externalId !== null) return
      const target = byExternalId.get(externalId)
      if (target !== undefined) return takeIn(target, source)
      source.externalId = externalId
      source.updated = ++clock
      byExternalId.set(externalId, source)
    },
    /** Every attribute that is written costs a data point, whether it changes or not. */
    dataPoints: () => dataPoints,
    applyAttributes: (object: JsonObject) => {
      const stored = resolve(object)
      if (stored === undefined) return
      stored.updated = ++clock
      const own = identifierField(object)
      for (const name in object) {
        const value = object[name]
        if (value === undefined || name === own || notAttributes.has(name) || isDropped(value)) continue
        set(stored, name, written(stored.attributes[name], value))
        dataPoints++
      }
    },
    applyEvent: (object: JsonObject) => {
      const stored = resolve(object)
      if (stored === undefined) return
      stored.updated = ++clock
      stored.eventCount++
      if (!options.keepEvents) return
      const properties = object["properties"]
      stored.events ??= []
      stored.events.push({
        name: String(object["name"]),
        time: String(object["time"]),
        properties: isJsonObject(properties) ? properties : {}
      })
    },
    applyPurchase: (object: JsonObject) => {
      const stored = resolve(object)
      if (stored !== undefined) stored.purchaseCount++
    },
    snapshot: (): Profiles => {
      const shown = all.map(toProfile)
      const view = (index: Iterable<readonly [string, Stored | undefined]>) => {
        const entries: Array<readonly [string, Profile]> = []
        for (const [key, stored] of index) {
          const profile = stored === undefined ? undefined : shown[stored.place]
          if (profile !== undefined) entries.push([key, profile])
        }
        return Object.fromEntries(entries)
      }
      const viewField = (index: Map<string, Array<Stored>>) =>
        view([...index].map(([key, candidates]) => [key, newest(candidates)] as const))
      return {
        count: all.filter(({ isGone }) => !isGone).length,
        users: view(byExternalId),
        aliases: view(byAlias),
        emails: viewField(byField.email),
        phones: viewField(byField.phone)
      }
    }
  }
}
