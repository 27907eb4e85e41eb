import { assert, it } from "@effect/vitest"
import { Fingerprints, IdSet } from "@tributary/core/runtime"
import { Effect } from "effect"
import { SqlClient } from "effect/sql"
import * as Migrations from "../src/store/sql/Migrations.ts"
import { describeStores } from "./support/stores.ts"

/** The tables as they were before blocks of 1,024, and before what came after them. */
const before = [
  "delete from tributary.migration where name = 'smaller_blocks' or migration_id >= 6",
  "truncate tributary.told_value",
  "drop statistics tributary.profile_chunk",
  "alter table tributary.source drop position, drop position_type, drop basis, drop full_at",
  "alter table tributary.computation drop position, drop position_type, drop basis, drop full_at",
  "drop table tributary.newcomer",
  "alter table tributary.ledger drop told_since, drop forgotten_since",
  "drop index tributary.claim_destination",
  "alter table tributary.claim add chunk int",
  "create index claim_destination on tributary.claim (destination, chunk)",
  "drop table tributary.receipt_told",
  "alter table tributary.receipt add settlements jsonb not null"
]

describeStores("a store of an earlier version", (store) => {
  it.effect("what was told of values is found in smaller blocks, and what a job was told in sets", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      for (const statement of before) yield* sql.unsafe(statement)
      // Numbers at the ends of blocks, in the first chunk and in a later one.
      const sent = new Map(
        [1, 1023, 1024, 4095, 4096, 65_535, 65_536, 70_000, 200_001].map((no) => [no, BigInt(no) + 7n])
      )
      for (const [block, entries] of Map.groupBy(sent, ([no]) => no >> 12)) {
        yield* sql`insert into tributary.told_value (activation_no, kind, block, fingerprints)
          values (1, 'identify', ${block}, ${Fingerprints.encode(new Map(entries))}::bytea)`
      }
      yield* sql`insert into tributary.receipt (destination, form, receipt, accepted_at, poll_at, settlements, profiles)
        values ('ads', 'list', 'j1', now(), now(),
          '[[1, "member", 5, true], [1, "member", 70000, false], [2, "identify", 6, true]]', '')`
      yield* Migrations.run
      const jobs = yield* sql<{ activation_no: number; kind: string; identifiers: Uint8Array }>`
        select activation_no, kind, identifiers from tributary.receipt_told
        join tributary.receipt r on r.no = receipt_no and r.receipt = 'j1' order by activation_no`
      assert.deepStrictEqual(
        jobs.map((job) => [job.activation_no, job.kind, IdSet.toArray(IdSet.decode(job.identifiers))]),
        [
          [1, "member", [5, 70_000]],
          [2, "identify", [6]]
        ]
      )
      for (const [no, value] of sent) {
        const [row] = yield* sql<{ fingerprints: Uint8Array }>`select fingerprints from tributary.told_value
          where activation_no = 1 and kind = 'identify' and block = ${Fingerprints.blockOf(no)}`
        assert.strictEqual(row && Fingerprints.reader(row.fingerprints)(no), value)
      }
      const [count] = yield* sql<{ blocks: number }>`select count(*)::int as blocks from tributary.told_value`
      assert.strictEqual(count?.blocks, new Set([...sent.keys()].map(Fingerprints.blockOf)).size)
    }).pipe(Effect.provide(store.layer))
  )
})
