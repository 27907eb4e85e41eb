/**
 * The `tributary` command: its subcommands together, and how a process runs them.
 *
 * What a command needs is loaded when it runs, and of Effect only what is used here, so that `--help` is fast.
 *
 * @since 0.1.0
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Command from "effect/cli/Command"
import * as Effect from "effect/Effect"
import { version } from "../version.ts"
import { check } from "./commands/check.ts"
import { demo } from "./commands/demo.ts"
import { history } from "./commands/history.ts"
import { init } from "./commands/init.ts"
import { operations } from "./commands/operations.ts"
import { plugins } from "./commands/plugins.ts"
import { preview } from "./commands/preview.ts"
import { rejections } from "./commands/rejections.ts"
import { retry } from "./commands/retry.ts"
import { sandbox } from "./commands/sandbox.ts"
import { start } from "./commands/start.ts"
import { status } from "./commands/status.ts"
import { sync } from "./commands/sync.ts"
import { Ending, initial } from "./Ending.ts"
import { exitCode } from "./Exit.ts"
import { growSlowly } from "./Heap.ts"

const root = Command.make("tributary").pipe(
  Command.withDescription("Keeps marketing tools in sync with what you know of people and accounts"),
  Command.withSubcommands([
    demo,
    init,
    check,
    preview,
    sync,
    start,
    status,
    rejections,
    retry,
    ...operations,
    history,
    plugins,
    sandbox
  ])
)

/**
 * Runs the command line in this process. It prints to the `Console`, and never fails: `ending` has the exit code.
 *
 * @category combinators
 * @since 0.1.0
 */
export const run = (args: ReadonlyArray<string>, ending: Ending["Service"] = initial()): Effect.Effect<number> =>
  Command.runWith(root, { version })(args).pipe(
    Effect.catchCause(() =>
      Effect.sync(() => {
        ending.code = exitCode.wrong // the command line has said why
      })
    ),
    Effect.provideService(Ending, ending),
    Effect.provide(NodeServices.layer),
    Effect.map(() => ending.code)
  )

/**
 * Runs the command line as the whole of this process: its exit code and its signals are the command's.
 *
 * @category combinators
 * @since 0.1.0
 */
export const main = (args: ReadonlyArray<string>): void => {
  growSlowly()
  // A reader that has seen enough (`| head`) is no failure.
  process.stdout.on("error", (error) => {
    if ("code" in error && error.code === "EPIPE") process.exit(exitCode.done)
    throw error
  })
  const ending = initial()
  NodeRuntime.runMain(run(args, ending), {
    disableErrorReporting: true,
    teardown: (exit, onExit) => onExit(exit._tag === "Success" ? ending.code : ending.interrupted)
  })
}
