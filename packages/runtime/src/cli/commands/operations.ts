/**
 * The commands that take one activation and print one sentence: their help.
 *
 * @since 0.1.0
 */
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import { lazily } from "../Ending.ts"
import type { Verb } from "../operate.ts"
import { activation, session } from "./flags.ts"

const operation = (verb: Exclude<Verb, "empty" | "delete-list">, description: string) =>
  Command.make(verb, { ...session, activation }, (flags) =>
    lazily(
      () => import("../operate.ts"),
      ({ operate }) => operate(verb, flags)
    )
  ).pipe(
    Command.withDescription(description),
    Command.withExamples([{ command: `tributary ${verb} braze/big_spenders`, description: "For one activation" }])
  )

const yes = Flag.Boolean("yes").pipe(
  Flag.withAlias("y"),
  Flag.withDefault(false),
  Flag.withDescription("Confirm without being asked, as a script has to")
)

const removal = (verb: "empty" | "delete-list", description: string) =>
  Command.make(verb, { ...session, activation, yes }, (flags) =>
    lazily(
      () => import("../operate.ts"),
      ({ operate }) => operate(verb, flags)
    )
  ).pipe(
    Command.withDescription(description),
    Command.withExamples([
      { command: `tributary ${verb} braze/big_spenders`, description: "Show whom it concerns, and ask" },
      { command: `tributary ${verb} braze/big_spenders --yes`, description: "From a script" }
    ])
  )

/**
 * @category commands
 * @since 0.1.0
 */
export const operations = [
  operation("pause", "Send nothing more for an activation, until resume. Changes are kept"),
  operation("resume", "Undo pause and empty; let a stopped destination try again"),
  operation("approve", "Let a held sync run, whatever it removes"),
  operation("resync", "Send everything again with the next sync"),
  operation("baseline", "Take everything as sent with the next sync, and send nothing"),
  removal("empty", "Remove everybody with the next sync, and add nobody until resume"),
  removal("delete-list", "Delete the list downstream with the next sync, and make none until resume")
] as const
