/**
 * Clients: where a plugin's requests go and how they are signed, as data.
 *
 * A plugin says what its vendor wants and gets an `HttpClient` that has it: base address, authorization, time-out,
 * limits, tracing, redaction. It never sees a token being refreshed, and it cannot send to any other host.
 *
 * @since 0.1.0
 */
import type { Redacted } from "effect"
import type { HttpClient, HttpClientError } from "effect/http"
import type { DeliveryError } from "./DeliveryError.ts"

/**
 * The client that a plugin is given. Paths are relative to the base address (`/users/track`).
 *
 * @category models
 * @since 0.1.0
 */
export interface Client extends HttpClient.HttpClient.With<HttpClientError.HttpClientError | DeliveryError> {}

/**
 * How requests are signed.
 *
 * @category models
 * @since 0.1.0
 */
export type Authorization =
  | { readonly _tag: "None" }
  | { readonly _tag: "Header"; readonly name: string; readonly prefix: string; readonly secret: Redacted.Redacted }
  | { readonly _tag: "Basic"; readonly username: string; readonly password: Redacted.Redacted }
  | RefreshToken
  | ServiceAccount

/**
 * An OAuth 2.0 access token got with a refresh token.
 *
 * **Details**
 *
 * One refresh serves all requests of the destination. Where the vendor `rotates`, the answer carries a new refresh
 * token and the old one is dead: the new one is kept in the store, encrypted, before it is used.
 *
 * @category models
 * @since 0.1.0
 */
export interface RefreshToken {
  readonly _tag: "RefreshToken"
  readonly tokenUrl: string
  readonly clientId: string
  readonly clientSecret: Redacted.Redacted
  readonly refreshToken: Redacted.Redacted
  readonly rotates: boolean
  /** How the vendor takes the token request. */
  readonly body: "form" | "json"
}

/**
 * An OAuth 2.0 access token got with a signed assertion (RFC 7523), as Google's service accounts do.
 *
 * @category models
 * @since 0.1.0
 */
export interface ServiceAccount {
  readonly _tag: "ServiceAccount"
  readonly tokenUrl: string
  readonly clientEmail: string
  /** PKCS #8 in PEM. */
  readonly privateKey: Redacted.Redacted
  readonly scope: string
}

/**
 * A client as data.
 *
 * @category models
 * @since 0.1.0
 */
export interface ClientSpec {
  readonly baseUrl: string
  readonly authorization: Authorization
}

/**
 * No authorization.
 *
 * @category constructors
 * @since 0.1.0
 */
export const anonymous = (baseUrl: string): ClientSpec => ({ baseUrl, authorization: { _tag: "None" } })

/**
 * `Authorization: Bearer <token>`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const bearer = (baseUrl: string, token: Redacted.Redacted): ClientSpec =>
  header(baseUrl, "authorization", token, "Bearer ")

/**
 * A secret in a header of the vendor's choice.
 *
 * @category constructors
 * @since 0.1.0
 */
export const header = (baseUrl: string, name: string, secret: Redacted.Redacted, prefix = ""): ClientSpec => ({
  baseUrl,
  authorization: { _tag: "Header", name, prefix, secret }
})

/**
 * HTTP Basic.
 *
 * @category constructors
 * @since 0.1.0
 */
export const basic = (baseUrl: string, username: string, password: Redacted.Redacted): ClientSpec => ({
  baseUrl,
  authorization: { _tag: "Basic", username, password }
})

/**
 * OAuth 2.0 with a refresh token.
 *
 * @category constructors
 * @since 0.1.0
 */
export const refreshToken = (baseUrl: string, options: Omit<RefreshToken, "_tag">): ClientSpec => ({
  baseUrl,
  authorization: { _tag: "RefreshToken", ...options }
})

/**
 * OAuth 2.0 with a service account's key.
 *
 * @category constructors
 * @since 0.1.0
 */
export const serviceAccount = (baseUrl: string, options: Omit<ServiceAccount, "_tag">): ClientSpec => ({
  baseUrl,
  authorization: { _tag: "ServiceAccount", ...options }
})
