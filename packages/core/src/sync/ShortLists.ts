/**
 * Lists that are mostly empty, or mostly all of another: a claim of twenty thousand profiles plans as many of each.
 *
 * A list that something is added to has room for seventeen, so lists of none or one were a fifth of the garbage of a
 * list's sync (bench `list`).
 *
 * @since 0.1.0
 */

/**
 * None of anything.
 *
 * @category constants
 * @since 0.1.0
 */
export const none: ReadonlyArray<never> = []

/**
 * Those that pass: no list of their own where all do, or none does.
 *
 * @category combinators
 * @since 0.1.0
 */
export const those = <A>(all: ReadonlyArray<A>, passes: (each: A) => boolean): ReadonlyArray<A> =>
  all.every(passes) ? all : all.some(passes) ? all.filter(passes) : none

/**
 * Adds to the end, as a spread does, without what it makes for each list of none or one.
 *
 * @category combinators
 * @since 0.1.0
 */
export const append = <A>(to: Array<A>, from: ReadonlyArray<A>): void => {
  for (const each of from) to.push(each)
}
