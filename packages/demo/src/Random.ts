/**
 * Random choices with a seed: the same seed makes the same shop, on every machine.
 *
 * @since 0.1.0
 */
import { uniformFloat64 } from "pure-rand/distribution/uniformFloat64"
import { uniformInt } from "pure-rand/distribution/uniformInt"
import { xoroshiro128plus } from "pure-rand/generator/xoroshiro128plus"

/**
 * @category models
 * @since 0.1.0
 */
export interface Random {
  /** A whole number from 0 up to `count`. */
  readonly below: (count: number) => number
  /** Whether something happens that happens in this share of cases. */
  readonly happens: (share: number) => boolean
  readonly pick: <A>(choices: readonly [A, ...ReadonlyArray<A>]) => A
  /** So many of them, none twice, in their order. */
  readonly some: <A>(all: ReadonlyArray<A>, count: number) => ReadonlyArray<A>
}

/**
 * Choices that the seed decides.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (seed: number): Random => {
  const generator = xoroshiro128plus(seed)
  const below = (count: number) => uniformInt(generator, 0, count - 1)
  return {
    below,
    happens: (share) => uniformFloat64(generator) < share,
    pick: (choices) => choices[below(choices.length)] ?? choices[0],
    some: (all, count) => {
      let wanted = Math.min(count, all.length)
      let left = all.length
      return all.filter(() => {
        const isTaken = below(left--) < wanted
        if (isTaken) wanted--
        return isTaken
      })
    }
  }
}
