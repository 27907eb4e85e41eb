// Writes the reference: what can be read from plugins, commands, laws and docstrings is never written by hand.
// `--check` writes nothing and fails where a page is not what it would write.
import { spawnSync } from "node:child_process"
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { Predicate } from "effect"
import type { Destination } from "../packages/core/src/index.ts"
import { Reference } from "../packages/core/src/runtime.ts"
import { laws } from "../packages/core/src/testing/index.ts"

const home = "docs/reference"
const pages = new Map<string, string>()

// ---- destinations: from the plugin values -------------------------------------------------------------------------

const isPlugin = (value: unknown): value is { readonly declaration: Destination.Declaration } =>
  Predicate.isTagged(value, "Plugin")

const destinations: Array<readonly [string, string]> = []
for (const folder of ["packages", "examples"].flatMap((parent) =>
  readdirSync(parent).map((name) => join(parent, name))
)) {
  if (!/\/destination-/.test(folder)) continue
  const { name } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"))
  const module: unknown = await import(`../${folder}/src/index.ts`)
  for (const [exported, value] of Object.entries(Object(module))) {
    if (!isPlugin(value)) continue
    const { declaration } = value
    const origin = { package: name, name: exported }
    pages.set(`destinations/${declaration.name}.md`, Reference.page(declaration, origin))
    pages.set(
      `destinations/${declaration.name}.schema.json`,
      `${JSON.stringify(Reference.jsonSchema(declaration), null, 2)}\n`
    )
    destinations.push([declaration.title, declaration.name])
  }
}

// ---- laws: from the conformance kit --------------------------------------------------------------------------------

pages.set(
  "laws.md",
  [
    "# The laws of a plugin",
    "",
    `\`conformance(plugin, { sandbox })\` of \`@tributary/core/testing\` tries each of these ${laws.length} laws that concerns the plugin. For each there is a mistake, planted in a plugin, that it is shown to catch (\`packages/core/test/conformance\`).`,
    "",
    "| law | what holds |",
    "|---|---|",
    ...laws.map(({ name, sentence }) => `| \`${name}\` | ${sentence} |`),
    ""
  ].join("\n")
)

// ---- commands: from --help -----------------------------------------------------------------------------------------

const help = (...args: ReadonlyArray<string>): string => {
  const run = spawnSync(process.execPath, ["--conditions=source", "packages/runtime/src/main.ts", ...args, "--help"], {
    encoding: "utf8",
    env: { ...process.env, NO_COLOR: "1", COLUMNS: "120" }
  })
  if (run.status !== 0) throw new Error(run.stderr)
  // What every command has is shown once.
  const text = run.stdout.replaceAll(/^ +$/gm, "").trimEnd()
  const shared = text.indexOf("GLOBAL FLAGS")
  const examples = text.indexOf("EXAMPLES")
  return args.length === 0 || shared === -1
    ? text
    : `${text.slice(0, shared)}${examples === -1 ? "" : text.slice(examples)}`.trimEnd()
}
const root = help()
const subcommands = [...root.slice(root.indexOf("SUBCOMMANDS")).matchAll(/^ {2}([a-z-]+) {2,}/gm)].map(
  ([, name = ""]) => name
)
pages.set(
  "commands.md",
  [
    "# Commands",
    "",
    "```",
    root,
    "```",
    ...subcommands.flatMap((name) => ["", `## tributary ${name}`, "", "```", help(name), "```"]),
    ""
  ].join("\n")
)

// ---- modules: from the docstrings ----------------------------------------------------------------------------------

/** A docstring's text without its stars, and its tags. */
const docOf = (block: string) => {
  const lines = block.split("\n").map((line) => line.replace(/^ \* ?/, ""))
  const text: Array<string> = []
  const tags = new Map<string, string>()
  let inExample = false
  for (const line of lines) {
    const tag = /^@(\w+) ?(.*)$/.exec(line)
    if (tag?.[1] === "example") {
      inExample = true
      text.push("**Example**", "")
    } else if (tag !== null) {
      inExample = false
      tags.set(tag[1] ?? "", tag[2] ?? "")
    } else if (tags.size === 0 || inExample) text.push(line)
  }
  return { text: text.join("\n").trim(), tags }
}

const moduleOf = (file: string, title: string): string => {
  const source = readFileSync(file, "utf8")
  const parts: Array<string> = []
  const blocks = [...source.matchAll(/^\/\*\*\n([\s\S]*?)^ \*\/\n(export (?:declare )?(?:abstract )?(\w+) (\w+))?/gm)]
  for (const [, block = "", , kind, name] of blocks) {
    const { tags, text } = docOf(block)
    if (name === undefined) {
      if (parts.length === 0) parts.push(`# ${title}`, "", text)
    } else
      parts.push(
        "",
        `## ${name}`,
        "",
        `*${kind}${tags.has("category") ? `, ${tags.get("category")}` : ""}*`,
        ...(text === "" ? [] : ["", text])
      )
  }
  return `${parts.join("\n")}\n`
}

const index = readFileSync("packages/core/src/index.ts", "utf8")
const modules = [...index.matchAll(/export \* as (\w+) from "\.\/([\w/]+)\.ts"/g)].map(([, name = "", file = ""]) => ({
  name,
  file
}))
for (const { file, name } of modules) pages.set(`core/${name}.md`, moduleOf(`packages/core/src/${file}.ts`, name))

const firstSentence = (page: string): string =>
  /\n\n([\s\S]*?)(?:\.\s|\n\n|$)/.exec(page)?.[1]?.replaceAll("\n", " ") ?? ""

pages.set(
  "README.md",
  [
    "# Reference",
    "",
    "Generated by `npx -y pnpm@12 run docs` from the plugins, the commands and the docstrings. A check of the build notices drift.",
    "",
    "- [Commands](commands.md)",
    "- [The laws of a plugin](laws.md)",
    "",
    "## Destinations",
    "",
    ...destinations
      .toSorted()
      .map(
        ([title, name]) =>
          `- [${title}](destinations/${name}.md), [settings as JSON Schema](destinations/${name}.schema.json)`
      ),
    "",
    "## `@tributary/core`",
    "",
    "| module | what it is |",
    "|---|---|",
    ...modules.map(
      ({ name }) => `| [\`${name}\`](core/${name}.md) | ${firstSentence(pages.get(`core/${name}.md`) ?? "")} |`
    ),
    ""
  ].join("\n")
)

// ---- written, or compared ------------------------------------------------------------------------------------------

const onDisk = existsSync(home)
  ? readdirSync(home, { recursive: true, encoding: "utf8" }).filter((name) => /\.(md|json)$/.test(name))
  : []

if (process.argv.includes("--check")) {
  const stale = [...pages].filter(
    ([name, text]) => !onDisk.includes(name) || readFileSync(join(home, name), "utf8") !== text
  )
  const orphans = onDisk.filter((name) => !pages.has(name))
  const drifted = [...stale.map(([name]) => name), ...orphans]
  if (drifted.length > 0) {
    console.error(`${home} is not what the source says: ${drifted.join(", ")}. Run: npx -y pnpm@12 run docs`)
    process.exit(1)
  }
} else {
  rmSync(home, { recursive: true, force: true })
  for (const [name, text] of pages) {
    mkdirSync(dirname(join(home, name)), { recursive: true })
    writeFileSync(join(home, name), text)
  }
  console.log(`Wrote ${pages.size} pages to ${home}.`)
}
