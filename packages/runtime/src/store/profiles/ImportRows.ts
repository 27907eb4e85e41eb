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
import { type Session, type Staged, stagingTable } from "../../sources/Staging.ts"

type Step<A> = Effect.Effect<A, SqlError.SqlError, SqlClient.SqlClient>

/**
 * A table (id, account, traits, identifiers, misshapen): the columns that the config names, whatever else the source
 * has.
 *
 * @category constructors
 * @since 0.1.0
 */
export const readRows = Effect.fnUntraced(function* (
  source: ResolvedProfiles,
  staged: Staged
): Effect.fn.Return<string, SqlError.SqlError, SqlClient.SqlClient | Session | Scope.Scope> {
  const sql = yield* SqlClient.SqlClient
  // A row of the store is made JSON once, and not for each of its columns.
  const rows =
    staged._tag === "Table"
      ? sql`select s.row from ${sql(staged.table)} s`
      : sql`select to_jsonb(s) as row from (${staged.query}) s offset 0`
  const names = Object.keys(source.traits)
  const types = Object.keys(source.identifiers)
  const plain = [
    source.id,
    ...Object.values(source.identifiers),
    ...(source.account === undefined ? [] : [source.account])
  ]
  const table = yield* stagingTable(sql`as
    select r.row ->> ${source.id}::text as id, r.row ->> ${source.account ?? null}::text as account,
      coalesce((select jsonb_object_agg(n, r.row -> c)
        from unnest(${names}::text[], ${Object.values(source.traits)}::text[]) w(n, c)
        where r.row -> c is not null and r.row -> c <> 'null'::jsonb), '{}'::jsonb) as traits,
      (select jsonb_object_agg(t, r.row ->> c)
        from unnest(${types}::text[], ${Object.values(source.identifiers)}::text[]) w(t, c)) as identifiers,
      (select min(c) from unnest(${plain}::text[]) c
        where jsonb_typeof(r.row -> c) in ('array', 'object')) as misshapen
    from (${rows}) r`)
  yield* analyze(table)
  return table
})

/**
 * What is wrong with the rows, in words; `undefined` where nothing is.
 *
 * @category combinators
 * @since 0.1.0
 */
export const mistakeIn = (source: ResolvedProfiles, staged: Staged, rows: string): Step<string | undefined> =>
  Effect.flatMap(findMissingColumn(source, staged), (missing) =>
    missing === undefined ? findMistake(source, rows) : Effect.succeed(missing)
  )

/** A row of SQL or CSV has all of its columns, so one row says which; a row of NDJSON may lack some. */
const findMissingColumn = (source: ResolvedProfiles, staged: Staged): Step<string | undefined> =>
  Effect.gen(function* () {
    const { hasAllColumns, title } = shapeOf(source.rows)
    if (!hasAllColumns) return undefined
    const sql = yield* SqlClient.SqlClient
    const row = staged._tag === "Table" ? sql`s.row` : sql`to_jsonb(s)`
    const from = staged._tag === "Table" ? sql`${sql(staged.table)}` : sql`(${staged.query})`
    const account = source.account === undefined ? [] : [source.account]
    const columns = [source.id, ...Object.values(source.identifiers), ...Object.values(source.traits), ...account]
    const [missing] = yield* sql<{ name: string }>`
      select c as name from (select ${row} as row from ${from} s limit 1) r, unnest(${columns}::text[]) c
      where not r.row ? c limit 1`
    return missing === undefined ? undefined : `${title} has no column "${missing.name}"`
  })

/** In bytes. An index of PostgreSQL holds a little less than 2,700. */
const longestValue = 2_000

const findMistake = (source: ResolvedProfiles, table: string): Step<string | undefined> =>
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    const rows = sql`${sql(table)}`
    const [nulls] = yield* sql<{
      count: number
    }>`select count(*)::int as count from ${rows} where id is null or id = ''`
    if (nulls !== undefined && nulls.count > 0) {
      return `${nulls.count} row${nulls.count === 1 ? " has" : "s have"} no id (column "${source.id}" is null, empty or missing)`
    }
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
