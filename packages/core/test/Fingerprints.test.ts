import { assert, describe, it } from "@effect/vitest"
import fc from "fast-check"
import * as Fingerprints from "../src/sets/Fingerprints.ts"

const largestFingerprint = 2n ** 64n - 1n
const low = fc.oneof(fc.integer({ min: 0, max: 65_535 }), fc.constantFrom(0, 1, 65_534, 65_535))
const bits = fc.oneof(
  fc.bigInt({ min: 1n, max: largestFingerprint }),
  fc.constantFrom(1n, 2n ** 63n, largestFingerprint)
)

const chunkAndEntries = fc.record({
  chunk: fc.constantFrom(0, 1, 7, 32_767, 65_535),
  entries: fc.uniqueArray(fc.tuple(low, bits), { selector: ([no]) => no, maxLength: 300 })
})

const ofChunk = (chunk: number, entries: ReadonlyArray<readonly [number, bigint]>) =>
  new Map(entries.map(([no, sent]) => [chunk * 65_536 + no, sent]))

describe("Fingerprints", () => {
  it("comes back from its bytes, ten a number, whatever the order they came in", () => {
    fc.assert(
      fc.property(chunkAndEntries, ({ chunk, entries }) => {
        const given = ofChunk(chunk, entries)
        const bytes = Fingerprints.encode(given)
        assert.strictEqual(bytes.length, entries.length * 10)
        const back = Fingerprints.decode(chunk, bytes)
        assert.deepStrictEqual(
          [...back],
          [...given].toSorted(([a], [b]) => a - b)
        )
        assert.deepStrictEqual(Fingerprints.encode(back), bytes)
      })
    )
  })

  it("is amended in place as a map would be", () => {
    fc.assert(
      fc.property(
        chunkAndEntries,
        fc.array(fc.tuple(low, fc.option(bits, { nil: undefined })), { maxLength: 40 }),
        ({ chunk, entries }, changed) => {
          const map = ofChunk(chunk, entries)
          const before = Fingerprints.encode(map)
          const changes = new Map(changed.map(([no, sent]) => [chunk * 65_536 + no, sent]))
          for (const [no, sent] of changes) {
            if (sent === undefined) map.delete(no)
            else map.set(no, sent)
          }
          assert.deepStrictEqual(Fingerprints.amend(before, changes), Fingerprints.encode(map))
        }
      )
    )
  })

  it("is looked up in place, with nothing found for a number that is not in it", () => {
    fc.assert(
      fc.property(chunkAndEntries, fc.array(low), ({ chunk, entries }, others) => {
        const given = ofChunk(chunk, entries)
        const bytes = Fingerprints.encode(given)
        // Bytes that came within a larger buffer, at an odd place, as a driver hands them out.
        const larger = new Uint8Array(bytes.length + 5)
        larger.set(bytes, 3)
        const within = larger.subarray(3, 3 + bytes.length)
        for (const no of [...given.keys(), ...others.map((other) => chunk * 65_536 + other)]) {
          assert.strictEqual(Fingerprints.reader(bytes)(no), given.get(no))
          assert.strictEqual(Fingerprints.reader(within)(no), given.get(no))
        }
        assert.deepStrictEqual([...Fingerprints.decode(chunk, within)], [...Fingerprints.decode(chunk, bytes)])
      })
    )
  })

  it("is no bytes where nothing is in it", () => {
    assert.strictEqual(Fingerprints.encode(new Map()).length, 0)
    assert.strictEqual(Fingerprints.decode(3, new Uint8Array(0)).size, 0)
    assert.strictEqual(Fingerprints.reader(new Uint8Array(0))(196_608), undefined)
  })
})
