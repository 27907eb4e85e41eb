/**
 * The commands that take one activation and print one sentence: their help.
 *
 * @since 0.1.0
 */
import * as Command from "effect/cli/Command"
import { lazily } from "../Ending.ts"
import type { Verb } from "../operate.ts"
import { activation, session } from "./flags.ts"

const operation = (verb: Verb, description: string) =>
  Command.make(verb, { ...session, activation }, (flags) =>
    lazily(
      () => import("../operate.ts"),
      ({ operate }) => operate(verb, flags)
    )
  ).pipe(
    Command.withDescription(description),
    Command.withExamples([{ command: `tributary ${verb} braze/big_spenders`, description: "For one activation" }])
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
  operation("empty", "Remove everybody with the next sync, and add nobody until resume"),
  operation("delete-list", "Delete the list downstream with the next sync, and make none until resume")
] as const
