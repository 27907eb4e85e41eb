// What the compiler says to an author: each mistake of contract.use.ts, with the words that stand after its directive.
import { spawnSync } from "node:child_process"
import * as fs from "node:fs"
import * as path from "node:path"
import { afterAll, assert, it } from "vitest"

const folder = path.join(import.meta.dirname, "tmp")
afterAll(() => fs.rmSync(folder, { recursive: true, force: true }))

it("an author is told what is wrong, in words that name it", { timeout: 120_000 }, () => {
  const lines = fs.readFileSync(path.join(import.meta.dirname, "contract.use.ts"), "utf8").split("\n")
  const isDirective = (line: string) => line.trim().startsWith("// @ts-expect-error ")
  fs.rmSync(folder, { recursive: true, force: true })
  fs.mkdirSync(folder)
  fs.writeFileSync(path.join(folder, "mistakes.ts"), lines.map((line) => (isDirective(line) ? "" : line)).join("\n"))
  fs.writeFileSync(
    path.join(folder, "tsconfig.json"),
    JSON.stringify({ extends: "../../../tsconfig.test.json", include: ["mistakes.ts"] })
  )
  const tsc = path.join(import.meta.dirname, "../../../../node_modules/.bin/tsc")
  const { stdout } = spawnSync(tsc, ["-p", folder, "--pretty", "false"], { encoding: "utf8" })
  /** The messages of a statement: those at its lines, up to the next directive. */
  const messages = [...stdout.matchAll(/mistakes\.ts\((\d+),\d+\): ((?:.|\n(?! *[^ ].*mistakes\.ts\())*)/g)]
  const at = new Map(messages.map(([, line, text = ""]) => [Number(line), text]))
  let mistakes = 0
  for (const [i, line] of lines.entries()) {
    if (!isDirective(line)) continue
    mistakes++
    const expected = line.trim().slice("// @ts-expect-error ".length)
    assert.include(at.get(i + 2) ?? "no mistake", expected, `line ${i + 1}`)
  }
  assert.isAtLeast(mistakes, 17)
})
