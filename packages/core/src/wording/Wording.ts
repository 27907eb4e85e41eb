/**
 * Numbers in sentences, as people read them.
 *
 * @since 0.1.0
 */

/**
 * A number with separators: `12,345`.
 *
 * @category combinators
 * @since 0.1.0
 */
export const count = (number: number): string => number.toLocaleString("en-US")

/**
 * A number with its noun: `1 row`, `12,345 rows`. `many` is for what takes more than an "s": `plural(2, "batch",
 * "batches")`, `plural(2, "row has", "rows have")`.
 *
 * @category combinators
 * @since 0.1.0
 */
export const plural = (number: number, one: string, many = `${one}s`): string =>
  `${count(number)} ${number === 1 ? one : many}`
