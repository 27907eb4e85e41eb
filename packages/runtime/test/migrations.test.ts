import { assert, it } from "@effect/vitest"
import { Fingerprints, IdSet } from "@tributary/core/runtime"
import { Effect } from "effect"
import { SqlClient } from "effect/sql"
import * as Migrations from "../src/store/sql/Migrations.ts"
import * as History from "../src/store/views/History.ts"
import { describeEveryStore } from "./support/stores.ts"

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
  "alter table tributary.receipt add settlements jsonb not null",
  "alter table tributary.activation alter on_removal set default 'leave'",
  "alter table tributary.sync drop not_confirmed",
  "drop table tributary.resend, tributary.not_confirmed",
  "alter table tributary.sync drop result",
  "alter table tributary.sync add ending text",
  "drop table tributary.spelling",
  "alter table tributary.destination drop keyed_to, drop key_basis",
  "alter table tributary.source drop imports",
  "alter table tributary.activation drop news",
  "drop index tributary.identifier_gone"
]

describeEveryStore("a store of an earlier version", (store) => {
  it.effect("how syncs ended is data, and an activation that changed nothing on removal keeps", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      for (const statement of before) yield* sql.unsafe(statement)
      yield* sql`insert into tributary.computation (no, collection, key, kind, name)
        overriding system value values (901, 'users', 'vips', 'audience', 'Vips')`
      yield* sql`insert into tributary.activation (no, id, destination, form, computation_no, collection, on_removal)
        overriding system value values (901, 'echo/vips', 'echo', 'event', 901, 'users', 'leave'),
          (902, 'echo/exits', 'echo', 'event', 901, 'users', 'exit')`
      yield* sql`insert into tributary.sync (activation_no, started_at, ended_at, ending) values
        (901, now(), now(), 'settled'), (901, now(), now(), 'interrupted'),
        (901, now(), now(), 'GaveUp: HTTP 503: busy: try later'), (901, now(), null, null)`
      yield* Migrations.run
      const syncs = yield* History.past(901, 10)
      assert.deepStrictEqual(
        syncs.map((sync) => sync.result),
        [null, { _tag: "GaveUp", reason: "HTTP 503: busy: try later" }, { _tag: "Interrupted" }, { _tag: "Synced" }]
      )
      const kept = yield* sql`select id, on_removal from tributary.activation where no > 900 order by no`
      assert.deepStrictEqual(kept, [
        { id: "echo/vips", on_removal: "keep" },
        { id: "echo/exits", on_removal: "exit" }
      ])
    }).pipe(Effect.provide(store.layer))
  )

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
