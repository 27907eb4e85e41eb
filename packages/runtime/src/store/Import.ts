/**
 * Import: who there is, by which identifiers, in which accounts.
 *
 * A source gives all of its profiles. What differs from the store is written, in one transaction: new and changed
 * profiles, profiles that are gone, identifiers that came, moved or went, membership of accounts. An identifier keeps
 * its number for ever, and one that went keeps its last owner, so that whoever was told of it can be told of its leaving.
 *
 * @since 0.1.0
 */
import { IdSet } from "@tributary/core"
import { DateTime, Effect } from "effect"
import { SqlClient, type SqlError, type Statement } from "effect/sql"
import type { ResolvedProfiles } from "../config/Resolved.ts"
import * as Changes from "./Changes.ts"
import { lane, laneFor, mark, marksOf } from "./DirtySets.ts"
import { mistakeIn, readRows } from "./ImportRows.ts"
import { analyze } from "./Planner.ts"
import { readSnapshot } from "./Readings.ts"
import { touched } from "./Sets.ts"
import { sqlReason } from "./SqlLedger.ts"
import { type Staged, SourceError } from "./Staging.ts"

/**
 * What an import found.
 *
 * @category models
 * @since 0.1.0
 */
export interface Imported {
  readonly source: string
  readonly profiles: number
  readonly added: number
  readonly changed: number
  readonly gone: number
  /** Identifiers that several profiles claim: the one that has it, or else the first, keeps it. */
  readonly shared: number
  /** Whether only what changed was read. */
  readonly partial: boolean
}

type Step<A> = Effect.Effect<A, SqlError.SqlError, SqlClient.SqlClient>

/**
 * Imports profiles from staged rows, in one transaction: all of a source, or those that the look is about.
 *
 * @category combinators
 * @since 0.1.0
 */
export const importProfiles = Effect.fnUntraced(function* (
  source: ResolvedProfiles,
  staged: Staged,
  look: Changes.Look = Changes.everything(source.rows)
): Effect.fn.Return<Imported, SourceError | SqlError.SqlError, SqlClient.SqlClient> {
  const sql = yield* SqlClient.SqlClient
  const failed = (reason: string) => new SourceError({ source: `profiles "${source.name}"`, reason })
  return yield* sql.withTransaction(
    Effect.gen(function* () {
      yield* readRows(source, staged).pipe(Effect.mapError((error) => failed(`the query failed: ${sqlReason(error)}`)))
      const mistake = yield* mistakeIn(source, staged)
      if (mistake !== undefined) return yield* failed(mistake)
      const at = yield* DateTime.nowAsDate
      const about = look.changed === undefined ? undefined : sql`select s.id from tributary.${sql(look.changed)} s`
      const newest = yield* newestProfile
      const profiles = yield* writeProfiles(source, about)
      const identifiers = yield* writeIdentifiers(source, at, about)
      const members = source.account === undefined ? IdSet.empty : yield* writeMembership(source, at, about)
      yield* markNewcomers(newest, profiles.returned)
      yield* markDirty(
        source,
        IdSet.union(identifiers.told, IdSet.union(members, profiles.returned)),
        identifiers.added
      )
      yield* markHealed(profiles.changed)
      const moves = identifiers.moved > 0 ? 1 : 0
      yield* sql`insert into tributary.source as s (id, imported_at, error, moves)
        values (${source.name}, ${at}::timestamptz, null, ${moves})
        on conflict (id) do update set imported_at = excluded.imported_at, error = null, moves = s.moves + excluded.moves`
      yield* sql`update tributary.source set ${Changes.remembered(sql, look, at)} where id = ${source.name}`
      yield* sql`drop table t_row, t_profile, t_identifier`
      return {
        source: source.name,
        profiles: profiles.total,
        added: profiles.added,
        changed: profiles.changed.size,
        gone: profiles.gone,
        shared: identifiers.shared,
        partial: look.changed !== undefined
      }
    })
  )
})

/** Beyond this many new rows, what the database knows of a table's size is worth renewing at once. */
const manyRows = 10_000

interface WrittenProfiles {
  readonly total: number
  readonly added: number
  readonly changed: IdSet.IdSet
  /** Profiles that were gone and are back, and profiles that went. */
  readonly returned: IdSet.IdSet
  readonly gone: number
}

/** Ids of those that the rows are about; everybody where there are none. */
type About = Statement.Fragment | undefined

const newestProfile: Step<number> = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const [row] = yield* sql<{ no: number }>`select coalesce(max(no), 0) as no from tributary.profile`
  return row?.no ?? 0
})

/** Who is new, or back, may be in a result that was read before anybody knew of them. */
const markNewcomers = (newest: number, returned: IdSet.IdSet): Step<void> =>
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    yield* sql`insert into tributary.newcomer (computation_no, profile_no)
      select c.no, p.no from tributary.computation c join tributary.profile p on p.collection = c.collection
      where c.position is not null and (p.no > ${newest} or p.no = any(${[...returned]}::int[]))
      on conflict do nothing`
  })

const writeProfiles = (source: ResolvedProfiles, about: About): Step<WrittenProfiles> =>
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    const concerned = about === undefined ? sql`` : sql`and p.id in (${about})`
    yield* sql`create temp table t_profile on commit drop as
      select id, (array_agg(traits))[1] as traits from t_row group by id`
    yield* analyze("t_profile")
    const changed = yield* touched(
      sql`
      with before as (
        select p.no, p.gone, t.traits from tributary.profile p join t_profile t on t.id = p.id
        where p.collection = ${source.collection} and (p.traits <> t.traits or p.gone or p.source <> ${source.name})
        for update of p)
      update tributary.profile p set traits = b.traits, gone = false, source = ${source.name}
      from before b where p.no = b.no returning p.no, b.gone as was_gone`,
      { wasGone: true }
    )
    const added = yield* sql<{ count: number }>`
      with new as (
        insert into tributary.profile (collection, id, source, traits)
        select ${source.collection}, t.id, ${source.name}, t.traits from t_profile t
        where not exists (select 1 from tributary.profile p where p.collection = ${source.collection} and p.id = t.id)
        order by t.id returning 1)
      select count(*)::int as count from new`
    if (added[0] !== undefined && added[0].count > manyRows) yield* analyze("tributary.profile")
    const gone = yield* touched(sql`
      update tributary.profile p set gone = true
      where p.collection = ${source.collection} and p.source = ${source.name} and not p.gone ${concerned}
        and not exists (select 1 from t_profile t where t.id = p.id) returning no`)
    const [total] = yield* sql<{ count: number }>`select count(*)::int as count from t_profile`
    return {
      total: total?.count ?? 0,
      added: added[0]?.count ?? 0,
      changed: changed.all,
      returned: IdSet.union(changed.wereGone, gone.all),
      gone: gone.count
    }
  })

interface WrittenIdentifiers {
  /** Profiles that lost an identifier: whoever was told of it must hear. */
  readonly told: IdSet.IdSet
  /** Profiles that got one. */
  readonly added: IdSet.IdSet
  /** Identifiers that another profile has now. */
  readonly moved: number
  readonly shared: number
}

const writeIdentifiers = (source: ResolvedProfiles, at: Date, about: About): Step<WrittenIdentifiers> =>
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    const concerned = about === undefined ? sql`` : sql`and p.id in (${about})`
    // Who was not read claims what they have.
    const holders =
      about === undefined
        ? sql``
        : sql`union select v.type, v.value, h.no from (
            select distinct w.key as type, w.value from t_row r cross join lateral jsonb_each_text(r.identifiers) w) v
          join tributary.identifier i on i.collection = ${source.collection} and i.type = v.type and i.value = v.value
          join tributary.profile h on h.no = i.profile_no
          where not i.gone and not h.gone and h.source = ${source.name} and h.id not in (${about})`
    yield* sql`create temp table t_identifier on commit drop as
      select distinct on (c.type, c.value) c.type, c.value, c.profile_no,
        count(*) over (partition by c.type, c.value) as claimants
      from (
        select distinct w.key as type, w.value, p.no as profile_no
        from t_row r join tributary.profile p on p.collection = ${source.collection} and p.id = r.id
        cross join lateral jsonb_each_text(r.identifiers) w
        where w.value is not null and w.value <> '' ${holders}) c
      left join tributary.identifier i
        on i.collection = ${source.collection} and i.type = c.type and i.value = c.value and not i.gone
      order by c.type, c.value, (i.profile_no = c.profile_no) desc nulls last, c.profile_no`
    yield* analyze("t_identifier")
    const moved = yield* touched(
      sql`
      with before as (
        select i.no, i.profile_no as old_no, t.profile_no as new_no, i.gone from tributary.identifier i
        join t_identifier t on t.type = i.type and t.value = i.value
        where i.collection = ${source.collection} and (i.gone or i.profile_no <> t.profile_no) for update of i)
      update tributary.identifier i set profile_no = b.new_no, gone = false, added_at = ${at}::timestamptz
      from before b where i.no = b.no returning b.new_no as no, b.old_no as other_no`,
      { other: true }
    )
    const added = yield* touched(sql`
      insert into tributary.identifier (collection, type, value, profile_no, added_at)
      select ${source.collection}, t.type, t.value, t.profile_no, ${at}::timestamptz from t_identifier t
      where not exists (select 1 from tributary.identifier i
        where i.collection = ${source.collection} and i.type = t.type and i.value = t.value)
      order by t.profile_no, t.type, t.value returning profile_no as no`)
    if (added.count > manyRows) yield* analyze("tributary.identifier")
    const gone = yield* touched(sql`
      update tributary.identifier i set gone = true, added_at = ${at}::timestamptz from tributary.profile p
      where p.no = i.profile_no and p.collection = ${source.collection} and p.source = ${source.name} and not i.gone
        ${concerned}
        and not exists (select 1 from t_identifier t where t.type = i.type and t.value = i.value)
      returning i.profile_no as no`)
    const [shared] = yield* sql<{ count: number }>`select count(*)::int as count from t_identifier where claimants > 1`
    return {
      told: IdSet.union(IdSet.union(moved.all, moved.others), gone.all),
      added: added.all,
      moved: moved.count,
      shared: shared?.count ?? 0
    }
  })

/** Which users are in which accounts; an account that no source gives is known by its id alone. */
const writeMembership = (source: ResolvedProfiles, at: Date, about: About): Step<IdSet.IdSet> =>
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    const concerned = about === undefined ? sql`` : sql`and u.id in (${about})`
    yield* sql`with named as (select distinct account as id from t_row where account is not null and account <> ''),
      new as (
        insert into tributary.profile (collection, id, source)
        select 'accounts', n.id, '' from named n
        where not exists (select 1 from tributary.profile p where p.collection = 'accounts' and p.id = n.id)
        order by n.id returning no, id)
      insert into tributary.identifier (collection, type, value, profile_no, added_at)
      select 'accounts', 'group_id', new.id, new.no, ${at}::timestamptz from new
      on conflict (collection, type, value) do nothing`
    yield* sql`create temp table t_member on commit drop as
      select distinct u.no as user_no, a.no as account_no from t_row r
      join tributary.profile u on u.collection = 'users' and u.id = r.id
      join tributary.profile a on a.collection = 'accounts' and a.id = r.account and not a.gone`
    yield* analyze("t_member")
    const joined = yield* touched(
      sql`
      insert into tributary.account_user as old (user_no, account_no, since)
      select user_no, account_no, ${at}::timestamptz from t_member
      on conflict (account_no, user_no) do update set gone = false, since = excluded.since where old.gone
      returning user_no as no, account_no as other_no`,
      { other: true }
    )
    const left = yield* touched(
      sql`
      update tributary.account_user m set gone = true, since = ${at}::timestamptz from tributary.profile u
      where u.no = m.user_no and u.source = ${source.name} and not m.gone ${concerned}
        and not exists (select 1 from t_member t where t.user_no = m.user_no and t.account_no = m.account_no)
      returning m.user_no as no, m.account_no as other_no`,
      { other: true }
    )
    yield* sql`drop table t_member`
    return [joined.all, joined.others, left.all, left.others].reduce(IdSet.union, IdSet.empty)
  })

/**
 * Marks for activations: who lost an identifier, moved or came back always; who got one, where a value is known of it.
 */
const markDirty = (source: ResolvedProfiles, changed: IdSet.IdSet, added: IdSet.IdSet): Step<void> =>
  Effect.gen(function* () {
    if (changed.size + added.size === 0) return
    const sql = yield* SqlClient.SqlClient
    const activations = yield* sql<{ no: number; computation_no: number; as_users: boolean; collection: string }>`
      select a.no, a.computation_no, a.collection, a.collection <> c.collection as as_users
      from tributary.activation a join tributary.computation c on c.no = a.computation_no
      where not a.removed or a.leaving is not null`
    for (const activation of activations) {
      // Membership changes concern both sides: users told of their account's audience, and accounts told with users.
      const concerned = source.account !== undefined || activation.collection === source.collection
      if (!concerned) continue
      const newcomers = activation.as_users ? added : yield* known(activation.computation_no, added)
      const concernedProfiles = IdSet.union(changed, newcomers)
      yield* mark(marksOf(activation.no, laneFor(concernedProfiles.size), concernedProfiles))
    }
  })

/** Those of whom the computation has something to tell. */
const known = (computation: number, profiles: IdSet.IdSet): Step<IdSet.IdSet> =>
  Effect.map(readSnapshot(computation, [...IdSet.byChunk(profiles).keys()]), (members) =>
    IdSet.intersection(members, profiles)
  )

/** A profile that something was rejected for may have what was missing now (R24). */
const markHealed = (changed: IdSet.IdSet): Step<void> =>
  Effect.gen(function* () {
    if (changed.size === 0) return
    const sql = yield* SqlClient.SqlClient
    const rows = yield* sql<{ activation_no: number; profile_no: number }>`
      select distinct activation_no, profile_no from tributary.rejection where profile_no = any(${[...changed]}::int[])`
    yield* mark(rows.flatMap((row) => marksOf(row.activation_no, lane.live, IdSet.from([row.profile_no]))))
  })
