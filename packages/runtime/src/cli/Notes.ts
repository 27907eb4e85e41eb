/**
 * Notes: what an operator should know beside the numbers.
 *
 * @since 0.1.0
 */
import type { Evaluated } from "../store/computations/Evaluation.ts"
import type { Imported } from "../store/profiles/Import.ts"
import { count } from "./Table.ts"

/**
 * What is odd about the data, though no mistake.
 *
 * @category constructors
 * @since 0.1.0
 */
export const dataNotes = (found: {
  readonly evaluated: ReadonlyArray<Evaluated>
  readonly imported: ReadonlyArray<Imported>
}): ReadonlyArray<string> => [
  ...found.evaluated.flatMap(({ computation, unknown, unknownSample }) =>
    unknown === 0
      ? []
      : [
          `Note: ${count(unknown)} rows of "${computation}" are of profiles that no source gives, such as ${unknownSample}.`
        ]
  ),
  ...found.imported.flatMap(({ shared, source }) =>
    shared === 0
      ? []
      : [`Note: ${count(shared)} identifiers of "${source}" are claimed by several profiles; one keeps each.`]
  )
]

/**
 * An activation that is not in step, and why.
 *
 * @category models
 * @since 0.1.0
 */
export interface Trouble {
  readonly activation: string
  readonly destination: string
  readonly kind: "stopped" | "held" | "left"
  readonly reason: string
}

/**
 * Troubles in words, each with what to do. What several activations of a destination share is said once.
 *
 * @category constructors
 * @since 0.1.0
 */
export const troubleNotes = (troubles: ReadonlyArray<Trouble>): ReadonlyArray<string> => {
  const shared = Map.groupBy(troubles, ({ destination, kind, reason }) => JSON.stringify([destination, kind, reason]))
  return [...shared.values()].flatMap((alike) => {
    const [first] = alike
    if (first === undefined) return []
    const reason = first.reason.replace(/\.$/, "")
    const names = alike.map(({ activation }) => activation).join(", ")
    switch (first.kind) {
      case "held":
        return alike.map(
          ({ activation }) =>
            `Held: ${activation}: ${reason}. Nothing was sent; "tributary approve ${activation}" lets it go ahead.`
        )
      case "stopped":
        return [
          `Stopped: destination "${first.destination}": ${reason}.\n` +
            `  Mend that and sync again; a "tributary start" that runs on waits for "tributary resume ${first.activation}".`
        ]
      case "left":
        return [`Left for the next sync: ${names}: ${reason}.`]
    }
  })
}
