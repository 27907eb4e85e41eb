import { Effect } from "effect"
import type { Case } from "../support/Case.ts"
import { profiled } from "../support/profile.ts"
import { bareIdentifies } from "../support/bare.ts"
import * as World from "../support/world.ts"

const goals = { PostgreSQL: 100_000, PGlite: 25_000 } as const

const rounds = 9

/** The median, when the process is warm: of the last five rounds. */
const middle = (rates: ReadonlyArray<number>): number => rates.slice(-5).toSorted((a, b) => a - b)[2] ?? Number.NaN

const event: Case = {
  name: "event",
  title: "Event way: identifies from the dirty set to the acknowledged ledger, through Braze over loopback HTTP",
  run: async ({ note, scale }) => {
    const people = Math.max(20_000, Math.round(100_000 * scale))
    const rows = []
    for (const store of ["PostgreSQL", "PGlite"] as const) {
      note(store)
      const { bare, rates, shares } = await World.inStore(store, () =>
        Effect.gen(function* () {
          const { url } = yield* World.receiver(201, `{"message":"success","attributes_processed":75}`)
          yield* World.people(people)
          yield* World.run(
            "create table value (id text, value jsonb)",
            `insert into value select 'u' || i, to_jsonb(i * 1.5) from generate_series(1, ${people}) i`
          )
          const revenue = World.trait("Revenue", "value")
          const resolved = yield* World.config([World.Activation.events(revenue, World.braze(url))])
          const space = yield* World.open(resolved)
          const rates: Array<number> = []
          const bare: Array<number> = []
          const another = Effect.gen(function* () {
            yield* World.run(`update value set value = to_jsonb((value::text)::numeric + 1)`)
            yield* World.evaluate(resolved)
          })
          for (let round = 0; round < rounds; round++) {
            yield* another
            const { millis, value: sent } = yield* World.timed(World.tell(space))
            if (sent !== people) throw new Error(`${sent} told of ${people}`)
            rates.push((sent / millis) * 1000)
            bare.push(yield* bareIdentifies(url, people))
            note(`${Math.round(rates.at(-1) ?? 0)}/s; a bare loop ${Math.round(bare.at(-1) ?? 0)}/s`)
          }
          yield* another
          const { shares } = yield* profiled(World.tell(space))
          return { bare, rates, shares }
        })
      )
      const figure = middle(rates)
      rows.push({
        what: store,
        figure,
        unit: "identifies/s",
        reference: { what: "a bare loop, with no difference, ledger or limits", figure: middle(bare) },
        goal: { words: `${goals[store]} a second`, isReached: figure >= goals[store] },
        parameters: `${people} identifies, batches of 75; rounds: ${rates.map((rate) => Math.round(rate)).join(", ")}`
      })
      rows.push({
        what: `${store}, a round more: busy`,
        figure: shares.busy,
        unit: "% of the time",
        parameters: shares.text
      })
    }
    return rows
  }
}

export default event
