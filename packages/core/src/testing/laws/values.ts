/**
 * Laws about values at the edges.
 *
 * @since 0.1.0
 */
import { Effect } from "effect"
import type { Json } from "../../contract/Json.ts"
import type { Draft } from "../Draft.ts"
import { drafts, type Lab, type Way } from "../Lab.ts"
import { everyWay, expect, isTaken, type Law } from "../Law.ts"

type Leaf = string | number | boolean | null

/** Every text and number in a body, of JSON or of a form. */
const leavesOf = (body: string): ReadonlyArray<Leaf> => {
  const walk = (value: unknown): ReadonlyArray<Leaf> => {
    if (Array.isArray(value)) return value.flatMap(walk)
    if (typeof value === "object" && value !== null) return Object.values(value).flatMap(walk)
    return typeof value === "string" || typeof value === "number" || typeof value === "boolean" || value === null
      ? [value]
      : []
  }
  try {
    return walk(JSON.parse(body))
  } catch {
    return [...new URLSearchParams(body).values()]
  }
}

/** What is told of one trait value: whether it was taken, and what the requests held. */
const sent = Effect.fnUntraced(function* (way: Way, lab: Lab, key: string, value: Json) {
  lab.seen.length = 0
  yield* lab.pass("61 seconds")
  const { outcomes, stop } = yield* way.deliver([{ no: 0, traits: { [key]: value } }])
  return { tag: outcomes[0]?._tag, stop, leaves: lab.seen.flatMap(({ body }) => leavesOf(body)) }
})

const isCall = (name: Way["name"]) => name === "identify" || name === "track" || name === "group"

const scripts = [
  "Zoë Müller-Nuñez",
  "Ελληνικά, Кириллица, 日本語, 한국어",
  "مرحبا بالعالم",
  "👩‍👩‍👧‍👦 é (a family, and an e with its accent apart)",
  `quotes " ' \` and \\ and </script> and %7B{{x}}`,
  "line\nbreak\ttab \u2028 and \u2029"
]

const numbers = [0, -1, 0.1, 1e-7, 123456.789, 9_007_199_254_740_991, 1e21]

/** A leap day, the epoch's edge, the first and the last year, and a time of another zone. */
const dates = [
  "2024-02-29",
  "1969-12-31T23:59:59.999Z",
  "0001-01-01T00:00:00.000Z",
  "9999-12-31T23:59:59.999Z",
  "2026-03-29T02:30:00+02:00"
]

/** The same moment, or the same day, in whatever form the vendor has times. */
const isSameTime = (leaf: Leaf, date: string): boolean => {
  const at = Date.parse(date)
  if (typeof leaf === "number") return leaf === at || leaf === Math.floor(at / 1000)
  return typeof leaf === "string" && (leaf === date || Date.parse(leaf) === at || leaf === date.slice(0, 10))
}

const strangers = [
  "o'brien+tag@example.com",
  "a b",
  "../../admin",
  "x?y=z&w#v",
  `"quoted"`,
  "日本語",
  "x".repeat(1000),
  "%2e%2e%2f",
  "a,b;c"
]

/** A law that a trait's value is in the request in a form that means the same, unless the vendor rejects it. */
const arrives = <A extends string | number>(
  name: string,
  sentence: string,
  given: ReadonlyArray<A>,
  isSame: (leaf: Leaf, value: A) => boolean
): Law =>
  everyWay(
    name,
    sentence,
    (way, lab) =>
      Effect.forEach(
        given,
        Effect.fnUntraced(function* (value) {
          const { leaves, stop, tag } = yield* sent(way, lab, `conformance_${name}`, value)
          const isThere = leaves.some((leaf) => isSame(leaf, value))
          yield* expect(stop === undefined && (tag === "Rejected" || isThere), () => {
            return `${JSON.stringify(value)} became ${JSON.stringify(leaves)}${stop === undefined ? "" : ` (${stop.message})`}.`
          })
        }),
        { discard: true }
      ),
    isCall
  )

/** Whoever comes after a strange item, in a batch of their own if need be. */
const withNeighbour = Effect.fnUntraced(function* (way: Way, lab: Lab, strange: Partial<Draft>) {
  yield* lab.pass("61 seconds")
  const pair = way.batch.items > 1
  const first = yield* way.deliver(pair ? [{ no: 1, ...strange }, { no: 2 }] : [{ no: 1, ...strange }])
  const neighbour = pair ? first.outcomes[1] : (yield* way.deliver(drafts(1, { no: 2 }))).outcomes[0]
  return { stop: first.stop, own: first.outcomes[0], neighbour }
})

/**
 * @category laws
 * @since 0.1.0
 */
export const values: ReadonlyArray<Law> = [
  arrives(
    "text",
    "Text of any script reaches the vendor as it is, or is rejected.",
    scripts,
    (leaf, script) => leaf === script
  ),
  arrives(
    "numbers",
    "Numbers keep their value, or are rejected.",
    numbers,
    (leaf, number) => leaf === number || (typeof leaf === "string" && leaf !== "" && Number(leaf) === number)
  ),
  arrives("dates", "Days and times reach the vendor as the same moment, or are rejected.", dates, isSameTime),
  everyWay(
    "gone",
    "A trait that is gone (null), a list, an object and an empty text are delivered, or rejected by themselves.",
    (way, lab) =>
      Effect.forEach(
        [null, [], {}, "", ["a", "b"], { deep: { deeper: [1, null] } }, false],
        Effect.fnUntraced(function* (value) {
          const { neighbour, own, stop } = yield* withNeighbour(way, lab, { traits: { conformance_any: value } })
          yield* expect(stop === undefined && own !== undefined && isTaken(neighbour?._tag), () => {
            return `${JSON.stringify(value)}: ${stop?.message ?? `it is ${own?._tag}, and the next ${neighbour?._tag}`}.`
          })
        }),
        { discard: true }
      ),
    isCall
  ),
  everyWay(
    "long",
    "A value of 100,000 characters is delivered, or rejected by itself.",
    Effect.fnUntraced(function* (way, lab) {
      const { neighbour, own, stop } = yield* withNeighbour(way, lab, {
        traits: { conformance_long: "x".repeat(100_000) }
      })
      yield* expect(stop === undefined && own !== undefined && isTaken(neighbour?._tag), () => {
        return stop?.message ?? `It is ${own?._tag}, and the next ${neighbour?._tag}.`
      })
    }),
    isCall
  ),
  everyWay(
    "strangers",
    "An identifier of any characters is delivered, or rejected by itself, and is not a part of a path.",
    (way, lab) =>
      Effect.forEach(
        way.types.flatMap((type) => strangers.map((value) => ({ type, value }))),
        Effect.fnUntraced(function* (strange) {
          lab.seen.length = 0
          const { neighbour, own, stop } = yield* withNeighbour(way, lab, strange)
          yield* expect(
            stop === undefined && own !== undefined && own._tag !== "Retry" && isTaken(neighbour?._tag),
            () => {
              return `${strange.type} "${strange.value}": ${stop?.message ?? `it is ${own?._tag}, and the next ${neighbour?._tag}`}.`
            }
          )
          const led = lab.seen.find(({ path }) => path.includes("admin") && !path.includes("%2F"))
          yield* expect(led === undefined, () => `"${strange.value}" leads the request to ${led?.path}.`)
        }),
        { discard: true }
      )
  )
]
