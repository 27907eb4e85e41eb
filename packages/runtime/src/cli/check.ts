/**
 * `tributary check`.
 *
 * @since 0.1.0
 */
import { Wording } from "@tributary/core/runtime"
import { Console, Effect } from "effect"
import { type Checked, checkQueries } from "../engine/Check.ts"
import { connectAll } from "../engine/Space.ts"
import type { Resolved } from "../config/Resolved.ts"
import * as Schedule from "../config/Schedule.ts"
import { exitCode, type Run } from "./Exit.ts"
import { dataNotes } from "./Notes.ts"
import { type SessionFlags, withScratchSession } from "./Session.ts"
import { table } from "./Table.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface CheckFlags extends SessionFlags {
  readonly json: boolean
}

/**
 * @category commands
 * @since 0.1.0
 */
export const check = (flags: CheckFlags): Run =>
  withScratchSession(flags, ({ folder, resolved }) =>
    Effect.scoped(
      Effect.gen(function* () {
        const settings = yield* connectAll(resolved.destinations).pipe(
          Effect.as<ReadonlyArray<string>>([]),
          Effect.catchTag("BadDestinations", (error) =>
            Effect.succeed(error.messages.flatMap((message) => message.split("\n")))
          )
        )
        const checked = yield* checkQueries(resolved, folder)
        const mistakes = [...settings, ...checked.mistakes]
        yield* Console.log(
          flags.json ? JSON.stringify({ ...checked, mistakes }, null, 2) : render(resolved, checked, mistakes)
        )
        return mistakes.length === 0 ? exitCode.done : exitCode.wrong
      })
    )
  )

const render = (resolved: Resolved, checked: Checked, mistakes: ReadonlyArray<string>): string => {
  const lines: Array<string> = []
  const rows = [
    ...checked.imported.map((imported) => {
      const profiles = resolved.profiles.find(({ name }) => name === imported.source)
      const when = profiles === undefined ? "" : Schedule.describe(profiles.schedule)
      return ["profiles", imported.source, Wording.count(imported.profiles), when]
    }),
    ...checked.evaluated.map((evaluated) => {
      const computation = resolved.computations.find(({ key }) => key === evaluated.computation)
      return [
        computation?.kind ?? "",
        evaluated.computation,
        Wording.count(evaluated.size),
        computation === undefined ? "" : Schedule.describe(computation.schedule)
      ]
    })
  ]
  if (rows.length > 0) {
    const headings = [
      { heading: "kind" },
      { heading: "name" },
      { heading: "profiles", numeric: true },
      { heading: "when" }
    ]
    lines.push(table(headings, rows), "")
  }
  lines.push(...dataNotes(checked))
  for (const id of checked.remapped) {
    lines.push(
      `Note: the mapping of ${id} changed. What was sent stays as it is; "tributary resync ${id}" sends everything again.`
    )
  }
  if (mistakes.length === 0) {
    const { activations, destinations } = resolved
    lines.push(
      `Everything is in order: ${Wording.plural(activations.length, "activation")} to ${Wording.plural(destinations.length, "destination")}.`
    )
  } else {
    lines.push(mistakes.length === 1 ? "There is 1 mistake:" : `There are ${Wording.count(mistakes.length)} mistakes:`)
    for (const mistake of mistakes) lines.push(`  - ${mistake}`)
  }
  return lines.join("\n")
}
