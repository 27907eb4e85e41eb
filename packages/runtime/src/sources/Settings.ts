/**
 * The settings of the session that a source is read in.
 *
 * PostgreSQL writes times, intervals, bytes and numbers as its session is set, and `alter database … set timezone`
 * would make a new value of every one of them. So they are fixed while rows are read, for that transaction alone.
 * `search_path` is not touched: names mean what they mean to whoever wrote the query.
 *
 * @since 0.1.0
 */
import type { Effect } from "effect"
import type { SqlClient, SqlError } from "effect/sql"

const settings: Readonly<Record<string, string>> = {
  timezone: "UTC",
  datestyle: "ISO, YMD",
  intervalstyle: "postgres",
  extra_float_digits: "1",
  bytea_output: "hex",
  xmlbinary: "base64",
  lc_monetary: "C",
  lc_numeric: "C",
  lc_time: "C"
}

/**
 * Fixes the settings until the transaction that is open ends.
 *
 * @category combinators
 * @since 0.1.0
 */
export const fix = (sql: SqlClient.SqlClient): Effect.Effect<unknown, SqlError.SqlError> =>
  sql`select set_config(s.name, s.value, true)
    from unnest(${Object.keys(settings)}::text[], ${Object.values(settings)}::text[]) s(name, value)`
