/**
 * A CSV file as a source. Its first line names the columns.
 *
 * @since 0.1.0
 */
import { Effect, Stream } from "effect"
import { Csv } from "effect/encoding"
import { textOf, unkeepable } from "./File.ts"
import { failing, type Place, type Shape, type Source, SourceError } from "./Source.ts"

/**
 * @category constructors
 * @since 0.1.0
 */
export const shape = (file: string): Shape => ({ title: file, hasAllColumns: true, isChecked: true })

/**
 * Opens a CSV file. Cells are text, but for the value of a computed trait, whose numbers are numbers.
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
      Stream.pipeThroughChannelOrFail(Csv.decodeString({ headers: true, ignoreEmptyLines: true })),
      Stream.mapError((error) =>
        error instanceof SourceError ? error : fail(`${file}, row ${row + 1}: is not valid CSV: ${error.message}`)
      ),
      Stream.mapEffect((cells) => {
        row++
        // An empty cell is a missing value: CSV has no other way to say so.
        const value = Object.fromEntries(
          Object.entries(cells).map(([name, cell]) => [
            name,
            cell === "" ? null : name === place.value ? numberOr(cell) : cell
          ])
        )
        const reason = unkeepable(value)
        return reason === undefined
          ? Effect.succeed(JSON.stringify(value))
          : Effect.fail(fail(`${file}, row ${row}: ${reason}`))
      })
    )
  })

/** A cell is text; the value of a computed trait that reads as a number or a boolean is one. */
const numberOr = (cell: string): string | number | boolean => {
  if (cell === "true" || cell === "false") return cell === "true"
  return /^-?(0|[1-9]\d{0,14})(\.\d+)?$/.test(cell) ? Number(cell) : cell
}
