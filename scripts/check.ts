// Everything that can be said of the code without running it. Stops at the first fault.
import { spawnSync } from "node:child_process"
import { existsSync, readdirSync } from "node:fs"

const packages = [
  ...["packages", "examples"].flatMap((folder) =>
    existsSync(folder) ? readdirSync(folder).map((name) => `${folder}/${name}`) : []
  ),
  "bench",
  "torture"
]

const steps: ReadonlyArray<readonly [string, ReadonlyArray<string>]> = [
  ["tsc", ["-b"]],
  ...packages
    .filter((path) => existsSync(`${path}/tsconfig.test.json`))
    .map((path) => ["tsc", ["--noEmit", "-p", `${path}/tsconfig.test.json`]] as const),
  ...packages
    .filter((path) => existsSync(`${path}/tsconfig.json`))
    .map((path) => ["effect-tsgo", ["diagnostics", "--project", `${path}/tsconfig.json`]] as const),
  ["node", ["--conditions=source", "scripts/docs.ts", "--check"]],
  ["node", ["scripts/links.ts"]],
  ["node", ["scripts/folders.ts"]],
  ["oxlint", ["--deny-warnings"]],
  ["oxfmt", ["--check"]]
]

for (const [command, args] of steps) {
  const { status, stdout, stderr } = spawnSync(`node_modules/.bin/${command}`, args, { encoding: "utf8" })
  const isQuiet = status === 0
  console.log(`${isQuiet ? "ok  " : "FAIL"} ${command} ${args.join(" ")}`)
  if (!isQuiet) {
    console.log(stdout + stderr)
    process.exit(1)
  }
}
