/**
 * Notes: what an operator should know beside the numbers.
 *
 * @since 0.1.0
 */
import { Wording } from "@tributary/core/runtime"
import type { Evaluated } from "../store/computations/Evaluation.ts"
import type { Imported } from "../store/profiles/Import.ts"

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
          `Note: ${Wording.plural(unknown, "row")} of "${computation}" ${unknown === 1 ? "has a profile" : "have profiles"} that no source has, such as ${unknownSample}.`
        ]
  ),
  ...found.imported.flatMap(({ shared, source }) =>
    shared === 0
      ? []
      : [
          `Note: ${Wording.plural(shared, "identifier")} of "${source}" ${shared === 1 ? "belongs" : "belong"} to several profiles; one profile keeps each.`
        ]
  )
]

/**
 * What vendors accepted and have not confirmed, or did not confirm, in words.
 *
 * @category constructors
 * @since 0.1.0
 */
export const confirmationNotes = (found: {
  readonly activation: string
  /** Identifiers. */
  readonly unconfirmed: number
  readonly notConfirmed: ReadonlyArray<{ readonly reason: string; readonly count: number }>
}): ReadonlyArray<string> => [
  ...(found.unconfirmed === 0
    ? []
    : [`${found.activation}: ${Wording.count(found.unconfirmed)} accepted, not confirmed yet.`]),
  ...found.notConfirmed.map(
    ({ count, reason }) =>
      `${found.activation}: ${Wording.count(count)} not confirmed by the vendor: ${reason.replace(/\.$/, "")}. ` +
      `"tributary resync ${found.activation}" sends everything again.`
  )
]

/**
 * An activation that is not in sync, and why.
 *
 * @category models
 * @since 0.1.0
 */
export interface Trouble {
  readonly activation: string
  readonly destination: string
  readonly kind: "stopped" | "held" | "postponed"
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
            `Held: ${activation}: ${reason}. Nothing was sent; "tributary approve ${activation}" lets it run.`
        )
      case "stopped":
        return [
          `Stopped: destination "${first.destination}": ${reason}.\n` +
            `  Fix it and run "tributary sync" again. A "tributary start" that is running waits for "tributary resume ${first.activation}".`
        ]
      case "postponed":
        return [`Postponed to the next sync: ${names}: ${reason}.`]
    }
  })
}
