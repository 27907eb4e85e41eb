import { Activation } from "@tributary/core/runtime"
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import * as fc from "fast-check"
import { describe } from "vitest"
import type { SourcedActivation } from "../src/config/defineConfig.ts"
import * as Operations from "../src/store/activations/Operations.ts"
import * as SentSets from "../src/store/sent/SentSets.ts"
import { makeEcho, type Message } from "./support/echo.ts"
import {
  type Command,
  type Company,
  happen,
  inWords,
  linesOf,
  Model,
  type News,
  type Plugin,
  startingCompany,
  type Told,
  type Vendor
} from "./support/model.ts"
import { runsOf, stores } from "./support/stores.ts"
import { accounts, audience, inNewYear, trait, whileTimePasses, type World } from "./support/world.ts"

const computations = {
  Buyers: audience("Buyers"),
  Vips: audience("Vips"),
  "Key accounts": audience("Key accounts", accounts),
  Revenue: trait("Revenue"),
  Score: trait("Score"),
  Seats: trait("Seats", accounts)
}

const policies: Readonly<Record<string, Told["policies"]>> = {
  vips: { email: "latest" },
  score: { email: "first", phone: "none" },
  "buyers-list": { email: "latest" }
}

const sent = (
  id: string,
  computation: keyof typeof computations,
  over: Told["over"],
  to: Told["to"],
  ...kinds: ReadonlyArray<string>
): Told => ({
  id,
  computation,
  key: computations[computation].key,
  of: computations[computation]._tag === "Audience" ? "audience" : "trait",
  over,
  to,
  kinds,
  policies: policies[id] ?? {},
  newIdentifiers: id !== "revenue"
})

const activations: ReadonlyArray<Told> = [
  sent("buyers", "Buyers", "users", "users", "identify", "track"),
  sent("buyers-list", "Buyers", "users", "users"),
  sent("vips", "Vips", "users", "users", "identify"),
  sent("revenue", "Revenue", "users", "users", "identify"),
  sent("score", "Score", "users", "users", "track"),
  sent("key-accounts", "Key accounts", "accounts", "accounts", "group"),
  sent("key-users", "Key accounts", "accounts", "users", "identify"),
  sent("key-list", "Key accounts", "accounts", "users"),
  sent("seats", "Seats", "accounts", "accounts", "group")
]

const audiences = new Set(activations.filter(({ of }) => of === "audience").map(({ key }) => key))

const configured = (world: World, plugin: Plugin, version: number): ReadonlyMap<string, SourcedActivation> => {
  const echo = makeEcho({ ...plugin, version: String(version) }).destination("echo", { baseUrl: world.baseUrl })
  const hold = false
  const of = (id: string) => policies[id] ?? {}
  const { Buyers, Revenue, Score, Seats, Vips } = computations
  const key = computations["Key accounts"]
  const all: ReadonlyArray<SourcedActivation> = [
    Activation.events(Buyers, echo, { id: "buyers", calls: ["identify", "track"], hold }),
    Activation.list(Buyers, echo, { id: "buyers-list", name: "buyers-list", hold, identifiers: of("buyers-list") }),
    Activation.events(Vips, echo, { id: "vips", hold, identifiers: of("vips") }),
    Activation.events(Revenue, echo, { id: "revenue", hold, newIdentifiers: false }),
    Activation.events(Score, echo, { id: "score", calls: ["track"], hold, identifiers: of("score") }),
    Activation.events(key, echo, { id: "key-accounts", hold }),
    Activation.events(key, echo, { id: "key-users", accounts: "users", hold }),
    Activation.list(key, echo, { id: "key-list", name: "key-list", hold }),
    Activation.events(Seats, echo, { id: "seats", hold })
  ]
  return new Map(all.map((activation) => [activation.id, activation]))
}

const users = fc.constantFrom("u1", "u2", "u3", "u4", "u5", "u6")
const emails = fc.constantFrom("e1", "e2", "e3", "e4", "e5")
const companies = fc.constantFrom("c1", "c2")
const names = fc.constantFrom("", "Ada", "Zoe")
const activationIds = fc.constantFrom(...activations.map(({ id }) => id))
/** Some are equal in another spelling, and some are none. */
const values = fc.constantFrom(
  "450",
  "450.00",
  "4.5e2",
  "0",
  "-0.0",
  "false",
  `""`,
  `[1, 2]`,
  `[2, 1]`,
  `{"a": 1, "b": [true]}`,
  `{"b": [true], "a": 1.0}`,
  "null",
  ""
)
const vendors: fc.Arbitrary<Vendor> = fc.oneof(
  { weight: 3, arbitrary: fc.constant<Vendor>("well") },
  {
    weight: 2,
    arbitrary: fc.constantFrom<Vendor>(
      "503",
      "429",
      "reject email",
      "reject user_id",
      "reject group_id",
      "retry email",
      "retry user_id",
      "retry group_id"
    )
  }
)

const one = <const K extends Command["do"], A extends Record<string, fc.Arbitrary<any>>>(kind: K, fields: A) =>
  fc.record({ do: fc.constant(kind), ...fields }) as unknown as fc.Arbitrary<Command>

const commands: fc.Arbitrary<Command> = fc.oneof(
  { weight: 10, arbitrary: one("sync", { vendor: vendors, after: fc.constantFrom("61 minutes", "1 minute") }) },
  { weight: 1, arbitrary: one("upgrade", {}) },
  { weight: 2, arbitrary: one("arrive", { who: users, email: emails, company: companies }) },
  { weight: 2, arbitrary: one("delete", { who: users }) },
  { weight: 1, arbitrary: one("unlink", { who: users }) },
  { weight: 4, arbitrary: one("give", { who: users, value: emails }) },
  { weight: 2, arbitrary: one("take", { value: emails }) },
  { weight: 1, arbitrary: one("phone", { who: users, value: fc.constantFrom("", "p1", "p2") }) },
  { weight: 2, arbitrary: one("merge", { who: users, with: users }) },
  { weight: 2, arbitrary: one("join", { who: users, with: companies }) },
  { weight: 2, arbitrary: one("leave", { who: users, with: companies }) },
  { weight: 2, arbitrary: one("name", { who: fc.oneof(users, companies), name: names }) },
  { weight: 3, arbitrary: one("enter", { audience: fc.constantFrom("Buyers", "Vips"), who: users }) },
  { weight: 3, arbitrary: one("exit", { audience: fc.constantFrom("Buyers", "Vips"), who: users }) },
  { weight: 2, arbitrary: one("enter", { audience: fc.constant("Key accounts"), who: companies }) },
  { weight: 2, arbitrary: one("exit", { audience: fc.constant("Key accounts"), who: companies }) },
  { weight: 3, arbitrary: one("set", { trait: fc.constantFrom("Revenue", "Score"), who: users, json: values }) },
  { weight: 1, arbitrary: one("set", { trait: fc.constant("Seats"), who: companies, json: values }) },
  ...(["resync", "baseline", "retry", "pause", "resume", "remove", "restore"] as const).map((kind) => ({
    weight: 1,
    arbitrary: one(kind, { activation: activationIds })
  }))
)

const truncate = (world: World) =>
  Effect.gen(function* () {
    const tables = yield* world.sql<{ name: string }>`
      select tablename as name from pg_tables where schemaname = 'tributary' and tablename <> 'migration'`
    yield* world.sql.unsafe(`truncate ${tables.map(({ name }) => `tributary.${name}`).join(", ")} restart identity`)
    world.sent()
    world.vendor.state.lists.clear()
    world.vendor.state.requests.length = 0
  })

/** The company's tables as they stand. */
const write = (world: World, company: Company) =>
  Effect.gen(function* () {
    const rows = [...company.customers].flatMap(([id, { companies, emails, name, phone }]) =>
      (emails.size === 0 ? [""] : [...emails]).flatMap((email) =>
        (companies.size === 0 ? [""] : [...companies]).map((each) => ({
          id,
          ...(email === "" ? {} : { email }),
          ...(each === "" ? {} : { company: each }),
          ...(phone === "" ? {} : { phone }),
          ...(name === "" ? {} : { name })
        }))
      )
    )
    yield* world.customers(rows)
    yield* world.companies([...company.companies].map(([id, { name }]) => (name === "" ? { id } : { id, name })))
    yield* world.sql`delete from member`
    yield* world.sql`delete from value`
    for (const [name, members] of company.members) {
      for (const id of members) yield* world.sql`insert into member values (${name}, ${id})`
    }
    for (const [name, values] of company.values) {
      for (const [id, json] of values) {
        if (json !== "") yield* world.sql`insert into value values (${name}, ${id}, ${json}::text::jsonb)`
      }
    }
  })

const namesOf = (member: Message): string =>
  Object.entries(member["identifiers"] as Message)
    .flatMap(([type, all]) => (all as Array<string>).map((value) => `${type}:${value}`))
    .toSorted()
    .join(" ")

/** A vendor in trouble, all of it or for one type of identifier. Answers what it hears and what it takes of that. */
const listen = (world: World, vendor: Vendor) => {
  const heard = { calls: [] as Array<string>, members: [] as Array<string>, taken: [] as Array<string> }
  const [verb, type] = vendor.split(" ")
  const outcome = (names: string) =>
    type === undefined || !names.includes(`${type}:`) ? "ok" : verb === "retry" ? "retry 5000" : "no such person"
  world.vendor.answerWith((request, body) => {
    // Looking a list up and creating it always works: the echo takes whatever is answered for a list's id.
    if (request.path === "/lists") return undefined
    const [, , id = "", what] = request.path.split("/")
    const isOut = vendor === "503" || vendor === "429"
    const outcomes: Array<string> = []
    for (const message of body.batch ?? []) {
      outcomes.push(outcome(message.identifier))
      heard.calls.push(...linesOf(message))
    }
    for (const member of body.members ?? []) {
      const line = `${world.vendor.state.lists.get(id)?.name} ${what} ${namesOf(member)}`
      outcomes.push(outcome(namesOf(member)))
      heard.members.push(line)
      if (outcomes.at(-1) === "ok" && !isOut) heard.taken.push(line)
    }
    return vendor === "503"
      ? { status: 503 }
      : vendor === "429"
        ? { status: 429, headers: { "retry-after": "20" } }
        : { status: 200, body: { outcomes } }
  })
  return heard
}

/** Runs commands against the engine and against the model, and compares at every sync. */
const run = (world: World, plugin: Plugin, program: ReadonlyArray<Command>) =>
  Effect.gen(function* () {
    yield* truncate(world)
    const company = startingCompany()
    const model = new Model(activations, plugin)
    const heard = new Map<string, { readonly at: string; readonly value: string }>()
    // What a baseline takes as told was never heard.
    const isHeardAll = !program.some((command) => command.do === "baseline")
    const messageIds = new Set<string>()

    const sync = Effect.fnUntraced(function* (vendor: Vendor, step: string, after: "1 minute" | "61 minutes") {
      // Past every wait that a failure asked for, and the longer one past a list's cadence.
      yield* TestClock.adjust(after)
      yield* write(world, company)
      const listened = listen(world, vendor)
      const config = configured(world, plugin, model.version)
      const chosen = [...model.configured].flatMap((id) => config.get(id) ?? [])
      const syncing = world.sync(chosen, { patience: 1 })
      const report = yield* vendor === "well" ? syncing : whileTimePasses(syncing, "1 second")
      assert.deepStrictEqual(report.failures, [], step)
      const expected = model.sync(company, vendor, Number.parseInt(after, 10))
      const messages = world.sent()
      const linesOfAll = (news: ReadonlyArray<News>) => news.map(({ line }) => line).toSorted()
      const taken = (news: ReadonlyArray<News>) => linesOfAll(news.filter(({ isTaken }) => isTaken))
      assert.deepStrictEqual(messages.flatMap(linesOf).toSorted(), taken(expected.calls), `calls taken in ${step}`)
      assert.deepStrictEqual(listened.taken.toSorted(), taken(expected.members), `list requests taken in ${step}`)
      // A vendor that is out hears the first batches only.
      if (vendor !== "503" && vendor !== "429") {
        assert.deepStrictEqual(listened.calls.toSorted(), linesOfAll(expected.calls), `calls of ${step}`)
        assert.deepStrictEqual(listened.members.toSorted(), linesOfAll(expected.members), `list requests of ${step}`)
      }
      if (vendor === "well") {
        for (const { activation, ending } of report.synced) {
          const due = model.paused.has(activation) ? "Paused" : "Synced"
          assert.oneOf(ending._tag, [due, "NotDue"], `${activation}, ${step}`)
        }
      }
      const again = new Set(expected.calls.filter(({ isAgain }) => isAgain).map(({ line }) => line))
      for (const message of messages) {
        const fresh = linesOf(message).filter((line) => !again.has(line))
        if (fresh.length > 0)
          assert.isFalse(messageIds.has(message["messageId"]), `a messageId twice: ${fresh}, ${step}`)
        messageIds.add(message["messageId"])
        for (const line of fresh) {
          const who = String(message["identifier"])
          const to = `${line.slice(0, line.indexOf(who)).replace(/Audience (Entered|Exited)/, "")}${who}`
          const before = heard.get(to)
          const at = String(message["timestamp"])
          // Of users that come and go only the account's own change has a time.
          const mayBeSame = plugin.groupUsers && message["type"] === "group"
          const isNewer = before === undefined || before.at < at || (mayBeSame && before.at === at)
          assert.isTrue(isNewer, `told as of ${before?.at} already, and now as of ${at}: ${line}, ${step}`)
          const value = line.slice(line.indexOf(who) + who.length + 1)
          if (isHeardAll) assert.notStrictEqual(value, before?.value, `the same twice: ${line}, ${step}`)
          if (isHeardAll && value === "false" && audiences.has(line.split(" ")[0] ?? "")) {
            assert.match(before?.value ?? "nothing", /^true/, `false to one who was not told true: ${line}, ${step}`)
          }
          heard.set(to, { at, value })
        }
      }
    })

    for (const [i, command] of program.entries()) {
      const step = `step ${i + 1}`
      happen(company, command)
      if (command.do === "sync") yield* sync(command.vendor, step, command.after)
      if (command.do === "upgrade") model.version++
      if (!("activation" in command)) continue
      const id = command.activation
      if (command.do === "remove") model.configured.delete(id)
      if (command.do === "restore") model.configured.add(id)
      if (!model.known.has(id) || !model.configured.has(id)) continue
      const no = yield* world.activation(id)
      if (command.do === "resync") {
        model.resync(id)
        yield* Operations.resync(no)
      }
      if (command.do === "retry") {
        model.retry(id)
        yield* Operations.retry({ activation: no, profile: undefined })
      }
      if (command.do === "baseline") {
        model.baselines.add(id)
        yield* Operations.baseline(no)
      }
      if (command.do === "pause") {
        model.paused.add(id)
        yield* Operations.pause(no)
      }
      if (command.do === "resume") {
        model.paused.delete(id)
        yield* Operations.resume(no)
      }
    }
    yield* sync("well", "the last sync", "61 minutes")
    yield* sync("well", "the sync after it, which has nothing to say", "61 minutes")
  })

const plugins: fc.Arbitrary<Plugin> = fc.record({
  requiresName: fc.boolean(),
  groupUsers: fc.boolean(),
  coalesce: fc.boolean(),
  batch: fc.constantFrom(10, 3, 1)
})

/** `MODEL_RUNS=1000` tries that many programs from a seed of its own; without it, the same each time. */
const asked = process.env["MODEL_RUNS"]
const seed = Number(process.env["MODEL_SEED"] ?? (asked === undefined ? 20_260_101 : Date.now() % 2 ** 31))

/** So that sets as small as these are kept beside their chunk, as a few of a large audience are, and folded in. */
const besideAll = { smallChunk: 0, mostBeside: 44 }

describe("model", () => {
  for (const store of stores) {
    const many = Number(asked ?? runsOf(40))
    const runs = store.name === "PGlite" ? many : Math.ceil(many / 8)
    it.effect(
      `whatever happens, a vendor hears what the rules say and nothing else (${store.name}, ${runs} programs)`,
      () =>
        inNewYear(store)((world) =>
          Effect.gen(function* () {
            const context = yield* Effect.context<Effect.Services<ReturnType<typeof run>>>()
            const property = fc.asyncProperty(
              plugins,
              fc.array(commands, { minLength: 1, maxLength: Number(process.env["MODEL_LENGTH"] ?? 12), size: "max" }),
              (plugin, program) =>
                Effect.runPromiseWith(context)(
                  Effect.provideService(run(world, plugin, program), SentSets.RewriteChunks, besideAll)
                )
            )
            const outcome = yield* Effect.promise(() => fc.check(property, { seed, numRuns: runs }))
            if (!outcome.failed) return
            const [plugin, program] = outcome.counterexample ?? []
            throw new Error(
              [
                `MODEL_SEED=${seed}, plugin ${JSON.stringify(plugin)}:`,
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
