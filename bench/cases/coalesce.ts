import { Effect } from "effect"
import type { Case } from "../support/Case.ts"
import * as World from "../support/world.ts"

const traits = 20

const coalesce: Case = {
  name: "coalesce",
  title: "Coalescing (R42): a first sync of 20 traits to Braze, together and one by one",
  run: ({ note, scale }) =>
    World.inStore("PostgreSQL", () =>
      Effect.gen(function* () {
        const people = Math.max(2_000, Math.round(50_000 * scale))
        yield* World.people(people)
        const names = Array.from({ length: traits }, (_, i) => `Trait ${i}`)
        yield* World.run(
          ...names.flatMap((_, i) => [
            `create table value_${i} (id text, value jsonb)`,
            `insert into value_${i} select 'u' || i, to_jsonb(i * ${i + 1}) from generate_series(1, ${people}) i`
          ])
        )
        const { url } = yield* World.receiver(201, `{"message":"success"}`)
        const braze = World.braze(url)
        const computations = names.map((name, i) => World.trait(name, `value_${i}`))
        const together = yield* World.config(computations.map((trait) => World.Activation.events(trait, braze)))
        const space = yield* World.open(together)
        yield* World.evaluate(together)
        note("together")
        const one = yield* World.timed(World.tell(space))
        // The same again, an activation at a time, as if each had a destination of its own.
        yield* World.run("update tributary.ledger set again = bits")
        let millis = 0
        for (const activation of together.activations) {
          const no = space.registered.activations.get(activation.id) ?? 0
          yield* World.run(
            `insert into tributary.dirty (activation_no, chunk, lane, bits)
             select ${no}, chunk, 1, bits from tributary.snapshot s join tributary.activation a on a.computation_no = s.computation_no
             where a.no = ${no} on conflict (activation_no, chunk, lane) do update set bits = excluded.bits`
          )
          const alone = yield* World.timed(World.tell(space))
          millis += alone.millis
        }
        const requests = Math.ceil(people / 75)
        return [
          {
            what: "traits together",
            figure: (one.value / one.millis) * 1000,
            unit: "values/s",
            reference: { what: "one by one", figure: ((people * traits) / millis) * 1000 },
            parameters: `${people} people × ${traits} traits: ${requests} requests instead of ${requests * traits}, ${(one.millis / 1000).toFixed(1)} s instead of ${(millis / 1000).toFixed(1)} s`
          }
        ]
      })
    )
}

export default coalesce
