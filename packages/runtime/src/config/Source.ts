/**
 * Sources: where profiles and computations come from.
 *
 * A source yields rows. SQL on the store's own database never leaves it; SQL on another PostgreSQL, NDJSON and CSV files
 * are read as streams into a staging table. Whichever it is, what follows is the same SQL.
 *
 * @since 0.1.0
 */
import type { Configurable } from "@tributary/core"
import type { Computation } from "@tributary/core/runtime"
import type { Redacted } from "effect"
import type { ChangesOptions } from "./Changes.ts"
import type { Query } from "./Query.ts"
import type { ScheduleOptions } from "./Schedule.ts"

/**
 * What rows are read from.
 *
 * @category models
 * @since 0.1.0
 */
export type Origin =
  | { readonly _tag: "Store" }
  | { readonly _tag: "Postgres"; readonly url: Configurable.Configurable<Redacted.Redacted> }
  | { readonly _tag: "Ndjson"; readonly file: string }
  | { readonly _tag: "Csv"; readonly file: string }

/**
 * Rows of an origin: all of a file, or what a query returns.
 *
 * @category models
 * @since 0.1.0
 */
export interface Rows {
  readonly origin: Origin
  readonly query: Query | undefined
  /** How the origin says what changed, where it does. */
  readonly changes?: ChangesOptions | undefined
}

/**
 * Which columns make a profile.
 *
 * @category models
 * @since 0.1.0
 */
export interface ProfileOptions extends ScheduleOptions {
  /** The name of this set of profiles in messages. Default: `users` or `accounts`. */
  readonly name?: string
  /** The column of the profile's id. Default: `id`. */
  readonly id?: string
  /** Identifier types and their columns: `{ user_id: "id", email: "email" }`. Several values come as rows of their own. */
  readonly identifiers: Readonly<Record<string, string>>
  /** Columns to keep as traits: names, or names in the profile and their columns. */
  readonly traits?: ReadonlyArray<string> | Readonly<Record<string, string>>
}

/**
 * Of users: also which column names their account.
 *
 * @category models
 * @since 0.1.0
 */
export interface UserOptions extends ProfileOptions {
  /** The column of the account's id. Several accounts come as rows of their own. */
  readonly account?: string
}

/**
 * Profiles as a source gives them.
 *
 * @category models
 * @since 0.1.0
 */
export interface Profiles {
  readonly _tag: "Profiles"
  readonly name: string
  readonly collection: Computation.Collection
  readonly rows: Rows
  readonly options: UserOptions
}

interface Queried {
  /** Returns a row per profile, with the columns that are named below. */
  readonly query: Query
  /** How the database says whose rows changed. Default: it does not, and everything is read each time. */
  readonly changes?: ChangesOptions
}

/**
 * A database that is asked with SQL.
 *
 * @category models
 * @since 0.1.0
 */
export interface SqlSource {
  readonly _tag: "SqlSource"
  readonly origin: Origin
  readonly users: (options: UserOptions & Queried) => Profiles
  readonly accounts: (options: ProfileOptions & Queried) => Profiles
}

/**
 * A file that is read whole.
 *
 * @category models
 * @since 0.1.0
 */
export interface FileSource {
  readonly _tag: "FileSource"
  readonly origin: Origin
  readonly users: (options: UserOptions) => Profiles
  readonly accounts: (options: ProfileOptions) => Profiles
}

const profiles = (
  collection: Computation.Collection,
  origin: Origin,
  options: UserOptions,
  query: Query | undefined,
  changes?: ChangesOptions
): Profiles => ({
  _tag: "Profiles",
  name: options.name ?? collection,
  collection,
  rows: { origin, query, changes },
  options
})

const sqlSource = (origin: Origin): SqlSource => ({
  _tag: "SqlSource",
  origin,
  users: (options) => profiles("users", origin, options, options.query, options.changes),
  accounts: (options) => profiles("accounts", origin, options, options.query, options.changes)
})

const fileSource = (origin: Origin): FileSource => ({
  _tag: "FileSource",
  origin,
  users: (options) => profiles("users", origin, options, undefined),
  accounts: (options) => profiles("accounts", origin, options, undefined)
})

/**
 * The store's own database: the fastest, as nothing leaves it.
 *
 * @category constructors
 * @since 0.1.0
 */
export const store = (): SqlSource => sqlSource({ _tag: "Store" })

/**
 * Another PostgreSQL database.
 *
 * @example
 * ```ts
 * const shop = Source.postgres(Config.Redacted("SHOP_URL"))
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const postgres = (url: Configurable.Configurable<Redacted.Redacted>): SqlSource =>
  sqlSource({ _tag: "Postgres", url })

/**
 * A file of JSON objects, one a line. The path is relative to the config.
 *
 * @category constructors
 * @since 0.1.0
 */
export const ndjson = (file: string): FileSource => fileSource({ _tag: "Ndjson", file })

/**
 * A CSV file whose first line names the columns. The path is relative to the config.
 *
 * @category constructors
 * @since 0.1.0
 */
export const csv = (file: string): FileSource => fileSource({ _tag: "Csv", file })
