/**
 * `tributary status`: its flags and its help.
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
export const status = Command.make("status", session, (flags) =>
  lazily(
    () => import("../status.ts"),
    ({ status }) => status(flags)
  )
).pipe(
  Command.withDescription("The state of every activation: sent, pending, rejected, held; last and next sync"),
  Command.withExamples([{ command: "tributary status", description: "A table" }])
)
