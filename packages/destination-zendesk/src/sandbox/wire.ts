// Zendesk's dialect, as its sandbox speaks it: errors, pages, and attributes of the wrong type.
import type { Sandbox } from "@tributary/core"

/** A JSON object. */
export type Attributes = { readonly [key: string]: unknown }

export const isAttributes = (value: unknown): value is Attributes =>
  typeof value === "object" && value !== null && !Array.isArray(value)

export type Answer = Sandbox.SandboxResponse

export const answer = (status: number, body?: unknown): Answer => ({ status, body })

export const notFound = answer(404, { error: "RecordNotFound", description: "Not found" })

export const invalidEndpoint = answer(404, { error: "InvalidEndpoint", description: "Not found" })

/** One of the two shapes of an error; Zendesk uses it for what it refuses before it looks at the record. */
export const titled = (status: number, title: string, message: string): Answer =>
  answer(status, { error: { title, message } })

export const invalidAttribute = (name: string, must: string): Answer =>
  titled(400, "Invalid attribute", `You passed an invalid value for the ${name} attribute. ${must}`)

export interface Fault {
  readonly field: string
  readonly description: string
  readonly error?: "BlankValue" | "DuplicateValue" | "InvalidValue"
}

/** The shape is recorded; the wording is where it is about addresses, and unverified elsewhere. */
export const recordInvalid = (faults: ReadonlyArray<Fault>): Answer => {
  const details: Record<string, Array<Omit<Fault, "field">>> = {}
  for (const { field, ...fault } of faults) (details[field] ??= []).push(fault)
  return answer(422, { error: "RecordInvalid", description: "Record validation errors", details })
}

/** Recorded from the vendor for a user, `Retry-After` in seconds and the blanks included; of organizations unverified. */
export const tooManyUpdates = (what: "user" | "organization", now: number): Answer => ({
  ...answer(
    429,
    `You have exceeded the rate limit for updating a single unique ${what}. ${what === "user" ? "user email:  id:  external_id: " : ""}`
  ),
  headers: { "content-type": "text/plain", "retry-after": String(Math.ceil((60_000 - (now % 60_000)) / 1000)) }
})

export const text = (attributes: Attributes, name: string): string | undefined => {
  const value = attributes[name]
  return typeof value === "string" && value.trim() !== "" ? value.trim() : undefined
}

/** The first of these attributes that is there and is no text, as a refusal. */
export const wrongText = (attributes: Attributes, owner: string, names: ReadonlyArray<string>): Answer | undefined => {
  for (const name of names) {
    const value = attributes[name]
    if (value !== undefined && value !== null && typeof value !== "string") {
      return invalidAttribute(`${owner}.${name}`, "must be a string")
    }
  }
  return undefined
}

const pageSize = (text: string | null): number | undefined => {
  if (text === null) return 100
  const size = Number(text)
  return Number.isInteger(size) && size >= 1 && size <= 100 ? size : undefined
}

const cursorOf = (index: number): string => Buffer.from(`o:${index}`).toString("base64url")

const indexOf = (cursor: string): number | undefined => {
  const match = /^o:(\d+)$/.exec(Buffer.from(cursor, "base64url").toString("utf8"))
  return match === null ? undefined : Number(match[1])
}

/** A page of at most 100, by cursor where `page[…]` is asked for, else by number. */
export const paged = (name: string, items: ReadonlyArray<unknown>, query: URLSearchParams): Answer => {
  const byCursor = query.has("page[size]") || query.has("page[after]")
  const size = pageSize(byCursor ? query.get("page[size]") : query.get("per_page"))
  if (size === undefined) return titled(400, "InvalidPaginationParameter", "The page size must be from 1 to 100")
  if (byCursor) {
    const after = query.get("page[after]")
    const start = after === null ? 0 : indexOf(after)
    if (start === undefined) return titled(400, "InvalidPaginationParameter", "page[after] is not valid")
    const end = Math.min(items.length, start + size)
    const more = end < items.length
    return answer(200, {
      [name]: items.slice(start, end),
      meta: { has_more: more, after_cursor: end > start ? cursorOf(end) : null, before_cursor: null },
      links: { next: more ? `?page[size]=${size}&page[after]=${cursorOf(end)}` : null, prev: null }
    })
  }
  const number = Number(query.get("page") ?? "1")
  if (!Number.isInteger(number) || number < 1) return titled(400, "InvalidPaginationParameter", "page is not valid")
  const end = number * size
  return answer(200, {
    [name]: items.slice(end - size, end),
    next_page: end < items.length ? `?page=${number + 1}&per_page=${size}` : null,
    previous_page: number > 1 ? `?page=${number - 1}&per_page=${size}` : null,
    count: items.length
  })
}
