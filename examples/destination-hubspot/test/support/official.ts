// Holds what the plugin sends, and what the sandbox answers, against HubSpot's own OpenAPI documents, where they are:
// TRIBUTARY_SPECS names the folder that has `hubspot/contacts.json` and so on. They are not part of this repository.
import type { Sandbox } from "@tributary/core"
import { Ajv, type ValidateFunction } from "ajv"
import addFormats from "ajv-formats"
import { existsSync, readFileSync } from "node:fs"
import { join } from "node:path"

type Json = Record<string, any>

const folder = process.env["TRIBUTARY_SPECS"] ?? ""
const files = ["contacts", "lists", "properties"].map((name) => join(folder, "hubspot", `${name}.json`))

/** Whether HubSpot's documents are there. */
export const isChecked = folder !== "" && files.every((file) => existsSync(file))

/** What did not agree with HubSpot's documents, in words. */
export const violations: Array<string> = []

/** How many requests were held against the documents. */
export const checked = { requests: 0 }

/** With every object closed that names its properties: a request holds nothing that HubSpot does not know. */
const closed = (schema: unknown): unknown => {
  if (Array.isArray(schema)) return schema.map(closed)
  if (typeof schema !== "object" || schema === null) return schema
  const fields: Json = Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, closed(value)]))
  const isObject = fields["type"] === "object" && fields["properties"] !== undefined
  return isObject && fields["additionalProperties"] === undefined ? { ...fields, additionalProperties: false } : fields
}

interface Operation {
  readonly method: string
  readonly path: RegExp
  readonly queries: ReadonlySet<string>
  readonly request: ValidateFunction | undefined
  readonly answer: (status: number) => ValidateFunction | undefined
}

const read = (file: string): ReadonlyArray<Operation> => {
  const document: Json = JSON.parse(readFileSync(file, "utf8"))
  const ajv = new Ajv({ strict: false, allErrors: true })
  addFormats.default(ajv)
  const { schemas, responses } = document["components"]
  ajv.addSchema({ $id: "answers", components: { schemas } })
  ajv.addSchema({ $id: "requests", components: { schemas: Object(closed(schemas)) } })
  const under = (id: string, schema: Json): ValidateFunction =>
    ajv.compile(JSON.parse(JSON.stringify(schema).replaceAll(`"#/components/`, `"${id}#/components/`)))
  return Object.entries<Json>(document["paths"]).flatMap(([path, methods]) =>
    Object.entries<Json>(methods).map(([method, operation]) => {
      const body = operation["requestBody"]?.content["application/json"].schema
      const successes = Object.entries<Json>(operation["responses"]).filter(([status]) => status !== "default")
      const contents = new Map(
        successes.map(([status, { content }]) => {
          const schema = content?.["application/json"]?.schema
          return [Number(status), schema === undefined ? undefined : under("answers", schema)] as const
        })
      )
      const error = under("answers", responses.Error.content["*/*"].schema)
      return {
        method: method.toUpperCase(),
        path: new RegExp(`^${path.replace(/\{[^}]+\}/g, "[^/]+")}$`),
        queries: new Set<string>(
          (operation["parameters"] ?? []).flatMap((each: Json) => (each["in"] === "query" ? [each["name"]] : []))
        ),
        request: body === undefined ? undefined : under("requests", body),
        answer: (status: number) => {
          if (status >= 400) return error
          // The documents have no 207: it is the success in which some inputs have errors.
          const known = status === 207 ? 200 : status
          if (!contents.has(known)) violations.push(`${method} ${path} is answered with ${status}`)
          return contents.get(known)
        }
      }
    })
  )
}

const operations = isChecked ? files.flatMap(read) : []

const validate = (what: string, check: ValidateFunction | undefined, value: unknown): void => {
  if (check === undefined) {
    if (value !== undefined) violations.push(`${what} has a body, and HubSpot documents none`)
  } else if (!check(value)) {
    const faults = (check.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`)
    violations.push(`${what}: ${faults.join("; ")}`)
  }
}

/** The sandbox, with every request and every answer held against HubSpot's documents. */
export const official = <State>(sandbox: Sandbox.Sandbox<State>): Sandbox.Sandbox<State> => ({
  ...sandbox,
  handle: (request, now) => {
    const answer = sandbox.handle(request, now)
    if (!isChecked) return answer
    checked.requests++
    const line = `${request.method} ${request.path}`
    // The more literal path goes first: `/{listId}` takes any.
    const fitting = operations.filter(({ method, path }) => method === request.method && path.test(request.path))
    const operation = fitting.toSorted(
      (a, b) => a.path.source.split("[^/]+").length - b.path.source.split("[^/]+").length
    )[0]
    if (operation === undefined) {
      violations.push(`${line} is not in HubSpot's documents`)
      return answer
    }
    for (const name of request.query.keys()) {
      if (!operation.queries.has(name)) violations.push(`${line} has the query parameter ${name}`)
    }
    validate(`The request ${line}`, operation.request, request.body === "" ? undefined : JSON.parse(request.body))
    const body = answer.body === undefined ? undefined : JSON.parse(JSON.stringify(answer.body))
    validate(`The answer ${answer.status} to ${line}`, operation.answer(answer.status), body)
    return answer
  }
})
