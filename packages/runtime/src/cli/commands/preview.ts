/**
 * `tributary preview`: its flags and its help.
 *
 * @since 0.1.0
 */
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import { lazily } from "../Ending.ts"
import { activation, session } from "./flags.ts"

/**
 * @category commands
 * @since 0.1.0
 */
export const preview = Command.make(
  "preview",
  {
    ...session,
    activation,
    sample: Flag.Int("sample").pipe(
      Flag.withDefault(3),
      Flag.withDescription("How many items of each kind to show the requests of")
    )
  },
  (flags) =>
    lazily(
      () => import("../preview.ts"),
      ({ preview }) => preview(flags)
    )
).pipe(
  Command.withDescription("What a sync would do, with the exact requests of a sample. Sends and writes nothing"),
  Command.withExamples([
    { command: "tributary preview braze/big_spenders --sample 1", description: "With one request" }
  ])
)
