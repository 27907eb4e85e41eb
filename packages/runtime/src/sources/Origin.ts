/**
 * From what a configuration names to the source that reads it. A new kind of source is entered here.
 *
 * @since 0.1.0
 */
import { Result } from "effect"
import type { Rows } from "../config/Source.ts"
import * as csv from "./csv.ts"
import * as ndjson from "./ndjson.ts"
import * as postgres from "./postgres.ts"
import { failing, type Place, type Shape, type Source, type SourceError } from "./Source.ts"
import * as store from "./store.ts"

/**
 * Opens the source of some rows. Nothing is read yet.
 *
 * @category constructors
 * @since 0.1.0
 */
export const open = ({ origin, query }: Rows, place: Place): Result.Result<Source, SourceError> => {
  switch (origin._tag) {
    case "Store":
      return query === undefined ? noQuery(place) : Result.succeed(store.open(query, place))
    case "Postgres":
      return query === undefined ? noQuery(place) : Result.succeed(postgres.open(origin.url, query, place))
    case "Ndjson":
      return Result.succeed(ndjson.open(origin.file, place))
    case "Csv":
      return Result.succeed(csv.open(origin.file, place))
  }
}

const noQuery = (place: Place) => Result.fail(failing(place)("it has no query"))

/**
 * What some rows are like, without opening their source.
 *
 * @category constructors
 * @since 0.1.0
 */
export const shapeOf = ({ origin }: Rows): Shape => {
  switch (origin._tag) {
    case "Store":
      return store.shape
    case "Postgres":
      return postgres.shape
    case "Ndjson":
      return ndjson.shape(origin.file)
    case "Csv":
      return csv.shape(origin.file)
  }
}
