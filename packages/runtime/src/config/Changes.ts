/**
 * Changes: how a source says what changed, so that not everything is read each time.
 *
 * @since 0.1.0
 */
import { Duration, Option } from "effect"
import type { Query } from "./Query.ts"
import { written } from "./Schedule.ts"

/**
 * Where a source says what changed: a table that is written with every change, or a column such as `updated_at`.
 *
 * @category models
 * @since 0.1.0
 */
export interface ChangesOptions {
  /**
   * Returns a row per change: whose it is, and a position that grows from change to change, a time or a whole number.
   * It runs in the database of the query that it belongs to.
   */
  readonly query: Query
  /** The column of the profile's id, of the type that it has in the other query. Default: `id`. */
  readonly id?: string
  /** The column of the position. Default: `at`. */
  readonly at?: string
  /**
   * How far each look reaches back behind the last position, for transactions that committed late. Only for times.
   * Default: `1 minute`.
   */
  readonly overlap?: Duration.Input
  /** How often everything is read all the same, to find what the changes did not say. Default: `1 day`. */
  readonly full?: Duration.Input
}

/**
 * @category models
 * @since 0.1.0
 */
export interface Changes {
  readonly query: Query
  readonly id: string
  readonly at: string
  readonly overlapSeconds: number
  readonly fullMillis: number
}

/**
 * The options with what was left out; `fail` receives what is wrong with them.
 *
 * @category constructors
 * @since 0.1.0
 */
export const resolve = (
  options: ChangesOptions | undefined,
  path: string,
  fail: (path: string, message: string) => void
): Changes | undefined => {
  if (options === undefined) return undefined
  const overlap = Duration.fromInput(options.overlap ?? "1 minute")
  const full = Duration.fromInput(options.full ?? "1 day")
  if (Option.isNone(overlap)) {
    fail(`${path}.changes.overlap`, `"${written(options.overlap)}" is not a duration; write for example "1 minute"`)
  }
  if (Option.isNone(full)) {
    fail(`${path}.changes.full`, `"${written(options.full)}" is not a duration; write for example "1 day"`)
  }
  return {
    query: options.query,
    id: options.id ?? "id",
    at: options.at ?? "at",
    overlapSeconds: Option.match(overlap, { onNone: () => 0, onSome: (given) => Duration.toMillis(given) / 1000 }),
    fullMillis: Option.match(full, { onNone: () => 0, onSome: Duration.toMillis })
  }
}
