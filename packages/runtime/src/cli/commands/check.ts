/**
 * `tributary check`: its flags and its help.
 *
 * @since 0.1.0
 */
import * as Command from "effect/cli/Command"
import { lazily } from "../Ending.ts"
import { session } from "./flags.ts"

/**
 * @category commands
 * @since 0.1.0
 */
export const check = Command.make("check", session, (flags) =>
  lazily(
    () => import("../check.ts"),
    ({ check }) => check(flags)
  )
).pipe(
  Command.withDescription(
    "Check configuration, settings and queries: every mistake, with its place. Sends and writes nothing"
  ),
  Command.withExamples([{ command: "tributary check", description: "Exit code 2 if there is a mistake" }])
)
