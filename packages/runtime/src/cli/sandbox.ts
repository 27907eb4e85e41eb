/**
 * `tributary sandbox`.
 *
 * @since 0.1.0
 */
import type { Sandbox } from "@tributary/core"
import { SandboxServer } from "@tributary/core/runtime"
import { Console, Effect, Predicate } from "effect"
import { createRequire } from "node:module"
import * as path from "node:path"
import { pathToFileURL } from "node:url"
import { exitCode, type Run, WrongUse } from "./Exit.ts"
import { Surroundings } from "./Surroundings.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface SandboxFlags {
  readonly plugin: string
  readonly port: number
  readonly json: boolean
}

/**
 * Serves a plugin's fake vendor until it is stopped.
 *
 * @category commands
 * @since 0.1.0
 */
export const sandbox = (flags: SandboxFlags): Run =>
  Effect.scoped(
    Effect.gen(function* () {
      const make = yield* find(flags.plugin)
      const vendor = make()
      const { baseUrl } = yield* SandboxServer.serve(vendor, { port: flags.port })
      const settings = vendor.settings(baseUrl)
      yield* Console.log(
        flags.json
          ? JSON.stringify({ baseUrl, settings })
          : [
              `The ${vendor.title} sandbox listens on ${baseUrl}. It keeps the vendor's documented rules; nothing leaves this machine.`,
              "",
              "Settings to connect to it (none of these secrets is real):",
              JSON.stringify(settings, null, 2),
              "",
              `What it holds: ${baseUrl}/_sandbox/state`,
              "Ctrl-C stops it."
            ].join("\n")
      )
      return yield* Effect.never
    })
  ).pipe(Effect.as(exitCode.done))

const isMake = (value: unknown): value is () => Sandbox.Sandbox => typeof value === "function"

/** A package, found from the current folder or from here; a short name may be one of ours. */
const find = Effect.fnUntraced(function* (plugin: string) {
  const names = /^[a-z0-9-]+$/.test(plugin) ? [`@tributary/destination-${plugin}`, plugin] : [plugin]
  const places = [path.join((yield* Surroundings).folder, "package.json"), import.meta.filename]
  const missing = new WrongUse({
    reason: `No package ${names.join(" or ")} with a sandbox is installed here. Install it (and build it, if it is yours), or check the name.`
  })
  const load = (name: string) => [
    ...places.map((place) =>
      Effect.tryPromise({
        try: () => import(pathToFileURL(createRequire(place).resolve(`${name}/sandbox`)).href),
        catch: () => missing
      })
    ),
    Effect.tryPromise({ try: () => import(`${name}/sandbox`), catch: () => missing })
  ]
  const module: unknown = yield* Effect.firstSuccessOf(names.flatMap(load))
  const make = Predicate.hasProperty(module, "make") ? module.make : undefined
  if (!isMake(make)) return yield* new WrongUse({ reason: `The sandbox of ${plugin} exports no "make".` })
  return make
})
