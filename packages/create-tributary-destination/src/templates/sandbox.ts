/**
 * The fake vendor.
 *
 * @since 0.1.0
 */
import { type Auth, type Choices, titleOf } from "../Choices.ts"

const settingsOf: { readonly [A in Auth]: string } = {
  bearer: `, token: "sandbox-token"`,
  header: `, apiKey: "sandbox-key"`,
  basic: `, username: "sandbox-user", password: "sandbox-password"`,
  oauth: `, clientId: "sandbox-client", clientSecret: "sandbox-secret", refreshToken: "sandbox-refresh"`,
  none: ""
}

const checkOf: { readonly [A in Auth]: string } = {
  bearer: `headers["authorization"] === "Bearer sandbox-token"`,
  header: `headers["x-api-key"] === "sandbox-key"`,
  basic: 'headers["authorization"] === `Basic ${btoa("sandbox-user:sandbox-password")}`',
  oauth: `headers["authorization"] === "Bearer sandbox-access"`,
  none: "true"
}

const token = `
const token = (body: string): Sandbox.SandboxResponse => {
  const form = new URLSearchParams(body)
  const isKnown =
    form.get("grant_type") === "refresh_token" &&
    form.get("client_id") === "sandbox-client" &&
    form.get("client_secret") === "sandbox-secret" &&
    form.get("refresh_token") === "sandbox-refresh"
  return isKnown
    ? { status: 200, body: { access_token: "sandbox-access", token_type: "bearer", expires_in: 3600 } }
    : { status: 400, body: { error: "invalid_grant" } }
}
`

const listRoutes = `
  const routeList = (method: string, path: string, query: URLSearchParams, body: Fields): Sandbox.SandboxResponse => {
    const [, , , id, tail] = path.split("/")
    if (id === undefined) {
      if (method === "GET") {
        const found = [...lists].filter(([, list]) => list.name === query.get("name"))
        return { status: 200, body: { lists: found.map(([id, { name }]) => ({ id, name })) } }
      }
      const created = \`list-\${++made}\`
      lists.set(created, { name: String(body["name"]), members: new Set() })
      return { status: 201, body: { id: created } }
    }
    const list = lists.get(id)
    if (list === undefined) return { status: 404, body: { error: "no such list" } }
    if (method === "DELETE") lists.delete(id)
    else if (tail === undefined) list.name = String(body["name"])
    else {
      const isAdd = Array.isArray(body["add"])
      return each(isAdd ? body["add"] : body["remove"], 500, (who) => {
        if (isAdd) list.members.add(who)
        else list.members.delete(who)
      })
    }
    return { status: 200, body: { id } }
  }
`

/**
 * @category templates
 * @since 0.1.0
 */
export const source = ({ auth, form, name }: Choices): string => {
  const isEvent = form !== "list"
  const isList = form !== "event"
  const title = titleOf(name)
  return `/**
 * A fake ${title}, which keeps the rules that the vendor documents, and refuses what the vendor refuses.
 *
 * Source: write here which documents it was written from, and when.
 */
import type { Sandbox } from "@tributary/core"

type Fields = Readonly<Record<string, unknown>>

const isFields = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value)

/** Who an item is about: \`email:ada@example.com\`; \`undefined\` where the vendor would not know. */
const whoIs = (item: Fields): string | undefined => {
  for (const type of ["user_id", "email"]) {
    const value = Array.isArray(item[type]) ? item[type][0] : item[type]
    if (typeof value !== "string") continue
    return value === "" || (type === "email" && !/^[^@\\s]+@[^@\\s]+$/.test(value)) ? undefined : \`\${type}:\${value}\`
  }
  return undefined
}
${auth === "oauth" ? token : ""}
/** A new, empty account. */
export const make = (): Sandbox.Sandbox<unknown> => {${
    isEvent
      ? `
  const people = new Map<string, Fields>()
  const events = new Map<string, Fields>()`
      : ""
  }${
    isList
      ? `
  const lists = new Map<string, { name: string; readonly members: Set<string> }>()
  let made = 0`
      : ""
  }

  /** Takes the items one by one: a bad one has an error, and costs the others nothing. */
  const each = (items: unknown, most: number, take: (who: string, item: Fields) => void): Sandbox.SandboxResponse => {
    if (!Array.isArray(items)) return { status: 400, body: { error: "no items" } }
    if (items.length > most) return { status: 413, body: { error: \`more than \${most} items\` } }
    const results = items.map((item: unknown) => {
      const who = isFields(item) ? whoIs(item) : undefined
      if (!isFields(item) || who === undefined) return { error: "unknown person" }
      take(who, item)
      return {}
    })
    return { status: 200, body: { results } }
  }
${
  isEvent
    ? `
  const batch = (body: Fields): Sandbox.SandboxResponse =>
    each(body["items"], 100, (who, item) => {
      if (isFields(item["traits"])) people.set(who, { ...people.get(who), ...item["traits"] })
      else events.set(String(item["key"]), { who, ...item })
    })
`
    : ""
}${isList ? listRoutes : ""}
  return {
    title: "${title}",
    settings: (baseUrl) => ({ baseUrl${settingsOf[auth]} }),
    handle: ({ body, headers, method, path${isList ? ", query" : ""} }) => {
${auth === "oauth" ? `      if (path === "/oauth/token") return token(body)\n` : ""}      if (!(${checkOf[auth]})) return { status: 401, body: { error: "who are you?" } }
      let content: unknown
      try {
        content = body === "" ? {} : JSON.parse(body)
      } catch {
        return { status: 400, body: { error: "this is not JSON" } }
      }
      if (!isFields(content)) return { status: 400, body: { error: "an object is expected" } }
${isEvent ? `      if (method === "POST" && path === "/v1/batch") return batch(content)\n` : ""}${isList ? `      if (path.startsWith("/v1/lists")) return routeList(method, path, query, content)\n` : ""}      return { status: 404, body: { error: "no such page" } }
    },
    state: () => ({${isEvent ? ` people: Object.fromEntries(people), events: Object.fromEntries(events)` : ""}${isEvent && isList ? "," : ""}${
      isList
        ? `
      lists: [...lists].map(([id, { members, name }]) => ({ id, name, members: [...members].toSorted() }))
    `
        : " "
    }})
  }
}
`
}
