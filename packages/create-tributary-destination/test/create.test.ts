// What the scaffold writes compiles and keeps every law, whatever is chosen. Publishing is tried by the packed test.
import { Effect } from "effect"
import { spawnSync } from "node:child_process"
import * as fs from "node:fs"
import * as path from "node:path"
import { afterAll, assert, describe, it } from "vitest"
import { auths, forms, versions } from "../src/Choices.ts"
import { create } from "../src/create.ts"

// Inside the package, so that what it imports is found.
const home = path.join(import.meta.dirname, "..", ".created")
const bin = path.join(import.meta.dirname, "..", "..", "..", "node_modules", ".bin")
fs.rmSync(home, { recursive: true, force: true })
afterAll(() => fs.rmSync(home, { recursive: true, force: true }))

const start = (name: string, form: (typeof forms)[number], auth: (typeof auths)[number]) =>
  Effect.runPromise(
    create({ name, form, auth, packageName: `tributary-destination-${name}`, folder: path.join(home, name) })
  )

const run = (command: string, args: ReadonlyArray<string>, cwd: string) => {
  const { status, stderr, stdout } = spawnSync(path.join(bin, command), args, { cwd, encoding: "utf8" })
  return { status, output: stdout + stderr }
}

describe("create-tributary-destination", () => {
  const choices = [
    ...forms.map((form) => ({ form, auth: "bearer" as const })),
    ...auths.filter((auth) => auth !== "bearer").map((auth) => ({ form: "event" as const, auth }))
  ]
  it("what it writes compiles and keeps every law", { timeout: 240_000 }, async () => {
    for (const { auth, form } of choices) await start(`${form}-${auth}`, form, auth)
    const { compilerOptions } = JSON.parse(fs.readFileSync(path.join(home, "both-bearer", "tsconfig.json"), "utf8"))
    fs.writeFileSync(
      path.join(home, "tsconfig.json"),
      JSON.stringify({
        compilerOptions: { ...compilerOptions, rootDir: "../../..", noEmit: true, customConditions: ["source"] },
        include: ["*/src"]
      })
    )
    const compiled = run("tsc", ["-p", home], home)
    assert.strictEqual(compiled.status, 0, compiled.output)
    fs.writeFileSync(
      path.join(home, "vitest.config.ts"),
      `export default { resolve: { conditions: ["source"] }, ssr: { resolve: { conditions: ["source"] } } }`
    )
    const tested = run("vitest", ["run", "--root", home], home)
    assert.strictEqual(tested.status, 0, tested.output)
    assert.include(tested.output, `${choices.length} passed`)
  })

  it("says what is wrong with a name, and overwrites nothing", async () => {
    const wrong = await Effect.runPromise(
      Effect.flip(
        create({ name: "My CRM", form: "event", auth: "none", packageName: "x", folder: path.join(home, "x") })
      )
    )
    assert.include(wrong.message, '"My CRM" is not a valid name for a plugin')
    await start("taken", "event", "none")
    const taken = await Effect.runPromise(
      Effect.flip(
        create({ name: "taken", form: "list", auth: "none", packageName: "x", folder: path.join(home, "taken") })
      )
    )
    assert.include(taken.message, "is not empty; nothing was written")
  })

  it("its versions are those of this workspace", () => {
    const catalog = fs.readFileSync(path.join(import.meta.dirname, "../../../pnpm-workspace.yaml"), "utf8")
    for (const line of [
      `effect: ${versions.effect}`,
      `typescript: ${versions.typescript}`,
      `vitest: ${versions.vitest}`,
      `"@types/node": ${versions.nodeTypes}`
    ]) {
      assert.include(catalog, line)
    }
    const core: { version: string } = JSON.parse(
      fs.readFileSync(path.join(import.meta.dirname, "../../core/package.json"), "utf8")
    )
    assert.strictEqual(core.version, versions.tributary)
  })
})
