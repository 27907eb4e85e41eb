/**
 * Keys: by what HubSpot matches a contact.
 *
 * @since 0.1.0
 */
import type { Key } from "@tributary/core"

/**
 * The spelling that HubSpot stores and matches: trimmed, in lower case. Dots and "+tag" tell addresses apart.
 *
 * @category combinators
 * @since 0.1.0
 */
export const normalForm = (address: string): string => address.trim().toLowerCase()

/**
 * The key of an address, or why it is none.
 *
 * **Details**
 *
 * Only what no rule would take is refused here. HubSpot judges the domain as well, by a rule that it does not publish,
 * so a well-formed address can still be refused by HubSpot, and is a rejection then.
 *
 * @category combinators
 * @since 0.1.0
 */
export const email = (value: string): Key.Key => {
  const key = normalForm(value)
  if (key === "") return { reason: "it is blank" }
  return /^[^\s@]+@[^\s@]+$/.test(key) ? { key } : { reason: "it is not an address" }
}
