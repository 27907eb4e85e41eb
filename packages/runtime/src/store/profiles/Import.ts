/**
 * Import: who there is, by which identifiers, in which accounts.
 *
 * A source gives all of its profiles, and what differs from the store is written. First what is new, slice by slice
 * (ImportNew). Then, in one transaction, what takes something from somebody: profiles that changed or are gone,
 * identifiers that moved or went, membership of accounts. An identifier keeps its number for ever, and one that went
 * keeps its last owner, so that an exit can be sent to whoever was sent an entry for it.
 *
 * @since 0.1.0
 */
import { IdSet } from "@tributary/core/runtime"
import { DateTime, Effect } from "effect"
import { SqlClient, type SqlError } from "effect/sql"
import type { ResolvedProfiles } from "../../config/Profiles.ts"
import * as Moved from "../sent/Moved.ts"
import * as Look from "../../sources/Look.ts"
import { lane, laneFor, mark, marksOf } from "../dirty/DirtySets.ts"
import { type About, compare, type Compared, writeNew } from "./ImportNew.ts"
import { mistakeIn, readRows } from "./ImportRows.ts"
import { analyze } from "../sql/Planner.ts"
import { readSnapshot } from "../computations/Snapshots.ts"
import { touched } from "../sql/Sets.ts"
import { sqlReason } from "../sql/failures.ts"
import { SourceError } from "../../sources/Source.ts"
import type { Session, Staged } from "../../sources/Staging.ts"
import { transaction } from "../sql/Transaction.ts"

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
 * Imports profiles from staged rows: all of a source, or those that the look is about. Rows with a mistake change
 * nothing.
 *
 * @category combinators
 * @since 0.1.0
 */
export const importProfiles = Effect.fn("Import.importProfiles")(function* (
  source: ResolvedProfiles,
  staged: Staged,
  look: Look.Extent = Look.everybody
): Effect.fn.Return<Imported, SourceError | SqlError.SqlError, SqlClient.SqlClient | Session> {
  const sql = yield* SqlClient.SqlClient
  const failed = (reason: string) => new SourceError({ source: `profiles "${source.name}"`, reason })
  const about = look.changed === undefined ? undefined : sql`select s.id from ${sql(look.changed)} s`
  return yield* Effect.scoped(
    Effect.gen(function* () {
      const at = yield* DateTime.nowAsDate
      const { compared, rows } = yield* transaction(
        Effect.gen(function* () {
          const rows = yield* readRows(source, staged).pipe(
            Effect.mapError((error) => failed(`the query failed: ${sqlReason(error)}`))
          )
          const mistake = yield* mistakeIn(source, rows)
          if (mistake !== undefined) return yield* failed(mistake)
          return { compared: yield* compare(source, rows, about), rows }
        })
      )
      yield* writeNew(source, compared, at, ({ identified, profiles }) =>
        Effect.andThen(markNewcomers(profiles), markDirty(source, IdSet.empty, identified))
      )
      return yield* transaction(
        Effect.gen(function* () {
          const profiles = yield* writeProfiles(source, compared, about)
          const identifiers = yield* writeIdentifiers(source, compared, at, about)
          if (identifiers.moved > 0) yield* Moved.sendAgain(identifiers.holders, at)
          const members = source.account === undefined ? IdSet.empty : yield* writeMembership(source, rows, at, about)
          yield* markNewcomers(profiles.returned)
          yield* markDirty(source, IdSet.union(identifiers.sent, IdSet.union(members, profiles.returned)), IdSet.empty)
          yield* markHealed(profiles.changed)
          const moves = identifiers.moved > 0 ? 1 : 0
          // Whatever can make an exit due is written in this transaction, and holds are looked at again (R36).
          yield* sql`insert into tributary.source as s (id, imported_at, error, moves, imports)
            values (${source.name}, ${at}::timestamptz, null, ${moves}, 1)
            on conflict (id) do update set imported_at = excluded.imported_at, error = null,
              moves = s.moves + excluded.moves, imports = s.imports + 1`
          yield* sql`update tributary.source set ${Look.remembered(sql, look, at)} where id = ${source.name}`
          yield* sql`drop table ${sql(rows)}, ${sql(compared.profiles)}, ${sql(compared.identifiers)}`
          return {
            source: source.name,
            profiles: compared.total,
            added: compared.added,
            changed: profiles.changed.size,
            gone: profiles.gone,
            shared: compared.shared,
            partial: look.changed !== undefined
          }
        })
      )
    })
  )
})

interface WrittenProfiles {
  readonly changed: IdSet.IdSet
  /** Profiles that were gone and are back, and profiles that went. */
  readonly returned: IdSet.IdSet
  readonly gone: number
}

/** Who is new, or back, may be in a result that was read before anybody knew of them. */
const markNewcomers = (profiles: IdSet.IdSet): Step<void> =>
  Effect.gen(function* () {
    if (profiles.size === 0) return
    const sql = yield* SqlClient.SqlClient
    yield* sql`insert into tributary.newcomer (computation_no, profile_no)
      select c.no, p.no from tributary.computation c join tributary.profile p on p.collection = c.collection
      where c.position is not null and p.no = any(${[...profiles]}::int[])
      on conflict do nothing`
  })

const writeProfiles = (source: ResolvedProfiles, { newest, profiles }: Compared, about: About): Step<WrittenProfiles> =>
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    const given = sql`${sql(profiles)}`
    const concerned = about === undefined ? sql`` : sql`and p.id in (${about})`
    const changed = yield* touched(
      sql`
      with before as (
        select p.no, p.gone, t.traits from ${given} t join tributary.profile p on p.no = t.no
        where t.no is not null and (p.traits <> t.traits or p.gone or p.source <> ${source.name})
        for update of p)
      update tributary.profile p set traits = b.traits, gone = false, source = ${source.name}
      from before b where p.no = b.no returning p.no, b.gone as was_gone`,
      { wasGone: true }
    )
    const gone = yield* touched(sql`
      update tributary.profile p set gone = true
      where p.collection = ${source.collection} and p.source = ${source.name} and not p.gone
        and p.no <= ${newest.profile} ${concerned}
        and not exists (select 1 from ${given} t where t.id = p.id) returning no`)
    return {
      changed: changed.all,
      returned: IdSet.union(changed.wereGone, gone.all),
      gone: gone.count
    }
  })

interface WrittenIdentifiers {
  /** Profiles that lost an identifier, or got somebody else's: whoever was sent it must be sent an exit. */
  readonly sent: IdSet.IdSet
  /** Identifiers that another profile has now. */
  readonly moved: number
  /** Who has them now. */
  readonly holders: IdSet.IdSet
}

const writeIdentifiers = (
  source: ResolvedProfiles,
  { identifiers, newest }: Compared,
  at: Date,
  about: About
): Step<WrittenIdentifiers> =>
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    const given = sql`${sql(identifiers)}`
    const concerned = about === undefined ? sql`` : sql`and p.id in (${about})`
    const moved = yield* touched(
      sql`
      with before as (
        select i.no, i.profile_no as old_no, p.no as new_no from ${given} t
        join tributary.identifier i on i.no = t.identifier_no
        join tributary.profile p on p.collection = ${source.collection} and p.id = t.id
        where t.identifier_no is not null and not t.is_held for update of i)
      update tributary.identifier i set profile_no = b.new_no, gone = false, added_at = ${at}::timestamptz
      from before b where i.no = b.no returning b.new_no as no, b.old_no as other_no`,
      { other: true }
    )
    // What stood for a key was nobody's (R43), and who gets it has spelled it otherwise until now.
    const others = IdSet.difference(moved.others, IdSet.from([0]))
    const holders = others.size === 0 ? IdSet.empty : moved.all
    const gone = yield* touched(sql`
      update tributary.identifier i set gone = true, added_at = ${at}::timestamptz from tributary.profile p
      where p.no = i.profile_no and p.collection = ${source.collection} and p.source = ${source.name} and not i.gone
        and i.no <= ${newest.identifier} ${concerned}
        and not exists (select 1 from ${given} t where t.type = i.type and t.value = i.value)
      returning i.profile_no as no`)
    return { sent: IdSet.union(IdSet.union(moved.all, others), gone.all), moved: moved.count, holders }
  })

/** Which users are in which accounts; an account that no source gives is known by its id alone. */
const writeMembership = (source: ResolvedProfiles, table: string, at: Date, about: About): Step<IdSet.IdSet> =>
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    const rows = sql`${sql(table)}`
    const concerned = about === undefined ? sql`` : sql`and u.id in (${about})`
    yield* sql`with named as (select distinct account as id from ${rows} where account is not null and account <> ''),
      new as (
        insert into tributary.profile (collection, id, source)
        select 'accounts', n.id, '' from named n
        where not exists (select 1 from tributary.profile p where p.collection = 'accounts' and p.id = n.id)
        order by n.id returning no, id)
      insert into tributary.identifier (collection, type, value, profile_no, added_at)
      select 'accounts', 'group_id', new.id, new.no, ${at}::timestamptz from new
      on conflict (collection, type, value) do update set profile_no = excluded.profile_no, added_at = excluded.added_at,
        gone = false where identifier.profile_no = 0`
    yield* sql`create temp table t_member on commit drop as
      select distinct u.no as user_no, a.no as account_no from ${rows} r
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
      // Membership changes concern both sides: users sent for their account's audience, and accounts sent with users.
      const concerned = source.account !== undefined || activation.collection === source.collection
      if (!concerned) continue
      const ofInterest = activation.as_users ? added : yield* known(activation.computation_no, added)
      const concernedProfiles = IdSet.union(changed, ofInterest)
      yield* mark(marksOf(activation.no, laneFor(concernedProfiles.size), concernedProfiles))
    }
  })

/** Those that are in the computation's result. */
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
