/**
 * Removals: who would be sent an exit now, counted before anything is sent (R36).
 *
 * What a destination loses is identifiers: a profile that is not wanted any more loses all that were sent of it, and one
 * that stays loses those that it does not have any more. Sets are compared, and columns of numbers are read chunk by
 * chunk: no row of millions comes here.
 *
 * @since 0.1.0
 */
import type { Key } from "@tributary/core"
import { IdSet, type Ledger } from "@tributary/core/runtime"
import { Effect } from "effect"
import { SqlClient, type SqlError, type Statement } from "effect/sql"
import type { Activation } from "../../config/Activation.ts"
import * as Intents from "../ledger/Intents.ts"
import * as Keys from "../ledger/Keys.ts"
import { among, int4s } from "../sql/Columns.ts"
import { sentIdentifiers } from "./Reach.ts"

/**
 * The activation, as far as its exits depend on it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Sent extends Pick<Activation, "form" | "per" | "identifiers"> {
  readonly no: number
}

/**
 * By what its destination counts identifiers.
 *
 * @category models
 * @since 0.1.0
 */
export interface Counting {
  readonly owner: Ledger.Ownership
  /** By what the vendor matches identifiers (R43). */
  readonly keys: Key.BoundKeys
  /** The identifier types that the vendor takes, in the order in which it prefers them. */
  readonly identifierTypes: ReadonlyArray<string>
}

/**
 * What would be removed.
 *
 * @category models
 * @since 0.1.0
 */
export interface Removals {
  readonly profiles: number
  /** As the ledger counts them: one for all spellings that the vendor cannot tell apart. */
  readonly identifiers: number
  /** Identifiers that were sent. */
  readonly sent: number
  /** Identifier types of which nothing that was sent would remain. */
  readonly emptied: Effect.Effect<ReadonlyArray<string>, SqlError.SqlError, SqlClient.SqlClient>
}

const none: Removals = { profiles: 0, identifiers: 0, sent: 0, emptied: Effect.succeed([]) }

/**
 * Counts the exits that are due of pending profiles, of whom those `present` stay.
 *
 * @category constructors
 * @since 0.1.0
 */
export const count = Effect.fnUntraced(function* (
  activation: Sent,
  { identifierTypes, keys, owner }: Counting,
  pending: IdSet.IdSet,
  present: IdSet.IdSet
): Effect.fn.Return<Removals, SqlError.SqlError | Ledger.Fenced, SqlClient.SqlClient> {
  const hasKeys = Object.keys(keys).length > 0
  if ((yield* sentOrInFlight(activation.no)).size === 0) return none
  // A spelling that came with the last import may be of a key that was sent.
  if (hasKeys) yield* Keys.catchUp(owner, keys)
  const sent = yield* sentOrInFlight(activation.no)
  const due: Array<Due> = []
  for (const own of IdSet.byChunk(pending).values()) {
    const found = [
      ...(yield* ofThoseWhoExit(owner.destination, IdSet.difference(own, present), identifierTypes)),
      ...(yield* goneFromThoseWhoStay(activation, owner.destination, IdSet.intersection(own, present), identifierTypes))
    ]
    for (const { identifier, profile, type } of found) {
      if (sent.has(identifier)) due.push({ identifier, profile, type })
    }
  }
  const held = hasKeys ? yield* heldByThose(owner.destination, due, present) : IdSet.empty
  const exits = due.filter(({ identifier }) => !held.has(identifier))
  const identifiers = IdSet.from(exits.map((exit) => exit.identifier))
  return {
    profiles: IdSet.from(exits.map((exit) => exit.profile)).size,
    identifiers: identifiers.size,
    sent: sent.size,
    emptied: typesMissing(IdSet.difference(sent, identifiers), new Set(exits.map((exit) => exit.type)))
  }
})

/** What the ledger knows, and what is on its way into it. */
const sentOrInFlight = Effect.fnUntraced(function* (activation: number) {
  const sql = yield* SqlClient.SqlClient
  const claims = yield* sql<{ bits: Uint8Array; intents: Uint8Array }>`
    select bits, intents from tributary.claim where activation_no = ${activation} and length(intents) > 0`
  const inFlight = claims.flatMap(({ bits, intents }) => Intents.left(activation, IdSet.decode(bits), intents))
  return IdSet.union(yield* sentIdentifiers(activation), IdSet.from(inFlight.map((entry) => entry.identifier)))
})

/** An identifier, by the number that the ledger counts it by, and whose exit it would be. */
interface Due {
  readonly identifier: number
  readonly profile: number
  readonly type: string
}

const ofThoseWhoExit = (destination: string, profiles: IdSet.IdSet, types: ReadonlyArray<string>) =>
  read(destination, profiles, types, (sql) => sql``)

/**
 * Identifiers that were taken from profiles that stay. Where the vendor joins identifiers on one record, an address that
 * is gone is sent no exit as long as the record has a name of another type (R44).
 */
const goneFromThoseWhoStay = (
  { form, identifiers, per }: Sent,
  destination: string,
  profiles: IdSet.IdSet,
  types: ReadonlyArray<string>
) =>
  read(destination, profiles, types, (sql) => {
    if (form !== "event" || per !== "profile") return sql`and i.gone`
    const naming = types.filter((type) => identifiers[type] !== "none")
    return sql`and i.gone and i.type = coalesce((
      select o.type from tributary.identifier o
      where o.profile_no = i.profile_no and not o.gone and o.type = any(${naming}::text[])
      order by array_position(${naming}::text[], o.type) limit 1), i.type)`
  })

const read = Effect.fnUntraced(function* (
  destination: string,
  profiles: IdSet.IdSet,
  types: ReadonlyArray<string>,
  narrowed: (sql: SqlClient.SqlClient) => Statement.Fragment
): Effect.fn.Return<ReadonlyArray<Due>, SqlError.SqlError, SqlClient.SqlClient> {
  if (profiles.size === 0) return []
  const sql = yield* SqlClient.SqlClient
  const rows = yield* sql<{ type: string; keys: Uint8Array; profiles: Uint8Array }>`
    select i.type, string_agg(int4send(coalesce(s.key_no, i.no)), ''::bytea) as keys,
      string_agg(int4send(i.profile_no), ''::bytea) as profiles
    from tributary.identifier i
    left join tributary.spelling s on s.destination = ${destination} and s.identifier_no = i.no
    where ${among(sql, "i.profile_no", IdSet.toArray(profiles))} and i.type = any(${types}::text[]) ${narrowed(sql)}
    group by i.type`
  return rows.flatMap((row) => {
    const profileNos = int4s(row.profiles)
    return Array.from(int4s(row.keys), (identifier, i) => ({ identifier, profile: profileNos[i] ?? 0, type: row.type }))
  })
})

/** The keys of these of which a profile that stays has a spelling: nobody is removed by them (R43). */
const heldByThose = Effect.fnUntraced(function* (destination: string, due: ReadonlyArray<Due>, present: IdSet.IdSet) {
  const sql = yield* SqlClient.SqlClient
  let held = IdSet.empty
  for (const own of IdSet.byChunk(IdSet.from(due.map(({ identifier }) => identifier))).values()) {
    const numbers = IdSet.toArray(own)
    const [row] = yield* sql<{ keys: Uint8Array | null; profiles: Uint8Array | null }>`
      select string_agg(int4send(key_no), ''::bytea) as keys, string_agg(int4send(profile_no), ''::bytea) as profiles
      from (
        select i.no as key_no, i.profile_no from tributary.identifier i
        where ${among(sql, "i.no", numbers)} and not i.gone and not exists (
          select 1 from tributary.spelling s where s.destination = ${destination} and s.identifier_no = i.no)
        union all
        select s.key_no, i.profile_no from tributary.spelling s
        join tributary.identifier i on i.no = s.identifier_no and not i.gone
        where s.destination = ${destination} and ${among(sql, "s.key_no", numbers)}) h`
    const profiles = int4s(row?.profiles)
    held = IdSet.union(held, IdSet.from(int4s(row?.keys).filter((_, i) => present.has(profiles[i] ?? 0))))
  }
  return held
})

/** Those of these types that none of these identifiers has. Mostly the first few have them all. */
const typesMissing = Effect.fnUntraced(function* (identifiers: IdSet.IdSet, types: ReadonlySet<string>) {
  const sql = yield* SqlClient.SqlClient
  let missing: ReadonlyArray<string> = [...types]
  for (const own of IdSet.byChunk(identifiers).values()) {
    if (missing.length === 0) break
    const found = yield* sql<{ type: string }>`
      select distinct type from tributary.identifier where ${among(sql, "no", IdSet.toArray(own))}`
    missing = missing.filter((type) => !found.some((row) => row.type === type))
  }
  return missing
})
