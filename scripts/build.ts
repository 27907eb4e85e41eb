// Builds what is published: `dist` with declarations in every package, from nothing, and checks that what a package's
// published `exports` and `bin` name is there. So for the example of a destination, which is packed as it is.
import { spawnSync } from "node:child_process"
import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { join } from "node:path"

const packages = [...readdirSync("packages").map((name) => join("packages", name)), "examples/destination-hubspot"]
for (const path of packages) rmSync(join(path, "dist"), { recursive: true, force: true })

const { status } = spawnSync("node_modules/.bin/tsc", ["-b"], { stdio: "inherit" })
if (status !== 0) process.exit(1)

/** Every path in a manifest's exports or bin. */
const paths = (value: unknown): ReadonlyArray<string> => {
  if (typeof value === "string") return [value]
  return typeof value === "object" && value !== null ? Object.values(value).flatMap(paths) : []
}

let missing = 0
for (const path of packages) {
  const manifest = JSON.parse(readFileSync(join(path, "package.json"), "utf8"))
  for (const file of [...paths(manifest.publishConfig?.exports ?? manifest.exports), ...paths(manifest.bin)]) {
    if (file.includes("*") || existsSync(join(path, file))) continue
    console.error(`${manifest.name} publishes ${file}, which the build did not make`)
    missing++
  }
  console.log(`built ${manifest.name} ${manifest.version}`)
}
process.exit(missing === 0 ? 0 : 1)
