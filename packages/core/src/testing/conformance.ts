/**
 * The conformance kit: one vitest suite that any plugin passes.
 *
 * @since 0.1.0
 */
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import { describe, it } from "vitest"
import type { Broken, Options, Subject } from "./Lab.ts"
import type { Law } from "./Law.ts"
import { declared } from "./laws/declared.ts"
import { failures } from "./laws/failures.ts"
import { lists } from "./laws/lists.ts"
import { requests } from "./laws/requests.ts"
import { secrecy } from "./laws/secrecy.ts"
import { values } from "./laws/values.ts"

/**
 * Every law, in the order of a reading.
 *
 * @category laws
 * @since 0.1.0
 */
export const laws: ReadonlyArray<Law> = [...declared, ...requests, ...values, ...failures, ...secrecy, ...lists]

/**
 * Tries one law on a plugin. Time is virtual.
 *
 * @category combinators
 * @since 0.1.0
 */
export const check = (law: Law, subject: Subject, options: Options): Effect.Effect<void, Broken> =>
  Effect.scoped(law.check(subject, options)).pipe(Effect.provide(TestClock.layer({ warningDelay: "1 day" })))

/**
 * A vitest suite with a test for every law that concerns the plugin.
 *
 * **Details**
 *
 * The plugin talks to its sandbox inside this process: no port, no network, no waiting. A law that cannot hold for a
 * vendor is excepted by name, with a reason that the suite shows.
 *
 * @example
 * ```ts
 * conformance(Tracking, { sandbox: () => Sandbox.make() })
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const conformance = <State>(
  plugin: Subject,
  options: Options<State> & { readonly except?: Readonly<Record<string, string>> }
): void => {
  describe(`${plugin.declaration.title} keeps the plugin contract`, () => {
    for (const name of Object.keys(options.except ?? {})) {
      if (!laws.some((law) => law.name === name)) throw new Error(`There is no law "${name}" to except.`)
    }
    for (const law of laws) {
      if (!law.concerns(plugin.declaration, options)) continue
      const reason = options.except?.[law.name]
      const title = `${law.name}: ${law.sentence}`
      if (reason === undefined) it(title, () => Effect.runPromise(check(law, plugin, options)))
      else it.skip(`${title} Excepted: ${reason}`)
    }
  })
}
