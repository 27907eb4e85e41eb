// Pages of modules: every exported name with its docstring and its signature.
//
// Interfaces and types are shown as the source has them, with the docstrings of their fields. Signatures of functions
// come from the declarations that the compiler emits, which know inferred types too.
import { readFileSync } from "node:fs"
import { bodyOf, type Declaration, fieldsOf, moduleOf, splitTop } from "./declarations.ts"

const width = 110

const fence = (code: string): ReadonlyArray<string> => ["```ts", code, "```"]

/** Breaks a signature after its parameters' commas where it would be too long for a page. */
const wrapped = (signature: string): string => {
  if (signature.length <= width || signature.includes("\n")) return signature
  let depth = 0
  let open = -1
  for (let at = 0; at < signature.length; at++) {
    const char = signature.charAt(at)
    if (char === "(" && depth === 0) open = at
    if ("{[(<".includes(char)) depth++
    else if ("}])".includes(char) || (char === ">" && signature[at - 1] !== "=")) depth--
    if (char === ")" && depth === 0 && open !== -1) {
      const parameters = splitTop(signature.slice(open + 1, at), ",")
      return `${signature.slice(0, open)}(\n  ${parameters.join(",\n  ")}\n)${signature.slice(at + 1)}`
    }
  }
  return signature
}

/** Without the parts of a type that only the compiler needs. */
const readable = (type: string): string =>
  type
    .replaceAll(/import\("[^"]+"\)\./g, "")
    .replaceAll(/, never, never>/g, ">")
    .replaceAll(/, never>/g, ">")
    .replaceAll(/^ {4}/gm, "  ")
    .replaceAll(/;$/gm, "")

/** The compiler's declaration of a const or a function. */
const emitted = ({ file, name }: Declaration): string => {
  const text = readFileSync(file.replace("/src/", "/dist/").replace(/\.ts$/, ".d.ts"), "utf8")
  const at = new RegExp(`^export declare (?:const|function) ${name}\\b`, "m").exec(text)?.index
  if (at === undefined) throw new Error(`${file} is not built as it is: its declarations lack ${name}`)
  const end = /;\n/.exec(text.slice(at))
  const lines = text.slice(at).split("\n")
  // A statement of several lines ends with a bracket that closes at the margin.
  const first = lines[0] ?? ""
  const last = first.endsWith(";") ? 0 : lines.findIndex((line, no) => no > 0 && /^[}\])].*;$/.test(line))
  const statement = end === null || last === -1 ? first : lines.slice(0, last + 1).join("\n")
  return statement.replace(/^export declare /, "").replace(/;$/, "")
}

const schemaType = (schema: string): { readonly type: string; readonly isOptional: boolean } => {
  const optional = /^Schema\.optionalKey\(([\s\S]+)\)$/.exec(schema)
  if (optional !== null) return { ...schemaType(optional[1] ?? ""), isOptional: true }
  const array = /^Schema\.Array\(([\s\S]+)\)$/.exec(schema)
  if (array !== null) return { type: `ReadonlyArray<${schemaType(array[1] ?? "").type}>`, isOptional: false }
  const plain = /^Schema\.(String|Number|Int|Finite|Boolean)$/.exec(schema)?.[1]
  const type = plain === undefined ? "unknown" : plain === "Int" || plain === "Finite" ? "number" : plain.toLowerCase()
  return { type, isOptional: false }
}

/** A class of tagged data as the object that it is; another class by its name. */
const classText = ({ name, text }: Declaration): string => {
  const schema = /extends Schema\.Tagged\w+<\w+>\(\)\("(\w+)", \{([\s\S]*?)\n?\}\)/.exec(text)
  if (schema === null) return `class ${name}`
  const fields = fieldsOf(schema[2] ?? "").flatMap(({ doc, name, type }) => {
    const value = schemaType(type)
    return [
      ...(doc === "" ? [] : [`  /** ${doc.replaceAll("\n", " ")} */`]),
      `  readonly ${name}${value.isOptional ? "?" : ""}: ${value.type}`
    ]
  })
  return [`class ${name} extends Error {`, `  readonly _tag: "${schema[1]}"`, ...fields, "}"].join("\n")
}

/** What an exported interface extends and its file does not export: shown with it. */
const hiddenBases = (declaration: Declaration): ReadonlyArray<Declaration> => {
  if (declaration.kind !== "interface") return []
  const extended = /\bextends ([^{]+)\{/.exec(declaration.text)?.[1] ?? ""
  const names = splitTop(extended, ",").map((name) => name.replace(/<[\s\S]*/, "").trim())
  return moduleOf(declaration.file).declarations.filter(({ isExported, name }) => !isExported && names.includes(name))
}

const codeOf = (declaration: Declaration): string => {
  switch (declaration.kind) {
    case "interface":
    case "type":
      return [...hiddenBases(declaration), declaration].map(({ text }) => text.replace(/^export /, "")).join("\n\n")
    case "class":
      return classText(declaration)
    default:
      return wrapped(readable(emitted(declaration)))
  }
}

const entry = (declaration: Declaration, level: string): ReadonlyArray<string> => {
  const { doc, kind, name } = declaration
  const category = doc.tags.get("category")
  return [
    "",
    `${level} ${name}`,
    "",
    `*${[kind, category].filter((part) => part !== undefined).join(", ")}*`,
    ...(doc.text === "" ? [] : ["", doc.text]),
    "",
    ...fence(codeOf(declaration))
  ]
}

/**
 * A page for one module: its docstring, then every export in the order of the file. What it exports of a file without a
 * page of its own is shown here.
 */
export const modulePage = (file: string, title: string, titles: ReadonlyArray<string>): string => {
  const module = moduleOf(file)
  const near = (from: string) => file.replace(/\w+\.ts$/, `${from}.ts`)
  const inPages = module.reexports.filter(({ from }) => titles.includes(from))
  const shownHere = module.reexports
    .filter(({ from }) => !titles.includes(from))
    .flatMap(({ from, names }) => moduleOf(near(from)).declarations.filter(({ name }) => names.includes(name)))
  const passedOn = inPages.map(
    ({ from, names }) =>
      `${names.map((name) => `\`${name}\``).join(", ")} ${names.length === 1 ? "is" : "are"} also exported here; see [${from}](${from}.md).`
  )
  return [
    `# ${title}`,
    "",
    module.doc.text,
    ...[...new Set(passedOn)].flatMap((line) => ["", line]),
    ...[...shownHere, ...module.declarations.filter(({ isExported }) => isExported)].flatMap((found) =>
      entry(found, "##")
    ),
    ""
  ].join("\n")
}

const find = (file: string, name: string): Declaration => {
  const found = moduleOf(file).declarations.find((declaration) => declaration.name === name)
  if (found === undefined) throw new Error(`The reference names ${name}, which ${file} does not declare`)
  return found
}

/** Terms of the kit: where the docstring of each stands. */
const terms = [
  ["holds", "Lab.ts", "Options"],
  ["refused", "Lab.ts", "Options"],
  ["identifierTypes", "Lab.ts", "Options"],
  ["required", "Draft.ts", "Draft"],
  ["required", "../contract/Call.ts", "CallBase"],
  ["siblings", "../contract/Call.ts", "CallBase"]
] as const

/** The page of the conformance kit: what `@tributary/core/testing` exports, and its terms. */
export const testingPage = (folder: string): string => {
  const { doc, reexports } = moduleOf(`${folder}/index.ts`)
  const exported = reexports.flatMap(({ from, names }) => names.map((name) => find(`${folder}/${from}.ts`, name)))
  const order = ["conformance", "Options", "Values"]
  const place = ({ name }: Declaration) => (order.includes(name) ? order.indexOf(name) : order.length)
  const rows = terms.flatMap(([term, file, owner]) => {
    const field = fieldsOf(bodyOf(find(`${folder}/${file}`, owner).text)).find(({ name }) => name === term)
    if (field === undefined) throw new Error(`The reference explains "${term}", which ${owner} does not have`)
    const where = owner === "CallBase" ? "a call" : owner === "Draft" ? "a draft" : "the options"
    return [`| \`${term}\` | ${where} | ${field.doc.replaceAll("\n", " ").replaceAll("|", "\\|")} |`]
  })
  return [
    "# The conformance kit",
    "",
    `\`import { conformance } from "@tributary/core/testing"\`. ${doc.text}`,
    "",
    "The laws themselves are listed in [laws.md](laws.md).",
    "",
    "## Terms",
    "",
    "| term | stands in | meaning |",
    "|---|---|---|",
    ...rows,
    ...exported.toSorted((a, b) => place(a) - place(b)).flatMap((found) => entry(found, "##")),
    ""
  ].join("\n")
}

/** The first sentence of a module's docstring. */
export const summaryOf = (file: string): string =>
  /^([\s\S]*?)(?:\.\s|\.?\n\n|\.?$)/.exec(moduleOf(file).doc.text)?.[1]?.replaceAll("\n", " ") ?? ""
