import { assert, describe, it } from "@effect/vitest"
import fc from "fast-check"
import * as IdSet from "../src/sets/IdSet.ts"

const largest = 2 ** 32 - 1

/** Numbers that meet: within a chunk, around its edges, in runs, and at the end of the range. */
const anyNumber = fc.oneof(
  fc.integer({ min: 0, max: 40 }),
  fc.integer({ min: 65_530, max: 65_545 }),
  fc.integer({ min: 0, max: largest }),
  fc.constantFrom(0, 65_535, 65_536, 131_071, 2 ** 31, largest)
)
const numbers = fc.array(anyNumber, { maxLength: 200 })
const anySet = numbers.map(IdSet.from)
const law = (name: string, ...rest: [fc.IRawProperty<any>]) => it(name, () => fc.assert(rest[0]))

const members = (set: IdSet.IdSet) => [...set]
const sorted = (of: Iterable<number>) => [...new Set(of)].toSorted((a, b) => a - b)
const isSame = (a: IdSet.IdSet, b: IdSet.IdSet) => assert.deepStrictEqual(members(a), members(b))

describe("IdSet", () => {
  law(
    "holds each number once, in ascending order, whatever the order they come in",
    fc.property(numbers, anyNumber, (given, other) => {
      const set = IdSet.from(given)
      assert.deepStrictEqual(members(set), sorted(given))
      assert.deepStrictEqual(IdSet.toArray(set), sorted(given))
      assert.strictEqual(set.size, new Set(given).size)
      assert.isTrue(given.every((no) => set.has(no)))
      assert.strictEqual(set.has(other), given.includes(other))
    })
  )

  law(
    "does the algebra of sets",
    fc.property(numbers, numbers, (a, b) => {
      const [left, right] = [IdSet.from(a), IdSet.from(b)]
      assert.deepStrictEqual(members(IdSet.union(left, right)), sorted([...a, ...b]))
      assert.deepStrictEqual(members(IdSet.intersection(left, right)), sorted(a.filter((no) => b.includes(no))))
      assert.deepStrictEqual(members(IdSet.difference(left, right)), sorted(a.filter((no) => !b.includes(no))))
    })
  )

  law(
    "takes the union of many at once, as sets and as bytes",
    fc.property(fc.array(anySet, { maxLength: 8 }), (sets) => {
      const union = sets.reduce(IdSet.union, IdSet.empty)
      isSame(IdSet.unionAll(sets), union)
      isSame(IdSet.decodeAll(sets.map(IdSet.encode)), union)
      isSame(IdSet.decodeAll([new Uint8Array(0), ...sets.map(IdSet.encode)]), union)
    })
  )

  it("takes the chunks of twenty million, time and again, without running out of memory", () => {
    const half = Array.from({ length: 32_768 }, (_, i) => i * 2)
    const chunks = Array.from({ length: 306 }, (_, chunk) =>
      IdSet.encode(IdSet.from(half.map((no) => chunk * 65_536 + no)))
    )
    for (let time = 0; time < 30; time++) assert.strictEqual(IdSet.decodeAll(chunks).size, 306 * 32_768)
  })

  law(
    "has empty as the unit of union and the zero of intersection",
    fc.property(anySet, (a) => {
      isSame(IdSet.union(a, IdSet.empty), a)
      isSame(IdSet.union(IdSet.empty, a), a)
      isSame(IdSet.intersection(a, IdSet.empty), IdSet.empty)
      isSame(IdSet.intersection(IdSet.empty, a), IdSet.empty)
      isSame(IdSet.difference(a, IdSet.empty), a)
      isSame(IdSet.difference(IdSet.empty, a), IdSet.empty)
      isSame(IdSet.difference(a, a), IdSet.empty)
    })
  )

  law(
    "is a lattice: union and intersection commute, associate and distribute",
    fc.property(anySet, anySet, anySet, (a, b, c) => {
      isSame(IdSet.union(a, b), IdSet.union(b, a))
      isSame(IdSet.intersection(a, b), IdSet.intersection(b, a))
      isSame(IdSet.union(IdSet.union(a, b), c), IdSet.union(a, IdSet.union(b, c)))
      isSame(IdSet.intersection(a, IdSet.union(b, c)), IdSet.union(IdSet.intersection(a, b), IdSet.intersection(a, c)))
    })
  )

  law(
    "leads from one snapshot to the next: before, less who left, with who entered, is after",
    fc.property(anySet, anySet, (before, after) => {
      const entered = IdSet.difference(after, before)
      const exited = IdSet.difference(before, after)
      isSame(IdSet.union(IdSet.difference(before, exited), entered), after)
      isSame(IdSet.intersection(entered, exited), IdSet.empty)
    })
  )

  law(
    "never changes the sets that it works on",
    fc.property(numbers, numbers, (a, b) => {
      const [left, right] = [IdSet.from(a), IdSet.from(b)]
      IdSet.union(left, right)
      IdSet.intersection(left, right)
      IdSet.difference(left, right)
      IdSet.encode(left)
      IdSet.take(left, 3)
      IdSet.byChunk(left)
      assert.deepStrictEqual(members(left), sorted(a))
      assert.deepStrictEqual(members(right), sorted(b))
      assert.strictEqual(IdSet.empty.size, 0)
    })
  )

  law(
    "comes back from its bytes",
    fc.property(anySet, (a) => {
      isSame(IdSet.decode(IdSet.encode(a)), a)
      // Bytes that came within a larger buffer, as a driver hands them out.
      const bytes = IdSet.encode(a)
      const larger = new Uint8Array(bytes.length + 7)
      larger.set(bytes, 3)
      isSame(IdSet.decode(larger.subarray(3, 3 + bytes.length)), a)
    })
  )

  it("is empty where there are no bytes", () => {
    assert.strictEqual(IdSet.decode(new Uint8Array(0)).size, 0)
  })

  law(
    "is the union of its chunks, and each number is in the chunk of its upper half",
    fc.property(anySet, (a) => {
      const chunks = IdSet.byChunk(a)
      isSame(
        [...chunks.values()].reduce((all, chunk) => IdSet.union(all, chunk), IdSet.empty),
        a
      )
      for (const [chunk, set] of chunks) {
        assert.isTrue(set.size > 0)
        assert.isTrue(members(set).every((no) => Math.floor(no / IdSet.chunkSize) === chunk))
      }
    })
  )

  law(
    "takes the smallest members",
    fc.property(numbers, fc.integer({ min: 0, max: 250 }), (given, count) => {
      assert.deepStrictEqual(members(IdSet.take(IdSet.from(given), count)), sorted(given).slice(0, count))
    })
  )
})
