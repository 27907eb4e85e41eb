/**
 * How a command ends: the exit code, and the one that an interruption gives.
 *
 * @since 0.1.0
 */
import * as Console from "effect/Console"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import { Surroundings } from "./Surroundings.ts"
import { codeOf, type ExitCode, exitCode, type Run } from "./Exit.ts"

/**
 * What the process ends with, written by the command that runs.
 *
 * @category services
 * @since 0.1.0
 */
export class Ending extends Context.Service<
  Ending,
  {
    code: ExitCode
    /** The code where a signal ends the command: `start` ends that way, others are cut short. */
    interrupted: number
  }
>()("@tributary/runtime/cli/Ending") {}

/**
 * Before the command has run.
 *
 * @category constructors
 * @since 0.1.0
 */
export const initial = (): Ending["Service"] => ({ code: exitCode.done, interrupted: 130 })

const inWords = (defect: unknown, isTraced: boolean): string => {
  const message = defect instanceof Error ? defect.message : String(defect)
  const trace = isTraced && defect instanceof Error ? `\n${defect.stack ?? ""}` : ""
  return (
    `This is a bug in tributary, not in what you did: ${message}\n` +
    `Set TRIBUTARY_DEBUG=1 for its trace, and report it.${trace}`
  )
}

/** Ends with the command's code; a failure is one message on standard error, and never a stack trace. */
const conclude = (run: Run): Effect.Effect<void, never, Ending> =>
  run.pipe(
    Effect.catch((failure) => Effect.as(Console.error(failure.message), codeOf(failure))),
    Effect.catchDefect((defect) =>
      Effect.flatMap(Surroundings, ({ environment }) =>
        Effect.as(Console.error(inWords(defect, environment["TRIBUTARY_DEBUG"] === "1")), exitCode.failed)
      )
    ),
    Effect.flatMap((code) => Effect.map(Ending, (ending) => void (ending.code = code)))
  )

/**
 * Loads a command's module when the command runs, so that `--help` needs none of them.
 *
 * @category combinators
 * @since 0.1.0
 */
export const lazily = <Module>(
  load: () => Promise<Module>,
  run: (module: Module) => Run
): Effect.Effect<void, never, Ending> => conclude(Effect.flatMap(Effect.promise(load), run))
