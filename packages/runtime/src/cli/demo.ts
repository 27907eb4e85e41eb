/**
 * `tributary demo`: finds the package of the demo, and runs it.
 *
 * @since 0.1.0
 */
import { Effect, Predicate } from "effect"
import { createRequire } from "node:module"
import * as path from "node:path"
import { pathToFileURL } from "node:url"
import { type Run, WrongUse } from "./Exit.ts"
import { Surroundings } from "./Surroundings.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface DemoFlags {
  readonly seed: number
  readonly customers: number
  readonly keep: boolean
  readonly json: boolean
}

const name = "@tributary/demo"

/** What the package exports for this command. */
interface DemoPackage {
  readonly run: (flags: DemoFlags) => Run
}

const isDemoPackage = (module: unknown): module is DemoPackage =>
  Predicate.hasProperty(module, "run") && typeof module.run === "function"

/** Where the package is looked for: the current folder, this package, and what was started. */
const placesFrom = (folder: string): ReadonlyArray<string> => [
  path.join(folder, "package.json"),
  import.meta.filename,
  ...(process.argv[1] === undefined ? [] : [process.argv[1]])
]

const resolveFrom = (place: string): string | undefined => {
  try {
    return createRequire(place).resolve(name)
  } catch {
    return undefined // not installed there
  }
}

/**
 * Runs the demo of the installed package `@tributary/demo`.
 *
 * @category commands
 * @since 0.1.0
 */
export const demo = (flags: DemoFlags): Run =>
  Effect.gen(function* () {
    const file = placesFrom((yield* Surroundings).folder)
      .map(resolveFrom)
      .find((found) => found !== undefined)
    if (file === undefined) {
      return yield* new WrongUse({
        reason: `The demo is a package of its own: install it with "npm install ${name}", or run it with "npx -y ${name}".`
      })
    }
    const module = yield* Effect.tryPromise({
      try: (): Promise<unknown> => import(pathToFileURL(file).href),
      catch: (error) =>
        new WrongUse({ reason: `${name} does not load: ${error instanceof Error ? error.message : String(error)}` })
    })
    if (!isDemoPackage(module)) {
      return yield* new WrongUse({
        reason: `This version of ${name} does not fit this version of tributary: install the same version of both.`
      })
    }
    return yield* module.run(flags)
  })
