import { IdSet } from "@tributary/core/runtime"
import { Effect } from "effect"
import { SqlClient } from "effect/sql"
import type { Case } from "../support/Case.ts"
import * as World from "../support/world.ts"

/** Ten per cent leave, as many come. */
const churn = (members: number, people: number) => [
  `delete from member where i <= ${Math.round(members / 20)}`,
  `insert into member select i, 'u' || i from generate_series(${people - Math.round(members / 20) + 1}, ${people}) i`,
  "vacuum analyze member"
]

/** What people would write: a row for each member, staged anew and compared both ways, for one activation. */
const rowTable = (id: "i int" | "id text") => {
  const column = id.split(" ")[0] ?? "id"
  return {
    before: [
      `create table sent (${id} primary key)`,
      `insert into told select ${column} from member`,
      "vacuum analyze told"
    ],
    work: [
      `create temp table staged as select ${column} from member`,
      `create index on staged (${column})`,
      "analyze staged",
      `create temp table came as select s.${column} from staged s where not exists (select 1 from told t where t.${column} = s.${column})`,
      `create temp table went as select t.${column} from told t where not exists (select 1 from staged s where s.${column} = t.${column})`,
      `insert into told select ${column} from came`,
      `delete from told t using went w where w.${column} = t.${column}`
    ],
    after: ["drop table told, staged, came, went"]
  }
}

const activations = 20

const diff: Case = {
  name: "diff",
  title: "Diff end to end: evaluate an audience, compare, store, mark dirty for 20 activations; 10 % churn",
  run: ({ note, scale }) =>
    World.inStore("PostgreSQL", () =>
      Effect.gen(function* () {
        const people = Math.round(10_000_000 * scale)
        const members = people / 2
        note(`${people} people`)
        yield* World.people(people)
        yield* World.run(
          `create table member (i int, id text)`,
          `insert into member select i, 'u' || i from generate_series(1, ${members}) i`,
          "vacuum analyze member"
        )
        const destination = World.braze("http://127.0.0.1:1")
        const buyers = World.audience("Buyers", "member")
        const resolved = yield* World.config(
          Array.from({ length: activations }, (_, i) => World.Activation.events(buyers, destination, { id: `a${i}` }))
        )
        yield* Effect.scoped(World.open(resolved))
        note("the first evaluation")
        yield* World.evaluate(resolved)
        const references = new Map<string, number>()
        const tables = { "integer ids": rowTable("i int"), "text ids": rowTable("id text") }
        // Told is what was before the churn, in all three.
        for (const table of Object.values(tables))
          yield* World.run(...table.before.map((s) => s.replaceAll("told", sentOf(table))))
        yield* World.run(...churn(members, people))
        for (const [name, table] of Object.entries(tables)) {
          note(`a row table with ${name}`)
          const statements = table.work.map((s) => s.replaceAll("told", sentOf(table)))
          const client = yield* SqlClient.SqlClient
          const { millis } = yield* World.timed(
            client.withTransaction(Effect.forEach(statements, (statement) => client.unsafe(statement)))
          )
          references.set(name, millis)
          yield* World.run(...table.after.map((s) => s.replaceAll("told", sentOf(table))))
        }
        note("the second evaluation")
        const { millis, value } = yield* World.timed(World.evaluate(resolved))
        const byChanges = yield* evaluatedByChanges(destination)
        const perSecond = setDifference(people)
        const found = value[0]
        const parameters = `${people} people, ${members} members, ${found?.entered} came, ${found?.exited} went; ${(millis / 1000).toFixed(2)} s`
        const least = { "integer ids": 5, "text ids": 3 }
        return [
          ...[...references].map(([name, reference]) => {
            const times = reference / millis
            const goal = name === "integer ids" ? least["integer ids"] : least["text ids"]
            return {
              what: `against a row table with ${name}, for one activation`,
              figure: 1000 / millis,
              unit: "evaluations/s",
              reference: { what: "the row table", figure: 1000 / reference },
              goal: { words: `${goal} × as fast`, isReached: times >= goal },
              parameters
            }
          }),
          {
            what: "a thousand changes that the source names",
            figure: 1000 / byChanges,
            unit: "evaluations/s",
            reference: { what: "everything read", figure: 1000 / millis },
            parameters: `${(byChanges / 1000).toFixed(2)} s`
          },
          {
            what: "the set difference alone, both ways",
            figure: perSecond,
            unit: "members/s",
            goal: { words: "100 M members/s", isReached: perSecond >= 100e6 }
          }
        ]
      })
    )
}

/** Milliseconds of an evaluation that reads a thousand members that changed, and nobody else. */
const evaluatedByChanges = Effect.fnUntraced(function* (destination: ReturnType<typeof World.braze>) {
  yield* World.run(
    "create table feed (id text, at bigint generated always as identity primary key)",
    "create index on member (id)",
    "analyze member"
  )
  const buyers = World.audience("Buyers", "member", { query: World.all("id, at", "feed") })
  const resolved = yield* World.config(
    Array.from({ length: activations }, (_, i) => World.Activation.events(buyers, destination, { id: `a${i}` }))
  )
  yield* World.evaluate(resolved)
  yield* World.run(
    "create table going as select id from member limit 1000",
    "delete from member using going where going.id = member.id",
    "insert into feed (id) select id from going"
  )
  const { millis, value } = yield* World.timed(World.evaluate(resolved))
  if (value[0]?.partial !== true || value[0].exited !== 1000) throw new Error(JSON.stringify(value))
  return millis
})

const sentOf = (table: ReturnType<typeof rowTable>) => (table.before[0]?.includes("i int") ? "told_i" : "told_t")

/** Members a second, both ways, of sets with half of all people by chance and a tenth of them exchanged. */
const setDifference = (people: number): number => {
  let state = 1
  const chance = () => (state = (state * 1_103_515_245 + 12_345) % 2 ** 31) / 2 ** 31
  const before: Array<number> = []
  const after: Array<number> = []
  for (let no = 0; no < people; no++) {
    const isIn = chance() < 0.5
    if (isIn) before.push(no)
    if (chance() < 0.05 ? !isIn : isIn) after.push(no)
  }
  const sets = [IdSet.from(before), IdSet.from(after)] as const
  const rounds = 5
  const began = performance.now()
  for (let i = 0; i < rounds; i++) {
    IdSet.difference(sets[1], sets[0])
    IdSet.difference(sets[0], sets[1])
  }
  return (rounds * (before.length + after.length)) / ((performance.now() - began) / 1000)
}

export default diff
