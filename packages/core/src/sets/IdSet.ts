/**
 * Sets of numbers: memberships, ledgers and dirty sets.
 *
 * Profiles and identifiers have dense 32-bit numbers, and who is in what is a Roaring bitmap over them. A set is stored
 * in chunks of 65,536 numbers, so that a change of a thousand members rewrites a few kilobytes whatever the size of the
 * audience. The bytes are the portable Roaring format, which Spark, ClickHouse and pg_roaringbitmap read.
 *
 * @since 0.1.0
 */
import roaring from "roaring-wasm"

const { RoaringBitmap32 } = roaring
type Bitmap = InstanceType<typeof RoaringBitmap32>

/**
 * An immutable set of numbers between 0 and 2^32 - 1.
 *
 * @category models
 * @since 0.1.0
 */
export interface IdSet extends Iterable<number> {
  readonly size: number
  readonly has: (no: number) => boolean
  readonly bitmap: Bitmap
}

class RoaringIdSet implements IdSet {
  readonly bitmap: Bitmap
  readonly size: number

  constructor(bitmap: Bitmap) {
    this.bitmap = bitmap
    this.size = bitmap.size
  }

  has(no: number): boolean {
    return this.size > 0 && this.bitmap.has(no)
  }

  [Symbol.iterator](): Iterator<number> {
    return this.bitmap.toUint32Array()[Symbol.iterator]()
  }
}

/**
 * How many numbers a chunk spans.
 *
 * @category constants
 * @since 0.1.0
 */
export const chunkSize = 65_536

/**
 * The chunk that a number is stored in.
 *
 * @category combinators
 * @since 0.1.0
 */
export const chunkOf = (no: number): number => no >>> 16

/**
 * The set with no members.
 *
 * @category constructors
 * @since 0.1.0
 */
export const empty: IdSet = new RoaringIdSet(new RoaringBitmap32())

/**
 * A set of the given numbers, in any order.
 *
 * @category constructors
 * @since 0.1.0
 */
export const from = (numbers: Iterable<number>): IdSet => new RoaringIdSet(new RoaringBitmap32(numbers))

/**
 * A set from its bytes. Throws where they are none: bytes come from the store, so that is a defect.
 *
 * @category constructors
 * @since 0.1.0
 */
export const decode = (bytes: Uint8Array): IdSet =>
  bytes.length === 0 ? empty : new RoaringIdSet(RoaringBitmap32.deserialize("portable", bytes))

/**
 * The set as portable Roaring bytes.
 *
 * @category combinators
 * @since 0.1.0
 */
export const encode = (self: IdSet): Uint8Array => {
  const copy = self.bitmap.clone()
  copy.runOptimize()
  const bytes = copy.serialize("portable")
  copy.dispose()
  return bytes
}

/**
 * The union of many sets in one pass: from two to two at a time, a union of hundreds of chunks copies each of them
 * hundreds of times.
 *
 * @category combinators
 * @since 0.1.0
 */
export const unionAll = (sets: Iterable<IdSet>): IdSet => {
  const all = new RoaringBitmap32()
  for (const { bitmap } of sets) all.orInPlace(bitmap)
  return new RoaringIdSet(all)
}

/**
 * The union of many sets in their bytes, such as the chunks of one.
 *
 * @category constructors
 * @since 0.1.0
 */
export const decodeAll = (parts: Iterable<Uint8Array>): IdSet => {
  const all = new RoaringBitmap32()
  for (const bytes of parts) {
    if (bytes.length === 0) continue
    const part = RoaringBitmap32.deserialize("portable", bytes)
    all.orInPlace(part)
    // Its memory is not JavaScript's, which would hear of it late.
    part.dispose()
  }
  return new RoaringIdSet(all)
}

/**
 * Members of either.
 *
 * @category combinators
 * @since 0.1.0
 */
export const union = (self: IdSet, that: IdSet): IdSet =>
  that.size === 0 ? self : self.size === 0 ? that : new RoaringIdSet(RoaringBitmap32.or(self.bitmap, that.bitmap))

/**
 * Members of both.
 *
 * @category combinators
 * @since 0.1.0
 */
export const intersection = (self: IdSet, that: IdSet): IdSet =>
  self.size === 0 || that.size === 0 ? empty : new RoaringIdSet(RoaringBitmap32.and(self.bitmap, that.bitmap))

/**
 * Members of `self` that are not in `that`.
 *
 * @category combinators
 * @since 0.1.0
 */
export const difference = (self: IdSet, that: IdSet): IdSet =>
  self.size === 0 || that.size === 0 ? self : new RoaringIdSet(RoaringBitmap32.andNot(self.bitmap, that.bitmap))

/**
 * The `count` smallest members.
 *
 * @category combinators
 * @since 0.1.0
 */
export const take = (self: IdSet, count: number): IdSet =>
  self.size <= count ? self : from(self.bitmap.toArray(count))

/**
 * The members in ascending order.
 *
 * @category combinators
 * @since 0.1.0
 */
export const toArray = (self: IdSet): Array<number> => self.bitmap.toArray()

/**
 * The set cut into chunks, by chunk number.
 *
 * @category combinators
 * @since 0.1.0
 */
export const byChunk = (self: IdSet): ReadonlyMap<number, IdSet> => {
  const chunks = new Map<number, Array<number>>()
  for (const no of self) {
    const chunk = chunkOf(no)
    const known = chunks.get(chunk)
    if (known === undefined) chunks.set(chunk, [no])
    else known.push(no)
  }
  return new Map([...chunks].map(([chunk, numbers]) => [chunk, from(numbers)]))
}
