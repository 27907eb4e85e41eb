import { assert, describe, it } from "@effect/vitest"
import { Outcome } from "../src/index.ts"
import { IdSet } from "../src/runtime.ts"
import { settlementOf } from "../src/sync/Results.ts"

const settlement = { activation: 1, kind: "identify", identifier: 7, sent: 1n, attempt: 0n } as const
const of = { type: "user_id", value: "u1" }
const item = { profile: 3, payload: {}, settles: [{ ...settlement, of }] }
const claim = {
  owner: { destination: "d", epoch: 1n },
  isLive: true,
  profiles: IdSet.from([3]),
  byActivation: new Map(),
  moves: 0,
  cleared: new Map(),
  rows: []
}

const settled = (outcome: Outcome.Outcome) =>
  settlementOf(
    [{ items: [item], outcomes: [outcome], labels: ["identify"], stop: undefined }],
    claim,
    new Map(),
    new Set()
  )

describe("an item that is to be sent again later", () => {
  it("R33 is postponed, and nothing of it stands at the vendor", () => {
    const { doubted, postponed } = settled(Outcome.retry("busy", 1000))
    assert.deepStrictEqual(doubted, [])
    assert.deepStrictEqual(postponed, [{ profile: 3, activation: 1, reason: "busy", afterMillis: 1000 }])
  })

  it("R33 is in doubt too where a part of it may stand there, so that an exit follows", () => {
    const { doubted, postponed } = settled({ _tag: "Retry", reason: "busy", inDoubt: true })
    assert.deepStrictEqual(
      doubted.map(({ activation, identifier }) => [activation, identifier]),
      [[1, 7]]
    )
    assert.strictEqual(postponed.length, 1)
  })
})
