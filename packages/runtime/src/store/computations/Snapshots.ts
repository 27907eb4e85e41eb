/**
 * Snapshots: the latest result of a computation, and the evaluations that brought each profile into it or out of it.
 *
 * @since 0.1.0
 */
import type { Json } from "@tributary/core"
import { IdSet } from "@tributary/core/runtime"
import { Effect } from "effect"
import { SqlClient, type SqlError } from "effect/sql"
import { ByNumber } from "../sql/ByNumber.ts"
import { among, int4s, jsons } from "../sql/Columns.ts"

/**
 * The newest evaluation that changed a profile.
 *
 * @category models
 * @since 0.1.0
 */
export interface Found {
  /** When, in epoch milliseconds. */
  readonly at: number
  /** The number of the evaluation, as text. */
  readonly evaluation: string
  /** Whether it entered then, or its value changed; `false` where it exited. */
  readonly isIn: boolean
}

/**
 * The latest result of an audience, in these chunks.
 *
 * @category constructors
 * @since 0.1.0
 */
export const readSnapshot = Effect.fnUntraced(function* (
  computation: number,
  chunks: ReadonlyArray<number>
): Effect.fn.Return<IdSet.IdSet, SqlError.SqlError, SqlClient.SqlClient> {
  const sql = yield* SqlClient.SqlClient
  const rows = yield* sql<{ bits: Uint8Array }>`
    select bits from tributary.snapshot where computation_no = ${computation} and chunk = any(${chunks}::int[])`
  return IdSet.decodeAll(rows.map((row) => row.bits))
})

interface ChangeRow {
  readonly chunk: number
  readonly evaluation_no: bigint
  readonly at: Date
  readonly entered: Uint8Array
  readonly exited: Uint8Array
}

/** How far to look: at first at the newest evaluation, where most is found, then at more of fewer chunks at a time. */
const looks = [
  { evaluations: 1, chunks: 512 },
  { evaluations: 8, chunks: 64 },
  { evaluations: 64, chunks: 16 }
] as const

/**
 * For each profile the newest evaluation in which it entered, exited or changed. Whoever entered is in: what changed is
 * written with the snapshot, so that the snapshot need not be read, which is as large as the audience (`bench growth`).
 *
 * @category constructors
 * @since 0.1.0
 */
export const readFound = Effect.fnUntraced(function* (
  computation: number,
  profiles: ReadonlyArray<number>
): Effect.fn.Return<ByNumber<Found>, SqlError.SqlError, SqlClient.SqlClient> {
  const sql = yield* SqlClient.SqlClient
  const found = new ByNumber<Found>(profiles)
  const open = new Map(IdSet.byChunk(IdSet.from(profiles)))
  const before = new Map<number, bigint>()
  for (let i = 0; open.size > 0; i++) {
    const { chunks: width, evaluations } = looks[i] ?? looks[2]
    const chunks = [...open.keys()].slice(0, width)
    const rows = yield* sql<ChangeRow>`
      select w.chunk, c.evaluation_no, e.at, c.entered, c.exited
      from unnest(${chunks}::int[], ${chunks.map((chunk) => before.get(chunk) ?? latest)}::bigint[]) w(chunk, before)
      cross join lateral (
        select evaluation_no, entered, exited from tributary.change
        where computation_no = ${computation} and chunk = w.chunk and evaluation_no < w.before
        order by evaluation_no desc limit ${evaluations}) c
      join tributary.evaluation e on e.no = c.evaluation_no
      order by w.chunk, c.evaluation_no desc`
    const counts = new Map<number, number>()
    for (const row of rows) {
      const left = open.get(row.chunk) ?? IdSet.empty
      const entered = IdSet.intersection(IdSet.decode(row.entered), left)
      const exited = IdSet.intersection(IdSet.decode(row.exited), left)
      const own = { at: row.at.getTime(), evaluation: String(row.evaluation_no) }
      const foundIn: Found = { ...own, isIn: true }
      const foundOut: Found = { ...own, isIn: false }
      for (const profile of entered) found.set(profile, foundIn)
      for (const profile of exited) found.set(profile, foundOut)
      open.set(row.chunk, IdSet.difference(IdSet.difference(left, entered), exited))
      before.set(row.chunk, row.evaluation_no)
      counts.set(row.chunk, (counts.get(row.chunk) ?? 0) + 1)
    }
    // A chunk is done with when all are found, or no evaluation is left.
    for (const chunk of chunks) {
      if ((open.get(chunk)?.size ?? 0) === 0 || (counts.get(chunk) ?? 0) < evaluations) open.delete(chunk)
    }
  }
  return found
})

const latest = 9_223_372_036_854_775_807n

/**
 * The latest values of a computed trait. They come as one row, and are not decoded by a schema: they were JSON when they
 * were evaluated, and a claim reads thousands (`bench event`).
 *
 * @category constructors
 * @since 0.1.0
 */
export const readValues = Effect.fnUntraced(function* (
  computation: number,
  profiles: ReadonlyArray<number>
): Effect.fn.Return<ByNumber<Json.Json | undefined>, SqlError.SqlError, SqlClient.SqlClient> {
  const sql = yield* SqlClient.SqlClient
  const [row] = yield* sql<{ profiles: Uint8Array | null; results: string | null }>`
    select string_agg(int4send(profile_no), ''::bytea) as profiles, json_agg(value)::text as results from tributary.value
    where computation_no = ${computation} and ${among(sql, "profile_no", profiles)}`
  const results = jsons(row?.results)
  const values = new ByNumber<Json.Json | undefined>(profiles)
  int4s(row?.profiles).forEach((profile, i) => values.set(profile, results[i]))
  return values
})
