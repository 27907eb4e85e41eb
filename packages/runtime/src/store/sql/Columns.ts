/**
 * Many rows as one: a column of numbers as its bytes, a column of texts or values as one JSON text. The driver makes an
 * object of each row, and of each element of a parameter, and a claim reads tens of thousands
 * (`bench list`, `bench event`).
 *
 * @since 0.1.0
 */
import { Json } from "@tributary/core"
import { IdSet } from "@tributary/core/runtime"
import type { SqlClient, Statement } from "effect/sql"

/**
 * A column of our numbers that was aggregated by `string_agg(int4send(…), '')`, four big-endian bytes a row; none of no
 * rows.
 *
 * @category constructors
 * @since 0.1.0
 */
export const int4s = (bytes: Uint8Array | null | undefined): Uint32Array => {
  if (bytes === null || bytes === undefined) return new Uint32Array(0)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const numbers = new Uint32Array(bytes.byteLength / 4)
  for (let i = 0; i < numbers.length; i++) numbers[i] = view.getUint32(i * 4)
  return numbers
}

/**
 * The same as a set.
 *
 * @category constructors
 * @since 0.1.0
 */
export const int4Set = (bytes: Uint8Array | null | undefined): IdSet.IdSet => IdSet.from(int4s(bytes))

/**
 * A column of JSON that was aggregated by `json_agg(…)::text`. The driver's own reading would round numbers (R45).
 *
 * @category constructors
 * @since 0.1.0
 */
export const jsons = (text: string | null | undefined): ReadonlyArray<Json.Json> => {
  const list = text == null ? [] : Json.parse(text)
  return Array.isArray(list) ? list : []
}

/**
 * Our numbers as one parameter, in PostgreSQL's notation: for `= any(${…}::int[])`, where they may be thousands.
 *
 * @category combinators
 * @since 0.1.0
 */
export const int4List = (numbers: ReadonlyArray<number> | Uint32Array): string => `{${numbers.join(",")}}`

/**
 * That a column holds one of our numbers, which are in ascending order and each there once: as a stretch and a bit for
 * each number of it, where at least one in four is asked for. An index finds a stretch at once, and a list number by
 * number: twenty thousand rows that follow each other took a fifth of the time, one in four as much or less (`bench list`).
 *
 * @category combinators
 * @since 0.1.0
 */
export const among = (sql: SqlClient.SqlClient, column: string, numbers: ReadonlyArray<number>): Statement.Fragment => {
  const first = numbers[0] ?? 0
  const last = numbers.at(-1) ?? 0
  if (last - first >= numbers.length * 4) return sql`${sql(column)} = any(${int4List(numbers)}::int[])`
  const bits = new Uint8Array(((last - first) >> 3) + 1)
  for (const no of numbers) bits[(no - first) >> 3] = (bits[(no - first) >> 3] ?? 0) | (1 << ((no - first) & 7))
  return sql`(${sql(column)} between ${first} and ${last} and get_bit(${bits}::bytea, ${sql(column)} - ${first}::int) = 1)`
}

/** From 1970 to 2000, which PostgreSQL counts from. */
const millisTo2000 = 946_684_800_000

/**
 * A column that was aggregated by `string_agg(timestamptz_send(…), '')`, eight big-endian bytes a row, as milliseconds
 * since 1970; none of no rows.
 *
 * @category constructors
 * @since 0.1.0
 */
export const timestamps = (bytes: Uint8Array | null | undefined): Float64Array => {
  if (bytes === null || bytes === undefined) return new Float64Array(0)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const millis = new Float64Array(bytes.byteLength / 8)
  for (let i = 0; i < millis.length; i++) {
    const micros = view.getInt32(i * 8) * 2 ** 32 + view.getUint32(i * 8 + 4)
    millis[i] = Math.floor(micros / 1000) + millisTo2000
  }
  return millis
}
