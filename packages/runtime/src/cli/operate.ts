/**
 * What an operator does to one activation: `pause`, `resume`, `approve`, `resync`, `baseline`, `empty`, `delete-list`.
 *
 * @since 0.1.0
 */
import { Console, Effect } from "effect"
import * as Operations from "../store/activations/Operations.ts"
import { findActivation } from "../store/views/Status.ts"
import { exitCode, type Run, WrongUse } from "./Exit.ts"
import { type SessionFlags, withSession } from "./Session.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface OperateFlags extends SessionFlags {
  readonly activation: string
  readonly json: boolean
}

/**
 * The number of an activation that the store knows, by its id.
 *
 * @category combinators
 * @since 0.1.0
 */
export const find = Effect.fnUntraced(function* (id: string) {
  const no = yield* findActivation(id)
  return (
    no ?? (yield* new WrongUse({ reason: `The store knows no activation "${id}". "tributary status" lists them.` }))
  )
})

/**
 * @category models
 * @since 0.1.0
 */
export type Verb = "pause" | "resume" | "approve" | "resync" | "baseline" | "empty" | "delete-list"

/**
 * The commands that take one activation and print one sentence.
 *
 * @category commands
 * @since 0.1.0
 */
export const operate = (verb: Verb, flags: OperateFlags): Run =>
  withSession(flags, ({ resolved }) =>
    Effect.gen(function* () {
      const no = yield* find(flags.activation)
      const list = resolved.activations.find(({ id }) => id === flags.activation)?.destination.plugin.list
      if (verb === "delete-list" && list?.removes !== true) {
        const reason = `${flags.activation} has no list that can be deleted; "tributary empty" removes everybody.`
        return yield* new WrongUse({ reason })
      }
      const said = yield* perform(verb, no, flags.activation)
      yield* Console.log(flags.json ? JSON.stringify({ activation: flags.activation, done: verb }) : said)
      return exitCode.done
    })
  )

const perform = Effect.fnUntraced(function* (verb: Verb, no: number, id: string) {
  switch (verb) {
    case "pause":
      yield* Operations.pause(no)
      return `${id} is paused. Changes are kept, and sent after "tributary resume ${id}".`
    case "resume":
      yield* Operations.resume(no)
      return `${id} resumes with the next sync.`
    case "approve":
      if (!(yield* Operations.approve(no))) return yield* new WrongUse({ reason: `${id} is not held.` })
      return `${id} may go ahead: the next sync removes everybody who is due to be removed.`
    case "resync":
      yield* Operations.resync(no)
      return `The next sync of ${id} sends everything again.`
    case "empty":
      yield* Operations.leave(no, "exit")
      return `The next sync removes everybody from ${id}. It stays empty until "tributary resume ${id}".`
    case "delete-list":
      yield* Operations.leave(no, "delete")
      return `The next sync deletes the list of ${id}. "tributary resume ${id}" creates it again.`
    case "baseline":
      yield* Operations.baseline(no)
      return `The next sync of ${id} takes everything as sent and sends nothing.`
  }
})
