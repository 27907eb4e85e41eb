/**
 * `tributary history`: its flags and its help.
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
export const history = Command.make(
  "history",
  {
    ...session,
    activation: activation.pipe(Argument.optional),
    limit: Flag.Int("limit").pipe(Flag.withDefault(20), Flag.withDescription("How many syncs, newest first"))
  },
  (flags) =>
    lazily(
      () => import("../history.ts"),
      ({ history }) => history(flags)
    )
).pipe(
  Command.withDescription("Past syncs: when, why, what was sent, and what went wrong first"),
  Command.withExamples([{ command: "tributary history braze/big_spenders", description: "Of one activation" }])
)
