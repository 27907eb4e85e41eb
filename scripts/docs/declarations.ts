// Reads declarations from source text. TypeScript's own parser is a native program without an API here, and the
// formatter makes the text regular: a top-level statement goes on while its lines are indented or close a bracket.
import { readFileSync } from "node:fs"

/** A docstring: its text without stars, and its tags. */
export interface Doc {
  readonly text: string
  readonly tags: ReadonlyMap<string, string>
}

export interface Declaration {
  readonly file: string
  readonly name: string
  /** `interface`, `type`, `class`, `const`, `function`. */
  readonly kind: string
  readonly isExported: boolean
  readonly doc: Doc
  /** The whole statement, without its docstring. */
  readonly text: string
}

export interface Module {
  readonly file: string
  /** The docstring that opens the file. */
  readonly doc: Doc
  readonly declarations: ReadonlyArray<Declaration>
  /** `export { a, type B } from "./x.ts"`: names and the file they come from. */
  readonly reexports: ReadonlyArray<{ readonly names: ReadonlyArray<string>; readonly from: string }>
}

export interface Field {
  readonly name: string
  readonly isOptional: boolean
  readonly type: string
  readonly doc: string
}

export const emptyDoc: Doc = { text: "", tags: new Map() }

export const docOf = (block: string): Doc => {
  const lines = block
    .replace(/^\s*\/\*\*/, "")
    .replace(/\*\/\s*$/, "")
    .split("\n")
    .map((line) => line.replace(/^\s*\* ?/, "").trimEnd())
  const text: Array<string> = []
  const tags = new Map<string, string>()
  let inExample = false
  for (const line of lines) {
    const tag = /^@(\w+) ?(.*)$/.exec(line.trimStart())
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

/** The text with everything blanked that is no code, so that brackets and commas in it do not count. */
const codeOf = (text: string): string =>
  text.replaceAll(/\/\*[\s\S]*?\*\/|\/\/[^\n]*|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\.)*`/g, (match) =>
    match.replaceAll(/\S/g, "_")
  )

/** Where `separator` stands outside of all brackets. The `>` of an arrow closes nothing. */
const placesOf = (text: string, separator: string): ReadonlyArray<number> => {
  const code = codeOf(text)
  const places: Array<number> = []
  let depth = 0
  for (let at = 0; at < code.length; at++) {
    const char = code.charAt(at)
    if (char === separator && depth === 0) places.push(at)
    if ("{[(<".includes(char)) depth++
    else if ("}])".includes(char) || (char === ">" && code[at - 1] !== "=")) depth--
  }
  return places
}

/** The parts between separators that stand outside of all brackets. */
export const splitTop = (text: string, separator: string): ReadonlyArray<string> => {
  const parts: Array<string> = []
  let from = 0
  for (const place of placesOf(text, separator)) {
    parts.push(text.slice(from, place))
    from = place + 1
  }
  return [...parts, text.slice(from)].map((part) => part.trim()).filter((part) => part !== "")
}

const head = /^(export )?(?:declare )?(?:abstract )?(?:async )?(interface|type|class|const|function) (\w+)/

/** Top-level statements with the docstring before each. */
const statementsOf = (source: string): ReadonlyArray<{ readonly block: string; readonly text: string }> => {
  const lines = source.split("\n")
  const statements: Array<{ block: string; text: string }> = []
  let block = ""
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at] ?? ""
    if (line.startsWith("/**")) {
      const from = at
      while (!(lines[at] ?? "").includes("*/")) at++
      // Two docstrings in a row: the first is the module's.
      if (block !== "") statements.push({ block, text: "" })
      block = lines.slice(from, at + 1).join("\n")
      continue
    }
    if (line.trim() === "" || line.startsWith("//") || line.startsWith("#!")) {
      if (line.trim() === "" && block !== "") {
        statements.push({ block, text: "" })
        block = ""
      }
      continue
    }
    const from = at
    const code = codeOf(lines.slice(at).join("\n")).split("\n")
    let end = 0
    for (let ahead = 1; ahead < code.length; ahead++) {
      const next = code[ahead] ?? ""
      if (/^\s+\S|^[}\])>]/.test(next)) end = ahead
      else if (next.trim() !== "") break
    }
    at += end
    statements.push({ block, text: lines.slice(from, at + 1).join("\n") })
    block = ""
  }
  return statements
}

const parsed = new Map<string, Module>()

/** The declarations of a file, in their order. */
export const moduleOf = (file: string): Module => {
  const known = parsed.get(file)
  if (known !== undefined) return known
  const declarations: Array<Declaration> = []
  const reexports: Array<{ names: ReadonlyArray<string>; from: string }> = []
  let doc = emptyDoc
  for (const [place, { block, text }] of statementsOf(readFileSync(file, "utf8")).entries()) {
    const found = head.exec(text)
    if (place === 0 && found === null && block !== "") doc = docOf(block)
    const from = /^export (?:type )?\{([\s\S]*?)\} from "\.\/([\w/]+)\.ts"/.exec(text)
    if (from !== null) {
      const names = splitTop(from[1] ?? "", ",").map((name) => name.replace(/^type /, ""))
      reexports.push({ names, from: from[2] ?? "" })
    }
    if (found === null) continue
    declarations.push({
      file,
      name: found[3] ?? "",
      kind: found[2] ?? "",
      isExported: found[1] !== undefined,
      doc: block === "" ? emptyDoc : docOf(block),
      text: text.trimEnd()
    })
  }
  const module = { file, doc, declarations, reexports }
  parsed.set(file, module)
  return module
}

/** Fields of an object type's body (what stands between its braces), in their order. */
export const fieldsOf = (body: string): ReadonlyArray<Field> => {
  const fields: Array<Field> = []
  const code = codeOf(body)
  let doc = ""
  let at = 0
  while (at < body.length) {
    const rest = body.slice(at)
    const comment = /^\s*\/\*\*[\s\S]*?\*\//.exec(rest)
    if (comment !== null) {
      doc = docOf(comment[0].trim()).text
      at += comment[0].length
      continue
    }
    const field = /^\s*(?:readonly )?(\w+)(\?)?(\(|:)/.exec(rest)
    if (field === null) {
      at++
      continue
    }
    const isMethod = field[3] === "("
    const start = at + field[0].length - (isMethod ? 1 : 0)
    const end = endOfField(code, start)
    fields.push({
      name: field[1] ?? "",
      isOptional: field[2] !== undefined,
      type: body.slice(start, end).trim().replace(/[;,]$/, ""),
      doc
    })
    doc = ""
    at = end
  }
  return fields
}

/** A field ends with its line, unless a bracket is open or the next line goes on with a type. */
const endOfField = (code: string, from: number): number => {
  let depth = 0
  for (let at = from; at < code.length; at++) {
    const char = code.charAt(at)
    if ("{[(<".includes(char)) depth++
    else if ("}])".includes(char) || (char === ">" && code[at - 1] !== "=")) depth--
    if (depth < 0) return at
    if (depth === 0 && (char === ";" || char === ",")) return at + 1
    if (depth === 0 && char === "\n" && code.slice(from, at).trim() !== "" && !/^\s*[|&?:]/.test(code.slice(at + 1))) {
      return at
    }
  }
  return code.length
}

/** What stands between the outermost braces of an interface. */
export const bodyOf = (text: string): string => {
  const code = codeOf(text)
  const open = placesOf(text, "{")[0] ?? code.length
  return text.slice(open + 1, code.lastIndexOf("}"))
}
