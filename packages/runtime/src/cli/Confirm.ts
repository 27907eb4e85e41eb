/**
 * Confirmations: what cannot be taken back is asked about on a terminal, and elsewhere takes `--yes`.
 *
 * @since 0.1.0
 */
import { Context, Effect } from "effect"
import { createInterface } from "node:readline/promises"
import { WrongUse } from "./Exit.ts"

/**
 * Whoever can be asked.
 *
 * @category models
 * @since 0.1.0
 */
export interface Operator {
  /** Whether somebody sits at a terminal. */
  readonly isThere: boolean
  /** Puts a question, and returns what was typed. */
  readonly ask: (question: string) => Effect.Effect<string>
}

/**
 * Who is asked. Tests set it.
 *
 * @category references
 * @since 0.1.0
 */
export const AskedOperator = Context.Reference<Operator>("tributary/cli/AskedOperator", {
  defaultValue: () => ({
    isThere: process.stdin.isTTY === true && process.stderr.isTTY === true,
    // On standard error: what a command prints may be read by a script.
    ask: (question) =>
      Effect.promise(async (signal) => {
        const lines = createInterface({ input: process.stdin, output: process.stderr })
        // Whoever closes the input, or interrupts, has not said yes.
        const closed = new Promise<string>((resolve) => lines.once("close", () => resolve("")))
        try {
          return await Promise.race([lines.question(question, { signal }), closed])
        } catch {
          return ""
        } finally {
          lines.close()
        }
      })
  })
})

/**
 * Fails where this is not confirmed: nothing is done then.
 *
 * @category guards
 * @since 0.1.0
 */
export const confirm = Effect.fnUntraced(function* (
  consequence: string,
  { command, yes }: { readonly command: string; readonly yes: boolean }
): Effect.fn.Return<void, WrongUse> {
  if (yes) return
  const operator = yield* AskedOperator
  if (!operator.isThere) {
    const reason = `${consequence} Nothing was done. To confirm, run "${command} --yes", or run it on a terminal.`
    return yield* new WrongUse({ reason })
  }
  const answer = (yield* operator.ask(`${consequence} Continue? (y/N) `)).trim().toLowerCase()
  if (answer !== "y" && answer !== "yes") return yield* new WrongUse({ reason: "Nothing was done." })
})
