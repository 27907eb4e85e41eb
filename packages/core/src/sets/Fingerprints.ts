/**
 * The ledger of a computed trait, one chunk of it: identifier number → fingerprint of the value that was sent.
 *
 * Ten bytes an identifier: numbers within the chunk as sorted 16-bit integers, then the fingerprints in the same order.
 *
 * @since 0.1.0
 */

/**
 * The block of an identifier's number: 1,024 numbers, 10 kB of fingerprints, so that a small change writes little (bench
 * `event`, `growth`).
 *
 * @category combinators
 * @since 0.1.0
 */
export const blockOf = (no: number): number => no >> 10

/**
 * Fingerprints by identifier number, within one chunk or block.
 *
 * @category models
 * @since 0.1.0
 */
export type Fingerprints = ReadonlyMap<number, bigint>

/**
 * The bytes of a chunk: 2 per number, then 8 per fingerprint, all little-endian.
 *
 * @category combinators
 * @since 0.1.0
 */
export const encode = (self: Fingerprints): Uint8Array => {
  const numbers = Uint32Array.from(self.keys()).toSorted()
  const bytes = new Uint8Array(numbers.length * 10)
  const view = new DataView(bytes.buffer)
  numbers.forEach((no, i) => {
    view.setUint16(i * 2, no & 0xffff, true)
    view.setBigUint64(numbers.length * 2 + i * 8, self.get(no) ?? 0n, true)
  })
  return bytes
}

/**
 * The bytes of a chunk with changes made to it: a fingerprint to remember, or `undefined` to forget one.
 *
 * **Details**
 *
 * What lies between two changes is copied as it is, so the cost is that of the changes and of moving memory (bench
 * `event`).
 *
 * @category combinators
 * @since 0.1.0
 */
export const amend = (bytes: Uint8Array, changes: ReadonlyMap<number, bigint | undefined>): Uint8Array => {
  const count = bytes.byteLength / 10
  const old = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const ordered = Uint32Array.from(changes.keys()).toSorted()
  const most = count + ordered.length
  const numbers = new Uint8Array(most * 2)
  const values = new Uint8Array(most * 8)
  const numberView = new DataView(numbers.buffer)
  const valueView = new DataView(values.buffer)
  let from = 0
  let to = 0
  /** Copies entries up to this position: none, where one change follows the other. */
  const copy = (until: number) => {
    if (until === from) return
    numbers.set(bytes.subarray(from * 2, until * 2), to * 2)
    values.set(bytes.subarray(count * 2 + from * 8, count * 2 + until * 8), to * 8)
    to += until - from
    from = until
  }
  for (const changed of ordered) {
    const no = changed & 0xffff
    const value = changes.get(changed)
    let low = from
    let high = count
    while (low < high) {
      const middle = (low + high) >> 1
      if (old.getUint16(middle * 2, true) < no) low = middle + 1
      else high = middle
    }
    copy(low)
    if (from < count && old.getUint16(from * 2, true) === no) from++
    if (value !== undefined) {
      numberView.setUint16(to * 2, no, true)
      valueView.setBigUint64(to * 8, value, true)
      to++
    }
  }
  copy(count)
  const amended = new Uint8Array(to * 10)
  amended.set(numbers.subarray(0, to * 2))
  amended.set(values.subarray(0, to * 8), to * 2)
  return amended
}

/**
 * Looks numbers up in a chunk's bytes, in place, so that a claim of a few profiles does not unpack a chunk of thousands
 * (bench `growth`): the fingerprint of a number, or `undefined`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const reader = (bytes: Uint8Array): ((no: number) => bigint | undefined) => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const count = view.byteLength / 10
  return (no) => {
    const wanted = no & 0xffff
    let low = 0
    let high = count - 1
    while (low <= high) {
      const middle = (low + high) >> 1
      const found = view.getUint16(middle * 2, true)
      if (found === wanted) return view.getBigUint64(count * 2 + middle * 8, true)
      if (found < wanted) low = middle + 1
      else high = middle - 1
    }
    return undefined
  }
}

/**
 * A chunk from its bytes.
 *
 * @category constructors
 * @since 0.1.0
 */
export const decode = (chunk: number, bytes: Uint8Array): Map<number, bigint> => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const count = bytes.byteLength / 10
  const fingerprints = new Map<number, bigint>()
  for (let i = 0; i < count; i++) {
    fingerprints.set(chunk * 65_536 + view.getUint16(i * 2, true), view.getBigUint64(count * 2 + i * 8, true))
  }
  return fingerprints
}
