/**
 * Shared keys: whether somebody who is wanted holds a spelling of a key that another profile exits with (R43).
 *
 * @since 0.1.0
 */
import type { Key } from "@tributary/core"
import { Fingerprints, IdSet, type Ledger, Plan } from "@tributary/core/runtime"
import { Effect } from "effect"
import { SqlClient, type SqlError } from "effect/sql"
import { fenced } from "../../ownership/Ownership.ts"
import { lane, mark, marksOf } from "../dirty/DirtySets.ts"
import type { FoundProfile } from "../profiles/Profiles.ts"
import { int4List } from "../sql/Columns.ts"
import * as Keys from "./Keys.ts"
import * as SentValues from "../sent/SentValues.ts"
import * as Wanted from "./Wanted.ts"

/**
 * For an activation and a key: whether a profile that is wanted holds it now.
 *
 * **Details**
 *
 * Where a value was sent for the key, the other holder's may differ from it: that profile is marked, so that its own
 * value is sent.
 *
 * @category constructors
 * @since 0.1.0
 */
export const read = (
  claim: Ledger.Claim,
  keys: Key.BoundKeys,
  exits: ReadonlyArray<number>,
  activations: ReadonlyArray<Wanted.WantedActivation & { readonly no: number }>
): Effect.Effect<
  (activation: number, key: number) => boolean,
  SqlError.SqlError | Ledger.Fenced,
  SqlClient.SqlClient
> =>
  Effect.gen(function* () {
    yield* Keys.catchUp(claim.owner, keys)
    const holders = yield* Keys.holdersOf(claim.owner.destination, exits)
    const profiles = IdSet.toArray(IdSet.from(holders.map((holder) => holder.profile_no)))
    const held = new Map<number, ReadonlySet<number>>()
    if (profiles.length === 0) return () => false
    const gone = yield* goneAmong(profiles)
    for (const activation of activations) {
      const { value } = yield* Wanted.read(activation, profiles)
      const wanted = holders.filter(({ profile_no }) => !gone.has(profile_no) && value(profile_no) !== undefined)
      held.set(activation.no, new Set(wanted.map((holder) => holder.key_no)))
      const claimed = claim.byActivation.get(activation.no) ?? IdSet.empty
      const others = wanted.map((holder) => holder.profile_no).filter((profile) => !claimed.has(profile))
      if (activation.kind === "trait" && others.length > 0) {
        yield* fenced(claim.owner, mark(marksOf(activation.no, lane.live, IdSet.from(others))))
      }
    }
    return (activation: number, key: number) => held.get(activation)?.has(key) === true
  })

/**
 * The profiles, where of several identifiers of one type is known which another profile has too, or has on its record.
 * Of most profiles nothing is looked up, as they have one of each type.
 *
 * @category combinators
 * @since 0.1.0
 */
export const marked = (
  owner: Ledger.Ownership,
  keys: Key.BoundKeys,
  profiles: ReadonlyArray<FoundProfile>
): Effect.Effect<ReadonlyArray<FoundProfile>, SqlError.SqlError | Ledger.Fenced, SqlClient.SqlClient> =>
  Effect.gen(function* () {
    const doubtful = profiles.flatMap(({ identifiers }) => identifiers.filter(isOneOfSeveral)).map(({ no }) => no)
    if (doubtful.length === 0) return profiles
    yield* Keys.catchUp(owner, keys)
    const holders = Map.groupBy(yield* Keys.holdersOf(owner.destination, doubtful), ({ key_no }) => key_no)
    const records = yield* recordsOf(owner.destination, doubtful)
    return profiles.map((profile) => {
      if (!profile.identifiers.some(isOneOfSeveral)) return profile
      const own = new Set(profile.identifiers.map(({ no }) => no))
      const isElsewhere = ({ no }: Plan.KnownIdentifier) =>
        holders.get(no)?.some(({ profile_no }) => profile_no !== profile.no) === true ||
        records.get(no)?.some((record) => !own.has(record)) === true
      return {
        ...profile,
        identifiers: profile.identifiers.map((each) => ({ ...each, isElsewhere: isElsewhere(each) }))
      }
    })
  })

/** On which records identifiers stand, or stood last, whichever activation wrote them there. An event writes none. */
const recordsOf = Effect.fnUntraced(function* (destination: string, identifiers: ReadonlyArray<number>) {
  const sql = yield* SqlClient.SqlClient
  const activations = yield* sql<{ no: number }>`
    select no from tributary.activation where destination = ${destination}`
  const blocks = yield* SentValues.read(
    activations.map(({ no }) => no),
    [...new Set(identifiers.map(Fingerprints.blockOf))]
  )
  const records = new Map<number, Array<number>>()
  for (const no of identifiers) {
    for (const { block, kind, valueOf } of blocks) {
      const isOf = kind !== "track" && block === Fingerprints.blockOf(no)
      const record = isOf ? Plan.recordIn(valueOf(no)) : undefined
      if (record !== undefined) records.set(no, [...(records.get(no) ?? []), record])
    }
  }
  return records
})

const isOneOfSeveral = (
  { gone, no, type }: Plan.KnownIdentifier,
  _: number,
  all: ReadonlyArray<Plan.KnownIdentifier>
): boolean => !gone && all.some((other) => other.no !== no && other.type === type && !other.gone)

const goneAmong = (profiles: ReadonlyArray<number>) =>
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    const rows = yield* sql<{ no: number }>`
      select no from tributary.profile where gone and no = any(${int4List(profiles)}::int[])`
    return new Set(rows.map((row) => row.no))
  })
