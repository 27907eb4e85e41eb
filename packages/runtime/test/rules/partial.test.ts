import { Activation } from "@tributary/core/runtime"
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import { past } from "../../src/store/views/History.ts"
import { resync } from "../../src/store/activations/Operations.ts"
import { activations as statuses } from "../../src/store/views/Status.ts"
import { describeEveryStore } from "../support/stores.ts"
import { audience, inNewYear, type World } from "../support/world.ts"

const twenty = Array.from({ length: 20 }, (_, i) => `u${String(i + 1).padStart(2, "0")}`)

/** Fails so many of a job's members, and says how many, or does not; `lost` fails the whole job. */
type Fate = { readonly fails: number; readonly counts?: boolean } | "lost" | "pending"

const done: Fate = { fails: 0 }

/**
 * A vendor that takes every batch as a job, works it off when it is asked about it, and counts failures without names.
 * The nth upload has the nth fate, and those after that the last one.
 */
const vendorOf = (world: World, ...fates: ReadonlyArray<Fate>) => {
  const has = new Set<string>()
  const jobs = new Map<string, { readonly isAdd: boolean; readonly members: ReadonlyArray<string>; fate: Fate }>()
  const log: Array<string> = []
  world.vendor.answerWith(({ path }, body) => {
    const [, root = "", id = "", verb = ""] = path.split("/")
    if (root === "jobs") return { status: 200, body: result(id) }
    if (verb !== "add" && verb !== "discard") return undefined
    const name = `j${jobs.size + 1}`
    const members: ReadonlyArray<string> = body.members.map((member: any) => member.identifiers.user_id[0]).toSorted()
    jobs.set(name, { isAdd: verb === "add", members, fate: fates[jobs.size] ?? fates.at(-1) ?? done })
    log.push(`${verb} ${members.length}`)
    return { status: 200, body: { outcomes: members.map(() => `job ${name}`) } }
  })
  const result = (id: string) => {
    const job = jobs.get(id)
    if (job === undefined || job.fate === "lost") return "lost"
    if (job.fate === "pending") return "pending"
    const { counts = true, fails } = job.fate
    for (const member of job.members.slice(fails)) {
      if (job.isAdd) has.add(member)
      else has.delete(member)
    }
    return fails === 0 ? "done" : `partial ${counts ? fails : 0}`
  }
  return { has: () => [...has].toSorted(), log, jobs }
}

const buyers = (world: World) => [Activation.list(audience("Buyers"), world.destination, { hold: false })]

const start = Effect.fnUntraced(function* (world: World, ids: ReadonlyArray<string> = twenty) {
  yield* world.customers(twenty.map((id) => ({ id })))
  yield* world.members("Buyers", ids)
  return yield* world.sync(buyers(world))
})

/** The next sync, after its cadence. */
const later = Effect.fnUntraced(function* (world: World) {
  yield* TestClock.adjust("2 hours")
  return yield* world.sync(buyers(world))
})

const history = Effect.map(past(undefined, 10), (syncs) =>
  syncs.map(({ delivered, unattributed, unconfirmed }) => ({ delivered, unattributed, unconfirmed }))
)

const status = Effect.map(statuses, ([row]) => ({
  sent: row?.sent,
  pending: row?.dirty,
  unconfirmed: row?.unconfirmed,
  notConfirmed: row?.notConfirmed
}))

describeEveryStore("partial answers", (store) => {
  it.effect("R35 R33 a part that failed without names is sent again, and the history says what happened", () =>
    inNewYear(store, { batch: 100 })((world) =>
      Effect.gen(function* () {
        const vendor = vendorOf(world, { fails: 7 }, done)
        const first = yield* start(world)
        assert.strictEqual(first.synced[0]?.unconfirmed, 20)
        assert.deepStrictEqual(yield* history, [{ delivered: 20, unattributed: [], unconfirmed: 20 }])

        const second = yield* later(world)
        assert.strictEqual(vendor.has().length, 13)
        assert.deepStrictEqual(vendor.log, ["add 20", "add 20"])
        assert.strictEqual(second.synced[0]?.unconfirmed, 20)
        const partial = {
          delivered: 13,
          unattributed: [{ reason: "internal", count: 7, again: true }],
          unconfirmed: 0
        }
        assert.deepStrictEqual(yield* history, [{ delivered: 20, unattributed: [], unconfirmed: 20 }, partial])

        const third = yield* later(world)
        assert.deepStrictEqual(vendor.has(), twenty)
        assert.deepStrictEqual([third.synced[0]?.unconfirmed, third.synced[0]?.notConfirmed], [0, []])
        assert.deepStrictEqual(yield* history, [{ delivered: 20, unattributed: [], unconfirmed: 0 }, partial])
        assert.deepStrictEqual(yield* status, { sent: 20, pending: 0, unconfirmed: 0, notConfirmed: [] })
        assert.deepStrictEqual(yield* world.sql`select * from tributary.resend`, [], "success ends the count")
      })
    )
  )

  for (const [name, fate, count, times] of [
    ["a part of a job", { fails: 7 }, 7, 3],
    ["a part of a job without counts", { fails: 7, counts: false }, 20, 3],
    ["a whole job", "lost", 20, 10]
  ] as const) {
    it.effect(`R35 ${name} that fails for ever is sent again ${times} times, and then reported as not confirmed`, () =>
      inNewYear(store, { batch: 100 })((world) =>
        Effect.gen(function* () {
          const vendor = vendorOf(world, fate)
          yield* start(world)
          const reports = []
          for (let i = 0; i < times + 3; i++) reports.push((yield* later(world)).synced[0])
          assert.deepStrictEqual(
            vendor.log,
            Array.from({ length: times + 1 }, () => "add 20")
          )
          const reason = fate === "lost" ? "the job failed" : "internal"
          const learned = reports.map((report) => report?.notConfirmed.length)
          assert.deepStrictEqual(
            learned,
            learned.map((_, i) => (i === times ? 1 : 0)),
            "news is said once"
          )
          assert.deepStrictEqual(yield* status, {
            sent: 20,
            pending: 0,
            unconfirmed: 0,
            notConfirmed: [{ reason, count }]
          })
          const past = { delivered: 20 - count, unconfirmed: 0 }
          const [last, ...before] = yield* history
          assert.deepStrictEqual(last, { ...past, unattributed: [{ reason, count }] })
          assert.deepStrictEqual(
            before,
            before.map(() => ({ ...past, unattributed: [{ reason, count, again: true }] }))
          )
        })
      )
    )
  }

  it.effect("R35 a count goes with the identifiers, and not with the job that they are in", () =>
    inNewYear(store, { batch: 100 })((world) =>
      Effect.gen(function* () {
        const vendor = vendorOf(world, { fails: 2 }, { fails: 2 }, { fails: 2 }, { fails: 2 }, { fails: 2 }, done)
        yield* start(world, twenty.slice(0, 10))
        yield* later(world)
        yield* later(world)
        // Others come along for the last resend of the first ten.
        yield* world.members("Buyers", twenty)
        yield* later(world)
        yield* later(world)
        assert.deepStrictEqual(vendor.log, ["add 10", "add 10", "add 10", "add 20", "add 10"])
        assert.deepStrictEqual((yield* status).notConfirmed, [{ reason: "internal", count: 2 }])
        yield* later(world)
        yield* later(world)
        assert.deepStrictEqual(vendor.log.slice(5), ["add 10"], "only those that came later")
      })
    )
  )

  it.effect("R35 five that a removal left in are removed with the next one", () =>
    inNewYear(store, { batch: 100 })((world) =>
      Effect.gen(function* () {
        const vendor = vendorOf(world, done, { fails: 5 }, done)
        yield* start(world)
        yield* later(world)
        yield* world.members("Buyers", [])
        yield* later(world)
        yield* later(world)
        assert.deepStrictEqual(vendor.log, ["add 20", "discard 20", "discard 20"])
        assert.strictEqual(vendor.has().length, 5)
        yield* later(world)
        assert.deepStrictEqual(vendor.has(), [])
        assert.deepStrictEqual(yield* status, { sent: 0, pending: 0, unconfirmed: 0, notConfirmed: [] })
      })
    )
  )

  it.effect("R35 R39 an activation that exits everybody is exiting until the vendor has confirmed it", () =>
    inNewYear(store, { batch: 100 })((world) =>
      Effect.gen(function* () {
        const vendor = vendorOf(world, done, { fails: 5 }, done)
        const leaving = [
          Activation.list(audience("Buyers"), world.destination, { hold: false, onRemoval: "exit" }),
          Activation.events(audience("Others"), world.destination)
        ]
        yield* world.customers(twenty.map((id) => ({ id })))
        yield* world.members("Buyers", twenty)
        yield* world.sync(leaving)
        const states: Array<string | undefined> = []
        for (let i = 0; i < 4; i++) {
          yield* TestClock.adjust("2 hours")
          yield* world.sync(leaving.slice(1))
          states.push((yield* statuses).find(({ activation }) => activation === "echo/buyers")?.state)
        }
        assert.deepStrictEqual(vendor.log, ["add 20", "discard 20", "discard 20"])
        assert.deepStrictEqual(vendor.has(), [])
        assert.deepStrictEqual(states, ["exiting", "exiting", "removed", "removed"])
      })
    )
  )

  it.effect("R35 R32 what is sent again is what is wanted then: who exited meanwhile is removed, and not added", () =>
    inNewYear(store, { batch: 100 })((world) =>
      Effect.gen(function* () {
        const vendor = vendorOf(world, { fails: 7 }, done)
        yield* start(world)
        yield* world.members("Buyers", twenty.slice(10))
        yield* later(world)
        assert.sameMembers(vendor.log.slice(1), ["add 10", "discard 10"])
        yield* later(world)
        assert.deepStrictEqual(vendor.has(), twenty.slice(10))
        // And back again, while the removal is not confirmed.
        yield* world.members("Buyers", twenty)
        yield* later(world)
        yield* later(world)
        assert.deepStrictEqual(vendor.has(), twenty)
      })
    )
  )

  it.effect("R35 R32 an add that a vendor works off after a later removal does not last", () =>
    inNewYear(store, { batch: 100 })((world) =>
      Effect.gen(function* () {
        const vendor = vendorOf(world, "pending", done)
        yield* start(world)
        // The add is still open when ten are removed, and is worked off after the removal.
        yield* world.members("Buyers", twenty.slice(10))
        yield* later(world)
        yield* later(world)
        const add = vendor.jobs.get("j1")
        if (add !== undefined) add.fate = done
        yield* later(world)
        assert.deepStrictEqual(vendor.log, ["add 20", "discard 10", "discard 10"])
        yield* later(world)
        assert.deepStrictEqual(vendor.has(), twenty.slice(10))
        yield* later(world)
        assert.strictEqual(vendor.log.length, 3)
      })
    )
  )

  it.effect("R35 R40 a process that ends between the vendor's answer and its record asks again, and counts once", () =>
    inNewYear(store, { batch: 100 })((world) =>
      Effect.gen(function* () {
        const vendor = vendorOf(world, { fails: 7 }, done)
        yield* start(world)
        // The last thing that is written of an answer: what came before it in the transaction is undone.
        yield* world.sql.unsafe(
          `create function cut() returns trigger language plpgsql as $$ begin raise 'cut'; end $$`
        )
        yield* world.sql.unsafe(
          `create trigger cut before update of not_confirmed on tributary.sync execute function cut()`
        )
        assert.strictEqual((yield* Effect.exit(later(world)))._tag, "Failure")
        yield* world.sql.unsafe(`drop function cut() cascade`)
        assert.strictEqual((yield* status).unconfirmed, 20)
        assert.deepStrictEqual(yield* world.sql`select * from tributary.resend`, [])
        yield* later(world)
        assert.deepStrictEqual(vendor.log, ["add 20", "add 20"])
        assert.deepStrictEqual(yield* world.sql`select times from tributary.resend`, [{ times: 1 }])
        yield* later(world)
        assert.deepStrictEqual(vendor.has(), twenty)
        assert.deepStrictEqual((yield* history).at(-1)?.unattributed, [{ reason: "internal", count: 7, again: true }])
      })
    )
  )

  it.effect("R35 what was not confirmed is sent again by resync, and counts as confirmed when that succeeds", () =>
    inNewYear(store, { batch: 100 })((world) =>
      Effect.gen(function* () {
        const vendor = vendorOf(world, { fails: 7 }, { fails: 7 }, { fails: 7 }, { fails: 7 }, done)
        yield* start(world)
        for (let i = 0; i < 4; i++) yield* later(world)
        assert.strictEqual((yield* status).notConfirmed?.length, 1)
        yield* resync(yield* world.activation("echo/buyers"))
        yield* later(world)
        yield* later(world)
        assert.deepStrictEqual(vendor.has(), twenty)
        assert.deepStrictEqual((yield* status).notConfirmed, [])
      })
    )
  )
})
