/**
 * Files as sources: their text, and what a row of one may hold.
 *
 * @since 0.1.0
 */
import { Json } from "@tributary/core"
import { NodeStream } from "@effect/platform-node"
import { Effect, Stream } from "effect"
import * as fs from "node:fs"
import * as path from "node:path"
import { failing, type Place, type SourceError } from "./Source.ts"

/**
 * The text of a file in UTF-8, as a stream.
 *
 * @category constructors
 * @since 0.1.0
 */
export const textOf = (file: string, place: Place): Stream.Stream<string, SourceError> => {
  const fail = failing(place)
  const full = path.resolve(place.folder, file)
  const bytes = NodeStream.fromReadable<Uint8Array, SourceError>({
    evaluate: () => fs.createReadStream(full),
    onError: (error) => fail(`cannot read ${full}: ${error instanceof Error ? error.message : String(error)}`)
  })
  // Anything but UTF-8 is refused: a replaced character would make one address of two.
  const decoder = new TextDecoder("utf-8", { fatal: true })
  const decode = (part?: Uint8Array) =>
    Effect.try({
      try: () => (part === undefined ? decoder.decode() : decoder.decode(part, { stream: true })),
      catch: () => fail(`${file} is not in UTF-8`)
    })
  return Stream.concat(Stream.mapEffect(bytes, decode), Stream.fromEffect(Effect.suspend(decode)))
}

/** Half of a surrogate pair, or a NUL, as `JSON.stringify` escapes them: what PostgreSQL's JSON cannot hold. */
const unstorable = /(?:^|[^\\])(?:\\\\)*\\u(?:0000|d[89a-f][0-9a-f]{2})/i

/** A number as JSON has it; 0 for all else. */
const numberIn = (value: unknown): number | string =>
  typeof value === "number" ? value : Json.isExact(value) ? value.rawJSON : 0

/** Levels of lists and objects that a row may have. */
const deepest = 100

/**
 * Why the store cannot keep a value; `undefined` where it can. It goes down level by level: a recursion would end before
 * the value does.
 *
 * @category combinators
 * @since 0.1.0
 */
export const unkeepable = (value: unknown): string | undefined => {
  let level: ReadonlyArray<unknown> = [value]
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > deepest) return `has more than ${deepest} levels of lists and objects`
    if (level.some((each) => !Number.isFinite(Number(numberIn(each))))) return "has a number beyond 1e308"
    level = level.flatMap((each) =>
      typeof each === "object" && each !== null && !Json.isExact(each) ? Object.values(each) : []
    )
  }
  return unstorable.test(JSON.stringify(value))
    ? "has a character that PostgreSQL cannot hold (a NUL, or half of a surrogate pair)"
    : undefined
}
