/**
 * Laws: what every plugin keeps, each in one sentence and with a check that can fail.
 *
 * @since 0.1.0
 */
import { Effect, Exit, type Scope } from "effect"
import type { Declaration } from "../contract/Declaration.ts"
import type { DeliveryError } from "../contract/DeliveryError.ts"
import type { NonEmpty } from "../contract/Destination.ts"
import type { Outcome } from "../contract/Outcome.ts"
import type { Draft } from "./Draft.ts"
import { Broken, drafts, inWords, type Lab, make, type Options, type Subject, type Way } from "./Lab.ts"

/**
 * One law.
 *
 * @category models
 * @since 0.1.0
 */
export interface Law {
  /** How a suite excepts it. */
  readonly name: string
  readonly sentence: string
  /** Whether it says anything about this plugin. */
  readonly concerns: (declaration: Declaration, options: Options) => boolean
  readonly check: (subject: Subject, options: Options) => Effect.Effect<void, Broken, Scope.Scope>
}

/**
 * Holds, or says what was seen.
 *
 * @category combinators
 * @since 0.1.0
 */
export const expect = (holds: boolean, otherwise: () => string): Effect.Effect<void, Broken> =>
  holds ? Effect.void : Effect.suspend(() => new Broken({ reason: otherwise() }))

/**
 * A law about what is declared.
 *
 * @category constructors
 * @since 0.1.0
 */
export const ofDeclaration = (
  name: string,
  sentence: string,
  check: (declaration: Declaration) => Effect.Effect<void, Broken>
): Law => ({ name, sentence, concerns: () => true, check: ({ declaration }) => check(declaration) })

/**
 * A law that is tried once.
 *
 * @category constructors
 * @since 0.1.0
 */
export const once = (
  name: string,
  sentence: string,
  check: (lab: Lab, options: Options) => Effect.Effect<void, Broken, Scope.Scope>,
  concerns: Law["concerns"] = () => true
): Law => ({
  name,
  sentence,
  concerns,
  check: (subject, options) => Effect.flatMap(make(subject, options), (lab) => check(lab, options))
})

/**
 * A law that is tried for every kind of call, for adds and for discards, each before a sandbox of its own.
 *
 * @category constructors
 * @since 0.1.0
 */
export const everyWay = (
  name: string,
  sentence: string,
  check: (way: Way, lab: Lab, options: Options) => Effect.Effect<void, Broken, Scope.Scope>,
  only: (way: Way["name"]) => boolean = () => true
): Law => ({
  name,
  sentence,
  concerns: ({ event, list }) =>
    (event?.calls.some(only) ?? false) || (list !== undefined && (only("add") || only("discard"))),
  check: Effect.fnUntraced(function* (subject, options) {
    const { ways } = yield* make(subject, options)
    for (const [place, { name }] of ways.entries()) {
      if (!only(name)) continue
      const lab = yield* make(subject, options)
      const way = lab.ways[place]
      if (way === undefined) continue
      yield* Effect.mapError(
        check(way, lab, options),
        ({ reason }) =>
          new Broken({
            reason: `In ${name === "add" || name === "discard" ? `a ${name}` : `a call of type ${name}`}: ${reason}`
          })
      )
    }
  })
})

/**
 * @category models
 * @since 0.1.0
 */
export type Result = Exit.Exit<ReadonlyArray<Outcome>, DeliveryError>

/**
 * What the plugin answers; a defect is a broken law in itself.
 *
 * @category combinators
 * @since 0.1.0
 */
export const answerOf = Effect.fnUntraced(function* (
  way: Way,
  drafts: NonEmpty<Draft>
): Effect.fn.Return<Result, Broken> {
  const result = yield* Effect.exit(way.send(drafts))
  yield* expect(!Exit.hasDies(result), () => `The plugin threw: ${inWords(result)}.`)
  return result
})

/**
 * Tags of the outcomes, or of the failure, without doubles.
 *
 * @category combinators
 * @since 0.1.0
 */
export const tagsOf = (result: Result): ReadonlyArray<string> =>
  Exit.isSuccess(result)
    ? [...new Set(result.value.map((outcome) => outcome._tag))]
    : [inWords(result).split(" ")[0] ?? ""]

/**
 * Whether a tag says that the vendor has it.
 *
 * @category guards
 * @since 0.1.0
 */
export const isTaken = (tag: string | undefined): boolean => tag === "Delivered" || tag === "Accepted"

/**
 * Everybody is delivered or accepted.
 *
 * @category combinators
 * @since 0.1.0
 */
export const expectTaken = (result: Result, what: string): Effect.Effect<void, Broken> =>
  expect(Exit.isSuccess(result) && result.value.every(({ _tag }) => isTaken(_tag)), () => {
    return `${what}: expected every item to be delivered, and got ${inWords(result)}.`
  })

/**
 * Tells of one item, so that what a first delivery needs is done, and forgets what was seen.
 *
 * @category combinators
 * @since 0.1.0
 */
export const warmUp = Effect.fnUntraced(function* (way: Way, lab: Lab): Effect.fn.Return<void, Broken> {
  yield* answerOf(way, drafts(1))
  yield* lab.pass("61 seconds")
  lab.seen.length = 0
})
