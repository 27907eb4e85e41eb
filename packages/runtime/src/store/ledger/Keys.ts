/**
 * Keys in the store: which spellings a destination's vendor cannot tell apart (R43).
 *
 * A key is numbered by the identifier that is spelled like it, so most identifiers are their own key and nothing is
 * stored for them. Only the exceptions are: `tributary.spelling` says which key a spelling has. Where nobody is spelled
 * like the key, an identifier of nobody stands for it. A plugin without keys pays nothing.
 *
 * @since 0.1.0
 */
import type { Key } from "@tributary/core"
import type { Ledger, Plan } from "@tributary/core/runtime"
import { Fingerprints, IdSet } from "@tributary/core/runtime"
import { DateTime, Effect } from "effect"
import { SqlClient, type SqlError } from "effect/sql"
import { fenced } from "../../ownership/Ownership.ts"
import { lane, mark, marksOf } from "../dirty/DirtySets.ts"
import type { FoundProfile } from "../profiles/Profiles.ts"
import { int4List } from "../sql/Columns.ts"
import * as SentSets from "../sent/SentSets.ts"
import * as SentValues from "../sent/SentValues.ts"
import * as Doubts from "./Doubts.ts"

type Stored<A> = Effect.Effect<A, SqlError.SqlError | Ledger.Fenced, SqlClient.SqlClient>

/** An identifier that is spelled otherwise than its key. */
interface Exception {
  readonly no: number
  readonly key: string
}

/** How many identifiers are looked at in one step. */
const stepSize = 50_000

/**
 * The profiles with one identifier for all of their spellings that have one key, numbered as the ledger counts them.
 *
 * **Details**
 *
 * A key is gone when all of its spellings are. Of several that are held the oldest stands for them: it is what was sent.
 *
 * @category combinators
 * @since 0.1.0
 */
export const keyed = (
  owner: Ledger.Ownership,
  keys: Key.BoundKeys,
  profiles: ReadonlyArray<FoundProfile>
): Stored<ReadonlyArray<FoundProfile>> => {
  if (Object.keys(keys).length === 0) return Effect.succeed(profiles)
  const exceptions: Array<Exception> = []
  const refusals = new Map<number, string>()
  for (const { identifiers } of profiles) {
    for (const { no, type, value } of identifiers) {
      const key = keys[type]?.(value)
      if (key === undefined) continue
      if ("reason" in key) refusals.set(no, `${type} is refused: ${key.reason}`)
      else if (key.key !== value) exceptions.push({ no, key: key.key })
    }
  }
  if (exceptions.length + refusals.size === 0) return Effect.succeed(profiles)
  const own = new Set(profiles.map((profile) => profile.no))
  return Effect.map(numbersOf(owner, exceptions, own), (numbers) =>
    profiles.map((profile) =>
      profile.identifiers.some(({ no }) => numbers.has(no) || refusals.has(no))
        ? { ...profile, identifiers: together(profile.identifiers, numbers, refusals) }
        : profile
    )
  )
}

const together = (
  identifiers: ReadonlyArray<Plan.KnownIdentifier>,
  numbers: ReadonlyMap<number, number>,
  refusals: ReadonlyMap<number, string>
): ReadonlyArray<Plan.KnownIdentifier> => {
  const byKey = new Map<number, Plan.KnownIdentifier>()
  for (const spelling of identifiers) {
    const no = numbers.get(spelling.no) ?? spelling.no
    const earlier = byKey.get(no)
    // Those that are held come first; of those that are gone the last to go says when.
    const isBetter = earlier === undefined || (earlier.gone && (!spelling.gone || spelling.addedAt > earlier.addedAt))
    if (isBetter) byKey.set(no, { ...spelling, no, refusal: refusals.get(spelling.no) })
  }
  return [...byKey.values()]
}

/** The numbers of the keys of exceptions, by the number of the spelling. New ones are written. */
const numbersOf = (
  owner: Ledger.Ownership,
  exceptions: ReadonlyArray<Exception>,
  except: ReadonlySet<number>
): Stored<ReadonlyMap<number, number>> =>
  Effect.gen(function* () {
    if (exceptions.length === 0) return new Map<number, number>()
    const sql = yield* SqlClient.SqlClient
    const known = yield* sql<{ identifier_no: number; key_no: number; value: string }>`
      select s.identifier_no, s.key_no, k.value from tributary.spelling s
      join tributary.identifier k on k.no = s.key_no
      where s.destination = ${owner.destination}
        and s.identifier_no = any(${int4List(exceptions.map(({ no }) => no))}::int[])`
    const numbers = new Map<number, number>()
    const keyOf = new Map(exceptions.map(({ key, no }) => [no, key]))
    for (const { identifier_no, key_no, value } of known) {
      if (keyOf.get(identifier_no) === value) numbers.set(identifier_no, key_no)
    }
    const news = exceptions.filter(({ no }) => !numbers.has(no))
    if (news.length === 0) return numbers
    return new Map([...numbers, ...(yield* fenced(owner, record(owner, news, except)))])
  })

/**
 * Writes the keys of spellings. What the ledger has for the number that a spelling had until now goes to its key, in
 * doubt: it is sent again, and an exit follows.
 */
const record = (
  { destination }: Ledger.Ownership,
  exceptions: ReadonlyArray<Exception>,
  except: ReadonlySet<number>
): Stored<ReadonlyMap<number, number>> =>
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    const at = yield* DateTime.nowAsDate
    const nos = exceptions.map(({ no }) => no)
    const texts = exceptions.map(({ key }) => key)
    const given = sql`unnest(${nos}::int[], ${texts}::text[]) w(no, key)`
    yield* sql`insert into tributary.identifier (collection, type, value, profile_no, added_at, gone)
      select distinct i.collection, i.type, w.key, 0, ${at}::timestamptz, true
      from ${given} join tributary.identifier i on i.no = w.no
      where not exists (select 1 from tributary.identifier k
        where k.collection = i.collection and k.type = i.type and k.value = w.key)
      on conflict (collection, type, value) do nothing`
    const rows = yield* sql<{ no: number; key_no: number; before: number; profile_no: number }>`
      select w.no, k.no as key_no, coalesce(s.key_no, w.no) as before, i.profile_no
      from ${given} join tributary.identifier i on i.no = w.no
      join tributary.identifier k on k.collection = i.collection and k.type = i.type and k.value = w.key
      left join tributary.spelling s on s.destination = ${destination} and s.identifier_no = w.no`
    yield* sql`insert into tributary.spelling (destination, identifier_no, key_no)
      select ${destination}, n, k from unnest(${rows.map((row) => row.no)}::int[],
        ${rows.map((row) => row.key_no)}::int[]) w(n, k) order by n
      on conflict (destination, identifier_no) do update set key_no = excluded.key_no`
    yield* moveLedger(destination, rows, except)
    return new Map(rows.map((row) => [row.no, row.key_no]))
  })

interface Moved {
  readonly key_no: number
  readonly before: number
  readonly profile_no: number
}

const moveLedger = (destination: string, moved: ReadonlyArray<Moved>, except: ReadonlySet<number>): Stored<void> =>
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    const activations = yield* sql<{ no: number }>`
      select no from tributary.activation where destination = ${destination}`
    const numbers = activations.map(({ no }) => no)
    const placesOf = (placeOf: (identifier: number) => number) => [
      ...new Set(moved.map(({ before }) => placeOf(before)))
    ]
    const sent = yield* SentSets.read(numbers, placesOf(IdSet.chunkOf))
    const values = yield* SentValues.read(numbers, placesOf(Fingerprints.blockOf))
    const byPlace = new Map(values.map((block) => [`${block.activation} ${block.kind} ${block.block}`, block]))
    const doubted: Array<Plan.Doubt> = []
    const forgotten: Array<Plan.Doubt> = []
    const again = new Map<number, Array<number>>()
    for (const { activation, chunk, isSent, kind } of sent) {
      const ledgerKind = SentSets.kindOf(kind)
      for (const { before, key_no, profile_no } of moved) {
        if (before === key_no || IdSet.chunkOf(before) !== chunk || !isSent(before)) continue
        const block = byPlace.get(`${activation} ${kind} ${Fingerprints.blockOf(before)}`)
        doubted.push({ activation, kind: ledgerKind, identifier: key_no, sent: block?.valueOf(before) })
        forgotten.push({ activation, kind: ledgerKind, identifier: before, sent: undefined })
        if (except.has(profile_no)) continue
        const profiles = again.get(activation)
        if (profiles === undefined) again.set(activation, [profile_no])
        else profiles.push(profile_no)
      }
    }
    yield* SentSets.acknowledge(forgotten)
    yield* Doubts.enter(doubted)
    yield* mark(
      [...again].flatMap(([activation, profiles]) => marksOf(activation, lane.backfill, IdSet.from(profiles)))
    )
  })

/**
 * Numbers the keys of all identifiers that are known, in steps: before an exit, whoever else has the key must be known.
 *
 * @category combinators
 * @since 0.1.0
 */
export const catchUp = (owner: Ledger.Ownership, keys: Key.BoundKeys): Stored<void> =>
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    const types = Object.keys(keys)
    while (true) {
      const [row] = yield* sql<{ keyed_to: number; newest: number }>`
        select d.keyed_to, (select coalesce(max(no), 0) from tributary.identifier) as newest
        from tributary.destination d where d.id = ${owner.destination}`
      if (row === undefined || row.keyed_to >= row.newest) return
      const to = Math.min(row.keyed_to + stepSize, row.newest)
      const rows = yield* sql<{ no: number; type: string; value: string }>`
        select no, type, value from tributary.identifier
        where no > ${row.keyed_to} and no <= ${to} and type = any(${types}::text[])`
      yield* numbersOf(owner, exceptionsIn(rows, keys), new Set())
      yield* fenced(
        owner,
        sql`update tributary.destination set keyed_to = ${to} where id = ${owner.destination} and keyed_to < ${to}`
      )
    }
  })

const exceptionsIn = (
  rows: ReadonlyArray<{ readonly no: number; readonly type: string; readonly value: string }>,
  keys: Key.BoundKeys
): ReadonlyArray<Exception> =>
  rows.flatMap(({ no, type, value }) => {
    const key = keys[type]?.(value)
    return key === undefined || "reason" in key || key.key === value ? [] : [{ no, key: key.key }]
  })

/**
 * Where the plugin or its settings are not what they were, looks at the keys again that were written under the old ones.
 * Only the owner of the destination calls this.
 *
 * @category combinators
 * @since 0.1.0
 */
export const revise = (owner: Ledger.Ownership, keys: Key.BoundKeys, basis: string): Stored<void> =>
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    const { destination } = owner
    const [row] = yield* sql<{ key_basis: string | null }>`
      select key_basis from tributary.destination where id = ${destination}`
    if (row === undefined || row.key_basis === basis || (row.key_basis === null && Object.keys(keys).length === 0))
      return
    let from = 0
    while (true) {
      const rows = yield* sql<{ no: number; type: string; value: string; key: string }>`
        select i.no, i.type, i.value, k.value as key from tributary.spelling s
        join tributary.identifier i on i.no = s.identifier_no join tributary.identifier k on k.no = s.key_no
        where s.destination = ${destination} and s.identifier_no > ${from} order by s.identifier_no limit ${stepSize}`
      const last = rows.at(-1)
      if (last === undefined) break
      from = last.no
      const changed = rows.flatMap(({ key, no, type, value }) => {
        const now = keys[type]?.(value)
        const next = now === undefined || "reason" in now ? value : now.key
        return next === key ? [] : [{ no, key: next }]
      })
      if (changed.length === 0) continue
      yield* fenced(
        owner,
        Effect.andThen(
          record(owner, changed, new Set()),
          sql`delete from tributary.spelling where destination = ${destination} and identifier_no = key_no`
        )
      )
    }
    yield* fenced(
      owner,
      sql`update tributary.destination set key_basis = ${basis}, keyed_to = 0 where id = ${destination}`
    )
  })

/**
 * The profiles that hold a spelling of these keys now, as pairs of key and profile.
 *
 * @category constructors
 * @since 0.1.0
 */
export const holdersOf = (
  destination: string,
  keys: ReadonlyArray<number>
): Effect.Effect<
  ReadonlyArray<{ readonly key_no: number; readonly profile_no: number }>,
  SqlError.SqlError,
  SqlClient.SqlClient
> =>
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    const wanted = int4List(keys)
    return yield* sql<{ key_no: number; profile_no: number }>`
      select i.no as key_no, i.profile_no from tributary.identifier i
      where i.no = any(${wanted}::int[]) and not i.gone and not exists (
        select 1 from tributary.spelling s where s.destination = ${destination} and s.identifier_no = i.no)
      union
      select s.key_no, i.profile_no from tributary.spelling s join tributary.identifier i on i.no = s.identifier_no
      where s.destination = ${destination} and s.key_no = any(${wanted}::int[]) and not i.gone`
  })
