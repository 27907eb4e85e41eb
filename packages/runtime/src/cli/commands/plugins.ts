/**
 * `tributary plugins`: its flags and its help.
 *
 * @since 0.1.0
 */
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import { lazily } from "../Ending.ts"
import { json } from "./flags.ts"

/**
 * @category commands
 * @since 0.1.0
 */
export const plugins = Command.make(
  "plugins",
  {
    plugin: Argument.String("plugin").pipe(
      Argument.optional,
      Argument.withDescription("A package, or a plugin's name: show its settings, identifiers, limits and an example")
    ),
    json
  },
  (flags) =>
    lazily(
      () => import("../plugins.ts"),
      ({ plugins }) => plugins(flags)
    )
).pipe(
  Command.withDescription("Destination plugins that are installed here, with their contract, calls and limits"),
  Command.withExamples([
    { command: "tributary plugins", description: "A table" },
    { command: "tributary plugins braze", description: "One plugin's reference page" }
  ])
)
