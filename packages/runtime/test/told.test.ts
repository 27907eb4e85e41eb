// Chunks of a large audience, of which a few identifiers change: what is kept beside a chunk, and folded into it.
import { assert, it } from "@effect/vitest"
import { Activation, IdSet, Plan } from "@tributary/core/runtime"
import { Effect, Layer } from "effect"
import { SqlClient } from "effect/sql"
import * as fc from "fast-check"
import * as Operations from "../src/store/activations/Operations.ts"
import * as Status from "../src/store/views/Status.ts"
import * as Space from "../src/engine/Space.ts"
import * as SentSets from "../src/store/sent/SentSets.ts"
import { describeStores } from "./support/stores.ts"
import { audience, inNewYear } from "./support/world.ts"

const activation = 1
const kind = "identify"

const settlement = (identifier: number, isSent: boolean): Plan.Settlement => ({
  activation,
  kind,
  identifier,
  of: { type: "email", value: `p${identifier}@example.com` },
  sent: isSent ? Plan.sentTrue : undefined,
  attempt: 0n
})

// Two chunks, and few numbers, so that the same is told and forgotten again.
const number = fc.oneof(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 65_530, max: 65_540 }))

const step = fc.oneof(
  fc.record({
    _tag: fc.constant("Acknowledged" as const),
    entries: fc.uniqueArray(fc.tuple(number, fc.boolean()), { selector: ([no]) => no, minLength: 1, maxLength: 6 })
  }),
  fc.record({ _tag: fc.constant("Doubted" as const), numbers: fc.uniqueArray(number, { minLength: 1, maxLength: 4 }) }),
  fc.record({ _tag: fc.constant("Again" as const) })
)

describeStores("told sets", (store) => {
  it.live("kept beside a chunk or folded in, they are what was told", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const run = Effect.runPromiseWith(yield* Effect.context<SqlClient.SqlClient>())
      const seen = { beside: 0, folded: 0 }
      const law = (steps: ReadonlyArray<typeof step extends fc.Arbitrary<infer A> ? A : never>) =>
        Effect.gen(function* () {
          yield* sql`truncate tributary.ledger`
          const sent = new Set<number>()
          const again = new Set<number>()
          for (const next of steps) {
            if (next._tag === "Acknowledged") {
              yield* SentSets.acknowledge(next.entries.map(([no, isSent]) => settlement(no, isSent)))
              for (const [no, isSent] of next.entries) {
                if (isSent) sent.add(no)
                else sent.delete(no)
                again.delete(no)
              }
            } else if (next._tag === "Doubted") {
              yield* SentSets.doubt(next.numbers.map((no) => settlement(no, true)))
              for (const no of next.numbers) {
                sent.add(no)
                again.add(no)
              }
            } else {
              yield* SentSets.sendAgain(activation)
              again.clear()
              for (const no of sent) again.add(no)
            }
            const chunks = yield* SentSets.read([activation], [0, 1])
            const of = (is: (chunk: SentSets.SentChunk, no: number) => boolean) =>
              chunks.flatMap((chunk) =>
                [...Array.from({ length: 12 }, (_, i) => i + 1), ...Array.from({ length: 11 }, (_, i) => 65_530 + i)]
                  .filter((no) => IdSet.chunkOf(no) === chunk.chunk)
                  .filter((no) => is(chunk, no))
              )
            const ascending = (numbers: Iterable<number>) => [...numbers].toSorted((a, b) => a - b)
            assert.deepStrictEqual(ascending(of((chunk, no) => chunk.isSent(no))), ascending(sent))
            assert.deepStrictEqual(ascending(of((chunk, no) => chunk.isAgain(no))), ascending(again))
            assert.deepStrictEqual(ascending(IdSet.unionAll(yield* SentSets.ofActivation(activation))), ascending(sent))
            for (const row of yield* sql<{ beside: boolean }>`
                select length(told_since) + length(forgotten_since) > 0 as beside from tributary.ledger`) {
              if (row.beside) seen.beside++
              else seen.folded++
            }
          }
        })
      yield* Effect.promise(() =>
        fc.assert(
          fc.asyncProperty(fc.array(step, { maxLength: 8 }), (steps) => run(law(steps))),
          { numRuns: 60 }
        )
      )
      assert.isAbove(seen.beside, 20)
      assert.isAbove(seen.folded, 20)
    }).pipe(
      Effect.provideService(SentSets.RewriteChunks, { smallChunk: 0, mostBeside: 44 }),
      Effect.provide(Space.layer.pipe(Layer.provideMerge(store.layer)))
    )
  )

  it.effect("a few who leave a large audience, and come back, are told so, once; resync tells who is in then", () =>
    inNewYear(store, { batch: 500 })((world) =>
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        const ids = Array.from({ length: 3_000 }, (_, i) => `u${i}`)
        const even = ids.filter((_, i) => i % 2 === 0)
        const buyers = [Activation.events(audience("Buyers"), world.destination, { hold: false })]
        const sent = Effect.fnUntraced(function* (members: ReadonlyArray<string>) {
          yield* world.members("Buyers", members)
          yield* world.sync(buyers)
          const [status] = yield* Status.activations
          assert.strictEqual(status?.sent, members.length)
          return new Map(world.sent().map(({ traits, userId }) => [userId, traits?.["buyers"]]))
        })
        const bytes = Effect.map(
          sql<{ bits: number; since: number }>`select length(bits) as bits,
            length(told_since) + length(forgotten_since) as since from tributary.ledger`,
          (rows) => rows[0]
        )
        yield* world.customers(ids.map((id) => ({ id })))
        assert.strictEqual((yield* sent(even)).size, 1_500)
        const before = yield* bytes
        assert.deepInclude(before, { since: 0 })
        assert.isAbove(before?.bits ?? 0, 2_000)
        const moved = [...even.slice(3), "u1", "u3"]
        /** Three who were in, and two who were not, told of the exchange, or of its undoing. */
        const exchanged = (isDone: boolean) =>
          new Map([
            ["u0", !isDone],
            ["u2", !isDone],
            ["u4", !isDone],
            ["u1", isDone],
            ["u3", isDone]
          ])
        assert.deepStrictEqual(yield* sent(moved), exchanged(true))
        const after = yield* bytes
        assert.strictEqual(after?.bits, before?.bits, "the chunk stays as it is")
        assert.isAbove(after?.since ?? 0, 0)
        assert.strictEqual((yield* sent(moved)).size, 0)
        assert.deepStrictEqual(yield* sent(even), exchanged(false))
        assert.strictEqual((yield* sent(moved)).size, 5)
        yield* Operations.resync(yield* world.activation("echo/buyers"))
        assert.deepStrictEqual([...(yield* sent(moved)).keys()].toSorted(), moved.toSorted())
        assert.deepInclude(yield* bytes, { since: 0 })
      })
    )
  )
})
