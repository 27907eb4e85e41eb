/**
 * Mistakes: what is wrong with a configuration, each with its path.
 *
 * @since 0.1.0
 */
import { Schema } from "effect"

/**
 * The configuration is wrong: every mistake with its path.
 *
 * @category errors
 * @since 0.1.0
 */
export class BadConfig extends Schema.TaggedError<BadConfig>()("BadConfig", {
  mistakes: Schema.Array(Schema.Struct({ path: Schema.String, message: Schema.String }))
}) {
  override get message(): string {
    const count = this.mistakes.length === 1 ? "a mistake" : `${this.mistakes.length} mistakes`
    return `The configuration has ${count}:\n${this.mistakes.map((m) => `  - ${m.path}: ${m.message}`).join("\n")}`
  }
}

/**
 * Notes a mistake.
 *
 * @category models
 * @since 0.1.0
 */
export type Fail = (path: string, message: string) => void

/**
 * Calls `onDuplicate` once for each name that is there several times.
 *
 * @category combinators
 * @since 0.1.0
 */
export const unique = (names: ReadonlyArray<string>, onDuplicate: (name: string) => void) => {
  const seen = new Set<string>()
  const reported = new Set<string>()
  for (const name of names) {
    if (seen.has(name) && !reported.has(name)) {
      reported.add(name)
      onDuplicate(name)
    }
    seen.add(name)
  }
}
