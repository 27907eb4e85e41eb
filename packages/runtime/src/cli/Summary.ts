/**
 * The summary of a sync: in words, for a script, and as an exit code.
 *
 * @since 0.1.0
 */
import { Wording } from "@tributary/core/runtime"
import type { Counts, Synced } from "../engine/Synced.ts"
import type { SyncReport } from "../engine/SyncOnce.ts"
import { type ExitCode, exitCode } from "./Exit.ts"
import { confirmationNotes, dataNotes, type Trouble, troubleNotes } from "./Notes.ts"
import { table } from "./Table.ts"

/**
 * The report of a sync for a script.
 *
 * @category conversions
 * @since 0.1.0
 */
export const toJson = ({ evaluated, failures, imported, synced }: SyncReport) => ({
  imported,
  evaluated,
  failures: failures.map((failure) => failure.message),
  activations: synced.map(({ activation, counts, destination, ending, notConfirmed, rejections, unconfirmed }) => ({
    activation,
    destination,
    ...counts,
    unconfirmed,
    rejections,
    notConfirmed,
    ending: resultOf(ending),
    ...(ending._tag === "Synced" ? {} : { reason: ending.reason })
  }))
})

const columns: ReadonlyArray<readonly [string, keyof Counts]> = [
  ["identify", "identify"],
  ["track", "track"],
  ["group", "group"],
  ["added", "add"],
  ["removed", "discard"],
  ["rejected", "rejected"],
  ["postponed", "postponed"]
]

const resultOf = (ending: Synced["ending"]): string => {
  switch (ending._tag) {
    case "Synced":
      return "synced"
    case "NotDue":
      return "not due"
    case "Held":
      return "held"
    case "Paused":
      return "paused"
    case "Stopped":
      return "stopped"
    case "GaveUp":
      return "unavailable"
    case "Waiting":
      return "waiting"
  }
}

const troubleOf = ({ activation, destination, ending }: Synced): ReadonlyArray<Trouble> => {
  switch (ending._tag) {
    case "Held":
      return [{ activation, destination, kind: "held", reason: ending.reason }]
    case "Stopped":
      return [{ activation, destination, kind: "stopped", reason: ending.reason }]
    case "GaveUp":
    case "Waiting":
      return [{ activation, destination, kind: "postponed", reason: ending.reason }]
    default:
      return []
  }
}

/**
 * The report of a sync for a person.
 *
 * @category conversions
 * @since 0.1.0
 */
export const inWords = (report: SyncReport): string => {
  const lines: Array<string> = []
  for (const failure of report.failures) lines.push(`Failed: ${failure.message}`)
  lines.push(...dataNotes(report), ...troubleNotes(report.synced.flatMap(troubleOf)))
  if (lines.length > 0) lines.push("")
  lines.push(
    table(
      [{ heading: "activation" }, ...columns.map(([heading]) => ({ heading, numeric: true })), { heading: "result" }],
      report.synced.map((synced) => [
        synced.activation,
        ...columns.map(([, key]) => (synced.counts[key] === 0 ? "." : Wording.count(synced.counts[key]))),
        resultOf(synced.ending)
      ])
    )
  )
  const rejected = report.synced.flatMap(rejectedNote)
  if (rejected.length > 0) lines.push("", ...rejected, `"tributary rejections" lists what was rejected.`)
  const confirmations = report.synced.flatMap(confirmationNotes)
  if (confirmations.length > 0) lines.push("", ...confirmations)
  const later = report.synced.flatMap(({ activation, ending }) =>
    ending._tag === "NotDue" ? [`${activation} is not due: ${ending.reason}.`] : []
  )
  if (later.length > 0) lines.push("", ...later)
  return lines.join("\n")
}

/** How many were rejected of how many, and the most frequent reasons. */
const rejectedNote = ({ activation, counts, rejections }: Synced): ReadonlyArray<string> => {
  if (counts.rejected === 0) return []
  const tried = Object.values(counts).reduce((sum, count) => sum + count, 0)
  const reasons = rejections
    .toSorted((a, b) => b.count - a.count)
    .slice(0, 3)
    .map(({ count, reason }) => `  ${Wording.count(count)}: ${reason}`)
  const share = `${Wording.count(counts.rejected)} of ${Wording.count(tried)} rejected`
  return [`${activation}: ${share}${reasons.length === 0 ? "." : ":"}`, ...reasons]
}

/**
 * The exit code of a sync: of what a script should look at first. Something failed, then something was rejected, then
 * something waits.
 *
 * @category combinators
 * @since 0.1.0
 */
export const verdict = (report: SyncReport): ExitCode => {
  const tags = new Set(report.synced.map((synced) => synced.ending._tag))
  if (report.failures.length > 0 || tags.has("Stopped") || tags.has("GaveUp")) return exitCode.failed
  const isRefused = ({ counts, notConfirmed }: SyncReport["synced"][number]) =>
    counts.rejected > 0 || notConfirmed.length > 0
  if (report.synced.some(isRefused)) return exitCode.rejected
  return tags.has("Held") || tags.has("Waiting") ? exitCode.waiting : exitCode.done
}
