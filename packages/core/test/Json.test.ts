import { assert, describe, it } from "@effect/vitest"
import fc from "fast-check"
import { canonical, digits, fingerprint, isExact, type Json, parse } from "../src/contract/Json.ts"

const anyJson: fc.Arbitrary<Json> = fc.jsonValue({ maxDepth: 4 }) as fc.Arbitrary<Json>

/** The same value with its keys in another order, at every depth. */
const reordered = (value: Json): Json => {
  if (value === null || typeof value !== "object") return value
  if (Array.isArray(value)) return value.map(reordered)
  return Object.fromEntries(
    Object.entries(value)
      .toReversed()
      .map(([key, field]) => [key, reordered(field)])
  )
}

/** Equality by the book, with nothing shared with the code under test. */
const isEqual = (a: Json, b: Json): boolean => {
  if (a === null || b === null || typeof a !== "object" || typeof b !== "object") return a === b
  if (Array.isArray(a) !== Array.isArray(b)) return false
  const [left, right] = [Object.entries(a), new Map<string, Json>(Object.entries(b))]
  return (
    left.length === right.size &&
    left.every(([key, field]) => {
      const other = right.get(key)
      return other !== undefined && isEqual(field, other)
    })
  )
}

describe("R3 JSON equality", () => {
  it("R3 a canonical text is JSON of the same value", () => {
    fc.assert(fc.property(anyJson, (value) => assert.isTrue(isEqual(JSON.parse(canonical(value)), value))))
  })

  it("R3 key order is irrelevant, at every depth", () => {
    fc.assert(
      fc.property(anyJson, (value) => {
        assert.strictEqual(canonical(reordered(value)), canonical(value))
        assert.strictEqual(canonical(JSON.parse(canonical(value))), canonical(value))
      })
    )
  })

  it("R3 two values have one spelling exactly when they are equal", () => {
    const few = fc.letrec<{ value: Json }>((tie) => ({
      value: fc.oneof(
        { maxDepth: 3 },
        fc.constantFrom<Json>(null, true, 0, 1, "", "1", "a"),
        fc.array(tie("value"), { maxLength: 2 }),
        fc.dictionary(fc.constantFrom("a", "b", "a,b"), tie("value"), { maxKeys: 2 })
      )
    })).value
    fc.assert(
      fc.property(few, few, (a, b) => assert.strictEqual(canonical(a) === canonical(b), isEqual(a, b))),
      { numRuns: 2_000 }
    )
  })

  it("R3 450 and 450.00 are one value, and so are 0 and -0", () => {
    assert.strictEqual(canonical(JSON.parse("450.00")), canonical(450))
    assert.strictEqual(canonical(JSON.parse("4.5e2")), "450")
    assert.strictEqual(canonical(-0), canonical(0))
    assert.notStrictEqual(canonical("450"), canonical(450))
    assert.notStrictEqual(canonical([1, 2]), canonical([2, 1]))
  })

  it("a fingerprint is 64 bits, never 0, and the same for the same texts", () => {
    fc.assert(
      fc.property(fc.array(fc.string()), (texts) => {
        const bits = fingerprint(...texts)
        assert.isTrue(bits > 0n && bits < 1n << 64n)
        assert.strictEqual(fingerprint(...texts), bits)
      })
    )
  })

  it("a fingerprint tells where one text ends and the next begins", () => {
    assert.notStrictEqual(fingerprint("ab", "c"), fingerprint("a", "bc"))
    assert.notStrictEqual(fingerprint("a", ""), fingerprint("a"))
    fc.assert(
      fc.property(fc.array(anyJson), fc.array(anyJson), (a, b) => {
        const [left, right] = [a.map(canonical), b.map(canonical)]
        assert.strictEqual(fingerprint(...left) === fingerprint(...right), left.join("\n") === right.join("\n"))
      })
    )
  })
})

describe("exact numbers", () => {
  it("R45 are those that JavaScript would round, and they keep their digits", () => {
    for (const text of [
      "9007199254740993",
      "-12345678901234567890",
      "33.3333333333333333",
      "0.1000000000000000055",
      "1e400"
    ]) {
      const value = parse(text)
      assert.isTrue(isExact(value), text)
      assert.strictEqual(JSON.stringify({ value }), `{"value":${text}}`)
    }
    for (const text of [
      "9007199254740992",
      "0.1",
      "450.00",
      "1e21",
      "-0",
      "0.30000000000000004",
      "1.7976931348623157e308"
    ]) {
      assert.isFalse(isExact(parse(text)), text)
    }
  })

  it("R45 are one value however they are written, and another one than their neighbour", () => {
    const of = (text: string) => canonical(parse(text))
    assert.strictEqual(of("9007199254740993.00"), of("9.007199254740993e15"))
    assert.notStrictEqual(of("9007199254740993"), of("9007199254740992"))
    assert.strictEqual(of('{"b":[12345678901234567890.10],"a":1}'), '{"a":1,"b":[12345678901234567890.1]}')
    assert.strictEqual(of('"9007199254740993"'), '"9007199254740993"')
  })

  it("R45 have their digits as an id has them", () => {
    const spelled = (text: string) => {
      const value = parse(text)
      return typeof value === "number" || isExact(value) ? digits(value) : "not a number"
    }
    assert.deepStrictEqual(
      ["12", "12.0", "1.2e1", "-0.0", "1e-7", "1e21", "0.10", "9007199254740993.0", "-120e-1"].map(spelled),
      ["12", "12", "12", "0", "0.0000001", "1000000000000000000000", "0.1", "9007199254740993", "-12"]
    )
  })
})
