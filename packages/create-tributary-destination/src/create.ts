/**
 * Writes a package.
 *
 * @since 0.1.0
 */
import { Effect, Schema } from "effect"
import * as fs from "node:fs"
import * as path from "node:path"
import type { Choices } from "./Choices.ts"
import * as Package from "./templates/package.ts"
import * as Plugin from "./templates/plugin.ts"
import * as Sandbox from "./templates/sandbox.ts"

/**
 * A name that will not do, or a place that is taken.
 *
 * @category errors
 * @since 0.1.0
 */
export class CannotCreate extends Schema.TaggedError<CannotCreate>()("CannotCreate", { reason: Schema.String }) {
  override get message(): string {
    return this.reason
  }
}

/**
 * Everything that a package starts with, by file.
 *
 * @category constructors
 * @since 0.1.0
 */
export const filesOf = (choices: Choices): Readonly<Record<string, string>> => ({
  "package.json": Package.manifest(choices),
  "tsconfig.json": Package.compilerOptions,
  ".gitignore": "node_modules\ndist\n.tributary\n",
  "README.md": Package.readme(choices),
  "src/index.ts": Plugin.source(choices),
  "src/sandbox/index.ts": Sandbox.source(choices),
  "test/conformance.test.ts": Package.test(choices),
  "example/tributary.config.ts": Package.config(choices),
  "example/customers.csv":
    "id,email,first_name\nc1,ada@example.com,Ada\nc2,grace@example.com,Grace\nc3,alan@example.com,Alan\n",
  "example/big_spenders.csv": "id\nc2\nc3\n",
  "example/.env": Package.environment(choices)
})

/**
 * Writes a package into a folder that does not exist, or is empty.
 *
 * @category constructors
 * @since 0.1.0
 */
export const create = Effect.fnUntraced(function* (
  choices: Choices & { readonly folder: string | undefined }
): Effect.fn.Return<Choices & { readonly folder: string; readonly files: ReadonlyArray<string> }, CannotCreate> {
  if (!/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(choices.name) || choices.name.length > 50) {
    return yield* new CannotCreate({
      reason: `"${choices.name}" is not a valid name for a plugin: lower-case letters, digits and single hyphens, such as acme-crm.`
    })
  }
  if (!/^(@[a-z0-9-~][a-z0-9-._~]*\/)?[a-z0-9-~][a-z0-9-._~]*$/.test(choices.packageName)) {
    return yield* new CannotCreate({ reason: `"${choices.packageName}" is not a package name that npm accepts.` })
  }
  const folder = path.resolve(choices.folder ?? choices.packageName.split("/").at(-1) ?? choices.name)
  if (fs.existsSync(folder) && fs.readdirSync(folder).length > 0) {
    return yield* new CannotCreate({ reason: `${folder} is not empty; nothing was written.` })
  }
  const files = filesOf(choices)
  yield* Effect.try({
    try: () => {
      for (const [name, text] of Object.entries(files)) {
        const file = path.join(folder, name)
        fs.mkdirSync(path.dirname(file), { recursive: true })
        fs.writeFileSync(file, text)
      }
    },
    catch: (error) =>
      new CannotCreate({
        reason: `Cannot write to ${folder}: ${error instanceof Error ? error.message : String(error)}`
      })
  })
  return { ...choices, folder, files: Object.keys(files) }
})

/**
 * What to do now.
 *
 * @category combinators
 * @since 0.1.0
 */
export const nextSteps = ({ files, folder, packageName }: Effect.Success<ReturnType<typeof create>>): string =>
  [
    `Wrote ${packageName} to ${folder}: ${files.join(", ")}.`,
    "",
    "Next:",
    `  cd ${path.relative(process.cwd(), folder) || "."}`,
    "  npm install",
    "  npm test               the laws that every plugin keeps, against src/sandbox/index.ts",
    "  npm run build",
    "  npm run sandbox        in another terminal: the fake vendor on http://127.0.0.1:4010",
    "  npx tributary sync --config example/tributary.config.ts",
    "",
    "Then write src/sandbox/index.ts again from the vendor's documents, and src/index.ts until the tests pass again."
  ].join("\n")
