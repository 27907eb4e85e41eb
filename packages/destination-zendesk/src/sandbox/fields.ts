// Custom fields of users and organizations: their definitions, and the values that each type takes.
import type { Json } from "@tributary/core"
import { type Account, nextId } from "./account.ts"
import {
  type Answer,
  answer,
  type Attributes,
  type Fault,
  invalidAttribute,
  isAttributes,
  paged,
  recordInvalid,
  text,
  titled
} from "./wire.ts"

const types = [
  "checkbox",
  "date",
  "decimal",
  "dropdown",
  "integer",
  "lookup",
  "multiselect",
  "regexp",
  "text",
  "textarea"
] as const

/**
 * The type of a custom field.
 *
 * @category models
 * @since 0.1.0
 */
export type FieldType = (typeof types)[number]

/**
 * A custom field that the account has from the start.
 *
 * @category models
 * @since 0.1.0
 */
export interface FieldSeed {
  readonly key: string
  readonly type: FieldType
  readonly title?: string
  /** Default: true. */
  readonly active?: boolean
  /** The values of a dropdown or multiselect. */
  readonly options?: ReadonlyArray<string>
}

export interface Field {
  readonly id: number
  readonly key: string
  readonly type: FieldType
  readonly title: string
  readonly active: boolean
  readonly options: ReadonlyArray<string>
}

export const seed = (account: Account, into: Map<string, Field>, seeds: ReadonlyArray<FieldSeed>): void => {
  for (const { key, type, title = key, active = true, options = [] } of seeds) {
    into.set(key, { id: nextId(account), key, type, title, active, options })
  }
}

const shown = (field: Field) => ({
  id: field.id,
  key: field.key,
  type: field.type,
  title: field.title,
  raw_title: field.title,
  active: field.active,
  system: false,
  ...(field.options.length === 0
    ? {}
    : { custom_field_options: field.options.map((value, id) => ({ id, name: value, value })) })
})

export const list = (name: string, fields: Map<string, Field>, query: URLSearchParams): Answer =>
  paged(`${name}s`, [...fields.values()].map(shown), query)

export interface FieldRules {
  readonly admin: boolean
  readonly reservedKeys: ReadonlyArray<string>
}

export const create = (
  account: Account,
  name: "user_field" | "organization_field",
  fields: Map<string, Field>,
  body: Attributes,
  rules: FieldRules
): Answer => {
  if (!rules.admin) return titled(403, "Forbidden", "You do not have access to this page.")
  const attributes = body[name]
  if (!isAttributes(attributes)) return invalidAttribute(name, "must be an object")
  const title = text(attributes, "title")
  const key = text(attributes, "key")
  const type = types.find((candidate) => candidate === (attributes["type"] ?? "text"))
  const faults: Array<Fault> = []
  if (title === undefined) faults.push({ field: "title", description: "Title: cannot be blank", error: "BlankValue" })
  if (key === undefined) faults.push({ field: "key", description: "Key: cannot be blank", error: "BlankValue" })
  else if (fields.has(key)) {
    faults.push({ field: "key", description: `Key: ${key} has already been taken`, error: "DuplicateValue" })
  } else if (!/^[A-Za-z0-9_]+$/.test(key)) {
    faults.push({ field: "key", description: "Key: takes letters, digits and underscores", error: "InvalidValue" })
  } else if (rules.reservedKeys.includes(key)) {
    faults.push({ field: "key", description: `Key: ${key} is reserved`, error: "InvalidValue" })
  }
  if (type === undefined) faults.push({ field: "type", description: "Type: is not valid", error: "InvalidValue" })
  if (faults.length > 0 || title === undefined || key === undefined || type === undefined) return recordInvalid(faults)
  const options = Array.isArray(attributes["custom_field_options"])
    ? attributes["custom_field_options"].flatMap((option) =>
        isAttributes(option) ? (text(option, "value") ?? []) : []
      )
    : []
  const field: Field = { id: nextId(account), key, type, title, active: true, options }
  fields.set(key, field)
  return answer(201, { [name]: shown(field) })
}

/** The value as the field keeps it, or `undefined` where its type does not take it. */
const accepted = (field: Field, value: unknown): Json.Json | undefined => {
  switch (field.type) {
    case "checkbox":
      return typeof value === "boolean" ? value : undefined
    case "decimal":
      return typeof value === "number" && Number.isFinite(value) ? value : undefined
    case "integer":
      return typeof value === "number" && Number.isSafeInteger(value) ? value : undefined
    case "lookup":
      return typeof value === "number" || typeof value === "string" ? value : undefined
    case "date":
      return typeof value === "string" ? dayOf(value) : undefined
    case "dropdown":
      return typeof value === "string" && field.options.includes(value) ? value : undefined
    case "multiselect":
      return Array.isArray(value) && value.every((option) => field.options.includes(option)) ? value : undefined
    case "regexp":
    case "text":
    case "textarea":
      return typeof value === "string" ? value : undefined
  }
}

/** A day, or a full time, which is cut to its day (recorded); any other text is refused. */
const dayOf = (value: string): string | undefined => {
  const day = /^(\d{4}-\d\d-\d\d)(?:[T ]\d\d:\d\d.*)?$/.exec(value)?.[1]
  if (day === undefined || Number.isNaN(Date.parse(value))) return undefined
  const millis = Date.parse(`${day}T00:00:00Z`)
  const exists = !Number.isNaN(millis) && new Date(millis).toISOString().startsWith(day)
  return exists ? `${day}T00:00:00+00:00` : undefined
}

/**
 * The values with the changes made, or the faults. Keys of no field vanish without a word; `null` empties a field.
 */
export const change = (
  fields: Map<string, Field>,
  before: Record<string, Json.Json>,
  changes: Attributes
): { readonly values: Record<string, Json.Json>; readonly faults: ReadonlyArray<Fault> } => {
  const values = { ...before }
  const faults: Array<Fault> = []
  for (const [key, value] of Object.entries(changes)) {
    const field = fields.get(key)
    if (field === undefined) continue
    if (value === null) {
      delete values[key]
      continue
    }
    const kept = accepted(field, value)
    if (kept === undefined) {
      faults.push({
        field: key,
        description: `${field.title}: is not valid for a ${field.type}`,
        error: "InvalidValue"
      })
    } else values[key] = kept
  }
  return { values, faults }
}

/** Every field with its value: what a user or organization shows. Where there is none, a checkbox is false (recorded). */
export const valuesOf = (
  fields: Map<string, Field>,
  values: Record<string, Json.Json>
): { readonly [key: string]: Json.Json } => {
  const all: Record<string, Json.Json> = {}
  for (const { key, type } of fields.values()) all[key] = values[key] ?? (type === "checkbox" ? false : null)
  return all
}
