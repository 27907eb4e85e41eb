import { Effect } from "effect"
import type { Case } from "../support/Case.ts"
import * as World from "../support/world.ts"

const most = 600

const memory: Case = {
  name: "memory",
  title: "Memory: the process during a first sync to a vendor that takes everything",
  run: ({ note, scale }) =>
    World.inStore("PostgreSQL", () =>
      Effect.gen(function* () {
        const members = Math.max(50_000, Math.round(10_000_000 * scale))
        note(`${members} people`)
        const { url } = yield* World.receiver(201, `{"message":"success","attributes_processed":75}`)
        yield* World.people(members)
        yield* World.run("create table member (id text)", `insert into member select id from tributary.profile`)
        const buyers = World.audience("Buyers", "member")
        const resolved = yield* World.config([World.Activation.events(buyers, World.braze(url))])
        const space = yield* World.open(resolved)
        const sampled = yield* World.sampled
        note("evaluate and tell")
        yield* World.evaluate(resolved)
        const { millis, value: sent } = yield* World.timed(World.tell(space))
        if (sent !== members) throw new Error(`${sent} told of ${members}`)
        const { first, most: peak, second } = sampled()
        return [
          {
            what: "resident memory at most",
            figure: peak,
            unit: "MB",
            goal: { words: `${most} MB at most`, isReached: peak <= most },
            parameters: `${members} members told in ${(millis / 1000).toFixed(0)} s`
          },
          {
            what: "the most in the second half of the time",
            figure: second,
            unit: "MB",
            reference: { what: "in the first half", figure: first },
            goal: { words: "flat: 1.1 × at most", isReached: second <= first * 1.1 }
          }
        ]
      })
    )
}

export default memory
