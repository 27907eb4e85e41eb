/**
 * `tributary history`.
 *
 * @since 0.1.0
 */
import { Wording } from "@tributary/core/runtime"
import { Console, Effect, Option } from "effect"
import { past, type PastResult } from "../store/views/History.ts"
import { exitCode, type Run } from "./Exit.ts"
import { find } from "./operate.ts"
import { type SessionFlags, withSession } from "./Session.ts"
import { table, time } from "./Table.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface HistoryFlags extends SessionFlags {
  readonly activation: Option.Option<string>
  readonly limit: number
  readonly json: boolean
}

/**
 * @category commands
 * @since 0.1.0
 */
export const history = (flags: HistoryFlags): Run =>
  withSession(flags, () =>
    Effect.gen(function* () {
      const id = Option.getOrUndefined(flags.activation)
      const no = id === undefined ? undefined : yield* find(id)
      const syncs = yield* past(no, flags.limit)
      if (flags.json) {
        yield* Console.log(JSON.stringify(syncs, null, 2))
        return exitCode.done
      }
      if (syncs.length === 0) {
        yield* Console.log("Nothing was synced yet.")
        return exitCode.done
      }
      yield* Console.log(
        table(
          [
            { heading: "started" },
            { heading: "activation" },
            { heading: "why" },
            { heading: "seconds", numeric: true },
            { heading: "delivered", numeric: true },
            { heading: "unconfirmed", numeric: true },
            { heading: "rejected", numeric: true },
            { heading: "postponed", numeric: true },
            { heading: "result" }
          ],
          syncs.map((sync) => [
            time(sync.started_at),
            sync.activation,
            sync.why,
            sync.ended_at === null ? "." : ((sync.ended_at.getTime() - sync.started_at.getTime()) / 1000).toFixed(1),
            Wording.count(sync.delivered),
            Wording.count(sync.unconfirmed),
            Wording.count(sync.rejected),
            Wording.count(sync.postponed),
            resultOf(sync.result)
          ])
        )
      )
      const errors = new Set(
        syncs.flatMap(({ activation, errors, unattributed }) => [
          ...errors.map(({ count: times, reason }) => `${activation}: ${reason} (${Wording.count(times)})`),
          ...unattributed.map(
            ({ again, count: times, reason }) =>
              `${activation}: ${Wording.count(times)} not confirmed by the vendor${again === true ? ", and sent again" : ""}: ${reason}`
          )
        ])
      )
      if (errors.size > 0) yield* Console.log(`\n${[...errors].join("\n")}`)
      yield* Console.log(`\nTimes are UTC, newest first. "unconfirmed" counts identifiers.`)
      return exitCode.done
    })
  )

const words: Readonly<Record<PastResult["_tag"], string>> = {
  Synced: "synced",
  Stopped: "stopped",
  GaveUp: "unavailable",
  Held: "held",
  Paused: "paused",
  Waiting: "waiting",
  NotDue: "not due",
  Interrupted: "interrupted"
}

/** In a word. The reasons are listed below the table. */
const resultOf = (result: PastResult | null): string => (result === null ? "running" : words[result._tag])
