/**
 * `tributary plugins`.
 *
 * @since 0.1.0
 */
import { Destination } from "@tributary/core"
import { Reference } from "@tributary/core/runtime"
import { Console, Effect, Option, Predicate } from "effect"
import * as fs from "node:fs"
import { createRequire } from "node:module"
import * as path from "node:path"
import { pathToFileURL } from "node:url"
import { exitCode, type Run, WrongUse } from "./Exit.ts"
import { Surroundings } from "./Surroundings.ts"
import { table } from "./Table.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface PluginsFlags {
  readonly plugin: Option.Option<string>
  readonly json: boolean
}

/** The keyword by which a package says that it exports a destination plugin. */
const keyword = "tributary-destination"

interface Installed {
  readonly package: string
  readonly version: string
  /** What the package exports the plugin as. */
  readonly name: string
  readonly declaration: Destination.Declaration
}

/** A package that says it exports a plugin, and does not load. */
interface Broken {
  readonly package: string
  readonly version: string
  readonly reason: string
}

const isPlugin = (value: unknown): value is { readonly declaration: Destination.Declaration } =>
  Predicate.isTagged(value, "Plugin") && Predicate.hasProperty(value, "declaration")

const text = (value: unknown): string => (typeof value === "string" ? value : "")

const manifestIn = (folder: string): { name: string; version: string; isPlugin: boolean } | undefined => {
  try {
    const manifest: unknown = JSON.parse(fs.readFileSync(path.join(folder, "package.json"), "utf8"))
    if (!Predicate.isObject(manifest)) return undefined
    const field = (name: string): unknown => (Predicate.hasProperty(manifest, name) ? manifest[name] : undefined)
    const keywords = field("keywords")
    return {
      name: text(field("name")),
      version: text(field("version")),
      isPlugin: Array.isArray(keywords) && keywords.includes(keyword)
    }
  } catch {
    return undefined // no package, or one that nobody can read: not a plugin
  }
}

const subfolders = (folder: string): ReadonlyArray<string> => {
  try {
    return fs.readdirSync(folder).map((name) => path.join(folder, name))
  } catch {
    return [] // there is no such folder
  }
}

/** Folders of packages that can be imported from a folder: its own, and `node_modules` there and above. */
const reachableFrom = (folder: string): ReadonlyArray<string> => {
  const packages = subfolders(path.join(folder, "node_modules")).flatMap((entry) =>
    path.basename(entry).startsWith("@") ? subfolders(entry) : [entry]
  )
  const above = path.dirname(folder)
  return [folder, ...packages, ...(above === folder ? [] : reachableFrom(above))]
}

const load = Effect.fnUntraced(function* (
  folder: string,
  manifest: { readonly name: string; readonly version: string }
): Effect.fn.Return<ReadonlyArray<Installed | Broken>> {
  const { name, version } = manifest
  const module = yield* Effect.result(
    Effect.tryPromise({
      // A package finds itself by its own name.
      try: (): Promise<unknown> =>
        import(pathToFileURL(createRequire(path.join(folder, "package.json")).resolve(name)).href),
      catch: (error) => (error instanceof Error ? (error.message.split("\n")[0] ?? "") : String(error))
    })
  )
  if (module._tag === "Failure") return [{ package: name, version, reason: module.failure }]
  const exported = Predicate.isObject(module.success) ? Object.entries(module.success) : []
  const plugins = exported.flatMap(([name, value]) =>
    isPlugin(value) ? [{ name, declaration: value.declaration }] : []
  )
  return plugins.length === 0
    ? [{ package: name, version, reason: "it exports no plugin" }]
    : plugins.map((plugin) => ({ ...plugin, package: name, version }))
})

const find = Effect.gen(function* () {
  const seen = new Set<string>()
  const found: Array<Installed | Broken> = []
  const around = yield* Surroundings
  for (const folder of [...reachableFrom(around.folder), ...reachableFrom(import.meta.dirname)]) {
    const manifest = manifestIn(folder)
    if (manifest === undefined || !manifest.isPlugin || seen.has(manifest.name)) continue
    seen.add(manifest.name)
    found.push(...(yield* load(folder, manifest)))
  }
  return found.toSorted((a, b) => (a.package < b.package ? -1 : 1))
})

const formsOf = ({ event, list }: Destination.Declaration): string =>
  [...(event?.calls ?? []), ...(list === undefined ? [] : ["list"])].join(", ")

/** The limits of the plugin, then those that a form has beside them. */
const limitsOf = ({ event, limits, list }: Destination.Declaration): string =>
  [
    Reference.limitsIn(limits),
    ...(event === undefined || event.limits.length === 0 ? [] : [`events: ${Reference.limitsIn(event.limits)}`]),
    ...(list === undefined || list.limits.length === 0 ? [] : [`lists: ${Reference.limitsIn(list.limits)}`])
  ].join("; ")

const asJson = (plugin: Installed | Broken) => {
  if ("reason" in plugin) return plugin
  const { requirements, settings: _, ...declaration } = plugin.declaration
  return {
    package: plugin.package,
    packageVersion: plugin.version,
    export: plugin.name,
    ...declaration,
    requirements: Object.fromEntries(
      Object.entries(requirements).map(([name, { description }]) => [name, description])
    ),
    settings: Reference.jsonSchema(plugin.declaration),
    problem: Destination.mismatch(plugin.declaration) ?? null
  }
}

/**
 * Lists the plugins that are installed here, or shows one's reference page.
 *
 * @category commands
 * @since 0.1.0
 */
export const plugins = (flags: PluginsFlags): Run =>
  Effect.gen(function* () {
    const all = yield* find
    if (Option.isSome(flags.plugin)) {
      const asked = flags.plugin.value
      const named = all.filter(
        (plugin) => plugin.package === asked || (!("reason" in plugin) && plugin.declaration.name === asked)
      )
      if (named.length === 0) {
        const known = all.map((plugin) => plugin.package).join(", ") || "none"
        return yield* new WrongUse({ reason: `There is no plugin "${asked}" here. Installed: ${known}.` })
      }
      for (const plugin of named) {
        if (flags.json) yield* Console.log(JSON.stringify(asJson(plugin), null, 2))
        else if ("reason" in plugin)
          return yield* new WrongUse({ reason: `${plugin.package} does not load: ${plugin.reason}` })
        else yield* Console.log(Reference.page(plugin.declaration, plugin))
      }
      return exitCode.done
    }
    if (flags.json) {
      yield* Console.log(JSON.stringify(all.map(asJson), null, 2))
      return exitCode.done
    }
    if (all.length === 0) {
      yield* Console.log(`No plugin is installed here: no package with the keyword "${keyword}".`)
      return exitCode.done
    }
    yield* Console.log(
      table(
        [
          { heading: "package" },
          { heading: "version" },
          { heading: "plugin" },
          { heading: "contract", numeric: true },
          { heading: "calls" },
          { heading: "limits" }
        ],
        all.map((plugin) =>
          "reason" in plugin
            ? [plugin.package, plugin.version, "does not load", "", "", plugin.reason]
            : [
                plugin.package,
                plugin.version,
                plugin.declaration.name,
                String(plugin.declaration.contract),
                formsOf(plugin.declaration),
                Destination.mismatch(plugin.declaration) === undefined
                  ? limitsOf(plugin.declaration)
                  : `cannot be used: this Tributary takes contract ${Destination.contract}`
              ]
        )
      )
    )
    yield* Console.log("\nOne plugin's settings, identifiers and an example: tributary plugins <package>")
    return exitCode.done
  })
