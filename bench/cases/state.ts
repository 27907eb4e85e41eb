import { Effect } from "effect"
import { SqlClient } from "effect/sql"
import type { Case } from "../support/Case.ts"
import * as World from "../support/world.ts"

/** Bytes that rows of an activation take, as PostgreSQL stores them. */
const stored = Effect.fnUntraced(function* (table: string, columns: string, where: string) {
  const client = yield* SqlClient.SqlClient
  const [row] = yield* client.unsafe<{ bytes: bigint }>(
    `select coalesce(sum(${columns}), 0)::bigint as bytes from tributary.${table} t where ${where}`
  )
  return Number(row?.bytes ?? 0)
})

const state: Case = {
  name: "state",
  title: "Stored state: what the ledger and the snapshot take, for each member and each identifier with a trait",
  run: ({ note, scale }) =>
    World.inStore("PostgreSQL", () =>
      Effect.gen(function* () {
        const people = Math.max(70_000, Math.round(1_000_000 * scale))
        yield* World.people(people)
        yield* World.run(
          "create table member (id text)",
          `insert into member select 'u' || i from generate_series(1, ${people}) i where hashint4(i) % 2 = 0`,
          "create table value (id text, value jsonb)",
          `insert into value select 'u' || i, to_jsonb(i * 1.5) from generate_series(1, ${people}) i`
        )
        const { url } = yield* World.receiver(201, `{"message":"success"}`)
        const braze = World.braze(url)
        const resolved = yield* World.config([
          World.Activation.events(World.audience("Buyers", "member"), braze),
          World.Activation.events(World.trait("Revenue", "value"), braze)
        ])
        const space = yield* World.open(resolved)
        yield* World.evaluate(resolved)
        note(`telling ${people} and half of them`)
        const members = (yield* World.tell(space)) - people
        const [buyers = 0, revenue = 0] = resolved.activations.map(
          ({ id }) => space.registered.activations.get(id) ?? 0
        )
        const member = yield* stored("ledger", "pg_column_size(t.*)", `activation_no = ${buyers}`)
        const valued =
          (yield* stored("told_value", "length(fingerprints) + 60", `activation_no = ${revenue}`)) +
          (yield* stored("ledger", "pg_column_size(t.*)", `activation_no = ${revenue}`))
        return [
          {
            what: "ledger of an audience of half of all people, by chance",
            figure: member / members,
            unit: "bytes/member",
            goal: { words: "0.5 bytes at most", isReached: member / members <= 0.5 },
            parameters: `${members} members, ${member} bytes`
          },
          {
            what: "ledger of a trait",
            figure: valued / people,
            unit: "bytes/identifier",
            goal: { words: "12 bytes at most", isReached: valued / people <= 12 },
            parameters: `${people} identifiers, ${valued} bytes`
          }
        ]
      })
    )
}

export default state
