/**
 * Loads a configuration: a TypeScript module that Node runs as it is.
 *
 * @since 0.1.0
 */
import { Effect, Predicate, Schema } from "effect"
import * as fs from "node:fs"
import * as path from "node:path"
import { parseEnv } from "node:util"
import type { TributaryConfig } from "../config/defineConfig.ts"
import type { BadConfig } from "../config/Mistakes.ts"
import { resolve, type Resolved } from "../config/Resolved.ts"
import { Surroundings } from "./Surroundings.ts"

/**
 * There is no configuration where one was looked for.
 *
 * @category errors
 * @since 0.1.0
 */
export class ConfigNotFound extends Schema.TaggedError<ConfigNotFound>()("ConfigNotFound", { file: Schema.String }) {
  override get message(): string {
    return `There is no configuration at ${this.file}. "tributary init" writes one; --config names another file.`
  }
}

/**
 * The configuration does not load.
 *
 * @category errors
 * @since 0.1.0
 */
export class ConfigBroken extends Schema.TaggedError<ConfigBroken>()("ConfigBroken", {
  file: Schema.String,
  reason: Schema.String
}) {
  override get message(): string {
    return `The configuration ${this.file} does not load: ${this.reason}`
  }
}

/**
 * A configuration with the folder that its paths are relative to.
 *
 * @category models
 * @since 0.1.0
 */
export interface Loaded {
  readonly file: string
  readonly folder: string
  readonly resolved: Resolved
}

const isConfig = (value: unknown): value is TributaryConfig =>
  Predicate.hasProperty(value, "_tag") && value._tag === "TributaryConfig"

/** The first line of what went wrong, and where in the file it says so. */
const reasonOf = (error: unknown, file: string): string => {
  if (!(error instanceof Error)) return String(error)
  if (error.message.includes("outside a module")) {
    return `Node takes it for CommonJS. Set "type": "module" in the package.json beside it, or name the file tributary.config.mts`
  }
  if (error.message.includes("Unknown file extension")) {
    return `Node ${process.versions.node} does not run TypeScript. Node 22.18 or later does`
  }
  const place = error.stack?.split("\n").find((line) => line.includes(path.basename(file)) && /:\d+/.test(line))
  const line = place === undefined ? undefined : /:(\d+)(?::\d+)?\)?\s*$/.exec(place)?.[1]
  return line === undefined ? error.message : `${error.message} (line ${line})`
}

/**
 * Loads and checks a configuration. A `.env` beside it is read first; what the environment has already wins.
 *
 * @category constructors
 * @since 0.1.0
 */
export const load = Effect.fnUntraced(function* (
  given: string
): Effect.fn.Return<Loaded, ConfigNotFound | ConfigBroken | BadConfig> {
  const around = yield* Surroundings
  const file = path.resolve(around.folder, given)
  const folder = path.dirname(file)
  if (!fs.existsSync(file)) return yield* new ConfigNotFound({ file })
  const broken = (error: unknown) => new ConfigBroken({ file, reason: reasonOf(error, file) })
  const env = path.join(folder, ".env")
  if (fs.existsSync(env)) {
    const added = yield* Effect.try({ try: () => parseEnv(fs.readFileSync(env, "utf8")), catch: broken })
    for (const [name, value] of Object.entries(added)) around.environment[name] ??= value
  }
  const module = yield* Effect.tryPromise({ try: () => around.load(file), catch: broken })
  const config = Predicate.hasProperty(module, "default") ? module.default : undefined
  if (!isConfig(config)) {
    return yield* new ConfigBroken({
      file,
      reason: `its default export is not a configuration; end it with "export default defineConfig({ … })"`
    })
  }
  const resolved = yield* Effect.try({ try: () => resolve(config), catch: broken })
  return { file, folder, resolved: yield* Effect.fromResult(resolved) }
})
