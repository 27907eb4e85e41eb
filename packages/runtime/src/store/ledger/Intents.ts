/**
 * Intents: what a claim is about to send, written before it is sent.
 *
 * A vendor may have taken a request whose response nobody read. If the person exits before it is sent again, the ledger
 * alone would say that nothing was ever sent, and no exit would follow. So the intents of a claim that died become doubts.
 *
 * @since 0.1.0
 */
import { IdSet, type Ledger, type Plan } from "@tributary/core/runtime"
import { Effect } from "effect"
import { SqlClient, type SqlError } from "effect/sql"

const kinds: ReadonlyArray<Plan.LedgerKind> = ["identify", "track", "group", "member"]

/** For each activation its intents: triples of kind, profile and identifier, as bytes and not JSON (`bench event`). */
const encoded = (intents: ReadonlyArray<Ledger.Intent>): ReadonlyMap<number, Uint8Array> => {
  const counts = new Map<number, number>()
  for (const { settles } of intents) {
    for (const { activation } of settles) counts.set(activation, (counts.get(activation) ?? 0) + 1)
  }
  const own = new Map(
    [...counts].map(([activation, count]) => [activation, { at: 0, triples: new Int32Array(count * 3) }])
  )
  for (const { profile, settles } of intents) {
    for (const { activation, identifier, kind } of settles) {
      const written = own.get(activation)
      if (written === undefined) continue
      written.triples[written.at++] = kinds.indexOf(kind)
      written.triples[written.at++] = profile
      written.triples[written.at++] = identifier
    }
  }
  return new Map([...own].map(([activation, { triples }]) => [activation, new Uint8Array(triples.buffer)]))
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
export const left = (activation: number, profiles: IdSet.IdSet, intents: Uint8Array): ReadonlyArray<Plan.LedgerKey> => {
  const view = new DataView(intents.buffer, intents.byteOffset, intents.byteLength)
  const doubts: Array<Plan.LedgerKey> = []
  for (let at = 0; at < intents.byteLength; at += 12) {
    const kind = kinds[view.getInt32(at, true)]
    if (kind !== undefined && profiles.has(view.getInt32(at + 4, true))) {
      doubts.push({ activation, kind, identifier: view.getInt32(at + 8, true) })
    }
  }
  return doubts
}
