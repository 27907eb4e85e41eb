/**
 * What an operator does to activations: `pause`, `resume`, `approve`, `resync`, `baseline`, `empty`, `delete-list`,
 * `retry`, `rejections`.
 *
 * @since 0.1.0
 */
import { Console, Effect, Option } from "effect"
import * as Operations from "../store/activations/Operations.ts"
import { findActivation, maskedText, rejections as readRejections } from "../store/views/Status.ts"
import { exitCode, type Run, WrongUse } from "./Exit.ts"
import { type SessionFlags, withSession } from "./Session.ts"
import { count, table, time } from "./Table.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface OperateFlags extends SessionFlags {
  readonly activation: string
  readonly json: boolean
}

const find = Effect.fnUntraced(function* (id: string) {
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
 * The commands that take one activation and answer one sentence.
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
        const reason = `${flags.activation} has no list that can be deleted; "tributary empty" has everybody leave.`
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
      return `${id} is paused. Changes are kept and told after "tributary resume ${id}".`
    case "resume":
      yield* Operations.resume(no)
      return `${id} goes on with the next sync.`
    case "approve":
      if (!(yield* Operations.approve(no))) return yield* new WrongUse({ reason: `${id} is not held.` })
      return `${id} may go ahead: the next sync removes whom it must.`
    case "resync":
      yield* Operations.resync(no)
      return `The next sync of ${id} tells everybody again.`
    case "empty":
      yield* Operations.leave(no, "exit")
      return `With the next sync everybody leaves ${id}. It stays empty until "tributary resume ${id}".`
    case "delete-list":
      yield* Operations.leave(no, "delete")
      return `With the next sync the list of ${id} is deleted. "tributary resume ${id}" makes it anew.`
    case "baseline":
      yield* Operations.baseline(no)
      return `The next sync of ${id} takes everything as told and sends nothing.`
  }
})

/**
 * @category models
 * @since 0.1.0
 */
export interface RejectionFlags extends SessionFlags {
  readonly activation: Option.Option<string>
  readonly json: boolean
}

/**
 * @category commands
 * @since 0.1.0
 */
export const rejections = (flags: RejectionFlags & { readonly limit: number; readonly unmasked: boolean }): Run =>
  withSession(flags, () =>
    Effect.gen(function* () {
      const no = Option.isNone(flags.activation) ? undefined : yield* find(flags.activation.value)
      const rows = yield* readRejections(no, flags.limit)
      const shown = rows.map((row) => (flags.unmasked ? row : { ...row, identifier: maskedText(row.identifier) }))
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
        yield* Console.log(`${reason} (${count(alike.length)})\n`)
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
      yield* Console.log(`"tributary retry <activation> [profile]" tries again; --json shows the calls.`)
      return exitCode.done
    })
  )

/**
 * @category commands
 * @since 0.1.0
 */
export const retry = (
  flags: RejectionFlags & { readonly profile: Option.Option<string>; readonly all: boolean }
): Run =>
  withSession(flags, () =>
    Effect.gen(function* () {
      if (Option.isNone(flags.activation) && !flags.all) {
        return yield* new WrongUse({ reason: "Name an activation, or say --all." })
      }
      const activation = Option.isNone(flags.activation) ? undefined : yield* find(flags.activation.value)
      const profile = Option.isNone(flags.profile) ? undefined : yield* findProfile(activation, flags.profile.value)
      const retried = yield* Operations.retry({ activation, profile })
      yield* Console.log(
        flags.json ? JSON.stringify({ retried }) : `${retried} rejections are tried again with the next sync.`
      )
      return exitCode.done
    })
  )

const findProfile = Effect.fnUntraced(function* (activation: number | undefined, id: string) {
  const found = (yield* readRejections(activation, 1_000_000)).find((row) => row.profile === id)
  return found?.profile_no ?? (yield* new WrongUse({ reason: `Nothing of profile "${id}" is rejected.` }))
})
