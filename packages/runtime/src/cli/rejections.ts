/**
 * `tributary rejections`.
 *
 * @since 0.1.0
 */
import { Identifier } from "@tributary/core"
import { Wording } from "@tributary/core/runtime"
import { Console, Effect, Option } from "effect"
import { rejections as readRejections } from "../store/views/Status.ts"
import { exitCode, type Run } from "./Exit.ts"
import { find } from "./operate.ts"
import { type SessionFlags, withSession } from "./Session.ts"
import { table, time } from "./Table.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface RejectionsFlags extends SessionFlags {
  readonly activation: Option.Option<string>
  readonly limit: number
  readonly unmasked: boolean
  readonly json: boolean
}

/**
 * @category commands
 * @since 0.1.0
 */
export const rejections = (flags: RejectionsFlags): Run =>
  withSession(flags, () =>
    Effect.gen(function* () {
      const no = Option.isNone(flags.activation) ? undefined : yield* find(flags.activation.value)
      const rows = yield* readRejections(no, flags.limit)
      const shown = rows.map((row) =>
        flags.unmasked ? row : { ...row, identifier: Identifier.masked(identifierOf(row.identifier)) }
      )
      if (flags.json) {
        yield* Console.log(JSON.stringify(shown, null, 2))
        return exitCode.done
      }
      if (shown.length === 0) {
        yield* Console.log("Nothing is rejected.")
        return exitCode.done
      }
      // By reason: a thousand rejections are seldom a thousand different ones, and a reason is longer than a column.
      for (const [reason, alike] of Map.groupBy(shown, (row) => row.reason)) {
        yield* Console.log(`${reason} (${Wording.count(alike.length)})\n`)
        yield* Console.log(
          table(
            [
              { heading: "activation" },
              { heading: "kind" },
              { heading: "profile" },
              { heading: "identifier" },
              { heading: "at" }
            ],
            alike.map((row) => [row.activation, row.kind, row.profile, row.identifier, time(row.at)])
          )
        )
        yield* Console.log("")
      }
      yield* Console.log(`"tributary retry <activation> [profile]" sends again; --json shows the calls.`)
      return exitCode.done
    })
  )

/** `email:ada@example.com`, taken apart. */
const identifierOf = (text: string): Identifier.Identifier => {
  const colon = text.indexOf(":")
  return { type: text.slice(0, colon), value: text.slice(colon + 1) }
}
