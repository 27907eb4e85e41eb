import { Activation } from "@tributary/core/runtime"
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import { describeStores } from "../support/stores.ts"
import { audience, inNewYear, type World } from "../support/world.ts"

const people = (...ids: ReadonlyArray<string>) => ids.map((id) => ({ id }))

/** A vendor that takes every batch as a job, and says of a job what the test says. */
const jobsOf = (world: World, type: "user_id" | "email" = "user_id") => {
  const jobs = new Map<string, { readonly verb: string; readonly members: ReadonlyArray<string>; state: string }>()
  const asked: Array<string> = []
  world.vendor.answerWith(({ path }, body) => {
    const [, root = "", id = "", verb = ""] = path.split("/")
    if (root === "jobs") {
      asked.push(id)
      const state = jobs.get(id)?.state ?? "lost"
      return state === "down" ? { status: 503 } : { status: 200, body: state }
    }
    if (verb !== "add" && verb !== "discard") return undefined
    const name = `j${jobs.size + 1}`
    const members: ReadonlyArray<string> = body.members.map((member: any) => member.identifiers[type][0])
    jobs.set(name, { verb, members, state: "pending" })
    return { status: 200, body: { outcomes: members.map(() => `job ${name}`) } }
  })
  return {
    /** From now on the vendor says so of this job. */
    say: (name: string, state: string) => {
      const job = jobs.get(name)
      if (job !== undefined) job.state = state
    },
    sent: () => [...jobs.values()].map(({ members, verb }) => `${verb} ${members.toSorted().join(" ")}`),
    asked: () => asked.splice(0)
  }
}

/** Buyers who were uploaded in job j1. */
const uploaded = Effect.fnUntraced(function* (world: World, ...ids: ReadonlyArray<string>) {
  const jobs = jobsOf(world)
  yield* world.customers(people(...ids))
  yield* world.members("Buyers", ids)
  yield* world.sync(buyers(world))
  return jobs
})

const buyers = (world: World) => [Activation.list(audience("Buyers"), world.destination, { hold: false })]

describeStores("receipts", (store) => {
  it.effect("R35 a job that fails late is told again, by another process too", () =>
    inNewYear(store)((world) =>
      Effect.gen(function* () {
        const jobs = yield* uploaded(world, "u1", "u2")
        assert.deepStrictEqual(jobs.sent(), ["add u1 u2"])
        jobs.say("j1", "lost")
        yield* TestClock.adjust("2 hours")
        yield* world.sync(buyers(world))
        assert.deepStrictEqual(jobs.sent(), ["add u1 u2", "add u1 u2"])
        jobs.say("j2", "done")
        yield* TestClock.adjust("2 hours")
        yield* world.sync(buyers(world))
        assert.deepStrictEqual(jobs.asked(), ["j1", "j2"])
        yield* TestClock.adjust("2 hours")
        yield* world.sync(buyers(world))
        assert.deepStrictEqual(jobs.asked(), [], "a job that is over is not asked about again")
        assert.strictEqual(jobs.sent().length, 2)
      })
    )
  )

  it.effect("R35 a job is asked about until the vendor knows, and one that cannot be asked about stays open", () =>
    inNewYear(store)((world) =>
      Effect.gen(function* () {
        const jobs = yield* uploaded(world, "u1")
        for (const state of ["pending", "down", "lost"]) {
          jobs.say("j1", state)
          yield* TestClock.adjust("2 hours")
          yield* world.sync(buyers(world))
          assert.deepStrictEqual(jobs.asked(), ["j1"], state)
        }
        assert.deepStrictEqual(jobs.sent(), ["add u1", "add u1"])
      })
    )
  )

  it.effect("R35 a lost job takes nothing back that another job has told: who leaves then is still removed", () =>
    inNewYear(store)((world) =>
      Effect.gen(function* () {
        const jobs = yield* uploaded(world, "u1", "u2")
        jobs.say("j1", "pending")
        // Told again by a second job, which does its work.
        yield* world.sql`update tributary.ledger set again = bits`
        yield* world.sql`update tributary.dirty d set bits = s.bits from tributary.snapshot s where s.chunk = d.chunk`
        yield* TestClock.adjust("2 hours")
        yield* world.sync(buyers(world))
        jobs.say("j2", "done")
        assert.deepStrictEqual(jobs.sent(), ["add u1 u2", "add u1 u2"])
        // The first fails at last, and meanwhile one has left.
        jobs.say("j1", "lost")
        yield* world.members("Buyers", ["u1"])
        yield* TestClock.adjust("2 hours")
        yield* world.sync(buyers(world))
        assert.include(jobs.sent(), "discard u2")
      })
    )
  )

  it.effect("R35 a removal whose job fails is told again, and not where the person has come back", () =>
    inNewYear(store)((world) =>
      Effect.gen(function* () {
        const jobs = yield* uploaded(world, "u1", "u2", "u3")
        jobs.say("j1", "done")
        yield* world.members("Buyers", ["u1"])
        yield* TestClock.adjust("2 hours")
        yield* world.sync(buyers(world))
        jobs.say("j2", "lost")
        yield* world.members("Buyers", ["u1", "u3"])
        yield* TestClock.adjust("2 hours")
        yield* world.sync(buyers(world))
        assert.deepStrictEqual(jobs.sent(), ["add u1 u2 u3", "discard u2 u3", "discard u2", "add u3"])
      })
    )
  )

  it.effect("R35 R27 a removal whose job fails is told again, though another profile has the address by now", () =>
    inNewYear(store)((world) =>
      Effect.gen(function* () {
        const jobs = jobsOf(world, "email")
        yield* world.customers([{ id: "u1", email: "a@example.com" }, { id: "u2" }])
        yield* world.members("Buyers", ["u1"])
        const activations = [
          Activation.list(audience("Buyers"), world.destination, { hold: false, identifiers: { user_id: "none" } })
        ]
        yield* world.sync(activations)
        jobs.say("j1", "done")
        yield* world.members("Buyers", [])
        yield* TestClock.adjust("2 hours")
        yield* world.sync(activations)
        yield* world.customers([{ id: "u1" }, { id: "u2", email: "a@example.com" }])
        yield* TestClock.adjust("2 hours")
        yield* world.sync(activations)
        jobs.say("j2", "lost")
        yield* TestClock.adjust("2 hours")
        yield* world.sync(activations)
        const removal = "discard a@example.com"
        assert.deepStrictEqual(jobs.sent(), ["add a@example.com", removal, removal])
      })
    )
  )

  it.effect("R35 failures that the vendor only counts are shown with the sync, and nothing is sent again", () =>
    inNewYear(store)((world) =>
      Effect.gen(function* () {
        const jobs = yield* uploaded(world, "u1", "u2", "u3")
        jobs.say("j1", "no match")
        yield* TestClock.adjust("2 hours")
        yield* world.sync(buyers(world))
        assert.strictEqual(jobs.sent().length, 1)
        const kept = yield* world.sql<{ unattributed: unknown }>`select unattributed from tributary.sync`
        assert.deepStrictEqual(kept, [{ unattributed: [{ count: 2, reason: "no match" }] }])
      })
    )
  )
})
