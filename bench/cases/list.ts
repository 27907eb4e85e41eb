import { Effect } from "effect"
import type { Case } from "../support/Case.ts"
import { bareMembers } from "../support/bare.ts"
import { watched } from "../support/cpu.ts"
import { profiled } from "../support/profile.ts"
import * as World from "../support/world.ts"

const goal = 120_000

const list: Case = {
  name: "list",
  title:
    "List way: members with an address and a phone number, from the dirty set to the acknowledged ledger, to Google's sandbox",
  run: async ({ note, scale }) => {
    const members = Math.max(20_000, Math.round(1_000_000 * scale))
    const rows = []
    for (const store of ["PostgreSQL", "PGlite"] as const) {
      note(`${store}, ${members} members`)
      const { bare, cpu, millis, most, shares } = await World.inStore(store, () =>
        Effect.gen(function* () {
          const { url } = yield* World.googleSandbox()
          yield* World.contacts(members)
          yield* World.run(
            "create table member (id text)",
            "insert into member select id from tributary.profile",
            "create table some_member (id text)"
          )
          const buyers = World.audience("Buyers", "member")
          const some = World.audience("Some buyers", "some_member")
          const ads = World.google(url)
          const resolved = yield* World.config([World.Activation.list(buyers, ads), World.Activation.list(some, ads)])
          const space = yield* World.open(resolved)
          yield* World.evaluate(resolved, "Buyers")
          const memory = yield* World.sampled
          const cpu = watched()
          const { millis, value } = yield* World.timed(World.tell(space))
          const spent = cpu(members)
          if (value !== members) throw new Error(`${value} told of ${members}`)
          // The same again for a list of its own, by a process that is warm, with the profiler looking on.
          yield* World.run(`insert into some_member select id from member limit ${Math.ceil(members / 4)}`)
          yield* World.evaluate(resolved, "Some buyers")
          const { shares } = yield* profiled(World.tell(space))
          const { most } = memory()
          if (store === "PGlite") return { bare: undefined, cpu: spent, millis, most, shares }
          const reader = yield* World.receiver(200, `{"requestId":"r1"}`)
          return { bare: yield* bareMembers(reader.url, members), cpu: spent, millis, most, shares }
        })
      )
      const figure = (members / millis) * 1000
      rows.push({
        what: store,
        figure,
        unit: "members/s",
        ...(bare === undefined
          ? {}
          : {
              reference: { what: "a bare loop, with no difference, ledger or limits", figure: bare },
              goal: { words: `${goal} a second`, isReached: figure >= goal }
            }),
        parameters: `${members} members with two identifiers, 10,000 a request; ${(millis / 1000).toFixed(1)} s; at most ${Math.round(most)} MB; processor time a member: ${cpu}`
      })
      rows.push({
        what: `${store}, another list of a quarter: busy`,
        figure: shares.busy,
        unit: "% of the time",
        parameters: shares.text
      })
    }
    return rows
  }
}

export default list
