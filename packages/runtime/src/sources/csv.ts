/**
 * A CSV file as a source. Its first line names the columns.
 *
 * @since 0.1.0
 */
import { Effect, Stream } from "effect"
import { Csv } from "effect/encoding"
import { type Columns, picked } from "./Columns.ts"
import { textOf, unkeepable } from "./File.ts"
import { type Fail, failing, type FileSource, type Place, type Shape, SourceError } from "./Source.ts"

/**
 * @category constructors
 * @since 0.1.0
 */
export const shape = (file: string): Shape => ({ title: file, isChecked: true, isTyped: false })

/**
 * Opens a CSV file. Cells are text; an empty one is a missing value, as CSV has no other way to say so.
 *
 * @category constructors
 * @since 0.1.0
 */
export const open = (file: string, place: Place): FileSource => ({
  _tag: "File",
  rows: (columns) => ({ _tag: "Stream", stream: rowsOf(file, columns, place) })
})

const rowsOf = (file: string, columns: Columns, place: Place): Stream.Stream<string, SourceError> =>
  Stream.suspend(() => {
    const fail: Fail = (reason) => failing(place)(`${file}, ${reason}`)
    let line = 1
    let header: Header | undefined
    return textOf(file, place).pipe(
      Stream.pipeThroughChannelOrFail(Csv.decodeString()),
      Stream.mapError((error) =>
        error instanceof SourceError ? error : fail(`line ${error.line}: is not valid CSV: ${error.message}`)
      ),
      Stream.mapEffect((cells): Effect.Effect<string, SourceError> => {
        const at = line
        line += linesOf(cells)
        const isEmpty = cells.length === 1 && cells[0] === ""
        if (isEmpty) return Effect.succeed("")
        if (header === undefined) {
          header = headerOf(cells)
          const reason = mistakeIn(header, columns, place)
          return reason === undefined
            ? Effect.succeed("")
            : Effect.fail(
                reason.isMissing
                  ? failing(place)(`${file} ${reason.text}`)
                  : fail(`line ${at}: is not valid CSV: ${reason.text}`)
              )
        }
        const { places } = header
        if (cells.length !== header.width) {
          const reason = `it has ${cells.length} cell${cells.length === 1 ? "" : "s"}, and the first line has ${header.width}`
          return Effect.fail(fail(`line ${at}: is not valid CSV: ${reason}`))
        }
        const row = picked(columns, (name) => {
          const place = places.get(name)
          const cell = place === undefined ? undefined : cells[place]
          return cell === "" ? undefined : cell
        })
        const reason = unkeepable(row)
        return reason === undefined ? Effect.succeed(JSON.stringify(row)) : Effect.fail(fail(`line ${at}: ${reason}`))
      }),
      Stream.filter((row) => row !== "")
    )
  })

interface Header {
  readonly width: number
  readonly places: ReadonlyMap<string, number>
  readonly twice: string | undefined
}

const headerOf = (names: ReadonlyArray<string>): Header => {
  const places = new Map<string, number>()
  let twice: string | undefined
  names.forEach((name, place) => {
    if (places.has(name)) twice ??= name
    else places.set(name, place)
  })
  return { width: names.length, places, twice }
}

const mistakeIn = ({ places, twice }: Header, { texts, values }: Columns, { value }: Place) => {
  if (twice !== undefined) return { text: `two columns are named "${twice}"`, isMissing: false }
  const missing = [...texts, ...values].find((name) => !places.has(name) && name !== value)
  return missing === undefined ? undefined : { text: `has no column "${missing}"`, isMissing: true }
}

/** How many lines of the file a row takes: a cell in quotes may have several. */
const linesOf = (cells: ReadonlyArray<string>): number => {
  let lines = 1
  for (const cell of cells) if (/[\r\n]/.test(cell)) lines += cell.split(/\r\n|\r|\n/).length - 1
  return lines
}
