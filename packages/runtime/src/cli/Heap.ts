/**
 * The heap: how far it grows before garbage is looked for.
 *
 * @since 0.1.0
 */
import { setFlagsFromString } from "node:v8"

/**
 * Lets the heap grow by 40 % of what lives in it, where V8 on a large machine would let it grow fourfold: a sync makes
 * much that is garbage a moment later. It costs a few per cent of speed, and halves the memory of a first sync. No
 * limit, so that what needs more has it.
 *
 * @category combinators
 * @since 0.1.0
 */
export const growSlowly = (): void => setFlagsFromString("--heap-growing-percent=40")
