/**
 * `tributary sandbox`: its flags and its help.
 *
 * @since 0.1.0
 */
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import { lazily } from "../Ending.ts"
import { json } from "./flags.ts"

/**
 * @category commands
 * @since 0.1.0
 */
export const sandbox = Command.make(
  "sandbox",
  {
    plugin: Argument.String("plugin").pipe(
      Argument.withDescription("braze, adwords, zendesk, or the name of a package with a sandbox")
    ),
    port: Flag.Int("port").pipe(Flag.withDefault(0), Flag.withDescription("Default: one that is free")),
    json
  },
  (flags) =>
    lazily(
      () => import("../sandbox.ts"),
      ({ sandbox }) => sandbox(flags)
    )
).pipe(
  Command.withDescription("Run a plugin's fake vendor, which keeps the vendor's documented rules"),
  Command.withExamples([{ command: "tributary sandbox braze --port 4010", description: "A Braze on this machine" }])
)
