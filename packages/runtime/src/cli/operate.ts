/**
 * What an operator does to one activation: `pause`, `resume`, `approve`, `resync`, `baseline`, `empty`, `delete-list`.
 *
 * @since 0.1.0
 */
import { Wording } from "@tributary/core/runtime"
import { Console, Effect } from "effect"
import type { SqlClient, SqlError } from "effect/sql"
import * as Operations from "../store/activations/Operations.ts"
import * as Reach from "../store/activations/Reach.ts"
import { findActivation } from "../store/views/Status.ts"
import { confirm } from "./Confirm.ts"
import { exitCode, type Run, WrongUse } from "./Exit.ts"
import { type SessionFlags, withSession } from "./Session.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface OperateFlags extends SessionFlags {
  readonly activation: string
  readonly json: boolean
  /** Confirms `empty` and `delete-list`. */
  readonly yes?: boolean | undefined
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
      if (verb === "empty" || verb === "delete-list") {
        yield* removeEverybody(verb, no, flags)
        return exitCode.done
      }
      const said = yield* perform(verb, no, flags.activation)
      yield* Console.log(flags.json ? JSON.stringify({ activation: flags.activation, done: verb }) : said)
      return exitCode.done
    })
  )

/**
 * Says whom it concerns, and once that is confirmed removes everybody with the next sync.
 *
 * @category commands
 * @since 0.1.0
 */
export const removeEverybody = Effect.fnUntraced(function* (
  verb: "empty" | "delete-list",
  no: number,
  { activation: id, json, yes = false }: Pick<OperateFlags, "activation" | "json" | "yes">
): Effect.fn.Return<void, WrongUse | SqlError.SqlError, SqlClient.SqlClient> {
  const profiles = (yield* Reach.sentProfiles(no)).size
  const identifiers = (yield* Reach.sentIdentifiers(no)).size
  const whom = `${Wording.plural(profiles, "profile")} (${Wording.plural(identifiers, "identifier")})`
  const consequence =
    verb === "empty" ? `This removes ${whom} from ${id}.` : `This deletes the list of ${id}, with ${whom}.`
  yield* confirm(consequence, { command: `tributary ${verb} ${id}`, yes })
  yield* Operations.leave(no, verb === "empty" ? "exit" : "delete")
  const said =
    verb === "empty"
      ? `The next sync removes ${whom} from ${id}. It stays empty until "tributary resume ${id}".`
      : `The next sync deletes the list of ${id}, with ${whom}. "tributary resume ${id}" creates it again.`
  yield* Console.log(json ? JSON.stringify({ activation: id, done: verb, profiles, identifiers }) : said)
})

const perform = Effect.fnUntraced(function* (verb: Exclude<Verb, "empty" | "delete-list">, no: number, id: string) {
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
    case "baseline":
      yield* Operations.baseline(no)
      return `The next sync of ${id} takes everything as sent and sends nothing.`
  }
})
