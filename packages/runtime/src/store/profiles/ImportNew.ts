/**
 * What nobody knew before an import: new profiles and new identifiers, written slice by slice.
 *
 * A first import of millions takes minutes. What is new takes nothing from anybody, so each slice of it is a transaction
 * of its own: an import that is killed has written what it has written, and the next one finds it there.
 *
 * @since 0.1.0
 */
import type { IdSet } from "@tributary/core/runtime"
import { Context, Effect, type Scope } from "effect"
import { SqlClient, type SqlError, type Statement } from "effect/sql"
import type { ResolvedProfiles } from "../../config/Profiles.ts"
import { analyze, analyzeGrown } from "../sql/Planner.ts"
import { touched } from "../sql/Sets.ts"
import { OnProgress, rowsBetweenNews, type Session, stagingTable } from "../../sources/Staging.ts"
import { transaction } from "../sql/Transaction.ts"

/**
 * How many new profiles are written at a time, with their identifiers.
 *
 * @category references
 * @since 0.1.0
 */
export const SliceSize = Context.Reference<number>("tributary/ImportNew/SliceSize", { defaultValue: () => 100_000 })

/**
 * What a source gave, compared with what is known.
 *
 * @category models
 * @since 0.1.0
 */
export interface Compared {
  /** Table (id, traits, no, slice), a profile each: its number, or the slice that it will be written with. */
  readonly profiles: string
  /**
   * Table (type, value, id, no, is_shared, identifier_no, is_held, slice), an identifier each: whose it is, and its own
   * number, or the slice that it will be written with; whether that profile has it already.
   */
  readonly identifiers: string
  readonly total: number
  /** Profiles that nobody knew. */
  readonly added: number
  readonly slices: number
  /** Identifiers that several profiles claim: the one that has it, or else the first, keeps it. */
  readonly shared: number
  /** The largest numbers before the import. */
  readonly newest: { readonly profile: number; readonly identifier: number }
}

/**
 * Ids of those that the rows are about; everybody where there are none.
 *
 * @category models
 * @since 0.1.0
 */
export type About = Statement.Fragment | undefined

/**
 * Compares the rows of a source with what is known.
 *
 * @category constructors
 * @since 0.1.0
 */
export const compare = Effect.fnUntraced(function* (
  { collection, name }: ResolvedProfiles,
  table: string,
  about: About
): Effect.fn.Return<Compared, SqlError.SqlError, SqlClient.SqlClient | Session | Scope.Scope> {
  const sql = yield* SqlClient.SqlClient
  const rows = sql`${sql(table)}`
  const size = yield* SliceSize
  const [read] = yield* sql<{ count: number }>`select count(*)::int as count from ${rows}`
  if (read !== undefined && read.count >= rowsBetweenNews) {
    const onProgress = yield* OnProgress
    onProgress(`comparing ${read.count.toLocaleString("en-US")} rows with what is known`)
  }
  const [newest] = yield* sql<{ profile: number; identifier: number }>`
    select (select coalesce(max(no), 0) from tributary.profile) as profile,
      (select coalesce(max(no), 0) from tributary.identifier) as identifier`
  const profiles = yield* stagingTable(sql`as
    select t.id, t.traits, p.no,
      case when p.no is null then ((row_number() over (partition by p.no is null order by t.id) - 1) / ${size}::int)::int
      end as slice
    from (select id, (array_agg(traits))[1] as traits from ${rows} group by id) t
    left join tributary.profile p on p.collection = ${collection} and p.id = t.id`)
  yield* analyze(profiles)
  const given = sql`${sql(profiles)}`
  // Who was not read claims what they have.
  const holders =
    about === undefined
      ? sql``
      : sql`union all select v.type, v.value, h.id, h.no, null::int from (
          select distinct w.key as type, w.value from ${rows} r cross join lateral jsonb_each_text(r.identifiers) w) v
        join tributary.identifier i on i.collection = ${collection} and i.type = v.type and i.value = v.value
        join tributary.profile h on h.no = i.profile_no
        where not i.gone and not h.gone and h.source = ${name} and h.id not in (${about})`
  const identifiers = yield* stagingTable(sql`as
    select w.*, case when w.identifier_no is null then coalesce(w.profile_slice, 0) end as slice
    from (
      select distinct on (c.type, c.value) c.type, c.value, c.id, c.no, c.slice as profile_slice,
        min(c.id) over w <> max(c.id) over w as is_shared, i.no as identifier_no,
        coalesce(i.profile_no = c.no and not i.gone, false) as is_held
      from (
        select w.key as type, w.value, p.id, p.no, p.slice
        from ${rows} r join ${given} p on p.id = r.id cross join lateral jsonb_each_text(r.identifiers) w
        where w.value is not null and w.value <> '' ${holders}) c
      left join tributary.identifier i on i.collection = ${collection} and i.type = c.type and i.value = c.value
      window w as (partition by c.type, c.value)
      order by c.type, c.value, (i.profile_no = c.no and not i.gone) desc nulls last, c.no nulls last, c.id) w`)
  yield* analyze(identifiers)
  const [count] = yield* sql<{ total: number; added: number; slices: number; shared: number }>`
    select (select count(*)::int from ${given}) as total, (select count(slice)::int from ${given}) as added,
      greatest((select coalesce(max(slice) + 1, 0) from ${given}),
        (select coalesce(max(slice) + 1, 0) from ${sql(identifiers)})) as slices,
      (select count(*)::int from ${sql(identifiers)} where is_shared) as shared`
  const { added = 0, shared = 0, slices = 0, total = 0 } = count ?? {}
  if (slices > 1) {
    yield* sql`create index on ${given} (slice)`
    yield* sql`create index on ${sql(identifiers)} (slice)`
  }
  return { profiles, identifiers, total, added, slices, shared, newest: newest ?? { profile: 0, identifier: 0 } }
})

/**
 * What a slice wrote.
 *
 * @category models
 * @since 0.1.0
 */
export interface Written {
  readonly profiles: IdSet.IdSet
  /** Profiles, new or known, that got an identifier that nobody had. */
  readonly identified: IdSet.IdSet
}

/**
 * Writes what is new, a slice in a transaction, with what follows from it.
 *
 * @category combinators
 * @since 0.1.0
 */
export const writeNew = Effect.fnUntraced(function* <E, R>(
  source: ResolvedProfiles,
  { added, identifiers, profiles, slices }: Compared,
  at: Date,
  follow: (written: Written) => Effect.Effect<void, E, R>
): Effect.fn.Return<void, E | SqlError.SqlError, SqlClient.SqlClient | R> {
  const sql = yield* SqlClient.SqlClient
  const { collection, name } = source
  const onProgress = yield* OnProgress
  const size = yield* SliceSize
  for (let slice = 0; slice < slices; slice++) {
    yield* transaction(
      Effect.gen(function* () {
        const [newest] = yield* sql<{ no: number }>`select coalesce(max(no), 0) as no from tributary.profile`
        const people = yield* touched(sql`
          insert into tributary.profile (collection, id, source, traits)
          select ${collection}, t.id, ${name}, t.traits from ${sql(profiles)} t where t.slice = ${slice}
          order by t.id returning no`)
        const named = yield* touched(sql`
          insert into tributary.identifier (collection, type, value, profile_no, added_at)
          select ${collection}, t.type, t.value, coalesce(t.no, p.no), ${at}::timestamptz
          from ${sql(identifiers)} t left join tributary.profile p
            on p.no > ${newest?.no ?? 0} and p.collection = ${collection} and p.id = t.id and t.no is null
          where t.slice = ${slice}
          order by 4, t.type, t.value
          -- A key may have been numbered since the comparison (R43).
          on conflict (collection, type, value) do update set profile_no = excluded.profile_no,
            added_at = excluded.added_at, gone = false where identifier.profile_no = 0
          returning profile_no as no`)
        yield* follow({ profiles: people.all, identified: named.all })
      })
    )
    yield* analyzeGrown("profile", "identifier")
    if (slices > 1) {
      const written = Math.min(added, (slice + 1) * size)
      onProgress(`${written.toLocaleString("en-US")} of ${added.toLocaleString("en-US")} new profiles written`)
    }
  }
})
