// The operator's page of configuration: every option with its type, its default and what it does, from the option
// interfaces of the runtime and of core. The interfaces are found by name, so that files may move.
import { readdirSync } from "node:fs"
import { join } from "node:path"
import { bodyOf, type Declaration, type Field, fieldsOf, moduleOf, splitTop } from "./declarations.ts"

const folders = ["packages/runtime/src/config", "packages/core/src/activation", "packages/core/src/contract"]

const declarations: ReadonlyArray<Declaration> = folders.flatMap((folder) =>
  readdirSync(folder)
    .filter((name) => name.endsWith(".ts"))
    .toSorted()
    .flatMap((name) => moduleOf(join(folder, name)).declarations)
)

const isShape = ({ kind }: Declaration) => kind === "interface" || kind === "type"

const lookUp = (name: string, near?: string): Declaration | undefined =>
  declarations.find((found) => found.name === name && isShape(found) && found.file === near) ??
  declarations.find((found) => found.name === name && isShape(found))

const shape = (name: string): Declaration => {
  const found = lookUp(name)
  if (found === undefined) throw new Error(`scripts/docs/configuration.ts shows ${name}, which ${folders[0]} lacks`)
  return found
}

interface Option extends Field {
  /** Names of the options of which this one or another is given. */
  readonly instead?: string
}

const bare = (name: string): string => name.replace(/<[\s\S]*/, "").trim()

/** The options of a type: its own, and those of what it extends or intersects. */
const optionsOf = (type: string, near?: string): ReadonlyArray<Option> => {
  const parts = splitTop(type, "&")
  if (parts.length > 1) return parts.flatMap((part) => optionsOf(part, near))
  const text = (parts[0] ?? "").replace(/^\|/, "").trim()
  const alternatives = splitTop(text, "|")
  if (alternatives.length > 1) {
    const sets = alternatives.map((alternative) => optionsOf(alternative, near))
    return sets.flatMap((set, no) => {
      const others = sets.flatMap((other, at) => (at === no ? [] : (other[0]?.name ?? []))).map((name) => `\`${name}\``)
      return set.map((option, at) => (at === 0 ? { ...option, instead: others.join(" or ") } : option))
    })
  }
  if (text.startsWith("(") && text.endsWith(")")) return optionsOf(text.slice(1, -1), near)
  if (text.startsWith("{")) return fieldsOf(text.slice(1, text.lastIndexOf("}")))
  const found = lookUp(bare(text), near)
  if (found === undefined) return []
  if (found.kind === "type") return optionsOf(found.text.slice(found.text.indexOf("=") + 1), found.file)
  const extended = /\bextends ([^{]+)\{/.exec(found.text)?.[1] ?? ""
  const own = fieldsOf(bodyOf(found.text))
  // What extends a generic (`<K extends CallKind>`) is no base.
  const bases = splitTop(extended.replace(/^[^<]*>\s*extends /, ""), ",")
  return [...own, ...bases.flatMap((base) => (lookUp(bare(base), found.file) ? optionsOf(base, found.file) : []))]
}

/** A type as an operator reads it. */
const inWords = (type: string): string =>
  type
    .replaceAll(/\/\*\*[\s\S]*?\*\//g, "")
    .replaceAll("readonly ", "")
    .replaceAll(/\s+/g, " ")
    .replaceAll(/^\| /g, "")
    .replaceAll("Duration.Input", "duration")
    .replaceAll(/\bQuery\b/g, "sql`…`")
    .replaceAll(/Readonly<Record<string, (\w+)>>/g, "{ name: $1 }")
    .replaceAll(/ReadonlyArray<([\w.]+)>/g, "$1[]")
    .replaceAll(/Destination\.(Destination)\b/g, "$1")
    .replaceAll(/\bK\[\]/g, `(${shape("CallKind").text.replace(/^[^=]*= */, "")})[]`)
    .replaceAll("SourcedActivation", "Activation")
    .trim()

const cell = (text: string): string => text.replaceAll("\n", " ").replaceAll("|", "\\|")

/** The type in a code span; one with a backtick needs two. */
const typeCell = (type: string): string => {
  const text = cell(inWords(type))
  return text.includes("`") ? `\`\` ${text} \`\`` : `\`${text}\``
}

/** The default that a docstring names, and the docstring without it. */
const withDefault = ({ doc }: Option): { readonly standard: string; readonly text: string } => {
  const found = /Default(?:, [^:]+)?: ([\s\S]*?)\.(?=\s|$)/.exec(doc)
  return found === null
    ? { standard: "", text: doc }
    : { standard: found[1] ?? "", text: doc.replace(found[0], "").replaceAll(/ {2,}/g, " ").trim() }
}

const row = (option: Option): string => {
  const { standard, text } = withDefault(option)
  const need = option.instead === undefined ? (option.isOptional ? standard : "required") : `or ${option.instead}`
  return `| \`${option.name}\` | ${typeCell(option.type)} | ${cell(need)} | ${cell(text)} |`
}

/** A table of a type's options. What every row needs is words: an option without them is refused. */
const table = (name: string): ReadonlyArray<string> => {
  const options = optionsOf(name)
  if (options.length === 0) throw new Error(`scripts/docs/configuration.ts found no options of ${name}`)
  const silent = options.filter((option) => withDefault(option).text === "").map((option) => option.name)
  if (silent.length > 0) throw new Error(`${name} has options without a docstring: ${silent.join(", ")}`)
  return ["| option | type | default | what it does |", "|---|---|---|---|", ...options.map(row)]
}

/** The docstring of a type, of a function, or of a constructor such as `Audience`. */
const words = (name: string, kind: "shape" | "value" = "shape"): string => {
  const found =
    kind === "shape"
      ? shape(name)
      : declarations.find((value) => value.name === name && !isShape(value) && value.isExported)
  if (found === undefined) throw new Error(`scripts/docs/configuration.ts explains ${name}, which ${folders[0]} lacks`)
  return found.doc.text
}

/** A part of the page: what is said first, then the options of a type. */
const section = (title: string, lead: ReadonlyArray<string>, name?: string): ReadonlyArray<string> => [
  "",
  title,
  "",
  ...lead,
  ...(name === undefined ? [] : ["", ...table(name)])
]

/** A type as the source has it. */
const code = (name: string): ReadonlyArray<string> => ["", "```ts", shape(name).text.replace(/^export /, ""), "```"]

export const configurationPage = (): string =>
  [
    "# Configuration",
    "",
    "Every option of `tributary.config.ts`. The options of each destination stand [on its own page](README.md#destinations). This page is generated from the types that check your configuration.",
    "",
    '- A **duration** is written `"90 seconds"`, `"5 minutes"`, `"6 hours"` or `"1 day"`.',
    '- A value from the environment is `Config.Redacted("NAME")` for a secret, and `Config.String("NAME")` for anything else.',
    "- `tributary check` names every mistake with its path.",
    ...section("## defineConfig", [words("defineConfig", "value")], "ConfigOptions"),
    ...section("## Sources", [
      "| source | rows come from |",
      "|---|---|",
      ...(
        [
          ["store", "Source.store()"],
          ["postgres", 'Source.postgres(Config.Redacted("SHOP_URL"))'],
          ["ndjson", 'Source.ndjson("customers.ndjson")'],
          ["csv", 'Source.csv("customers.csv")']
        ] as const
      ).map(
        ([name, code]) =>
          `| \`${code}\` | ${cell(
            words(name, "value")
              .replace(/\*\*Example[\s\S]*/, "")
              .trim()
          )} |`
      )
    ]),
    ...section(
      "### Users",
      ["`source.users({ … })`. `query` and `changes` are for databases; a file is read whole."],
      "Queried & UserOptions"
    ),
    ...section("### Accounts", ["`source.accounts({ … })`. The same options, without `account`."]),
    ...section("### Queries", [words("sql", "value")]),
    ...section(
      "### Changes",
      ["`changes: { … }`, on users, accounts and computations. " + words("ChangesOptions")],
      "ChangesOptions"
    ),
    ...section(
      "### Schedules",
      ["On users, accounts and computations. " + words("ScheduleOptions")],
      "ScheduleOptions"
    ),
    ...section("## Audience", ['`Audience.make("First time shopper", { … })`'], "AudienceOptions"),
    ...section("## ComputedTrait", ['`ComputedTrait.make("Total revenue 180 days", { … })`'], "ComputedTraitOptions"),
    ...section("## Activation.events", [words("events", "value")], "EventOptions"),
    ...section("## Activation.list", [words("list", "value")], "ListOptions"),
    ...section("### Identifier policies", [
      '`identifiers: { email: "latest" }`. ' + words("IdentifierPolicy"),
      ...code("IdentifierPolicy")
    ]),
    ...section("### Hold", ["`hold: { … }`. " + words("HoldPolicy")], "HoldPolicy"),
    ...section("### Removal", ["`onRemoval`. " + words("OnRemoval"), ...code("OnRemoval")]),
    ...section(
      "## Destinations",
      ['`Braze.destination("braze-eu", settings, { … })`. ' + words("DestinationOptions")],
      "DestinationOptions"
    ),
    ""
  ].join("\n")
