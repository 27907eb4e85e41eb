// The `tributary` command in the process of the test, for tests that a process is not the point of: the same parsing
// of arguments, what it prints, and its exit code.
import { Console, Effect } from "effect"
import { pathToFileURL } from "node:url"
import { run } from "../../src/cli/Program.ts"
import { Surroundings } from "../../src/cli/Surroundings.ts"

export interface Printed {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

let loads = 0

/** Runs a command to its end, in a folder and an environment. */
export const runIn = (
  folder: string,
  environment: Readonly<Record<string, string>>,
  args: ReadonlyArray<string>
): Promise<Printed> =>
  Effect.gen(function* () {
    let stdout = ""
    let stderr = ""
    const console: Console.Console = {
      ...(yield* Console.Console),
      log: (...texts: ReadonlyArray<unknown>) => void (stdout += `${texts.join(" ")}\n`),
      error: (...texts: ReadonlyArray<unknown>) => void (stderr += `${texts.join(" ")}\n`)
    }
    const code = yield* run(args).pipe(
      Effect.provideService(Console.Console, console),
      Effect.provideService(Surroundings, {
        folder,
        environment: { ...environment },
        progress: { write: (text) => void (stderr += text) },
        // By another name each time, or a configuration that was rewritten is what it was.
        load: (file) => import(`${pathToFileURL(file).href}?${++loads}`)
      })
    )
    return { code, stdout, stderr }
  }).pipe(Effect.runPromise)
