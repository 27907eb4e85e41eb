/**
 * `tributary demo`: its flags and its help.
 *
 * @since 0.1.0
 */
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import { lazily } from "../Ending.ts"
import { json } from "./flags.ts"

/**
 * @category commands
 * @since 0.1.0
 */
export const demo = Command.make(
  "demo",
  {
    seed: Flag.Int("seed").pipe(Flag.withDefault(1), Flag.withDescription("The same seed makes the same shop")),
    customers: Flag.Int("customers").pipe(Flag.withDefault(4000), Flag.withDescription("How many customers it has")),
    keep: Flag.Boolean("keep").pipe(Flag.withDefault(false), Flag.withDescription("Keep the store, to look at it")),
    json
  },
  (flags) =>
    lazily(
      () => import("../demo.ts"),
      ({ demo }) => demo(flags)
    )
).pipe(
  Command.withDescription(
    "Run the package @tributary/demo: a generated shop, two syncs and three fake vendors on this machine, in under a minute"
  ),
  Command.withExamples([{ command: "tributary demo --seed 7", description: "Another shop" }])
)
