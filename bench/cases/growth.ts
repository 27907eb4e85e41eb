import { Effect } from "effect"
import type { Case } from "../support/Case.ts"
import * as World from "../support/world.ts"

const changes = 1_000

/**
 * Milliseconds from dirty to acknowledged for a thousand changes in an audience of this size, of people whose numbers
 * lie `apart`.
 */
const cost = (people: number, apart: number, note: (text: string) => void) =>
  World.inStore("PostgreSQL", () =>
    Effect.gen(function* () {
      note(apart === 1 ? `${people} people` : `${people} people, ${apart} numbers apart`)
      yield* World.run(
        `alter table tributary.profile alter no set increment by ${apart}`,
        `alter table tributary.identifier alter no set increment by ${apart}`
      )
      yield* World.people(people)
      yield* World.run(
        "create table member (id text)",
        `insert into member select 'u' || i from generate_series(1, ${people}) i where i % 2 = 0`,
        "vacuum analyze member"
      )
      const { url } = yield* World.receiver(201, `{"message":"success"}`)
      const buyers = World.audience("Buyers", "member")
      // Everybody is taken as told, so that what is measured is the changes.
      const activation = World.Activation.events(buyers, World.braze(url), { historical: false, hold: false })
      const resolved = yield* World.config([activation])
      const space = yield* World.open(resolved)
      yield* World.evaluate(resolved)
      yield* World.tell(space)
      const times: Array<number> = []
      for (let round = 0; round < 6; round++) {
        // Spread over all of the audience, in and out by turns.
        const step = Math.floor(people / changes)
        const ids = `select 'u' || (i * ${step} / 2 * 2 + 1) from generate_series(0, ${changes - 1}) i`
        yield* World.run(round % 2 === 0 ? `insert into member ${ids}` : `delete from member where id in (${ids})`)
        yield* World.evaluate(resolved)
        const { millis, value } = yield* World.timed(World.tell(space))
        if (value !== changes) throw new Error(`${value} told of ${changes}`)
        times.push(millis)
      }
      return times.slice(1).toSorted((a, b) => a - b)[2] ?? Number.NaN
    })
  )

const growth: Case = {
  name: "growth",
  title: "Growth: a thousand changes, from dirty to acknowledged, in a small audience and in a large one",
  run: async ({ note, scale }) => {
    const small = await cost(200_000, 1, note)
    const people = Math.max(400_000, Math.round(20_000_000 * scale))
    const spread = await cost(200_000, Math.round(people / 200_000), note)
    const large = await cost(people, 1, note)
    return [
      {
        what: "an audience of 100000, in as many chunks as the large one",
        figure: spread,
        unit: "ms",
        reference: { what: "an audience of 100000", figure: small }
      },
      {
        what: `an audience of ${people / 2}`,
        figure: large,
        unit: "ms",
        reference: { what: "an audience of 100000", figure: small },
        goal: { words: "1.5 × at most", isReached: large <= 1.5 * small },
        parameters: "median of five rounds of 1,000 changes spread over the audience"
      }
    ]
  }
}

export default growth
