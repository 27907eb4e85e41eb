// Checks the shape of the source: which folder imports which, what is imported of core, how long files are.
//
// 1. Folders of core and of the runtime depend one way: no two import each other, directly or through others.
// 2. What a plugin sees (core's `contract/`) imports nothing else of core.
// 3. Whoever is not core imports one of its three entry points, and no file by its path.
// 4. No source file is longer than 400 lines.
import { globSync, readFileSync } from "node:fs"
import { dirname, join, relative } from "node:path"

const mostLines = 400
const core = "packages/core"
const entryPoints = ["@tributary/core", "@tributary/core/runtime", "@tributary/core/testing"]
const entryFiles = ["index.ts", "runtime.ts", "testing/index.ts"].map((file) => `${core}/src/${file}`)

/** Files that may be longer: none today. */
const allowedLong = new Set<string>()

interface Import {
  readonly file: string
  readonly specifier: string
  /** The imported file, where it is one of this repository. */
  readonly target: string | undefined
}

const filesOf = (...patterns: ReadonlyArray<string>): ReadonlyArray<string> =>
  globSync(patterns, { exclude: (path) => /(^|\/)(node_modules|dist)(\/|$)/.test(path) }).toSorted()

const importsOf = (file: string): ReadonlyArray<Import> =>
  [...readFileSync(file, "utf8").matchAll(/^(?!\s*(?:\/\/|\*)).*?\b(?:from|import)\s*\(?\s*"([^"]+)"/gm)].map(
    ([, specifier = ""]) => ({
      file,
      specifier,
      target: specifier.startsWith(".") ? join(dirname(file), specifier) : undefined
    })
  )

/** `sync`; below `store`, which is a folder of folders, `store/ledger`; a file at the top stands for itself. */
const folderOf = (file: string, root: string): string => {
  const [first = "", second = "", ...rest] = relative(root, file).split("/")
  return first === "store" && rest.length > 0 ? `${first}/${second}` : first
}

const faults: Array<string> = []
const fault = ({ file, specifier }: Import, why: string) => faults.push(`${file} imports "${specifier}": ${why}`)

// ---- 1. folders depend one way -------------------------------------------------------------------------------------

type Graph = Map<string, Map<string, ReadonlyArray<Import>>>

const graphOf = (root: string): Graph => {
  const graph: Graph = new Map()
  for (const each of filesOf(`${root}/**/*.ts`).flatMap(importsOf)) {
    if (each.target === undefined) continue
    const from = folderOf(each.file, root)
    const to = folderOf(each.target, root)
    if (from === to) continue
    const edges = graph.get(from) ?? new Map<string, ReadonlyArray<Import>>()
    graph.set(from, edges.set(to, [...(edges.get(to) ?? []), each]))
  }
  return graph
}

/** The shortest way from a folder back to itself. */
const cycleAt = (graph: Graph, start: string): ReadonlyArray<string> | undefined => {
  const ways = [[start]]
  const seen = new Set<string>()
  for (const way of ways) {
    for (const next of graph.get(way.at(-1) ?? start)?.keys() ?? []) {
      if (next === start) return [...way, start]
      if (!seen.has(next)) ways.push([...way, next])
      seen.add(next)
    }
  }
  return undefined
}

for (const graph of ["core", "runtime"].map((name) => graphOf(`packages/${name}/src`))) {
  for (const start of graph.keys()) {
    for (let cycle = cycleAt(graph, start); cycle !== undefined; cycle = cycleAt(graph, start)) {
      // Of its steps, the one with the fewest imports is most likely the wrong one.
      const steps = cycle.slice(1).map((to, i) => ({ from: cycle?.[i] ?? "", to }))
      const importsIn = ({ from, to }: (typeof steps)[number]) => graph.get(from)?.get(to) ?? []
      const [step] = steps.toSorted((a, b) => importsIn(a).length - importsIn(b).length)
      if (step === undefined) break
      for (const each of importsIn(step)) fault(each, `it closes a cycle of folders, ${cycle.join(" → ")}.`)
      graph.get(step.from)?.delete(step.to)
    }
  }
}

// ---- 2. the contract stands alone ----------------------------------------------------------------------------------

for (const each of filesOf(`${core}/src/contract/**/*.ts`).flatMap(importsOf)) {
  if (each.target !== undefined && !each.target.startsWith(`${core}/src/contract/`)) {
    fault(each, "contract/ imports nothing else of core.")
  }
}

// ---- 3. three entry points -----------------------------------------------------------------------------------------

for (const each of filesOf("{packages,examples}/*/**/*.ts", "{bench,torture,scripts}/**/*.ts").flatMap(importsOf)) {
  if (each.file.startsWith(`${core}/`)) continue
  const isCore = each.target?.startsWith(`${core}/`) === true || /^@tributary\/core(\/|$)/.test(each.specifier)
  if (isCore && !entryPoints.includes(each.specifier) && !entryFiles.includes(each.target ?? "")) {
    fault(each, `import one of ${entryPoints.join(", ")}.`)
  }
}

// ---- 4. short files ------------------------------------------------------------------------------------------------

for (const file of filesOf("{packages,examples}/*/src/**/*.ts", "scripts/**/*.ts")) {
  const lines = readFileSync(file, "utf8").trimEnd().split("\n").length
  if (lines > mostLines && !allowedLong.has(file))
    faults.push(`${file} has ${lines} lines, and a file has ${mostLines} at most: split it.`)
}

if (faults.length > 0) {
  console.error(faults.join("\n"))
  process.exit(1)
}
