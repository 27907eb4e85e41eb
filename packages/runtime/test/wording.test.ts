// What operators see is in plain words: the texts of core and the runtime, outside comments and SQL.
import { Wording } from "@tributary/core/runtime"
import * as fs from "node:fs"
import * as path from "node:path"
import { assert, describe, it } from "vitest"

const packages = path.resolve(import.meta.dirname, "../..")

/** Source files of the texts that operators see, and of the programs that print them. */
const files = ["core/src", "runtime/src", "demo/src", "create-tributary-destination/src"].flatMap((folder) =>
  fs
    .readdirSync(path.join(packages, folder), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .map((name) => path.join(folder, name))
)

/**
 * The texts of a file: string and template literals, without what a template inserts. A backslash escapes, comments
 * and regular expressions are passed over, and a template that a tag `sql` reads is no text.
 */
const textsOf = (source: string): ReadonlyArray<string> => {
  const texts: Array<string> = []
  const token =
    /\/\*[\s\S]*?\*\/|\/\/[^\n]*|(?<=[(=,:[!&|?{};]\s*)\/(?![*/])(?:\\.|\[(?:\\.|[^\]\n])*\]|[^/\\\n[])+\/[a-z]*|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|(sql(?:<[^`]*?>)?)?`|[{}]/g
  // Whether a closing brace ends what a template inserts, and that template is SQL.
  const open: Array<"block" | "text" | "sql"> = []
  let at = 0
  const template = (isSql: boolean) => {
    let text = ""
    for (; at < source.length; at++) {
      const char = source[at]
      if (char === "\\") text += /[nt]/.test(source[++at] ?? "") ? " " : (source[at] ?? "")
      else if (char === "`") {
        at++
        break
      } else if (char === "$" && source[at + 1] === "{") {
        at += 2
        open.push(isSql ? "sql" : "text")
        break
      } else text += char
    }
    if (!isSql && !/^\s*(?:select|insert|update|delete|create|alter|with|drop|lock|set)\b/i.test(text)) texts.push(text)
  }
  while (at < source.length) {
    token.lastIndex = at
    const found = token.exec(source)
    if (found === null) break
    at = token.lastIndex
    const [all, tag] = found
    if (all.endsWith("`")) template(tag !== undefined)
    else if (all === "{") open.push("block")
    else if (all === "}") {
      const ended = open.pop()
      if (ended === "text" || ended === "sql") template(ended === "sql")
    } else if (all.startsWith('"') || all.startsWith("'")) texts.push(all.slice(1, -1).replaceAll(/\\[nt]/g, " "))
  }
  return texts
}

const oldWords = /\b(?:told|tells?|telling|owed|mend(?:ed|s)?|anew|strangers?|newcomers?|at rest|in peace)\b/i
const oldSyntax = /(?<!\bthere )\bis no (?!longer\b|more\b|such\b|place\b)[a-z]+/i
const oldPlural = /\b1 (?:rows|profiles|identifiers|activations|destinations|mistakes|requests)\b/

/** What holds an old word and is a name: that of a law. */
const names = /stranger-discarded/g

/** A text with a space in it is read by people; others are names. */
const isProse = (text: string) => /\S\s+\S/.test(text)

const offences = (expression: RegExp) =>
  files.flatMap((file) =>
    textsOf(fs.readFileSync(path.join(packages, file), "utf8"))
      .filter((text) => isProse(text) && expression.test(text.replaceAll(names, "")))
      .map((text) => `${file}: ${text.trim()}`)
  )

describe("wording", () => {
  it("texts are found, and comments and SQL are none", () => {
    const source = [
      "// told",
      'const a = "plain \\" text"',
      "const b = `x ${f({ y: `inner ${z} text` })} told you`",
      "sql`select told from ${sql(name)} where x`",
      "/* told */ const c = /told [`]/"
    ].join("\n")
    assert.deepStrictEqual(textsOf(source), ['plain \\" text', "x ", "inner ", " text", " told you"])
    assert.isAbove(files.length, 100)
  })

  it("messages use the words of the glossary", () => {
    assert.deepStrictEqual(offences(oldWords), [])
  })

  it('messages say what is not, and not what "is no"', () => {
    assert.deepStrictEqual(offences(oldSyntax), [])
  })

  it("one is singular", () => {
    assert.deepStrictEqual(offences(oldPlural), [])
    assert.strictEqual(Wording.plural(1, "row"), "1 row")
    assert.strictEqual(Wording.plural(0, "row"), "0 rows")
    assert.strictEqual(Wording.plural(12_345, "batch", "batches"), "12,345 batches")
  })
})
