/**
 * Chance with a seed: the same seed makes the same shop, on every machine.
 *
 * @since 0.1.0
 */

/**
 * @category models
 * @since 0.1.0
 */
export interface Chance {
  /** A number from 0 up to 1. */
  readonly next: () => number
  /** A whole number from 0 up to `count`. */
  readonly below: (count: number) => number
  /** Whether something happens that happens in this share of cases. */
  readonly happens: (share: number) => boolean
  readonly pick: <A>(choices: readonly [A, ...ReadonlyArray<A>]) => A
  /** So many of them, none twice, in their order. */
  readonly some: <A>(all: ReadonlyArray<A>, count: number) => ReadonlyArray<A>
}

/**
 * Mulberry32: a few lines, and good enough to make up a shop.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (seed: number): Chance => {
  let state = seed >>> 0
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
  const below = (count: number) => Math.floor(next() * count)
  return {
    next,
    below,
    happens: (share) => next() < share,
    pick: (choices) => choices[below(choices.length)] ?? choices[0],
    some: (all, count) => {
      let wanted = Math.min(count, all.length)
      let left = all.length
      return all.filter(() => {
        const isTaken = next() * left-- < wanted
        if (isTaken) wanted--
        return isTaken
      })
    }
  }
}
