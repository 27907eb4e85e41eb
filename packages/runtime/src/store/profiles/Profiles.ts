/**
 * Profiles as they are now, by number.
 *
 * @since 0.1.0
 */
import type { Json } from "@tributary/core"
import type { Ledger, Plan } from "@tributary/core/runtime"
import { Effect } from "effect"
import { SqlClient, type SqlError } from "effect/sql"
import { ByNumber } from "../sql/ByNumber.ts"
import { among, int4s, jsons, timestamps } from "../sql/Columns.ts"

type Read<A> = Effect.Effect<A, SqlError.SqlError, SqlClient.SqlClient>

/**
 * A profile as the store has it. One that is gone may still have to be sent an exit.
 *
 * @category models
 * @since 0.1.0
 */
export interface FoundProfile extends Plan.KnownProfile {
  readonly gone: boolean
}

/**
 * These profiles, in the order of their numbers, with as much of them as is wanted.
 *
 * @category constructors
 * @since 0.1.0
 */
export const readProfiles = (
  numbers: ReadonlyArray<number>,
  wanted: Ledger.ReadRequest
): Read<ReadonlyArray<FoundProfile>> =>
  Effect.gen(function* () {
    const { gone, nos, traits } = yield* readColumns(numbers, wanted.traits)
    const identifiers = yield* readIdentifiers(numbers, wanted.identifierTypes)
    const users = wanted.users ? yield* readUsers(numbers) : new Map<number, Array<string>>()
    return Array.from(nos, (no, i) => ({
      no,
      gone: gone.has(no),
      traits: traitsIn(traits[i]),
      identifiers: oldestFirst(identifiers.get(no) ?? none),
      users: users.get(no) ?? none
    }))
  })

type Traits = Readonly<Record<string, Json.Json>>

const noTraits: Traits = {}

const traitsIn = (found: Json.Json | undefined): Traits => (isObject(found) ? found : noTraits)

const isObject = (found: Json.Json | undefined): found is Traits =>
  typeof found === "object" && found !== null && !Array.isArray(found)

const none: ReadonlyArray<never> = []

interface ProfileColumns {
  readonly nos: Uint32Array
  readonly gone: ReadonlySet<number>
  /** In the order of `nos`, where they are wanted; `null` where there are none. */
  readonly traits: ReadonlyArray<Json.Json>
}

/** Traits were checked when they were imported, and are not decoded again for each claim (`bench event`). */
const readColumns = (numbers: ReadonlyArray<number>, withTraits: boolean): Read<ProfileColumns> =>
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    const [row] = yield* sql<{
      nos: Uint8Array | null
      gone: Uint8Array | null
      traits: string | null
    }>`
      select string_agg(int4send(no), ''::bytea) as nos,
        string_agg(int4send(no), ''::bytea) filter (where gone) as gone,
        ${sql.literal(withTraits ? "json_agg(nullif(traits, '{}'))::text" : "null::text")} as traits
      from (select no, gone, traits from tributary.profile where ${among(sql, "no", numbers)} order by no) p`
    return { nos: int4s(row?.nos), gone: new Set(int4s(row?.gone)), traits: jsons(row?.traits) }
  })

const byAge = (a: Plan.KnownIdentifier, b: Plan.KnownIdentifier) => a.addedAt - b.addedAt || a.no - b.no

/** Mostly they are in order. */
const oldestFirst = (held: ReadonlyArray<Plan.KnownIdentifier>): ReadonlyArray<Plan.KnownIdentifier> =>
  held.some((known, i) => i > 0 && byAge(held[i - 1] ?? known, known) > 0) ? held.toSorted(byAge) : held

/** One row a type, of columns of bytes and a JSON list of texts, and not a row an identifier (`bench event`, `bench list`). */
const readIdentifiers = (
  numbers: ReadonlyArray<number>,
  types: ReadonlyArray<string>
): Read<ByNumber<Array<Plan.KnownIdentifier>>> =>
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    const rows = yield* sql<{
      type: string
      nos: Uint8Array
      profiles: Uint8Array
      added: Uint8Array
      gone: Uint8Array | null
      texts: ReadonlyArray<string>
    }>`
      select type, string_agg(int4send(no), ''::bytea) as nos, string_agg(int4send(profile_no), ''::bytea) as profiles,
        string_agg(timestamptz_send(added_at), ''::bytea) as added,
        string_agg(int4send(no), ''::bytea) filter (where gone) as gone, json_agg(value) as texts
      from tributary.identifier
      where ${among(sql, "profile_no", numbers)} and type = any(${types}::text[])
      group by type`
    const identifiers = new ByNumber<Array<Plan.KnownIdentifier>>(numbers)
    for (const { type, ...row } of rows) {
      const gone = new Set(int4s(row.gone))
      const profiles = int4s(row.profiles)
      const added = timestamps(row.added)
      int4s(row.nos).forEach((no, i) => {
        const profile = profiles[i] ?? 0
        const known = { no, type, value: row.texts[i] ?? "", gone: gone.has(no), addedAt: added[i] ?? 0 }
        const held = identifiers.get(profile)
        // To add a second one to a list of one makes room for seventeen.
        if (held === undefined || held.length === 1) identifiers.set(profile, held?.concat(known) ?? [known])
        else held.push(known)
      })
    }
    return identifiers
  })

/** The `user_id`s of each account's users, sorted. */
const readUsers = (accounts: ReadonlyArray<number>): Read<ReadonlyMap<number, ReadonlyArray<string>>> =>
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    const members = yield* sql<{ account_no: number; value: string }>`
      select m.account_no, i.value from tributary.account_user m
      join tributary.identifier i on i.profile_no = m.user_no and i.type = 'user_id' and not i.gone
      where ${among(sql, "account_no", accounts)} and not m.gone order by i.value`
    const users = new Map<number, Array<string>>()
    for (const { account_no, value } of members) {
      const known = users.get(account_no)
      if (known === undefined) users.set(account_no, [value])
      else known.push(value)
    }
    return users
  })
