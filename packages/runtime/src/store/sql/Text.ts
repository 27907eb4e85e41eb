/**
 * Text from elsewhere, made fit for the store.
 *
 * @since 0.1.0
 */

const longest = 2_000

/**
 * A reason as it can be kept: PostgreSQL holds no NUL, and a vendor's page of HTML is not a reason.
 *
 * @category combinators
 * @since 0.1.0
 */
export const storable = (reason: string): string => {
  const clean = reason.replaceAll("\0", "")
  return clean.length > longest ? `${clean.slice(0, longest)}…` : clean
}
