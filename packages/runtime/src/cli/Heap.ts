/**
 * The heap: how far it grows before garbage is looked for.
 *
 * @since 0.1.0
 */
import { setFlagsFromString } from "node:v8"

/**
 * Lets the heap grow to twice what lives in it, where V8 on a large machine would let it grow fourfold: a sync makes
 * much that is garbage a moment later. It takes a third off the memory of a first sync, and no speed that can be
 * measured (docs/performance.md). No limit, so that what needs more has it.
 *
 * @category combinators
 * @since 0.1.0
 */
export const growSlowly = (): void => setFlagsFromString("--heap-growing-percent=100")
