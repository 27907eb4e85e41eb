/**
 * `tributary rejections`: its flags and its help.
 *
 * @since 0.1.0
 */
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import { lazily } from "../Ending.ts"
import { activation, session } from "./flags.ts"

/**
 * @category commands
 * @since 0.1.0
 */
export const rejections = Command.make(
  "rejections",
  {
    ...session,
    activation: activation.pipe(Argument.optional),
    limit: Flag.Int("limit").pipe(Flag.withDefault(50), Flag.withDescription("How many, newest first")),
    unmasked: Flag.Boolean("unmasked").pipe(Flag.withDefault(false), Flag.withDescription("Show identifiers in full"))
  },
  (flags) =>
    lazily(
      () => import("../rejections.ts"),
      ({ rejections }) => rejections(flags)
    )
).pipe(
  Command.withDescription("What was rejected, and why"),
  Command.withExamples([
    { command: "tributary rejections braze/big_spenders --limit 10", description: "The newest ten" }
  ])
)
