// Pages of destinations, from the plugin values.
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { Predicate } from "effect"
import type { Destination } from "../../packages/core/src/index.ts"
import { Reference } from "../../packages/core/src/runtime.ts"

const isPlugin = (value: unknown): value is { readonly declaration: Destination.Declaration } =>
  Predicate.isTagged(value, "Plugin")

export interface DestinationPages {
  readonly title: string
  readonly name: string
  readonly page: string
  readonly schema: string
}

export const destinationPages = async (): Promise<ReadonlyArray<DestinationPages>> => {
  const found: Array<DestinationPages> = []
  for (const folder of ["packages", "examples"].flatMap((parent) =>
    readdirSync(parent).map((name) => join(parent, name))
  )) {
    if (!/\/destination-/.test(folder)) continue
    const manifest = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"))
    const module: unknown = await import(`../../${folder}/src/index.ts`)
    for (const [exported, value] of Object.entries(Object(module))) {
      if (!isPlugin(value)) continue
      const { declaration } = value
      found.push({
        title: declaration.title,
        name: declaration.name,
        page: Reference.page(declaration, { package: manifest.name, name: exported }),
        schema: `${JSON.stringify(Reference.jsonSchema(declaration), null, 2)}\n`
      })
    }
  }
  return found.toSorted((a, b) => (a.title < b.title ? -1 : 1))
}
