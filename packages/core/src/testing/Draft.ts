/**
 * Drafts: what a law wants told, before it is a call or a member.
 *
 * @since 0.1.0
 */
import type { Call, CallKind } from "../contract/Call.ts"
import type { Declaration } from "../contract/Declaration.ts"
import type { Json } from "../contract/Json.ts"
import type { Member } from "../contract/Member.ts"

/**
 * Somebody to tell of. Two drafts of one `no` are the same person; everything else has a default made from it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Draft {
  readonly no: number
  /** The type of the identifier. Default: the first that is declared for this kind of telling. */
  readonly type?: string
  readonly value?: string
  /** Further values of the same type, in a member. */
  readonly more?: ReadonlyArray<string>
  readonly traits?: Readonly<Record<string, Json>>
  readonly event?: string
  /** In place of the required properties of this name. */
  readonly required?: Readonly<Record<string, unknown>>
}

/**
 * Values that a plugin's author knows better than the kit does.
 *
 * @category models
 * @since 0.1.0
 */
export interface Values {
  /** Values that the vendor takes, by identifier type. The well-known types have defaults. */
  readonly identifiers?: Readonly<Record<string, (no: number) => string>>
  /** Values of required properties that are not text. */
  readonly properties?: Readonly<Record<string, (no: number) => unknown>>
}

const hex = (no: number, digits: number): string => no.toString(16).padStart(digits, "0")

/** As many different values as a batch may need, each in a form that vendors take. */
const wellKnown: Readonly<Record<string, (no: number) => string>> = {
  user_id: (no) => `user-${no}`,
  email: (no) => `person${no}@example.com`,
  phone: (no) => `+1206${2_000_000 + no}`,
  anonymous_id: (no) => `anonymous-${no}`,
  group_id: (no) => `account-${no}`,
  "ios.idfa": (no) => `6D92078A-8246-4BA4-AE5B-${hex(no, 12).toUpperCase()}`,
  "android.idfa": (no) => `38400000-8cf0-11bd-b23e-${hex(no, 12)}`
}

/**
 * Makes items of drafts, as the reconciler would.
 *
 * @category models
 * @since 0.1.0
 */
export interface Drafter {
  readonly value: (type: string, draft: Draft) => string
  readonly call: (kind: CallKind, type: string, draft: Draft) => Call
  readonly member: (type: string, draft: Draft) => Member
}

/**
 * The default trait of a draft.
 *
 * @category constants
 * @since 0.1.0
 */
export const traitKey = "conformance_score"

/**
 * @category constructors
 * @since 0.1.0
 */
export const makeDrafter = (declaration: Declaration, values: Values): Drafter => {
  const value = (type: string, { no, value }: Draft): string => {
    const known = values.identifiers?.[type] ?? wellKnown[type]
    return value ?? (known === undefined ? `${type}-${no}` : known(no))
  }
  /** Every trait that an enrichment may ask for is there. */
  const required = (type: string, draft: Draft) => {
    const traits = new Proxy<Record<string, Json>>({}, { get: (_, name) => `${String(name)} ${draft.no}` })
    const identifiers = declaration.identifiers.map((type) => ({ type, value: value(type, { no: draft.no }) }))
    return Object.fromEntries(
      Object.entries(declaration.requirements).map(([property, enrichment]) => {
        const given = values.properties?.[property]
        const filled = given === undefined ? enrichment.resolve({ traits, identifiers }) : given(draft.no)
        return [property, draft.required?.[property] ?? filled]
      })
    )
  }
  return {
    value,
    call: (kind, type, draft) => {
      const traits = draft.traits ?? { [traitKey]: draft.no }
      const [key = traitKey] = Object.keys(traits)
      const base = {
        identifier: { type, value: value(type, draft) },
        siblings: [],
        joins: [],
        existingOnly: false,
        required: required(type, draft),
        messageId: `conformance-${kind}-${draft.no}`,
        timestamp: "2026-01-01T00:00:00.000Z",
        personas: {
          computation_class: "trait",
          computation_id: `tra_${key}`,
          computation_key: key,
          namespace: "conformance",
          space_id: "conformance"
        }
      } as const
      switch (kind) {
        case "identify":
          return { ...base, type: "identify", traits }
        case "track":
          return {
            ...base,
            type: "track",
            event: draft.event ?? "Trait Computed",
            properties: { trait_key: key, ...traits }
          }
        case "group":
          return { ...base, type: "group", groupId: base.identifier.value, traits, users: [] }
      }
    },
    member: (type, draft) => ({
      identifiers: { [type]: [value(type, draft), ...(draft.more ?? [])] },
      required: required(type, draft)
    })
  }
}
