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
 * The profiles, where of several identifiers of one type is known which another profile has too, or which stand on a
 * record already; and of those that went, which stood on one. Of most profiles nothing is looked up, as they have one of
 * each type.
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
    const doubtful = profiles.flatMap(({ identifiers }) => identifiers.filter(isDoubtful)).map(({ no }) => no)
    if (doubtful.length === 0) return profiles
    yield* Keys.catchUp(owner, keys)
    const holders = Map.groupBy(yield* Keys.holdersOf(owner.destination, doubtful), ({ key_no }) => key_no)
    const standing = yield* standingAmong(owner.destination, doubtful)
    return profiles.map((profile) => {
      if (!profile.identifiers.some(isDoubtful)) return profile
      const isElsewhere = ({ gone, no }: Plan.KnownIdentifier) =>
        standing.has(no) || (!gone && holders.get(no)?.some(({ profile_no }) => profile_no !== profile.no) === true)
      return {
        ...profile,
        identifiers: profile.identifiers.map((each) => ({ ...each, isElsewhere: isElsewhere(each) }))
      }
    })
  })

/** Which identifiers stand on a record, or stood last, whichever activation wrote them there. An event writes none. */
const standingAmong = Effect.fnUntraced(function* (destination: string, identifiers: ReadonlyArray<number>) {
  const sql = yield* SqlClient.SqlClient
  const activations = yield* sql<{ no: number }>`
    select no from tributary.activation where destination = ${destination}`
  const blocks = yield* SentValues.read(
    activations.map(({ no }) => no),
    [...new Set(identifiers.map(Fingerprints.blockOf))]
  )
  const stands = (no: number) =>
    blocks.some(
      ({ block, kind, valueOf }) =>
        kind !== "track" && block === Fingerprints.blockOf(no) && Plan.recordIn(valueOf(no)) !== undefined
    )
  return new Set(identifiers.filter(stands))
})

const isDoubtful = (
  { gone, no, type }: Plan.KnownIdentifier,
  _: number,
  all: ReadonlyArray<Plan.KnownIdentifier>
): boolean => all.some((other) => !other.gone && other.no !== no && (gone || other.type === type))

const goneAmong = (profiles: ReadonlyArray<number>) =>
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    const rows = yield* sql<{ no: number }>`
      select no from tributary.profile where gone and no = any(${int4List(profiles)}::int[])`
    return new Set(rows.map((row) => row.no))
  })
