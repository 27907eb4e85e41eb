import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import { ByNumber } from "../src/store/sql/ByNumber.ts"

const number = fc.nat({ max: 30 })

describe("ByNumber", () => {
  it("is a map of the numbers that it was made for, in whatever order it is asked and told", () => {
    fc.assert(
      fc.property(fc.uniqueArray(number), fc.array(fc.tuple(number, fc.option(fc.string()))), (keys, steps) => {
        const numbers = keys.toSorted((a, b) => a - b)
        const actual = new ByNumber<string>(numbers)
        const expected = new Map<number, string>()
        for (const [no, value] of steps) {
          assert.strictEqual(actual.get(no), expected.get(no))
          if (value === null) continue
          actual.set(no, value)
          if (numbers.includes(no)) expected.set(no, value)
        }
        for (const no of numbers) assert.strictEqual(actual.get(no), expected.get(no))
      })
    )
  })
})
