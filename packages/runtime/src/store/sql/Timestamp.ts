/**
 * Times as statements take them.
 *
 * @since 0.1.0
 */
import { DateTime } from "effect"

/**
 * A `timestamptz` parameter for epoch milliseconds.
 *
 * @category combinators
 * @since 0.1.0
 */
export const timestamp = (epochMillis: number): Date => DateTime.toDateUtc(DateTime.makeUnsafe(epochMillis))
