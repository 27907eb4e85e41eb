/**
 * Readings: claimed profiles as they are now, with what should be told of them and what was.
 *
 * @since 0.1.0
 */
import { type Json } from "@tributary/core"
import { Fingerprints, IdSet, type Ledger, Plan } from "@tributary/core/runtime"
import { Effect } from "effect"
import { SqlClient, type SqlError } from "effect/sql"
import { ByNumber } from "../sql/ByNumber.ts"
import { among, int4List, int4s } from "../sql/Columns.ts"
import { readProfiles } from "../profiles/Profiles.ts"
import * as SentSets from "./SentSets.ts"

type Read<A> = Effect.Effect<A, SqlError.SqlError, SqlClient.SqlClient>

interface ActivationRow {
  readonly no: number
  readonly collection: string
  readonly computation_no: number
  readonly computation_collection: string
  readonly kind: string
  /** Since when everybody is to leave. */
  readonly leaving_at: Date | null
  /** Whether anything is to be looked for among them, as mostly there is not. */
  readonly has_rejections: boolean
  /** Whether it told values; an audience has none. */
  readonly has_values: boolean
}

/**
 * Reads claimed profiles. Every query is by number, so its cost is that of the claim and not of the audience.
 *
 * @category constructors
 * @since 0.1.0
 */
export const read = Effect.fnUntraced(function* (
  claim: Ledger.Claim,
  wanted: Ledger.ReadRequest
): Effect.fn.Return<Ledger.Reading, SqlError.SqlError, SqlClient.SqlClient> {
  const numbers = IdSet.toArray(claim.profiles)
  const activations = yield* readActivations([...claim.byActivation.keys()])
  const profiles = yield* readProfiles(numbers, wanted)
  const gone = IdSet.from(profiles.filter((profile) => profile.gone).map((profile) => profile.no))
  const identifiers: Array<number> = []
  for (const profile of profiles) for (const { no } of profile.identifiers) identifiers.push(no)
  const ledgers = yield* readLedger(activations, identifiers)
  const rejections = yield* readRejections(activations, identifiers)
  const wants = new Map<number, Wanting>()
  for (const activation of activations) {
    const want =
      activation.leaving_at !== null
        ? leavingWant(activation.leaving_at)
        : activation.computation_collection === activation.collection
          ? yield* ownWant(activation, numbers)
          : yield* accountsWant(activation, numbers)
    const { no } = activation
    wants.set(no, { ...want, ...sentOf(ledgers.get(no)), rejected: rejectedOf(rejections.get(no)) })
  }
  return {
    profiles,
    standing: (activation, profile): Plan.Standing => {
      const wanting = wants.get(activation) ?? nothingWanted
      const { again, rejected, sent } = wanting
      const { at, evaluation } = wanting.found(profile) ?? neverFound
      const value = gone.has(profile) ? undefined : wanting.value(profile)
      return { value, changedAt: at, evaluation, sent, again, rejected }
    }
  }
})

/** What one activation wants told, and what it was told and refused. */
type Wanting = Want & Pick<Plan.Standing, "sent" | "again" | "rejected">

const readActivations = (activations: ReadonlyArray<number>): Read<ReadonlyArray<ActivationRow>> =>
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    return yield* sql<ActivationRow>`
      select a.no, a.collection, c.no as computation_no, c.collection as computation_collection, c.kind,
        case when a.leaving is not null then a.leaving_at end as leaving_at,
        exists (select 1 from tributary.rejection r where r.activation_no = a.no) as has_rejections,
        exists (select 1 from tributary.told_value v where v.activation_no = a.no) as has_values
      from tributary.activation a join tributary.computation c on c.no = a.computation_no
      where a.no = any(${activations}::int[])`
  })

interface Found {
  readonly at: number
  readonly evaluation: string
  /** Whether it entered then, or changed, and did not leave. */
  readonly isIn: boolean
}

/** What one activation wants told of a profile, and when that was found. */
interface Want {
  readonly value: (profile: number) => Json.Json | undefined
  readonly found: (profile: number) => Found | undefined
}

const neverFound: Found = { at: 0, evaluation: "0", isIn: false }

const nothingWanted: Wanting = {
  value: () => undefined,
  found: () => undefined,
  sent: () => undefined,
  again: () => false,
  rejected: () => undefined
}

/** Nobody is to be told anything: whoever was told exits (R39). */
const leavingWant = (at: Date): Want => ({
  value: () => undefined,
  found: () => ({ at: at.getTime(), evaluation: `leaving ${at.getTime()}`, isIn: false })
})

const ownWant = Effect.fnUntraced(function* (
  activation: ActivationRow,
  numbers: ReadonlyArray<number>
): Effect.fn.Return<Want, SqlError.SqlError, SqlClient.SqlClient> {
  const found = yield* readFound(activation.computation_no, numbers)
  if (activation.kind === "audience") {
    return {
      value: (profile) => (found.get(profile)?.isIn === true ? true : undefined),
      found: (profile) => found.get(profile)
    }
  }
  const sql = yield* SqlClient.SqlClient
  const [row] = yield* sql<{ profiles: Uint8Array | null; results: ReadonlyArray<Json.Json> | null }>`
    select string_agg(int4send(profile_no), ''::bytea) as profiles, json_agg(value) as results from tributary.value
    where computation_no = ${activation.computation_no} and ${among(sql, "profile_no", numbers)}`
  const results = row?.results ?? []
  const values = new ByNumber<Json.Json | undefined>(numbers)
  int4s(row?.profiles).forEach((profile, i) => values.set(profile, results[i]))
  return { value: (profile) => values.get(profile), found: (profile) => found.get(profile) }
})

/** An account audience told of users: a user is in while any of its accounts is (R9, R17). */
const accountsWant = Effect.fnUntraced(function* (
  activation: ActivationRow,
  users: ReadonlyArray<number>
): Effect.fn.Return<Want, SqlError.SqlError, SqlClient.SqlClient> {
  const sql = yield* SqlClient.SqlClient
  const rows = yield* sql<{ user_no: number; account_no: number; since: Date; gone: boolean }>`
    select user_no, account_no, since, gone from tributary.account_user where ${among(sql, "user_no", users)}`
  const accounts = IdSet.toArray(IdSet.from(rows.map((row) => row.account_no)))
  const found = yield* readFound(activation.computation_no, accounts)
  const membershipsOf = new Map<number, Array<Membership>>()
  for (const row of rows) {
    const ofAccount = found.get(row.account_no)
    const isMatching = ofAccount?.isIn === true
    const membership = { since: row.since, gone: row.gone, isMatching, isIn: isMatching && !row.gone, found: ofAccount }
    const known = membershipsOf.get(row.user_no)
    if (known === undefined) membershipsOf.set(row.user_no, [membership])
    else known.push(membership)
  }
  return {
    value: (user) => (membershipsOf.get(user)?.some((membership) => membership.isIn) === true ? true : undefined),
    found: (user) => foundOf(membershipsOf.get(user) ?? [])
  }
})

interface Membership {
  readonly since: Date
  readonly gone: boolean
  readonly isMatching: boolean
  readonly isIn: boolean
  /** When the account entered or left, if it ever did. */
  readonly found: Found | undefined
}

/** A user came in with the first of its matching accounts, or on joining it, and went out with the last, or on leaving it. */
const foundOf = (memberships: ReadonlyArray<Membership>): Found | undefined => {
  const isIn = memberships.some((membership) => membership.isIn)
  let chosen: Found | undefined
  for (const membership of memberships) {
    if (membership.found === undefined || membership.isIn !== isIn) continue
    const since = membership.since.getTime()
    const account = membership.found.at
    const at = isIn
      ? Math.max(account, since)
      : !membership.gone
        ? account
        : membership.isMatching
          ? since
          : Math.min(account, since)
    if (chosen === undefined || (isIn ? at < chosen.at : at > chosen.at)) chosen = { ...membership.found, at }
  }
  return chosen
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
 * For each profile the newest evaluation in which it entered, left or changed. Whoever entered is in: what changed is
 * written with the snapshot, so that the snapshot need not be read, which is as large as the audience.
 */
const readFound = Effect.fnUntraced(function* (computation: number, profiles: ReadonlyArray<number>) {
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

/** One kind of an activation's ledger, by chunk and block of identifiers. */
interface KindLedger {
  readonly chunks: Map<number, SentSets.SentChunk>
  readonly values: Map<number, (identifier: number) => bigint | undefined>
}

type KindLedgers = Map<string, KindLedger>

const readLedger = (
  activations: ReadonlyArray<ActivationRow>,
  identifiers: ReadonlyArray<number>
): Read<ReadonlyMap<number, KindLedgers>> =>
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    const numbers = activations.map((activation) => activation.no)
    const sent = yield* SentSets.read(numbers, eachOnce(identifiers, IdSet.chunkOf))
    const valued = activations.filter((activation) => activation.has_values).map((activation) => activation.no)
    const valueRows =
      valued.length === 0
        ? []
        : yield* sql<{ activation_no: number; kind: string; block: number; fingerprints: Uint8Array }>`
            select activation_no, kind, block, fingerprints from tributary.told_value
            where activation_no = any(${valued}::int[])
              and block = any(${int4List(eachOnce(identifiers, Fingerprints.blockOf))}::int[])`
    const ledgers = new Map<number, KindLedgers>()
    for (const chunk of sent) kindLedger(ledgers, chunk.activation, chunk.kind).chunks.set(chunk.chunk, chunk)
    for (const { activation_no, block, fingerprints, kind } of valueRows) {
      kindLedger(ledgers, activation_no, kind).values.set(block, Fingerprints.reader(fingerprints))
    }
    return ledgers
  })

/** The chunks or blocks that identifiers lie in. */
const eachOnce = (identifiers: ReadonlyArray<number>, placeOf: (identifier: number) => number) => {
  const places = new Set<number>()
  for (const identifier of identifiers) places.add(placeOf(identifier))
  return [...places]
}

const kindLedger = (ledgers: Map<number, KindLedgers>, activation: number, kind: string): KindLedger => {
  const kinds = ledgers.get(activation) ?? new Map<string, KindLedger>()
  ledgers.set(activation, kinds)
  const ledger = kinds.get(kind) ?? { chunks: new Map(), values: new Map() }
  kinds.set(kind, ledger)
  return ledger
}

const sentOf = (kinds: KindLedgers | undefined): Pick<Plan.Standing, "sent" | "again"> => ({
  sent: (kind, identifier) => {
    const ledger = kinds?.get(kind)
    if (ledger?.chunks.get(IdSet.chunkOf(identifier))?.isSent(identifier) !== true) return undefined
    return ledger.values.get(Fingerprints.blockOf(identifier))?.(identifier) ?? Plan.sentTrue
  },
  again: (kind, identifier) => kinds?.get(kind)?.chunks.get(IdSet.chunkOf(identifier))?.isAgain(identifier) === true
})

type Rejections = Map<string, Map<number, bigint>>

const readRejections = (
  activations: ReadonlyArray<ActivationRow>,
  identifiers: ReadonlyArray<number>
): Read<ReadonlyMap<number, Rejections>> =>
  Effect.gen(function* () {
    const rejections = new Map<number, Rejections>()
    const refusing = activations.filter((activation) => activation.has_rejections).map((activation) => activation.no)
    if (refusing.length === 0) return rejections
    const sql = yield* SqlClient.SqlClient
    const rows = yield* sql<{ activation_no: number; kind: string; identifier_no: number; attempt: bigint }>`
      select activation_no, kind, identifier_no, attempt from tributary.rejection
      where activation_no = any(${refusing}::int[]) and identifier_no = any(${int4List(identifiers)}::int[])`
    for (const { activation_no, attempt, identifier_no, kind } of rows) {
      const kinds = rejections.get(activation_no) ?? new Map<string, Map<number, bigint>>()
      rejections.set(activation_no, kinds)
      const attempts = kinds.get(kind) ?? new Map<number, bigint>()
      kinds.set(kind, attempts)
      attempts.set(identifier_no, BigInt.asUintN(64, attempt))
    }
    return rejections
  })

const rejectedOf =
  (kinds: Rejections | undefined): Plan.Standing["rejected"] =>
  (kind, identifier) =>
    kinds?.get(kind)?.get(identifier)
