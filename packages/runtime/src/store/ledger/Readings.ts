/**
 * Readings: claimed profiles as they are now, with what should be sent of them, what was sent, and what was rejected.
 *
 * @since 0.1.0
 */
import { Fingerprints, IdSet, type Ledger, Plan } from "@tributary/core/runtime"
import { Effect } from "effect"
import { SqlClient, type SqlError } from "effect/sql"
import { readProfiles } from "../profiles/Profiles.ts"
import * as Keys from "./Keys.ts"
import * as Reached from "./Reached.ts"
import * as Rejections from "./Rejections.ts"
import * as SentSets from "../sent/SentSets.ts"
import * as SentValues from "../sent/SentValues.ts"
import * as SharedKeys from "./SharedKeys.ts"
import * as Wanted from "./Wanted.ts"

type Read<A> = Effect.Effect<A, SqlError.SqlError, SqlClient.SqlClient>

/**
 * Reads claimed profiles. Every query is by number, so its cost is that of the claim and not of the audience.
 *
 * @category constructors
 * @since 0.1.0
 */
export const read = Effect.fn("Readings.read")(function* (
  claim: Ledger.Claim,
  wanted: Ledger.ReadRequest
): Effect.fn.Return<Ledger.Reading, SqlError.SqlError | Ledger.Fenced, SqlClient.SqlClient> {
  const numbers = IdSet.toArray(claim.profiles)
  const activations = yield* readActivations([...claim.byActivation.keys()])
  const keyed = yield* Keys.keyed(claim.owner, wanted.keys, yield* readProfiles(numbers, wanted))
  const found = wanted.joins ? yield* SharedKeys.marked(claim.owner, wanted.keys, keyed) : keyed
  const profiles = wanted.reached ? yield* Reached.withReached(claim.owner, found) : found
  const gone = IdSet.from(profiles.filter((profile) => profile.gone).map((profile) => profile.no))
  const identifiers: Array<number> = []
  for (const profile of profiles) for (const { no } of profile.identifiers) identifiers.push(no)
  const sent = yield* readSent(activations, identifiers, wanted.joins)
  const refusing = activations.filter((activation) => activation.has_rejections).map((activation) => activation.no)
  const rejections = yield* Rejections.read(refusing, identifiers)
  const standings = new Map<number, ActivationStanding>()
  for (const activation of activations) {
    const { no } = activation
    const { found, value } = yield* Wanted.read(activation, numbers)
    standings.set(no, { found, value, ...sentOf(sent.get(no)), rejected: rejections.get(no) ?? nothingRejected })
  }
  const valueOf = (standing: ActivationStanding, profile: number) =>
    gone.has(profile) ? undefined : standing.value(profile)
  const exits = Object.keys(wanted.keys).length === 0 ? [] : exitsIn(claim, wanted, profiles, standings, valueOf)
  const held = exits.length === 0 ? undefined : yield* SharedKeys.read(claim, wanted.keys, exits, activations)
  return {
    profiles,
    standing: (activation, profile): Plan.Standing => {
      const standing = standings.get(activation) ?? nothingWanted
      const { again, rejected, sent } = standing
      const { at, evaluation } = standing.found(profile) ?? neverFound
      const heldElsewhere = held === undefined ? undefined : (key: number) => held(activation, key)
      return { value: valueOf(standing, profile), changedAt: at, evaluation, sent, again, rejected, heldElsewhere }
    }
  }
})

/** The keys that an exit may be due to: of these alone it must be known who else holds them. */
const exitsIn = (
  claim: Ledger.Claim,
  { kinds }: Ledger.ReadRequest,
  profiles: ReadonlyArray<Plan.KnownProfile>,
  standings: ReadonlyMap<number, ActivationStanding>,
  valueOf: (standing: ActivationStanding, profile: number) => unknown
): ReadonlyArray<number> => {
  const exits = new Set<number>()
  for (const [activation, concerned] of claim.byActivation) {
    const standing = standings.get(activation)
    if (standing === undefined) continue
    for (const { identifiers, no } of profiles) {
      if (!concerned.has(no)) continue
      const isOut = valueOf(standing, no) === undefined
      for (const identifier of identifiers) {
        if (!isOut && !identifier.gone) continue
        if (kinds.some((kind) => standing.sent(kind, identifier.no) !== undefined)) exits.add(identifier.no)
      }
    }
  }
  return [...exits]
}

interface ActivationRow extends Wanted.WantedActivation {
  readonly no: number
  /** Whether anything is to be looked for among them, as mostly there is not. */
  readonly has_rejections: boolean
  /** Whether it sent values; an audience has none. */
  readonly has_values: boolean
}

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

/** What one activation is to send, what it sent, and what was rejected. */
type ActivationStanding = Wanted.Wanted & Pick<Plan.Standing, "sent" | "again" | "rejected">

const neverFound = { at: 0, evaluation: "0" }
const nothingRejected = () => undefined

const nothingWanted: ActivationStanding = {
  value: () => undefined,
  found: () => undefined,
  sent: () => undefined,
  again: () => false,
  rejected: nothingRejected
}

/** One kind of an activation's ledger, by chunk and block of identifiers. */
interface KindLedger {
  readonly chunks: Map<number, SentSets.SentChunk>
  readonly values: Map<number, (identifier: number) => bigint | undefined>
}

type KindLedgers = Map<string, KindLedger>

const readSent = (
  activations: ReadonlyArray<ActivationRow>,
  identifiers: ReadonlyArray<number>,
  joins: boolean
): Read<ReadonlyMap<number, KindLedgers>> =>
  Effect.gen(function* () {
    const numbers = activations.map((activation) => activation.no)
    // Where identifiers are joined an audience has values, too, and may have had its first since it was asked.
    const valued = activations.filter((activation) => joins || activation.has_values).map(({ no }) => no)
    const chunks = yield* SentSets.read(numbers, eachOnce(identifiers, IdSet.chunkOf))
    const blocks = yield* SentValues.read(valued, eachOnce(identifiers, Fingerprints.blockOf))
    const ledgers = new Map<number, KindLedgers>()
    for (const chunk of chunks) kindLedger(ledgers, chunk.activation, chunk.kind).chunks.set(chunk.chunk, chunk)
    for (const { activation, block, kind, valueOf } of blocks) {
      kindLedger(ledgers, activation, kind).values.set(block, valueOf)
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
