/**
 * A file of JSON objects as a source, one a line. A row may leave columns out.
 *
 * @since 0.1.0
 */
import { Json } from "@tributary/core"
import { Effect, Stream } from "effect"
import { textOf, unkeepable } from "./File.ts"
import { type Columns, picked } from "./Columns.ts"
import { failing, type FileSource, type Place, type Shape, type SourceError } from "./Source.ts"

/**
 * @category constructors
 * @since 0.1.0
 */
export const shape = (file: string): Shape => ({ title: file, isChecked: true, isTyped: true })

/**
 * Opens a file of NDJSON.
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
    const fail = failing(place)
    let row = 0
    return textOf(file, place).pipe(
      Stream.splitLines,
      Stream.map((line) => (row === 0 ? line.replace(/^\ufeff/, "") : line)),
      Stream.mapEffect((line) => {
        row++
        if (line.trim() === "") return Effect.succeed("")
        const { reason, text } = rowOf(line, columns)
        return reason === undefined ? Effect.succeed(text) : Effect.fail(fail(`${file}, row ${row}: ${reason}`))
      }),
      Stream.filter((line) => line !== "")
    )
  })

interface Row {
  readonly text: string
  readonly reason?: string | undefined
}

/** What is asked of a line, each number with the digits that it has there. */
const rowOf = (line: string, columns: Columns): Row => {
  let value: Json.Json
  try {
    value = Json.parse(line)
  } catch (error) {
    return { text: "", reason: `is not valid JSON: ${error instanceof Error ? error.message : String(error)}` }
  }
  if (!isObject(value)) return { text: "", reason: "is not an object" }
  const object = value
  const row = picked(columns, (name) => (Object.hasOwn(object, name) ? object[name] : undefined))
  const reason = unkeepable(row)
  return { text: reason === undefined ? JSON.stringify(row) : "", reason }
}

const isObject = (value: Json.Json): value is { readonly [key: string]: Json.Json } =>
  typeof value === "object" && value !== null && !Array.isArray(value) && !Json.isExact(value)
