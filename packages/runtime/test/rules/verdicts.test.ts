import { Activation } from "@tributary/core/runtime"
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import * as Summary from "../../src/cli/Summary.ts"
import type { SyncReport } from "../../src/engine/SyncOnce.ts"
import { describeStores } from "../support/stores.ts"
import { audience, inNewYear, type World } from "../support/world.ts"

const people = (count: number) => Array.from({ length: count }, (_, i) => ({ id: `u${i + 1}` }))

const company = Effect.fnUntraced(function* (world: World, count: number) {
  const rows = people(count)
  yield* world.customers(rows)
  yield* world.members(
    "Buyers",
    rows.map(({ id }) => id)
  )
})

/** The vendor says so of each call, in turn. */
const answers = (world: World, outcomeOf: (id: string) => string) =>
  world.vendor.answerWith(({ path }, body) =>
    path === "/batch"
      ? { status: 200, body: { outcomes: body.batch.map((call: any) => outcomeOf(call.userId)) } }
      : undefined
  )

const events = (world: World) => [Activation.events(audience("Buyers"), world.destination, { hold: false })]
const list = (world: World) => [Activation.list(audience("Buyers"), world.destination, { hold: false })]

/** As a script reads it. */
const read = (report: SyncReport) => Summary.toJson(report).activations[0]

describeStores("what sync says", (store) => {
  it.effect("R33 a sync of 1,200 people who are all rejected says so, with the reasons, and does not end with 0", () =>
    inNewYear(store, { batch: 200 })((world) =>
      Effect.gen(function* () {
        yield* company(world, 1200)
        answers(world, (id) => (Number(id.slice(1)) <= 200 ? "no consent" : "not an address"))
        const report = yield* world.sync(events(world))
        assert.strictEqual(Summary.verdict(report), 4)
        const said = Summary.inWords(report)
        assert.include(said, "echo/buyers: 1,200 of 1,200 rejected:\n  1,000: not an address\n  200: no consent\n")
        assert.include(said, '"tributary rejections" lists what was rejected.')
        const { ending, rejected, rejections } = read(report) ?? {}
        assert.deepStrictEqual([ending, rejected], ["synced", 1200])
        assert.sameDeepMembers(
          [...(rejections ?? [])],
          [
            { reason: "no consent", count: 200 },
            { reason: "not an address", count: 1000 }
          ]
        )
        // They are kept, and nothing is tried: the next sync has nothing to say.
        assert.strictEqual(Summary.verdict(yield* world.sync(events(world))), 0)
      })
    )
  )

  it.effect(
    "R33 one who is rejected among others who are delivered is 4 too, and more to look at than one who waits",
    () =>
      inNewYear(store)((world) =>
        Effect.gen(function* () {
          yield* company(world, 3)
          answers(world, (id) => (id === "u1" ? "no consent" : id === "u2" ? "retry 3600000" : "ok"))
          const report = yield* world.sync(events(world))
          assert.strictEqual(Summary.verdict(report), 4)
          assert.include(Summary.inWords(report), "echo/buyers: 1 of 3 rejected:\n  1: no consent\n")
          // Who waits is left.
          assert.strictEqual(Summary.verdict(yield* world.sync(events(world))), 3)
        })
      )
  )

  it.effect("R33 a failure comes before what was rejected", () =>
    inNewYear(store, { batch: 1 })((world) =>
      Effect.gen(function* () {
        yield* company(world, 2)
        world.vendor.answerWith(({ path }, body) =>
          path !== "/batch"
            ? undefined
            : body.batch[0].userId === "u1"
              ? { status: 200, body: { outcomes: ["no consent"] } }
              : { status: 401 }
        )
        assert.strictEqual(Summary.verdict(yield* world.sync(events(world))), 1)
      })
    )
  )

  it.effect("R35 what is accepted and not confirmed is said, and is neither a failure nor done with", () =>
    inNewYear(store, { batch: 2000 })((world) =>
      Effect.gen(function* () {
        yield* company(world, 1204)
        let state = "pending"
        world.vendor.answerWith(({ path }, body) =>
          path.startsWith("/jobs/")
            ? { status: 200, body: state }
            : path.endsWith("/add")
              ? { status: 200, body: { outcomes: body.members.map(() => "job j1") } }
              : undefined
        )
        const accepted = yield* world.sync(list(world))
        assert.strictEqual(Summary.verdict(accepted), 0)
        assert.include(Summary.inWords(accepted), "echo/buyers: 1,204 accepted, not confirmed yet.")
        assert.strictEqual(read(accepted)?.unconfirmed, 1204)
        state = "no match"
        yield* TestClock.adjust("2 hours")
        const answered = yield* world.sync(list(world))
        assert.strictEqual(Summary.verdict(answered), 4)
        assert.include(Summary.inWords(answered), "echo/buyers: 2 not confirmed by the vendor: no match.")
        assert.deepStrictEqual(
          [read(answered)?.unconfirmed, read(answered)?.notConfirmed],
          [0, [{ reason: "no match", count: 2 }]]
        )
        yield* TestClock.adjust("2 hours")
        assert.strictEqual(Summary.verdict(yield* world.sync(list(world))), 0)
      })
    )
  )
})
