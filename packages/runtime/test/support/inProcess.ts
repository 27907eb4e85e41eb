// The `tributary` command in the process of the test, for tests that a process is not the point of: the same parsing
// of arguments, what it prints, and its exit code.
import { Console, Effect } from "effect"
import { run } from "../../src/cli/Program.ts"
import { assertDecent, type Ran } from "./command.ts"

/** Runs a command to its end. It has the folder and the environment of the test's own process. */
export const runHere = (...args: ReadonlyArray<string>): Promise<Ran> =>
  Effect.gen(function* () {
    let stdout = ""
    let stderr = ""
    const console: Console.Console = {
      ...(yield* Console.Console),
      log: (...texts: ReadonlyArray<unknown>) => void (stdout += `${texts.join(" ")}\n`),
      error: (...texts: ReadonlyArray<unknown>) => void (stderr += `${texts.join(" ")}\n`)
    }
    const code = yield* run(args).pipe(Effect.provideService(Console.Console, console))
    const ran = { code, stdout, stderr, said: stdout + stderr }
    assertDecent(args, ran)
    return ran
  }).pipe(Effect.runPromise)
