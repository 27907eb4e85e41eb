// Everything that a seed decides.
import { uniformFloat64 } from "pure-rand/distribution/uniformFloat64"
import { uniformInt } from "pure-rand/distribution/uniformInt"
import { xoroshiro128plus } from "pure-rand/generator/xoroshiro128plus"

export interface Random {
  /** From 0 up to 1. */
  readonly next: () => number
  /** A whole number from `least` to `most`. */
  readonly int: (least: number, most: number) => number
  readonly chance: (probability: number) => boolean
  readonly pick: <A>(items: ReadonlyArray<A>) => A
}

export const random = (seed: number): Random => {
  const generator = xoroshiro128plus(seed)
  const next = () => uniformFloat64(generator)
  const int = (least: number, most: number) => uniformInt(generator, least, most)
  return {
    next,
    int,
    chance: (probability) => next() < probability,
    pick: (items) => {
      const item = items[int(0, items.length - 1)]
      if (item === undefined) throw new Error("nothing to pick from")
      return item
    }
  }
}
