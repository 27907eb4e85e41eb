import { assert, it } from "@effect/vitest"
import { IdSet, type Ledger } from "@tributary/core/runtime"
import { Effect, Option } from "effect"
import { SqlClient } from "effect/sql"
import * as Claims from "../src/store/dirty/Claims.ts"
import { lane, mark, marksOf } from "../src/store/dirty/DirtySets.ts"
import { describeEveryStore } from "./support/stores.ts"

const owner: Ledger.Ownership = { destination: "braze", epoch: 1n }
const activation = 1
// Three chunks.
const [here, there, far] = [7, 70_000, 700_000]

describeEveryStore("claims", (store) => {
  it.effect("R32 whoever is on the wire is not claimed again until let go, whatever changes meanwhile", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      yield* sql`insert into tributary.destination (id, plugin, epoch) values ('braze', 'braze', 1)`
      const dirty = (...profiles: ReadonlyArray<number>) => mark(marksOf(activation, lane.live, IdSet.from(profiles)))
      const claim = (limit: number) =>
        sql.withTransaction(Claims.claim(owner, { activations: [activation], limit, liveOnly: false }))
      const profilesOf = (claimed: Option.Option<Ledger.Claim>) =>
        Option.match(claimed, { onNone: () => [], onSome: ({ profiles }) => IdSet.toArray(profiles) })
      yield* dirty(here, there, far)
      const first = yield* claim(2)
      assert.deepStrictEqual(profilesOf(first), [here, there])
      yield* dirty(here, there)
      const second = yield* claim(10)
      assert.deepStrictEqual(profilesOf(second), [far])
      assert.deepStrictEqual(profilesOf(yield* claim(10)), [])
      // One was told, and one is given back.
      const [sent, returned] = [IdSet.from([here]), IdSet.from([there])]
      yield* sql.withTransaction(Claims.release(Option.getOrThrow(first), sent, returned))
      assert.deepStrictEqual(profilesOf(yield* claim(10)), [here, there])
      const rows = yield* sql`select 1 from tributary.claim`
      assert.strictEqual(rows.length, 2, "a row for each claim, however many chunks it reaches over")
    }).pipe(Effect.provide(store.layer))
  )
})
