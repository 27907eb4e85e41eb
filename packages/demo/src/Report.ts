/**
 * What the demo found, and how a terminal shows it.
 *
 * @since 0.1.0
 */
import { Wording } from "@tributary/core/runtime"
import type { Synced } from "@tributary/runtime/engine"
import type { Happened } from "./Overnight.ts"
import type { Size } from "./Shop.ts"

/**
 * What one activation sent in one sync.
 *
 * @category models
 * @since 0.1.0
 */
export interface Sent {
  readonly activation: string
  readonly counts: Readonly<Synced.Counts>
}

/**
 * What one destination was sent in one sync.
 *
 * @category models
 * @since 0.1.0
 */
export interface DestinationSent {
  readonly destination: string
  readonly title: string
  readonly requests: number
  readonly activations: ReadonlyArray<Sent>
}

/**
 * One sync, and what it cost.
 *
 * @category models
 * @since 0.1.0
 */
export interface DemoSync {
  readonly title: string
  readonly millis: number
  readonly destinations: ReadonlyArray<DestinationSent>
}

/**
 * What was compared at a vendor after the last sync, without a difference.
 *
 * @category models
 * @since 0.1.0
 */
export interface Agreed {
  readonly vendor: string
  readonly what: string
  readonly count: number
}

/**
 * What the demo found. Plain data.
 *
 * @category models
 * @since 0.1.0
 */
export interface DemoReport {
  readonly seed: number
  readonly millis: number
  /** Where the store was kept, if it was. */
  readonly folder: string | null
  readonly shop: Size
  readonly happened: Happened
  readonly syncs: ReadonlyArray<DemoSync>
  /** What is not sent yet, and why. */
  readonly rejections: ReadonlyArray<{ readonly destination: string; readonly reason: string; readonly count: number }>
  readonly agreed: ReadonlyArray<Agreed>
}

/**
 * A number as people read it: `12,345`.
 *
 * @category combinators
 * @since 0.1.0
 */
export const number = (value: number): string => value.toLocaleString("en-US")

/**
 * Seconds with one decimal.
 *
 * @category combinators
 * @since 0.1.0
 */
export const seconds = (millis: number): string => `${(millis / 1000).toFixed(1)} s`

/**
 * The words joined as in a sentence: `a, b and c`.
 *
 * @category combinators
 * @since 0.1.0
 */
export const listed = (words: ReadonlyArray<string>): string =>
  words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} and ${words.at(-1)}`

const width = 98

/**
 * The text in lines of a terminal, each but the first indented.
 *
 * @category combinators
 * @since 0.1.0
 */
export const wrapped = (text: string, indent: number): string => {
  const lines: Array<string> = []
  let line = ""
  // Space at the beginning is the text's own.
  for (const word of text.split(/(?<=\S) /)) {
    if (line !== "" && line.length + word.length + 1 > width) {
      lines.push(line)
      line = " ".repeat(indent) + word
    } else line = line === "" ? word : `${line} ${word}`
  }
  return [...lines, line].join("\n")
}

const words: ReadonlyArray<readonly [keyof Synced.Counts, string]> = [
  ["identify", "identify"],
  ["track", "track"],
  ["group", "group"],
  ["add", "added"],
  ["discard", "removed"],
  ["rejected", "rejected"],
  ["postponed", "postponed"]
]

const sent = (counts: Readonly<Synced.Counts> | undefined): string => {
  const parts = words.flatMap(([key, word]) =>
    counts !== undefined && counts[key] > 0 ? [`${number(counts[key])} ${word}`] : []
  )
  return parts.length === 0 ? "nothing" : parts.join(", ")
}

const columns = [40, 31] as const

const row = (first: string, ...rest: ReadonlyArray<string>): string =>
  [first, ...rest]
    .map((cell, i) => (i < columns.length ? cell.padEnd(columns[i] ?? 0) : cell))
    .join("")
    .trimEnd()

const table = (syncs: ReadonlyArray<DemoSync>): ReadonlyArray<string> => {
  const [first, ...rest] = syncs
  if (first === undefined) return []
  const others = (destination: string) =>
    rest.map((sync) => sync.destinations.find((each) => each.destination === destination))
  return [
    row("Sent", ...syncs.map((sync) => sync.title)),
    "-".repeat(width),
    ...first.destinations.flatMap((each) => [
      row(
        each.title,
        ...[each, ...others(each.destination)].map((one) => Wording.plural(one?.requests ?? 0, "request"))
      ),
      ...each.activations.map(({ activation, counts }) =>
        row(
          `  ${activation.slice(activation.indexOf("/") + 1)}`,
          sent(counts),
          ...others(each.destination).map((one) =>
            sent(one?.activations.find((other) => other.activation === activation)?.counts)
          )
        )
      )
    ]),
    "-".repeat(width)
  ]
}

/**
 * The report as text, for a terminal of 100 columns.
 *
 * @category combinators
 * @since 0.1.0
 */
export const render = (report: DemoReport): string =>
  [
    "",
    ...table(report.syncs),
    wrapped(
      "An identify sends traits of a person, one call for all that a vendor keeps on one record; traits that are due together travel in " +
        "one. A track is an event, a group an account. Lists are added to and removed from.",
      0
    ),
    "",
    "Every sandbox holds what the database says:",
    ...report.agreed.map(({ count, vendor, what }) => `  ${vendor.padEnd(12)}${number(count).padStart(8)} ${what}`),
    `Two days in ${seconds(report.millis)}, with seed ${report.seed}.`,
    ...(report.folder === null ? [] : ["", `The store was kept in ${report.folder}`])
  ].join("\n")
