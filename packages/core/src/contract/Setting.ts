/**
 * Schemas for the settings of a plugin: secrets that stay secret, and addresses that lead where they should.
 *
 * A setting becomes part of a request's address or header, so it is checked before anything is sent: a host name that
 * smuggles in a path, or an address inside somebody's network, is refused with a sentence (injection, SSRF).
 *
 * @since 0.1.0
 */
import { Redacted, Schema } from "effect"
import { isIP } from "node:net"

/**
 * A secret: `Redacted` from the configuration to the header.
 *
 * @category schemas
 * @since 0.1.0
 */
export const secret = Schema.Redacted(Schema.String).check(
  Schema.makeFilter(
    (value: Redacted.Redacted) =>
      /^[\x21-\x7e]+$/.test(Redacted.value(value)) ||
      "must be a secret of letters, digits and punctuation, without spaces or line breaks",
    { title: "secret" }
  )
)

const loopback = (host: string) =>
  host === "localhost" || host === "[::1]" || /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(host)

const refusal = (value: string): string | undefined => {
  const url = URL.canParse(value) ? new URL(value) : undefined
  if (url === undefined) return "must be an address such as https://api.example.com"
  if (url.username !== "" || url.password !== "") return "must not carry a user name or password"
  // The text itself is what a path is appended to: an empty query swallows it, and a space breaks the host.
  if (/[?#]/.test(value)) return "must not carry a query or a fragment"
  if (/\s/.test(value)) return "must not contain spaces or line breaks"
  if (loopback(url.hostname)) {
    return url.protocol === "http:" || url.protocol === "https:" ? undefined : "must be http or https"
  }
  if (url.protocol !== "https:") return "must be https (http is for sandboxes on this machine only)"
  if (isIP(url.hostname.replace(/^\[|\]$/g, "")) !== 0) return "must name a host, not an IP address"
  return undefined
}

/**
 * The address of an API: https, a host name, no credentials and no query. Plain http and an IP address are taken for
 * this machine only (`http://127.0.0.1:4010`), where sandboxes and test proxies live.
 *
 * @category schemas
 * @since 0.1.0
 */
export const baseUrl = Schema.String.check(
  Schema.makeFilter((value: string) => refusal(value) ?? true, { title: "base URL" })
)

/**
 * One label of a host name, such as a Zendesk subdomain: lower-case letters, digits and inner hyphens.
 *
 * @category schemas
 * @since 0.1.0
 */
export const hostLabel = Schema.String.check(
  Schema.makeFilter(
    (value: string) =>
      /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(value) ||
      `must be one label of a host name (letters, digits, hyphens), such as "acme" of acme.zendesk.com`,
    { title: "host label" }
  )
)

/**
 * An annotation for a setting that the schema does not need, and that examples show all the same: one of several ways.
 *
 * @example
 * ```ts
 * oauth: Schema.optionalKey(oauth.annotate({ description: "Signs as a user.", ...Setting.usual }))
 * ```
 *
 * @category annotations
 * @since 0.1.0
 */
export const usual = { "tributary/usual": true } as const
