/**
 * `tributary init`: its arguments and its help.
 *
 * @since 0.1.0
 */
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import { lazily } from "../Ending.ts"

/**
 * @category commands
 * @since 0.1.0
 */
export const init = Command.make(
  "init",
  {
    folder: Argument.String("folder").pipe(
      Argument.withDefault("."),
      Argument.withDescription("Where to write. Default: the current folder")
    )
  },
  (flags) =>
    lazily(
      () => import("../init.ts"),
      ({ init }) => init(flags)
    )
).pipe(
  Command.withDescription("Write a commented configuration and an example that runs against a sandbox"),
  Command.withExamples([{ command: "tributary init my-company", description: "Start in a folder of its own" }])
)
