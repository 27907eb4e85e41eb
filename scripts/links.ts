// Checks that what the documents point to is there: relative links, headings within files, and the files that
// CONTRIBUTING.md names.
import { existsSync, readFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { spawnSync } from "node:child_process"

const files = spawnSync("git", ["ls-files", "--cached", "--others", "--exclude-standard", "*.md"], { encoding: "utf8" })
  .stdout.split("\n")
  .filter((name) => name !== "" && existsSync(name))

/** A heading as GitHub names its anchor. */
const anchorOf = (heading: string): string =>
  heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\s_-]/gu, "")
    .trim()
    .replaceAll(" ", "-")

const textOf = (file: string): string => readFileSync(file, "utf8").replaceAll(/^```[\s\S]*?^```$/gm, "")

const anchorsOf = (file: string): ReadonlySet<string> =>
  new Set([...textOf(file).matchAll(/^#+ (.+)$/gm)].map(([, heading = ""]) => anchorOf(heading)))

const broken: Array<string> = []
for (const file of files) {
  for (const [, target = ""] of textOf(file).matchAll(/\]\(([^)\s]+)\)/g)) {
    if (/^[a-z]+:/.test(target)) continue
    const [path = "", anchor] = target.split("#")
    const full = path === "" ? file : join(dirname(file), path)
    if (!existsSync(full)) broken.push(`${file}: ${target}`)
    else if (anchor !== undefined && full.endsWith(".md") && !anchorsOf(full).has(anchor)) {
      broken.push(`${file}: ${target} (no such heading)`)
    }
  }
}

const contributing = readFileSync("CONTRIBUTING.md", "utf8")
for (const [, path = ""] of contributing.matchAll(/`((?:packages|docs|scripts|examples)\/[\w./-]+)`/g)) {
  if (!existsSync(path)) broken.push(`CONTRIBUTING.md: ${path}`)
}

if (broken.length > 0) {
  console.error(`What these documents point to is not there:\n${broken.map((line) => `  ${line}`).join("\n")}`)
  process.exit(1)
}
