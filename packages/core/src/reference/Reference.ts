/**
 * Reference pages: what a plugin's declaration says, for those who have to fill in its settings.
 *
 * Nothing here is written by hand twice: a page, an example and a JSON Schema come from the plugin's value.
 *
 * @since 0.1.0
 */
import { Duration, Schema, SchemaAST } from "effect"
import type { Declaration, EventDeclaration, ListDeclaration } from "../contract/Declaration.ts"
import * as RateLimit from "../contract/RateLimit.ts"

/**
 * One setting: a leaf of the settings' schema.
 *
 * @category models
 * @since 0.1.0
 */
export interface SettingReference {
  /** `["oauth", "clientSecret"]`. */
  readonly path: ReadonlyArray<string>
  /** `text`, `number`, `true or false`, or the values that it may have. */
  readonly type: string
  readonly isRequired: boolean
  /** Whether examples show it: it is required, or one of several ways of which one is. */
  readonly isUsual: boolean
  readonly isSecret: boolean
  readonly description: string
}

const descriptionOf = (ast: SchemaAST.AST): string => {
  const description: unknown = SchemaAST.resolve(ast)?.["description"]
  return typeof description === "string" ? description : ""
}

const typeOf = (ast: SchemaAST.AST): string => {
  switch (ast._tag) {
    case "Number":
      return "number"
    case "Boolean":
      return "true or false"
    case "Literal":
      return `\`${JSON.stringify(ast.literal)}\``
    case "Union":
      return ast.types.map(typeOf).join(", ")
    case "Arrays":
      return "list"
    case "Declaration":
      return "secret"
    default:
      return "text"
  }
}

const leavesOf = (
  type: SchemaAST.AST,
  encoded: SchemaAST.AST,
  path: ReadonlyArray<string>,
  isRequired: boolean,
  isUsual: boolean
): ReadonlyArray<SettingReference> => {
  if (type._tag === "Objects" && encoded._tag === "Objects") {
    return type.propertySignatures.flatMap(({ name, type: field }) => {
      const input = encoded.propertySignatures.find((candidate) => candidate.name === name)?.type ?? field
      const isNeeded = !SchemaAST.isOptional(input)
      const isShown = isNeeded || SchemaAST.resolve(field)?.["tributary/usual"] === true
      return leavesOf(field, input, [...path, String(name)], isRequired && isNeeded, isUsual && isShown)
    })
  }
  return [
    {
      path,
      type: typeOf(type),
      isRequired,
      isUsual,
      isSecret: type._tag === "Declaration",
      description: descriptionOf(type) || descriptionOf(encoded)
    }
  ]
}

/**
 * Every setting of a plugin, in the order of its schema.
 *
 * @category combinators
 * @since 0.1.0
 */
export const settingsOf = ({ settings }: Declaration): ReadonlyArray<SettingReference> =>
  leavesOf(SchemaAST.toType(settings.ast), SchemaAST.toEncoded(settings.ast), [], true, true)

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null

/**
 * The settings as a JSON Schema (draft 2020-12), for editors and for forms. Secrets are `writeOnly`.
 *
 * @category combinators
 * @since 0.1.0
 */
export const jsonSchema = (declaration: Declaration): { readonly [key: string]: unknown } => {
  const { definitions, schema } = Schema.toJsonSchemaDocument(declaration.settings)
  for (const { description, isSecret, path } of settingsOf(declaration)) {
    let place: unknown = schema
    for (const key of path)
      place = isObject(place) && isObject(place["properties"]) ? place["properties"][key] : undefined
    if (!isObject(place)) continue
    if (description !== "") place["description"] = description
    if (isSecret) place["writeOnly"] = true
  }
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: `Settings of ${declaration.title}`,
    ...schema,
    ...(Object.keys(definitions).length === 0 ? {} : { $defs: definitions })
  }
}

/**
 * Where a plugin is imported from.
 *
 * @category models
 * @since 0.1.0
 */
export interface Origin {
  /** The package: `@tributary/destination-braze`. */
  readonly package: string
  /** What it exports the plugin as: `Braze`. */
  readonly name: string
}

const screaming = (name: string, path: ReadonlyArray<string>): string =>
  [name, ...path]
    .join("_")
    .replace(/([a-z])([A-Z])/g, "$1_$2")
    .replace(/[^A-Za-z0-9]+/g, "_")
    .toUpperCase()

/** The settings that are usual, nested as the configuration has them. */
const usual = (declaration: Declaration): string => {
  const lines: Array<string> = []
  let open: ReadonlyArray<string> = []
  for (const setting of settingsOf(declaration).filter(({ isUsual }) => isUsual)) {
    const inside = setting.path.slice(0, -1)
    while (open.some((key, i) => inside[i] !== key)) {
      open = open.slice(0, -1)
      lines.push(`${"  ".repeat(open.length + 1)}},`)
    }
    for (const key of inside.slice(open.length)) {
      lines.push(`${"  ".repeat(open.length + 1)}${key}: {`)
      open = [...open, key]
    }
    const variable = screaming(declaration.name, setting.path)
    const literal = /^`(.*)`$/.exec(setting.type)?.[1]
    const value = literal ?? (setting.isSecret ? `Config.Redacted("${variable}")` : `Config.String("${variable}")`)
    lines.push(`${"  ".repeat(open.length + 1)}${setting.path.at(-1)}: ${value},`)
  }
  for (let depth = open.length; depth > 0; depth--) lines.push(`${"  ".repeat(depth)}},`)
  return lines.join("\n").replace(/,(?=\n\s*\}|$)/g, "")
}

/**
 * A configuration that uses the plugin, with the settings that are needed.
 *
 * @category combinators
 * @since 0.1.0
 */
export const example = (declaration: Declaration, origin: Origin): string => {
  const id = declaration.name
  const activations = [
    ...(declaration.event === undefined ? [] : [`Activation.events(bigSpenders, ${camel(id)})`]),
    ...(declaration.list === undefined ? [] : [`Activation.list(bigSpenders, ${camel(id)})`])
  ]
  return [
    `import { Activation, Audience, Config, defineConfig, Source } from "@tributary/runtime"`,
    `import { ${origin.name} } from "${origin.package}"`,
    "",
    `const users = Source.csv("customers.csv").users({ id: "id", identifiers: { ${identifierExample(declaration)} } })`,
    `const bigSpenders = Audience.make("Big spenders", { of: users, file: Source.csv("big_spenders.csv"), id: "id" })`,
    "",
    `const ${camel(id)} = ${origin.name}.destination("${id}", {`,
    usual(declaration),
    "})",
    "",
    `export default defineConfig({ space: "my-company", activations: [${activations.join(", ")}] })`
  ].join("\n")
}

const camel = (name: string): string => name.replace(/-([a-z0-9])/g, (_, letter: string) => letter.toUpperCase())

const identifierExample = ({ identifiers }: Declaration): string =>
  identifiers
    .filter((type) => type === "user_id" || type === "email" || type === "phone")
    .map((type) => `${type}: "${type === "user_id" ? "id" : type}"`)
    .join(", ")

const row = (...cells: ReadonlyArray<string>): string =>
  `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`

/**
 * Limits in words, and `none` where there are none.
 *
 * @category combinators
 * @since 0.1.0
 */
export const limitsIn = (limits: ReadonlyArray<RateLimit.RateLimit>): string =>
  limits.length === 0 ? "none" : limits.map(RateLimit.describe).join(", ")

const limitsBeside = (limits: ReadonlyArray<RateLimit.RateLimit>) =>
  limits.length === 0 ? [] : [["limits of its own", limitsIn(limits)] as const]

const batchIn = ({ bytes, items }: EventDeclaration["batch"]): string =>
  `${items.toLocaleString("en-US")} ${items === 1 ? "item" : "items"}` +
  (bytes === undefined ? "" : `, ${bytes.toLocaleString("en-US")} bytes a request`)

const yesNo = (holds: boolean): string => (holds ? "yes" : "no")

/**
 * What a form can do, as names and words: for a page, and for `tributary plugins`.
 *
 * @category combinators
 * @since 0.1.0
 */
export const capabilities = (
  form: { readonly event: EventDeclaration } | { readonly list: ListDeclaration }
): ReadonlyArray<readonly [string, string]> =>
  "event" in form
    ? [
        ["calls", form.event.calls.join(", ")],
        ["batch", batchIn(form.event.batch)],
        ...limitsBeside(form.event.limits),
        ["timeout", Duration.format(form.event.timeout)],
        ["several traits in a call", yesNo(form.event.coalesce)],
        [
          "an account's users in a group call",
          form.event.groupUsers === "known" ? "yes, again when one more of them is known" : yesNo(form.event.groupUsers)
        ],
        ["makes the vendor ready for new traits", yesNo(form.event.prepares)],
        ["results that come later", yesNo(form.event.polls)]
      ]
    : [
        ["shortest cadence", Duration.format(form.list.cadence)],
        ["batch", batchIn(form.list.batch)],
        ...limitsBeside(form.list.limits),
        ["timeout", Duration.format(form.list.timeout)],
        ["members from before the list", yesNo(form.list.acceptsHistorical)],
        [
          "members are added again",
          form.list.refreshAfter === undefined ? "never" : `every ${Duration.format(form.list.refreshAfter)}`
        ],
        ["lists can be renamed", yesNo(form.list.renames)],
        ["lists can be deleted", yesNo(form.list.removes)],
        ["results that come later", yesNo(form.list.polls)]
      ]

/**
 * The reference page of a plugin, in Markdown.
 *
 * @category combinators
 * @since 0.1.0
 */
export const page = (declaration: Declaration, origin: Origin): string => {
  const table = (headings: ReadonlyArray<string>, rows: ReadonlyArray<ReadonlyArray<string>>) => [
    row(...headings),
    `|${headings.map(() => "---").join("|")}|`,
    ...rows.map((cells) => row(...cells))
  ]
  const properties = Object.entries(declaration.requirements)
  const forms = [declaration.event && "events", declaration.list && "lists"].filter((form) => form !== undefined)
  return [
    `# ${declaration.title}`,
    "",
    `\`${origin.name}\` of \`${origin.package}\`: plugin \`${declaration.name}\`, version ${declaration.version}, for ${forms.join(" and ")}. Contract ${declaration.contract}.`,
    "",
    "## Settings",
    "",
    ...table(
      ["setting", "what it is", "type", "needed"],
      settingsOf(declaration).map(({ description, isRequired, isUsual, path, type }) => [
        `\`${path.join(".")}\``,
        description,
        type,
        isRequired ? "yes" : isUsual ? "usually" : "no"
      ])
    ),
    "",
    "## Who it knows",
    "",
    `Identifiers: ${declaration.identifiers.map((type) => `\`${type}\``).join(", ")}.`,
    "",
    ...(properties.length === 0
      ? ["No property is required."]
      : table(
          ["required property", "filled from"],
          properties.map(([name, { description }]) => [`\`${name}\``, description])
        )),
    "",
    `Limits${forms.length > 1 ? ", of events and lists together" : ""}: ${limitsIn(declaration.limits)}.`,
    ...(declaration.event === undefined
      ? []
      : ["", "## Events", "", ...table(["", ""], capabilities({ event: declaration.event }))]),
    ...(declaration.list === undefined
      ? []
      : ["", "## Lists", "", ...table(["", ""], capabilities({ list: declaration.list }))]),
    "",
    "## Example",
    "",
    "```ts",
    example(declaration, origin),
    "```",
    ""
  ].join("\n")
}
