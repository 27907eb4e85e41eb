/**
 * A file of JSON objects as a source, one a line. A row may leave columns out.
 *
 * @since 0.1.0
 */
import { Effect, Stream } from "effect"
import { textOf, unkeepable } from "./File.ts"
import { failing, type Place, type Shape, type Source, type SourceError } from "./Source.ts"

/**
 * @category constructors
 * @since 0.1.0
 */
export const shape = (file: string): Shape => ({ title: file, hasAllColumns: false, isChecked: true })

/**
 * Opens a file of NDJSON.
 *
 * @category constructors
 * @since 0.1.0
 */
export const open = (file: string, place: Place): Source => ({
  rows: { _tag: "Stream", stream: rowsOf(file, place) },
  changes: undefined,
  shape: shape(file)
})

const rowsOf = (file: string, place: Place): Stream.Stream<string, SourceError> =>
  Stream.suspend(() => {
    const fail = failing(place)
    let row = 0
    return textOf(file, place).pipe(
      Stream.splitLines,
      Stream.map((line) => (row === 0 ? line.replace(/^\ufeff/, "") : line)),
      Stream.mapEffect((line) => {
        row++
        const reason = line.trim() === "" ? undefined : mistakeIn(line)
        return reason === undefined
          ? Effect.succeed(line.trim() === "" ? "" : line)
          : Effect.fail(fail(`${file}, row ${row}: ${reason}`))
      }),
      Stream.filter((line) => line !== "")
    )
  })

/** The line stays as it is: its text keeps numbers that JavaScript would round. */
const mistakeIn = (line: string): string | undefined => {
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch (error) {
    return `is not valid JSON: ${error instanceof Error ? error.message : String(error)}`
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) return "is not an object"
  return unkeepable(value)
}
