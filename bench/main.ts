// `pnpm bench`: what Tributary does in a second, beside what people would use instead, in the same run.
import { execFileSync, spawnSync } from "node:child_process"
import { readdirSync } from "node:fs"
import * as os from "node:os"
import { parseArgs } from "node:util"
import type { Case, Row } from "./support/Case.ts"

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    scale: { type: "string", default: "1" },
    json: { type: "boolean", default: false },
    // One of several: without the head.
    apart: { type: "boolean", default: false },
    help: { type: "boolean", default: false }
  }
})
const names = readdirSync(new URL("cases", import.meta.url)).map((file) => file.replace(/\.ts$/, ""))

const usage = `pnpm bench [case…] [--scale 0.01] [--json]

Cases: ${names.join(", ")}. All of them where none is named.
--scale multiplies sizes: 1 is the full size (an hour, 24 GiB), 0.01 takes two or three minutes.
Each case runs in a process of its own.
PostgreSQL: TEST_DATABASE_URL, else postgres://postgres@127.0.0.1:5432/postgres.`

const shown = (value: number) =>
  value >= 1000 ? Math.round(value).toLocaleString("en-US") : Number(value.toPrecision(3)).toString()

const line = ({ figure, goal, parameters, reference, unit, what }: Row) =>
  [
    `  ${what}: ${shown(figure)} ${unit}`,
    reference === undefined
      ? undefined
      : `${reference.what}: ${shown(reference.figure)} ${unit}, ratio ${(figure / reference.figure).toFixed(2)}`,
    goal === undefined ? undefined : `${goal.isReached ? "reached" : "NOT REACHED"}: ${goal.words}`,
    parameters
  ]
    .filter((part) => part !== undefined)
    .join("\n      ")

const machine = () => {
  const cpu = os.cpus()[0]?.model ?? "unknown"
  return `${os.cpus().length} × ${cpu}, ${Math.round(os.totalmem() / 2 ** 30)} GiB, Node ${process.version}, ${execFileSync("git", ["rev-parse", "--short", "HEAD"], { encoding: "utf8" }).trim()}`
}

interface Result {
  readonly case: string
  readonly rows: ReadonlyArray<Row>
}

/** In this process. */
const run = async (name: string, scale: number): Promise<Result> => {
  const { default: each }: { readonly default: Case } = await import(`./cases/${name}.ts`)
  if (!values.json) console.log(each.title)
  const rows = await each.run({ scale, note: (text) => process.stderr.write(`  … ${text}\n`) })
  if (!values.json) console.log(`${rows.map(line).join("\n")}\n`)
  return { case: name, rows }
}

/** In a process of its own, which what ran before has not warmed, nor filled. One that fails leaves the others to run. */
const runApart = (name: string): ReadonlyArray<Result> => {
  const args = [...process.execArgv, import.meta.filename, name, "--scale", values.scale]
  const { status, stdout } = spawnSync(process.execPath, values.json ? [...args, "--json"] : [...args, "--apart"], {
    stdio: ["ignore", values.json ? "pipe" : "inherit", "inherit"],
    encoding: "utf8"
  })
  if (status !== 0) {
    console.error(`  ${name} failed.\n`)
    process.exitCode = 1
    return []
  }
  return values.json ? JSON.parse(stdout).results : []
}

const main = async () => {
  const scale = Number(values.scale)
  const unknown = positionals.filter((name) => !names.includes(name))
  if (values.help || unknown.length > 0 || !(scale > 0 && scale <= 1)) {
    if (unknown.length > 0) console.error(`There is no case ${unknown.join(", ")}.`)
    console.log(usage)
    process.exitCode = values.help ? 0 : 2
    return
  }
  if (!values.json && !values.apart) console.log(`${machine()}\nscale ${scale}\n`)
  const wanted = positionals.length > 0 ? positionals : names
  const [only] = wanted
  const results = only !== undefined && wanted.length === 1 ? [await run(only, scale)] : wanted.flatMap(runApart)
  if (values.json) console.log(JSON.stringify({ machine: machine(), scale, results }, null, 2))
}

await main()
