/**
 * Batches: items in groups of the plugin's size, such that a profile is never on the wire twice at a time.
 *
 * @since 0.1.0
 */
import { Array as Arr } from "effect"
import type { NonEmpty } from "../contract/Destination.ts"
import type * as Plan from "./Plan.ts"

/**
 * Batches in waves: a profile's items stand together in one batch, in their order, and where they are too many for one
 * the rest waits for the next wave. So a profile never has two batches on the wire, and its order holds (R32).
 *
 * @category combinators
 * @since 0.1.0
 */
export const inWaves = <A>(
  items: ReadonlyArray<Plan.Item<A>>,
  size: number
): ReadonlyArray<ReadonlyArray<NonEmpty<Plan.Item<A>>>> => {
  const waves: Array<Array<Array<Plan.Item<A>>>> = []
  let i = 0
  while (i < items.length) {
    const start = i
    const profile = items[i]?.profile
    while (i < items.length && items[i]?.profile === profile) i++
    for (let from = start, wave = 0; from < i; from += size, wave++) {
      const segment = items.slice(from, Math.min(from + size, i))
      const batches = (waves[wave] ??= [])
      const last = batches.at(-1)
      if (last !== undefined && last.length + segment.length <= size) last.push(...segment)
      else batches.push(segment)
    }
  }
  return waves.map((batches) => batches.filter(Arr.isArrayNonEmpty))
}
