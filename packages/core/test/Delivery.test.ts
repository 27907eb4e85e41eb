import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { deliver } from "../src/sync/Delivery.ts"
import * as DeliveryError from "../src/contract/DeliveryError.ts"
import type { NonEmpty } from "../src/contract/Destination.ts"
import * as Outcome from "../src/contract/Outcome.ts"

/** A vendor that refuses a whole request for the sake of some of its items, and does not say which. */
const refusing = (bad: ReadonlySet<number>, error: DeliveryError.DeliveryError) => {
  const taken: Array<number> = []
  const requests: Array<ReadonlyArray<number>> = []
  const send = (items: NonEmpty<number>) =>
    Effect.suspend(() => {
      requests.push(items)
      if (items.some((item) => bad.has(item))) return Effect.fail(error)
      taken.push(...items)
      return Effect.succeed(Outcome.all(items, Outcome.delivered))
    })
  return { send, taken, requests }
}

const eight: NonEmpty<number> = [1, 2, 3, 4, 5, 6, 7, 8]

describe("R33 delivery of a batch", () => {
  for (const error of [
    new DeliveryError.BatchRejected({ reason: "400 somebody in here is wrong" }),
    new DeliveryError.PayloadTooLarge({ reason: "413 too large" })
  ]) {
    it.effect(`${error._tag} is halved down to the items at fault, and their neighbours are told once`, () =>
      Effect.gen(function* () {
        const vendor = refusing(new Set([3, 8]), error)
        const { outcomes, stop } = yield* deliver(eight, vendor.send)
        assert.strictEqual(stop, undefined)
        assert.deepStrictEqual(vendor.taken, [1, 2, 4, 5, 6, 7])
        assert.deepStrictEqual(
          outcomes,
          eight.map((item) => (item === 3 || item === 8 ? Outcome.rejected(error.reason) : Outcome.delivered))
        )
      })
    )
  }

  it.effect("finding one bad item of eight takes no more than seven requests", () =>
    Effect.gen(function* () {
      const vendor = refusing(new Set([5]), new DeliveryError.BatchRejected({ reason: "400" }))
      yield* deliver(eight, vendor.send)
      assert.strictEqual(vendor.requests.length, 7)
    })
  )

  it.effect("a stop in the middle of the halving leaves the rest untried, and forgets nothing that was taken", () =>
    Effect.gen(function* () {
      const taken: Array<number> = []
      const { outcomes, stop } = yield* deliver(eight, (items) =>
        Effect.suspend((): Effect.Effect<ReadonlyArray<Outcome.Outcome>, DeliveryError.DeliveryError> => {
          if (items.length > 2) return Effect.fail(new DeliveryError.BatchRejected({ reason: "400" }))
          if (taken.length > 0) return Effect.fail(new DeliveryError.Throttled({ reason: "429" }))
          taken.push(...items)
          return Effect.succeed(Outcome.all(items, Outcome.delivered))
        })
      )
      assert.strictEqual(stop?._tag, "Throttled")
      assert.deepStrictEqual(taken, [1, 2])
      assert.deepStrictEqual(outcomes, [
        Outcome.delivered,
        Outcome.delivered,
        ...[3, 4, 5, 6, 7, 8].map(() => undefined)
      ])
    })
  )

  it.effect("too few outcomes stop the destination, and no item is taken for told", () =>
    Effect.gen(function* () {
      const { outcomes, stop } = yield* deliver(eight, () => Effect.succeed([Outcome.delivered]))
      assert.deepStrictEqual(
        outcomes,
        eight.map(() => undefined)
      )
      assert.match(stop?.message ?? "", /returned 1 outcomes for 8 items/)
      assert.strictEqual(stop?._tag, "Misconfigured")
    })
  )

  it.effect("a plugin that dies stops the destination with the first line of what it said", () =>
    Effect.gen(function* () {
      const { outcomes, stop } = yield* deliver(eight, () => Effect.die(new TypeError("traits is undefined")))
      assert.strictEqual(outcomes.length, 8)
      assert.match(stop?.message ?? "", /The plugin threw: TypeError: traits is undefined/)
    })
  )

  it.effect("a plugin that throws before it makes an effect is no different", () =>
    Effect.gen(function* () {
      const { stop } = yield* deliver(eight, () => {
        throw new TypeError("traits is undefined")
      })
      assert.match(stop?.message ?? "", /The plugin threw: TypeError: traits is undefined/)
    })
  )
})
