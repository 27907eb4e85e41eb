/**
 * Sources: the contract that each place where rows come from fulfils.
 *
 * A source gives its rows, says what changed where it can, and says what its rows are like. Whichever it is, what follows
 * is the same SQL in the store.
 *
 * @since 0.1.0
 */
import { type Effect, Schema, type Stream } from "effect"
import type { SqlClient } from "effect/sql"
import type { Query } from "../config/Query.ts"
import type { Columns, Described } from "./Columns.ts"

/**
 * A source could not be read. Nothing was changed, or what was written of it stays and the next import goes on from there.
 *
 * @category errors
 * @since 0.1.0
 */
export class SourceError extends Schema.TaggedError<SourceError>()("SourceError", {
  /** Which: `profiles "users"`, `computation "first_time_shopper"`. */
  source: Schema.String,
  reason: Schema.String,
  /** Whether the store failed while an import was written. */
  isPartial: Schema.optionalKey(Schema.Boolean)
}) {
  override get message(): string {
    const left =
      this.isPartial === true
        ? "What was written of it stays; the next import goes on from there"
        : "Nothing was changed"
    return `${this.source}: ${this.reason}. ${left}.`
  }
}

/**
 * Rows to read: a query that runs where the store is, or a stream of JSON objects as text, one a row. Whichever it is,
 * their columns have the names that `Columns` gives them.
 *
 * @category models
 * @since 0.1.0
 */
export type SourceRows =
  | { readonly _tag: "InStore"; readonly query: Query }
  | { readonly _tag: "Stream"; readonly stream: Stream.Stream<string, SourceError> }

/**
 * What the rows of a source are like.
 *
 * @category models
 * @since 0.1.0
 */
export interface Shape {
  /** What messages call the rows: `the query`, or the name of a file. */
  readonly title: string
  /** Whether each row is checked as it is read. What a database returns is checked afterwards, in SQL. */
  readonly isChecked: boolean
  /** Whether a value has a type of its own. In CSV all is text, and a column is what all of its cells can be. */
  readonly isTyped: boolean
}

/**
 * A file that is read whole.
 *
 * @category models
 * @since 0.1.0
 */
export interface FileSource {
  readonly _tag: "File"
  readonly rows: (columns: Columns) => SourceRows
}

/**
 * A database that answers queries.
 *
 * @category models
 * @since 0.1.0
 */
export interface SqlSource {
  readonly _tag: "Sql"
  /** The query of everything. */
  readonly query: Query
  /** The columns that a query returns. Messages call the query by its title: `the query`. */
  readonly describe: (
    query: Query,
    title: string
  ) => Effect.Effect<ReadonlyArray<Described>, SourceError, SqlClient.SqlClient>
  /** Runs a query of `Columns.projected`, or another one whose columns are named so. */
  readonly run: (query: Query) => SourceRows
}

/**
 * A source that is open.
 *
 * @category models
 * @since 0.1.0
 */
export type Source = FileSource | SqlSource

/**
 * What a source needs to open.
 *
 * @category models
 * @since 0.1.0
 */
export interface Place {
  /** What messages call it: `profiles "users"`. */
  readonly source: string
  /** The folder that files are relative to. */
  readonly folder: string
  /** The column of a computed trait's value, which a result may lack: the evaluation says so. */
  readonly value?: string | undefined
}

/**
 * How a source reports that it cannot be read.
 *
 * @category models
 * @since 0.1.0
 */
export type Fail = (reason: string) => SourceError

/**
 * @category constructors
 * @since 0.1.0
 */
export const failing =
  ({ source }: Place): Fail =>
  (reason) =>
    new SourceError({ source, reason })
