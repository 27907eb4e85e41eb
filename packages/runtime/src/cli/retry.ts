/**
 * `tributary retry`.
 *
 * @since 0.1.0
 */
import { Wording } from "@tributary/core/runtime"
import { Console, Effect, Option } from "effect"
import * as Operations from "../store/activations/Operations.ts"
import { rejections } from "../store/views/Status.ts"
import { exitCode, type Run, WrongUse } from "./Exit.ts"
import { find } from "./operate.ts"
import { type SessionFlags, withSession } from "./Session.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface RetryFlags extends SessionFlags {
  readonly activation: Option.Option<string>
  readonly profile: Option.Option<string>
  readonly all: boolean
  readonly json: boolean
}

/**
 * @category commands
 * @since 0.1.0
 */
export const retry = (flags: RetryFlags): Run =>
  withSession(flags, () =>
    Effect.gen(function* () {
      if (Option.isNone(flags.activation) && !flags.all) {
        return yield* new WrongUse({ reason: "Name an activation, or use --all." })
      }
      const activation = Option.isNone(flags.activation) ? undefined : yield* find(flags.activation.value)
      const profile = Option.isNone(flags.profile) ? undefined : yield* findProfile(activation, flags.profile.value)
      const retried = yield* Operations.retry({ activation, profile })
      const said = `${Wording.plural(retried, "rejection is", "rejections are")} sent again with the next sync.`
      yield* Console.log(flags.json ? JSON.stringify({ retried }) : said)
      return exitCode.done
    })
  )

const findProfile = Effect.fnUntraced(function* (activation: number | undefined, id: string) {
  const found = (yield* rejections(activation, 1_000_000)).find((row) => row.profile === id)
  return found?.profile_no ?? (yield* new WrongUse({ reason: `Nothing of profile "${id}" is rejected.` }))
})
