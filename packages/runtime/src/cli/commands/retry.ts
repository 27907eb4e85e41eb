/**
 * `tributary retry`: its flags and its help.
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
export const retry = Command.make(
  "retry",
  {
    ...session,
    activation: activation.pipe(Argument.optional),
    profile: Argument.String("profile").pipe(Argument.optional, Argument.withDescription("Only this profile")),
    all: Flag.Boolean("all").pipe(Flag.withDefault(false), Flag.withDescription("Of all activations"))
  },
  (flags) =>
    lazily(
      () => import("../retry.ts"),
      ({ retry }) => retry(flags)
    )
).pipe(
  Command.withDescription("Send what was rejected again, with the next sync"),
  Command.withExamples([
    { command: "tributary retry braze/big_spenders c2", description: "One profile" },
    { command: "tributary retry --all", description: "Everything" }
  ])
)
