/**
 * `tributary sync`.
 *
 * @since 0.1.0
 */
import { Console, Duration, Effect } from "effect"
import { open } from "../engine/Space.ts"
import { syncOnce } from "../engine/SyncOnce.ts"
import { type Run, WrongUse } from "./Exit.ts"
import { gracefully } from "./Graceful.ts"
import { progressLine } from "./Progress.ts"
import { type SessionFlags, withSession } from "./Session.ts"
import { inWords, toJson, verdict } from "./Summary.ts"
import { Surroundings } from "./Surroundings.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface SyncFlags extends SessionFlags {
  readonly activations: ReadonlyArray<string>
  readonly json: boolean
  readonly full: boolean
}

/**
 * @category commands
 * @since 0.1.0
 */
export const sync = (flags: SyncFlags): Run =>
  withSession(flags, ({ folder, resolved }) =>
    Effect.scoped(
      Effect.gen(function* () {
        const known = resolved.activations.map((activation) => activation.id)
        const unknown = flags.activations.find((id) => !known.includes(id))
        if (unknown !== undefined) {
          return yield* new WrongUse({
            reason: `There is no activation "${unknown}". The configuration has: ${known.join(", ")}.`
          })
        }
        const only = flags.activations.length === 0 ? undefined : new Set(flags.activations)
        const space = yield* open(resolved, only)
        const progress = progressLine((yield* Surroundings).progress)
        // The summary belongs to the work: who pressed Ctrl-C wants to see what was sent all the same.
        return yield* gracefully((stop) =>
          Effect.gen(function* () {
            const report = yield* syncOnce(space, {
              folder,
              only,
              full: flags.full,
              patience: 5,
              waitForPostponed: Duration.minutes(2),
              isStopping: () => stop.isOpen(),
              onProgress: progress.count,
              onStep: progress.step
            }).pipe(Effect.ensuring(Effect.sync(progress.end)))
            if (space.registered.remapped.length > 0 && !flags.json) {
              yield* Console.error(
                `The mapping of ${space.registered.remapped.join(", ")} changed. What was sent stays as it is; "tributary resync" sends everything again.`
              )
            }
            for (const { activation, destination } of space.registered.stranded) {
              if (flags.json) break
              yield* Console.error(
                `${activation} was removed with its members still to be removed downstream, but destination "${destination}" is not in the configuration. ` +
                  `Keep it in "destinations" until they are.`
              )
            }
            yield* Console.log(flags.json ? JSON.stringify(toJson(report), null, 2) : inWords(report))
            return verdict(report)
          })
        )
      })
    )
  )
