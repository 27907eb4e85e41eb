/**
 * A fake HubSpot: contacts, their properties, and lists.
 *
 * Source: HubSpot-public-api-spec-collection, version 2026-09, and developers.hubspot.com on errors and usage limits,
 * November 2026. Rules that no document states are marked as unverified.
 *
 * @since 0.1.0
 */
import { Sandbox } from "@tributary/core"

type Fields = Readonly<Record<string, unknown>>

interface Contact {
  readonly id: string
  properties: Readonly<Record<string, string>>
}

interface List {
  name: string
  readonly members: Set<string>
}

/**
 * What the sandbox holds.
 *
 * @category models
 * @since 0.1.0
 */
export interface State {
  readonly contacts: ReadonlyArray<Contact>
  readonly properties: Readonly<Record<string, string>>
  readonly lists: ReadonlyArray<{
    readonly listId: string
    readonly name: string
    readonly members: ReadonlyArray<string>
  }>
}

const isFields = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value)

const token = "hubspot-sandbox-token"

const fault = (status: number, category: string, message: string, more: Fields = {}): Sandbox.SandboxResponse => ({
  status,
  body: { status: "error", category, message, correlationId: "5a6c9fbd-0c1b-4b6a-9d8e-2d4f9a3f1c11", ...more }
})

const invalid = (message: string, more: Fields = {}) => fault(400, "VALIDATION_ERROR", message, more)

const batch = (
  status: number,
  results: ReadonlyArray<unknown>,
  errors: ReadonlyArray<unknown>
): Sandbox.SandboxResponse => ({
  status,
  body: {
    status: "COMPLETE",
    startedAt: "2026-11-01T00:00:00.000Z",
    completedAt: "2026-11-01T00:00:00.100Z",
    results,
    ...(errors.length === 0 ? {} : { numErrors: errors.length, errors })
  }
})

/** Why a property does not take a value. */
const misfit = (type: string, value: string): string | undefined => {
  if (value === "") return undefined
  if (value.length > 65_536) return "INVALID_LENGTH"
  if (type === "number" && !Number.isFinite(Number(value))) return "INVALID_LONG"
  return type === "bool" && value !== "true" && value !== "false" ? "INVALID_OPTION" : undefined
}

/**
 * A fake HubSpot account.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: { readonly requestsPerTenSeconds?: number } = {}): Sandbox.Sandbox<State> => {
  const byEmail = new Map<string, Contact>()
  const properties = new Map([
    ["email", "string"],
    ["firstname", "string"],
    ["lastname", "string"]
  ])
  const lists = new Map<string, List>()
  const most = options.requestsPerTenSeconds ?? 100
  const burst = Sandbox.slidingWindow(most, 10_000)
  let made = 0

  const upsert = (inputs: ReadonlyArray<Fields>): Sandbox.SandboxResponse => {
    const ids = inputs.map(({ id }) => String(id).toLowerCase())
    const twice = ids.filter((id, i) => ids.indexOf(id) !== i)
    if (twice.length > 0) {
      return invalid(`Duplicate IDs found in batch input: [${twice.join(", ")}]. IDs must be unique`, {
        context: { ids: twice }
      })
    }
    const unknown = inputs
      .flatMap((input) => Object.keys(Object(input["properties"])))
      .find((name) => !properties.has(name))
    if (unknown !== undefined) {
      return invalid(
        `Property values were not valid: [{"isValid":false,"message":"Property \\"${unknown}\\" does not exist","error":"PROPERTY_DOESNT_EXIST","name":"${unknown}"}]`
      )
    }
    const results: Array<unknown> = []
    const errors: Array<unknown> = []
    for (const input of inputs) {
      const email = String(input["id"]).toLowerCase()
      const written: Record<string, string> = {}
      let reason = /^[^@\s]+@[^@\s]+\.[^@\s]+$/.test(email) ? undefined : `Email address ${email} is invalid`
      for (const [name, value] of Object.entries(Object(input["properties"]))) {
        const why = misfit(properties.get(name) ?? "", String(value))
        if (why !== undefined) reason = `${String(value).slice(0, 100)} was not valid for ${name}: ${why}`
        written[name] = name === "email" ? String(value).toLowerCase() : String(value)
      }
      const trace = input["objectWriteTraceId"]
      if (reason !== undefined) {
        // Without a trace id one bad input costs the whole batch.
        if (typeof trace !== "string") return invalid(reason)
        const context = { objectWriteTraceId: [trace] }
        errors.push({ status: "error", category: "VALIDATION_ERROR", message: reason, context })
        continue
      }
      const earlier = byEmail.get(email)
      const contact = earlier ?? { id: String(1000 + ++made), properties: { email } }
      contact.properties = { ...contact.properties, ...written }
      byEmail.set(email, contact)
      results.push({
        id: contact.id,
        new: earlier === undefined,
        properties: { ...contact.properties },
        createdAt: "2026-11-01T00:00:00.000Z",
        updatedAt: "2026-11-01T00:00:00.000Z",
        archived: false,
        ...(typeof trace === "string" ? { objectWriteTraceId: trace } : {})
      })
    }
    // The order of the results is not promised.
    return batch(errors.length === 0 ? 200 : 207, results.toReversed(), errors)
  }

  const lookUp = (inputs: ReadonlyArray<Fields>, idProperty: unknown): Sandbox.SandboxResponse => {
    const contacts = inputs.map(({ id }) =>
      idProperty === "email"
        ? byEmail.get(String(id).toLowerCase())
        : [...byEmail.values()].find((contact) => contact.id === id)
    )
    const missing = inputs.filter((_, i) => contacts[i] === undefined)
    // The form of misses is unverified.
    const errors = missing.map(({ id }) => ({
      status: "error",
      category: "OBJECT_NOT_FOUND",
      message: "Could not get some CONTACT objects, they may be deleted or not exist. Check that ids are valid.",
      context: { ids: [String(id)] }
    }))
    const results = contacts
      .filter((contact) => contact !== undefined)
      .map((contact) => ({ ...contact, archived: false }))
    return batch(errors.length === 0 ? 200 : 207, results, errors)
  }

  const contacts = (path: string, body: Fields): Sandbox.SandboxResponse => {
    const given = body["inputs"]
    const inputs = Array.isArray(given) ? given.filter(isFields) : []
    if (inputs.length === 0) return invalid("Invalid input JSON: inputs is empty")
    if (inputs.length > 100)
      return invalid(`The maximum number of inputs supported in a batch request is 100; ${inputs.length} were given`)
    return path.endsWith("/upsert") ? upsert(inputs) : lookUp(inputs, body["idProperty"])
  }

  const shown = (listId: string, { members, name }: List) => ({
    listId,
    name,
    listVersion: 1,
    objectTypeId: "0-1",
    processingType: "MANUAL",
    processingStatus: "COMPLETE",
    size: members.size
  })

  const byName = (name: string) => [...lists].find(([, list]) => list.name.toLowerCase() === name.toLowerCase())

  const change = (list: List, ids: ReadonlyArray<unknown>, isAdd: boolean): Sandbox.SandboxResponse => {
    const known = new Set([...byEmail.values()].map(({ id }) => id))
    const texts = ids.map(String)
    const present = texts.filter((id) => known.has(id))
    const changed = present.filter((id) => list.members.has(id) !== isAdd)
    for (const id of changed) list.members[isAdd ? "add" : "delete"](id)
    return {
      status: 200,
      body: {
        recordsIdsAdded: isAdd ? changed : [],
        recordIdsRemoved: isAdd ? [] : changed,
        recordIdsMissing: texts.filter((id) => !known.has(id))
      }
    }
  }

  const noList = (id: string) => fault(404, "OBJECT_NOT_FOUND", `List does not exist with ID ${id}.`)

  const listRoute = (method: string, path: string, query: URLSearchParams, body: unknown): Sandbox.SandboxResponse => {
    const name = /^\/crm\/lists\/2026-09\/object-type-id\/0-1\/name\/([^/]+)$/.exec(path)?.[1]
    if (method === "GET" && name !== undefined) {
      const found = byName(decodeURIComponent(name))
      return found === undefined ? noList(name) : { status: 200, body: { list: shown(...found) } }
    }
    if (method === "POST" && path === "/crm/lists/2026-09") {
      const wanted = isFields(body) ? body["name"] : undefined
      if (typeof wanted !== "string" || !isFields(body) || body["objectTypeId"] !== "0-1")
        return invalid("Invalid list")
      if (byName(wanted) !== undefined) {
        return invalid(`A list with the name ${wanted} already exists`, { subCategory: "ILS.DUPLICATE_LIST_NAMES" })
      }
      const id = String(++made)
      const list = { name: wanted, members: new Set<string>() }
      lists.set(id, list)
      return { status: 200, body: { list: shown(id, list) } }
    }
    const [, id = "", tail = ""] = /^\/crm\/lists\/2026-09\/(\d+)(\/.*)?$/.exec(path) ?? []
    const list = lists.get(id)
    if (list === undefined) return noList(id)
    if (method === "DELETE" && tail === "") {
      lists.delete(id)
      return { status: 204 }
    }
    if (method === "PUT" && tail === "/update-list-name") {
      list.name = query.get("listName") ?? list.name
      return { status: 200, body: { updatedList: shown(id, list) } }
    }
    if (method === "PUT" && (tail === "/memberships/add" || tail === "/memberships/remove")) {
      return Array.isArray(body) ? change(list, body, tail.endsWith("add")) : invalid("Expected a list of record ids")
    }
    return fault(405, "METHOD_NOT_ALLOWED", "Method not allowed")
  }

  const createProperties = (inputs: unknown): Sandbox.SandboxResponse => {
    const wanted = Array.isArray(inputs) ? inputs.filter(isFields) : []
    const bad = wanted.find((input) =>
      ["name", "label", "type", "fieldType", "groupName"].some((field) => typeof input[field] !== "string")
    )
    const wrongName = wanted.find(({ name }) => !/^[a-z][a-z0-9_]*$/.test(String(name)))
    if (bad !== undefined || wrongName !== undefined || wanted.length === 0)
      return invalid("Property input is not valid")
    const taken = wanted.find(({ name }) => properties.has(String(name)))
    if (taken !== undefined)
      return fault(409, "CONFLICT", `A property named '${String(taken["name"])}' already exists.`)
    for (const { name, type } of wanted) properties.set(String(name), String(type))
    return batch(201, wanted, [])
  }

  const route = ({ body, method, path, query }: Sandbox.SandboxRequest): Sandbox.SandboxResponse => {
    let content: unknown = {}
    try {
      if (body !== "") content = JSON.parse(body)
    } catch {
      return invalid("Invalid input JSON")
    }
    const fields = isFields(content) ? content : {}
    if (path.startsWith("/crm/lists/2026-09")) return listRoute(method, path, query, content)
    switch (`${method} ${path}`) {
      case "POST /crm/objects/2026-09/contacts/batch/upsert":
      case "POST /crm/objects/2026-09/contacts/batch/read":
        return contacts(path, fields)
      case "GET /crm/properties/2026-09/contacts":
        return { status: 200, body: { results: [...properties].map(([name, type]) => ({ name, type })) } }
      case "POST /crm/properties/2026-09/contacts/batch/create":
        return createProperties(fields["inputs"])
      default:
        return { status: 404, body: "<html><body>Not Found</body></html>" }
    }
  }

  return {
    title: "HubSpot",
    settings: (baseUrl) => ({ baseUrl, accessToken: token }),
    handle: (request, now) => {
      if (request.headers["authorization"] !== `Bearer ${token}`) {
        return fault(401, "INVALID_AUTHENTICATION", "Authentication credentials not found.")
      }
      if (!burst.take(now)) {
        return fault(429, "RATE_LIMITS", "You have reached your ten_secondly_rolling limit.", {
          policyName: "TEN_SECONDLY_ROLLING"
        })
      }
      return {
        headers: {
          "x-hubspot-ratelimit-max": String(most),
          "x-hubspot-ratelimit-remaining": String(burst.remaining(now)),
          "x-hubspot-ratelimit-interval-milliseconds": "10000"
        },
        ...route(request)
      }
    },
    state: () => ({
      contacts: [...byEmail.values()],
      properties: Object.fromEntries(properties),
      lists: [...lists].map(([listId, { members, name }]) => ({ listId, name, members: [...members].toSorted() }))
    })
  }
}
