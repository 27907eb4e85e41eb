/**
 * The narrator: a line when something happens, with the seconds since the start, for a terminal of 100 columns.
 *
 * @since 0.1.0
 */
import { Clock, Console, Effect } from "effect"
import { number, seconds, wrapped } from "./Report.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface Narrator {
  /** What happens now. */
  readonly at: (text: string) => void
  /** A heading, after an empty line. */
  readonly heading: (text: string) => void
  readonly plain: (text: string) => void
  /** Since the start. */
  readonly millis: () => number
}

/**
 * A narrator; a silent one keeps the time and says nothing.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function* (isSilent: boolean): Effect.fn.Return<Narrator> {
  const console = yield* Console.Console
  const clock = yield* Clock.Clock
  const start = clock.monotonicTimeNanosUnsafe()
  const millis = () => Number((clock.monotonicTimeNanosUnsafe() - start) / 1_000_000n)
  const print = (text: string) => {
    if (!isSilent) console.log(text)
  }
  return {
    millis,
    at: (text) => print(wrapped(`${seconds(millis()).padStart(7)}  ${text}`, 9)),
    heading: (text) => print(`\n${text}`),
    plain: (text) => print(wrapped(text, 0))
  }
})

/** What the steps of a sync are, to somebody who sees them for the first time. */
const meanings: Readonly<Record<string, string>> = {
  import: "Reading who there is: ids, addresses, names, accounts.",
  evaluate: "Evaluating two traits and two audiences in SQL, and what changed in them since last time."
}

/**
 * Says the steps of a sync, the first of each kind; `sending` when the first vendor gets a request.
 *
 * @category constructors
 * @since 0.1.0
 */
export const steps = (narrator: Narrator, sending: string): ((step: string) => void) => {
  const said = new Set<string>()
  return (step) => {
    const [verb = ""] = step.split(" ")
    if (said.has(verb)) return
    said.add(verb)
    const meaning = verb === "sync" ? sending : meanings[verb]
    if (meaning !== undefined) narrator.at(meaning)
  }
}

/**
 * Says every three seconds how far it is, for as long as something is sent.
 *
 * @category constructors
 * @since 0.1.0
 */
export const ticking = (narrator: Narrator, counts: ReadonlyMap<string, number>): Effect.Effect<never> =>
  Effect.sync(() => {
    if (counts.size === 0) return
    narrator.at(`... ${[...counts].map(([title, count]) => `${title} ${number(count)}`).join(", ")}`)
  }).pipe(Effect.delay("3 seconds"), Effect.forever)
