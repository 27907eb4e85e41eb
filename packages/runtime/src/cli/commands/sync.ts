/**
 * `tributary sync`: its flags and its help.
 *
 * @since 0.1.0
 */
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import { lazily } from "../Ending.ts"
import { session } from "./flags.ts"

/**
 * @category commands
 * @since 0.1.0
 */
export const sync = Command.make(
  "sync",
  {
    ...session,
    activations: Argument.String("activation").pipe(
      Argument.variadic(),
      Argument.withDescription("Only these. Default: all")
    ),
    full: Flag.Boolean("full").pipe(
      Flag.withDefault(false),
      Flag.withDescription("Read everything, even if a source can say what changed")
    )
  },
  (flags) =>
    lazily(
      () => import("../sync.ts"),
      ({ sync }) => sync(flags)
    )
).pipe(
  Command.withDescription(
    "Evaluate and deliver once. Exit code: 0 everything synced, 1 something failed, 2 a mistake in the command or the configuration, 3 something waits (held, postponed), 4 something was rejected"
  ),
  Command.withExamples([
    { command: "tributary sync", description: "Everything" },
    { command: "tributary sync braze/big_spenders --json", description: "One activation, for a script" }
  ])
)
