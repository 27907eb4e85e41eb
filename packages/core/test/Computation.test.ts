import { assert, describe, it } from "@effect/vitest"
import { Option, Result } from "effect"
import fc from "fast-check"
import * as Computation from "../src/activation/Computation.ts"

const keyOf = (name: string, explicit?: string) => Result.getOrElse(Computation.keyOf(name, explicit), () => undefined)

describe("R2 the key of a computation", () => {
  const examples: ReadonlyArray<readonly [string, string]> = [
    ["First time shopper", "first_time_shopper"],
    ["Dormant Shoppers", "dormant_shoppers"],
    ["Order completed last 30days", "order_completed_last_30days"],
    ["Order Completed Last 30 Days", "order_completed_last_30_days"],
    ["Total revenue 180 days", "total_revenue_180_days"],
    ["  Spaces,  and -- punctuation! ", "spaces_and_punctuation"],
    ["totalRevenue", "total_revenue"],
    ["HTTPErrors seen", "http_errors_seen"],
    ["Café crème", "cafe_creme"],
    ["already_a_key", "already_a_key"]
  ]
  for (const [name, key] of examples) {
    it(`R2 "${name}" gives ${key}`, () => assert.strictEqual(keyOf(name), key))
  }

  it("R2 an explicit key stands as it is written", () => {
    assert.strictEqual(keyOf("First time shopper", "a_1"), "a_1")
    assert.strictEqual(keyOf("First time shopper", "A 1"), undefined)
  })

  it("R2 what gives no key is refused, and the message shows both", () => {
    const refused = Option.getOrThrow(Result.getFailure(Computation.keyOf("30 days")))
    assert.strictEqual(
      refused.message,
      '"30 days" gives the key "30_days", which is not a key: a letter, then letters, digits and underscores, 255 at most. Set "key" to one that is.'
    )
    assert.strictEqual(keyOf("!?"), undefined)
    assert.strictEqual(keyOf("a".repeat(255)), "a".repeat(255))
    assert.strictEqual(keyOf("a".repeat(256)), undefined)
  })

  it("R2 every name gives a key or a refusal, and a key gives itself", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: "grapheme" }), fc.lorem()), (name) => {
        const key = keyOf(name)
        if (key === undefined) return
        assert.match(key, /^[a-z][a-z0-9_]{0,254}$/)
        assert.strictEqual(keyOf(key), key)
        assert.strictEqual(keyOf(name, key), key)
      })
    )
  })
})
