/**
 * Intents: what a claim is about to send, written before it is sent.
 *
 * A vendor may have taken a request whose response nobody read. If the person exits before it is sent again, the ledger
 * alone would say that nothing was ever sent, and no exit would follow. So the intents of a claim that died become doubts.
 *
 * @since 0.1.0
 */
import { type IdSet, type Ledger, Plan } from "@tributary/core/runtime"
import { Effect } from "effect"
import { SqlClient, type SqlError } from "effect/sql"

const kinds: ReadonlyArray<Plan.LedgerKind> = ["identify", "track", "group", "member"]

/** Added to a kind: the number of the record that the identifier is sent with follows (R44). */
const withRecord = kinds.length

/**
 * For each activation its intents: kind, profile, identifier, and a record's number where there is one. As bytes and not
 * JSON (`bench event`).
 */
const encoded = (intents: ReadonlyArray<Ledger.Intent>): ReadonlyMap<number, Uint8Array> => {
  const counts = new Map<number, number>()
  for (const { settles } of intents) {
    for (const { activation, sent } of settles) {
      counts.set(activation, (counts.get(activation) ?? 0) + (Plan.recordIn(sent) === undefined ? 3 : 4))
    }
  }
  const own = new Map([...counts].map(([activation, count]) => [activation, { at: 0, numbers: new Int32Array(count) }]))
  for (const { profile, settles } of intents) {
    for (const { activation, identifier, kind, sent } of settles) {
      const written = own.get(activation)
      if (written === undefined) continue
      const record = Plan.recordIn(sent)
      written.numbers[written.at++] = kinds.indexOf(kind) + (record === undefined ? 0 : withRecord)
      written.numbers[written.at++] = profile
      written.numbers[written.at++] = identifier
      if (record !== undefined) written.numbers[written.at++] = record
    }
  }
  return new Map([...own].map(([activation, { numbers }]) => [activation, new Uint8Array(numbers.buffer)]))
}

/**
 * Keeps what is about to be sent beside the claim that it is sent under. Runs inside the caller's transaction.
 *
 * @category combinators
 * @since 0.1.0
 */
export const keep = (
  claim: Ledger.Claim,
  intents: ReadonlyArray<Ledger.Intent>
): Effect.Effect<void, SqlError.SqlError, SqlClient.SqlClient> =>
  Effect.gen(function* () {
    if (intents.length === 0) return
    const sql = yield* SqlClient.SqlClient
    const texts = encoded(intents)
    const rows = claim.rows.map(({ activation, row }) => ({ row, text: texts.get(activation) ?? new Uint8Array(0) }))
    yield* sql`update tributary.claim c set intents = w.i
      from unnest(${rows.map(({ row }) => row)}::bigint[], ${rows.map(({ text }) => text)}::bytea[]) w(n, i)
      where c.no = w.n`
  })

/**
 * The intents of a claim's row that may have left: those of profiles that it still holds.
 *
 * @category combinators
 * @since 0.1.0
 */
export const left = (activation: number, profiles: IdSet.IdSet, intents: Uint8Array): ReadonlyArray<Plan.Doubt> => {
  const view = new DataView(intents.buffer, intents.byteOffset, intents.byteLength)
  const doubts: Array<Plan.Doubt> = []
  let at = 0
  const next = () => {
    const number = view.getInt32(at, true)
    at += 4
    return number
  }
  while (at < intents.byteLength) {
    const [coded, profile, identifier] = [next(), next(), next()]
    const kind = kinds[coded % withRecord]
    const sent = coded < withRecord ? undefined : Plan.standsOn({ no: next() })
    if (kind !== undefined && profiles.has(profile)) doubts.push({ activation, kind, identifier, sent })
  }
  return doubts
}
