/**
 * Writing contacts until it is clear what became of each.
 *
 * @since 0.1.0
 */
import { type Client, DeliveryError } from "@tributary/core"
import { Effect } from "effect"
import * as Api from "./api.ts"
import * as Contacts from "./contacts.ts"

type Failure = DeliveryError.DeliveryError

/**
 * What became of writes, and the ids of all contacts that were written.
 *
 * @category models
 * @since 0.1.0
 */
export interface Written {
  readonly fates: Contacts.Fates
  readonly ids: ReadonlyArray<string>
}

/**
 * Creates or updates contacts by address, 100 at most.
 *
 * **Details**
 *
 * Without attribution, or where HubSpot refuses the whole batch for one input, the inputs in question are written again
 * in halves: that is harmless, and one address of a member must not cost the others (R33).
 *
 * @category requests
 * @since 0.1.0
 */
export const write = (
  client: Client.Client,
  inputs: ReadonlyArray<Api.ContactWrite>
): Effect.Effect<Written, Failure> => {
  if (inputs.length === 0) return Effect.succeed({ fates: new Map(), ids: [] })
  return Api.upsert(client, inputs).pipe(
    Effect.flatMap((answer) => {
      const { fates, ids, unclear } = Contacts.attribute(inputs, answer)
      if (unclear.length === 0) return Effect.succeed<Written>({ fates, ids })
      // Part of the batch stands at HubSpot by now.
      return halves(client, unclear).pipe(
        Effect.mapError(DeliveryError.partway),
        Effect.map((more) => joined({ fates, ids }, more))
      )
    }),
    Effect.catchTag("BatchRejected", (error) => (inputs.length === 1 ? Effect.fail(error) : halves(client, inputs)))
  )
}

const joined = (one: Written, other: Written): Written => ({
  fates: new Map([...one.fates, ...other.fates]),
  ids: [...one.ids, ...other.ids]
})

const halves = Effect.fnUntraced(function* (
  client: Client.Client,
  inputs: ReadonlyArray<Api.ContactWrite>
): Effect.fn.Return<Written, Failure> {
  const middle = Math.ceil(inputs.length / 2)
  const first = yield* alone(client, inputs.slice(0, middle))
  const second = yield* alone(client, inputs.slice(middle)).pipe(Effect.mapError(DeliveryError.partway))
  return joined(first, second)
})

/** A write that is refused by itself is the refusal of its address. */
const alone = (client: Client.Client, inputs: ReadonlyArray<Api.ContactWrite>): Effect.Effect<Written, Failure> =>
  write(client, inputs).pipe(
    Effect.catchTag("BatchRejected", ({ reason }) =>
      Effect.succeed<Written>({
        fates: new Map(inputs.map(({ id }) => [id, { _tag: "Refused", reason: `HubSpot refuses it: ${reason}` }])),
        ids: []
      })
    )
  )
