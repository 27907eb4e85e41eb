import { assert, it } from "@effect/vitest"
import { Activation } from "@tributary/core/runtime"
import { serve } from "@tributary/core/testing"
import { Deferred, Effect } from "effect"
import { TestClock } from "effect/testing"
import * as fc from "fast-check"
import { describe } from "vitest"
import { type Command, commands, type Crowd, happen, inWords, keysOf, startingCrowd } from "./support/crowd.ts"
import { makeMatching, makeVendor, normal } from "./support/matching.ts"
import { runsOf, stores } from "./support/stores.ts"
import { audience, inNewYear, trait, whileTimePasses, type World } from "./support/world.ts"

const vips = audience("Vips")
const score = trait("Score")

interface Options {
  /** Which of several addresses are sent. */
  readonly emails: "all" | "first" | "latest"
  readonly batch: number
}

/** The people's tables as they stand. */
const write = (world: World, crowd: Crowd) =>
  Effect.gen(function* () {
    yield* world.customers(
      [...crowd].flatMap(([id, { emails, phone }]) =>
        (emails.size === 0 ? [""] : [...emails]).map((email) => ({
          id,
          ...(email === "" ? {} : { email }),
          ...(phone === "" ? {} : { phone })
        }))
      )
    )
    const ids = [...crowd].filter(([, { isVip }]) => isVip).map(([id]) => id)
    yield* world.members("Vips", ids)
    yield* world.values(
      "Score",
      Object.fromEntries([...crowd].flatMap(([id, { score }]) => (score === undefined ? [] : [[id, score]])))
    )
  })

const truncate = (world: World) =>
  Effect.gen(function* () {
    const tables = yield* world.sql<{ name: string }>`
      select tablename as name from pg_tables where schemaname = 'tributary' and tablename <> 'migration'`
    yield* world.sql.unsafe(`truncate ${tables.map(({ name }) => `tributary.${name}`).join(", ")} restart identity`)
  })

/** Runs commands against the engine and a vendor that matches and joins, and judges what it holds at rest. */
const run = (world: World, options: Options, program: ReadonlyArray<Command>) =>
  Effect.gen(function* () {
    yield* truncate(world)
    const crowd = startingCrowd()
    /** Who is wanted, as the sync that is running has read it. */
    let wanted: ReadonlySet<string> = new Set()
    const wrong: Array<string> = []
    let killedAt: number | undefined
    let killed = yield* Deferred.make<void>()
    const vendor = makeVendor({
      onRemove: (key) => {
        if (wanted.has(key)) wrong.push(`${key} was removed, and is wanted`)
      },
      onRequest: () => {
        if (killedAt !== undefined && --killedAt === 0) Deferred.doneUnsafe(killed, Effect.void)
      }
    })
    const { baseUrl } = yield* serve(vendor.sandbox)
    let version = 1
    const activations = () => {
      const matching = makeMatching({ version: String(version), batch: options.batch }).destination("matching", {
        baseUrl
      })
      const identifiers = { email: options.emails }
      const hold = false
      return [
        Activation.list(vips, matching, { id: "list", hold, identifiers: { ...identifiers, user_id: "none" } }),
        Activation.events(vips, matching, { id: "vips", hold, calls: ["identify", "track"], identifiers }),
        Activation.events(score, matching, { id: "score", hold, identifiers })
      ]
    }

    const sync = Effect.fnUntraced(function* (command: Extract<Command, { readonly do: "sync" }>) {
      yield* TestClock.adjust("61 minutes")
      yield* write(world, crowd)
      wanted = new Set([...crowd.values()].filter(({ isVip }) => isVip).flatMap((person) => [...keysOf(person)]))
      const { killedAt: at, vendor: mood } = command
      vendor.state.trouble = mood === "429" ? 429 : mood === "503" ? 503 : mood === "520" ? 520 : undefined
      killedAt = at
      killed = yield* Deferred.make<void>()
      const syncing = world.sync(activations(), { patience: 1 })
      const passing = mood === "well" ? syncing : whileTimePasses(syncing, "1 second")
      yield* Effect.raceFirst(Effect.asVoid(passing), Deferred.await(killed))
      killedAt = undefined
      assert.deepStrictEqual(wrong, [])
    })

    const well = { do: "sync", vendor: "well", killedAt: undefined } as const
    let isAtRest = false
    for (const [i, command] of program.entries()) {
      const step = `step ${i + 1}`
      happen(crowd, command)
      if (command.do === "upgrade") version++
      if (command.do === "sync") {
        vendor.requests.length = 0
        yield* sync(command)
        // A spelling that is new is the latest one.
        if (isAtRest && options.emails === "all") {
          assert.deepStrictEqual(vendor.requests, [], `nothing but spellings had changed, ${step}`)
        }
        isAtRest = command.vendor === "well" && command.killedAt === undefined
      } else if (command.do !== "respell") isAtRest = false
    }
    yield* sync(well)
    yield* sync(well)
    vendor.requests.length = 0
    yield* sync(well)
    assert.deepStrictEqual(vendor.requests, [], "a sync at rest sends nothing")

    const due = (person: Crowd extends Map<string, infer P> ? P : never) => {
      const keys = [...keysOf(person)]
      return options.emails === "all" ? keys : keys.filter((key) => key.startsWith("phone:"))
    }
    const vipsNow = [...crowd.values()].filter(({ isVip }) => isVip)
    for (const key of vipsNow.flatMap(due)) assert.isTrue(vendor.list.has(key), `the list lacks ${key}`)
    for (const key of vendor.list) assert.isTrue(wanted.has(key), `the list has ${key}, which nobody wanted has`)

    const isUnheard = program.some(
      (each) => each.do === "sync" && (each.vendor === "520" || each.killedAt !== undefined)
    )
    for (const { events, ids, traits } of vendor.people) {
      const id = ids["user_id"]
      assert.isDefined(id, `a record without a user id: ${JSON.stringify(ids)}`)
      const person = crowd.get(id ?? "")
      const isVip = person?.isVip === true
      assert.strictEqual(traits["Vips".toLowerCase()] === true, isVip, `${id} is ${JSON.stringify(traits)}`)
      if (person?.score !== "refused") {
        assert.strictEqual(traits["score"] ?? undefined, person?.score, `${id} is ${JSON.stringify(traits)}`)
      }
      assert.strictEqual(events.at(-1) === "Audience Entered", isVip, `${id} has ${JSON.stringify(events)}`)
      if (!isUnheard) {
        const alternating = events.map((_, i) => (i % 2 === 0 ? "Audience Entered" : "Audience Exited"))
        assert.deepStrictEqual(events, alternating, `${id}`)
      }
      if (isVip) {
        const emails = [...(person?.emails ?? [])].filter((email) => email.includes("@"))
        if (emails.length > 0) {
          const own = emails.map((email) => normal("email", email))
          assert.include(own, normal("email", ids["email"] ?? ""), `the address of ${id}`)
        }
      }
    }
    const users = vendor.people.map(({ ids }) => ids["user_id"])
    assert.strictEqual(new Set(users).size, users.length, "somebody has two records")
    for (const [id, { isVip, score }] of crowd) {
      if (isVip || (score !== undefined && score !== "refused")) assert.include(users, id)
    }
  })

const optionsOf: fc.Arbitrary<Options> = fc.record({
  emails: fc.constantFrom("all", "first", "latest"),
  batch: fc.constantFrom(10, 2, 1)
})

/** `MODEL_RUNS=1000` tries that many programs from a seed of its own; without it, the same each time. */
const asked = process.env["MODEL_RUNS"]
const seed = Number(process.env["MODEL_SEED"] ?? (asked === undefined ? 20_260_101 : Date.now() % 2 ** 31))

describe("keys and joined records, by programs", () => {
  for (const store of stores) {
    const many = Number(asked ?? runsOf(60))
    const runs = store.name === "PGlite" ? many : Math.ceil(many / 8)
    it.effect(
      `R43 R44 whatever happens, the vendor has those who are wanted, each once, and removed nobody of them (${store.name}, ${runs} programs)`,
      () =>
        inNewYear(store)((world) =>
          Effect.gen(function* () {
            const context = yield* Effect.context<Effect.Services<ReturnType<typeof run>>>()
            const property = fc.asyncProperty(
              optionsOf,
              fc.array(commands, { minLength: 1, maxLength: Number(process.env["MODEL_LENGTH"] ?? 14), size: "max" }),
              (options, program) => Effect.runPromiseWith(context)(Effect.scoped(run(world, options, program)))
            )
            const outcome = yield* Effect.promise(() => fc.check(property, { seed, numRuns: runs }))
            if (!outcome.failed) return
            const [options, program] = outcome.counterexample ?? []
            throw new Error(
              [
                `MODEL_SEED=${seed}, ${JSON.stringify(options)}:`,
                ...(program ?? []).map((command, i) => `  ${i + 1}. ${inWords(command)}`),
                String((outcome.errorInstance as Error | undefined)?.message),
                JSON.stringify({ ...(outcome.errorInstance as object) }, null, 1)
              ].join("\n")
            )
          })
        ),
      { timeout: 300_000 + runs * 20_000 }
    )
  }
})
