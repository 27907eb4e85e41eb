/**
 * Rows of profiles as a source gives them, and what is wrong with them.
 *
 * @since 0.1.0
 */
import { Identifier } from "@tributary/core"
import { Effect, type Scope } from "effect"
import { SqlClient, type SqlError } from "effect/sql"
import type { ResolvedProfiles } from "../../config/Profiles.ts"
import { shapeOf } from "../../sources/Origin.ts"
import { analyze } from "../sql/Planner.ts"
import * as Columns from "../../sources/Columns.ts"
import { fix } from "../../sources/Settings.ts"
import { quoted } from "../../sources/Spelling.ts"
import { type Session, type Staged, stagingTable } from "../../sources/Staging.ts"

type Step<A> = Effect.Effect<A, SqlError.SqlError, SqlClient.SqlClient>

/**
 * A table (id, account, traits, identifiers, misfit, misshapen): the columns that the config names, whatever else the
 * source has.
 *
 * @category constructors
 * @since 0.1.0
 */
export const readRows = Effect.fnUntraced(function* (
  source: ResolvedProfiles,
  { columns, rows }: Staged
): Effect.fn.Return<string, SqlError.SqlError, SqlClient.SqlClient | Session | Scope.Scope> {
  const sql = yield* SqlClient.SqlClient
  yield* fix(sql)
  const textOf = (name: string) => `r.${Columns.text(columns, name)}`
  const valueOf = (name: string) => `r.${Columns.value(columns, name)}`
  const pairs = (of: Readonly<Record<string, string>>, columnOf: (name: string) => string) =>
    Object.entries(of).map(([name, column]) => `${quoted(name)}, ${columnOf(column)}`)
  const account = source.account === undefined ? "null::text" : textOf(source.account)
  const table = yield* stagingTable(sql`as
    select ${sql.literal(textOf(source.id))} as id, ${sql.literal(account)} as account,
      ${sql.literal(withoutNulls(pairs(source.traits, valueOf)))} as traits,
      ${sql.literal(object(pairs(source.identifiers, textOf)))} as identifiers, r.misfit, r.misshapen
    from (${rows}) r`)
  yield* analyze(table)
  return table
})

/** A function of PostgreSQL takes a hundred arguments. */
const mostPairs = 50

const object = (pairs: ReadonlyArray<string>): string => {
  const parts: Array<string> = []
  for (let from = 0; from < pairs.length; from += mostPairs) {
    parts.push(`jsonb_build_object(${pairs.slice(from, from + mostPairs).join(", ")})`)
  }
  return parts.length === 0 ? "'{}'::jsonb" : parts.join(" || ")
}

/** A null within a value is part of it, so `jsonb_strip_nulls` would take too much. */
const withoutNulls = (pairs: ReadonlyArray<string>): string =>
  pairs.length === 0
    ? "'{}'::jsonb"
    : `coalesce((select jsonb_object_agg(w.n, w.v) from (values ${pairs.map((pair) => `(${pair})`).join(", ")}) w(n, v)
        where w.v <> 'null'::jsonb), '{}'::jsonb)`

/** In bytes. An index of PostgreSQL holds a little less than 2,700. */
const longestValue = 2_000

/**
 * What is wrong with the rows, in words; `undefined` where nothing is.
 *
 * @category combinators
 * @since 0.1.0
 */
export const mistakeIn = (source: ResolvedProfiles, table: string): Step<string | undefined> =>
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    const rows = sql`${sql(table)}`
    const [nulls] = yield* sql<{
      count: number
    }>`select count(*)::int as count from ${rows} where id is null or id = ''`
    if (nulls !== undefined && nulls.count > 0) {
      return `${nulls.count} row${nulls.count === 1 ? " has" : "s have"} no id (column "${source.id}" is null, empty or missing)`
    }
    const [misfit] = yield* sql<{ id: string; misfit: string }>`
      select id, misfit from ${rows} where misfit is not null limit 1`
    if (misfit !== undefined) return Columns.misfitIn(misfit.id, misfit.misfit)
    const [misshapen] = yield* sql<{ id: string; misshapen: string }>`
      select id, misshapen from ${rows} where misshapen is not null limit 1`
    if (misshapen !== undefined) {
      return `column "${misshapen.misshapen}" of profile ${Identifier.masked(misshapen.id)} holds a list or an object; an identifier is text or a number, and several come as rows of their own`
    }
    // The rows of a file were looked at one by one when they were read.
    const [deep] = shapeOf(source.rows).isChecked
      ? []
      : yield* sql<{ id: string }>`
          select id from ${rows} where jsonb_path_exists(traits, '$.**{100}') limit 1`
    if (deep !== undefined) {
      return `a trait of profile ${Identifier.masked(deep.id)} has more than 100 levels of lists and objects`
    }
    const [long] = yield* sql<{ id: string; what: string }>`
      select id, what from (
        select id, 'id' as what, id as value from ${rows}
        union all select id, 'account', account from ${rows} where account is not null
        union all select id, w.key, w.value from ${rows}, jsonb_each_text(identifiers) w) v
      where octet_length(value) > ${longestValue} limit 1`
    if (long !== undefined) {
      return `the ${long.what} of profile ${Identifier.masked(long.id)} is longer than ${longestValue.toLocaleString("en-US")} bytes; no tool takes that`
    }
    const [twice] = yield* sql<{ id: string }>`
      select id from ${rows} group by id having count(distinct traits) > 1 order by id limit 1`
    if (twice !== undefined) {
      return `profile ${Identifier.masked(twice.id)} comes twice with different traits; several identifiers come as rows of their own, and traits must be the same in all of them`
    }
    const [foreign] = yield* sql<{ id: string; source: string }>`
      select p.id, p.source from ${rows} r join tributary.profile p on p.collection = ${source.collection} and p.id = r.id
      where p.source <> ${source.name} and p.source <> '' and not p.gone limit 1`
    return foreign === undefined
      ? undefined
      : `profile ${Identifier.masked(foreign.id)} comes from profiles "${foreign.source}" already; a profile has one source`
  })
