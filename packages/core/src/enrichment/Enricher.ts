/**
 * The enricher: fills the properties that a plugin requires (R24).
 *
 * @since 0.1.0
 */
import { Context, Layer, Result } from "effect"
import type { Facts, Requirements } from "../contract/Enrichment.ts"

/**
 * The profile lacks what a property is filled from.
 *
 * @category models
 * @since 0.1.0
 */
export interface MissingProperty {
  readonly property: string
  readonly filledFrom: string
}

/**
 * Fills the properties that a plugin requires, or names the first that cannot be filled.
 *
 * @category services
 * @since 0.1.0
 */
export class Enricher extends Context.Service<
  Enricher,
  {
    readonly fill: (
      requirements: Requirements,
      facts: Facts
    ) => Result.Result<Readonly<Record<string, unknown>>, MissingProperty>
  }
>()("@tributary/core/Enricher") {
  static readonly layer = Layer.succeed(Enricher, {
    fill: (requirements, facts) => {
      const filled: Record<string, unknown> = {}
      // No list of entries for each of millions (bench `list`).
      for (const property in requirements) {
        const enrichment = requirements[property]
        if (enrichment === undefined) continue
        const value = enrichment.resolve(facts)
        if (value === undefined) return Result.fail({ property, filledFrom: enrichment.description })
        filled[property] = value
      }
      return Result.succeed(filled)
    }
  })
}
