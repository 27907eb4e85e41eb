/**
 * `tributary start`: its flags and its help.
 *
 * @since 0.1.0
 */
import * as Command from "effect/cli/Command"
import * as Effect from "effect/Effect"
import { Ending, lazily } from "../Ending.ts"
import { exitCode } from "../Exit.ts"
import { session } from "./flags.ts"

/**
 * @category commands
 * @since 0.1.0
 */
export const start = Command.make("start", session, (flags) =>
  lazily(
    () => import("../start.ts"),
    ({ start }) => start(flags)
  ).pipe(Effect.onInterrupt(() => Effect.map(Ending, (ending) => void (ending.interrupted = exitCode.done))))
).pipe(
  Command.withDescription(
    "Run until stopped: evaluate by schedule, send events at once and lists when due. SIGTERM stops it cleanly"
  ),
  Command.withExamples([{ command: "tributary start --json", description: "With a log in JSON lines" }])
)
