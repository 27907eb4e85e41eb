// Who may ask: OAuth tokens whose refresh rotates, and API tokens until Zendesk turns them off.
import type { Sandbox } from "@tributary/core"
import { type Answer, answer, isAttributes } from "./wire.ts"

export const clientId = "tributary"
export const clientSecret = "sandbox-client-secret"
export const firstRefreshToken = "sandbox-refresh-0"
const agent = "agent@example.com"
export const apiToken = "sandbox-api-token"

export interface AccessRules {
  readonly accessTokenSeconds: number
  /** Epoch milliseconds. */
  readonly apiTokensEnd: number
}

export interface Access {
  readonly token: (request: Sandbox.SandboxRequest, now: number) => Answer
  /** The refusal of a request without a good token. */
  readonly refusal: (request: Sandbox.SandboxRequest, now: number) => Answer | undefined
  readonly refreshes: () => number
  /** What somebody who connects the account now is given. */
  readonly refreshToken: () => string
}

const day = 86_400
const unauthorized = (error: string, description: string): Answer => ({
  ...answer(401, { error, description }),
  headers: { "www-authenticate": `Bearer error="${error}"` }
})

const oauthError = (status: number, error: string, description: string): Answer =>
  answer(status, { error, error_description: description })

const parsed = (body: string): unknown => {
  try {
    return JSON.parse(body)
  } catch {
    return undefined
  }
}

/** A lifetime in seconds within the vendor's bounds, or `undefined`. */
const lifetime = (asked: unknown, fallback: number, least: number, most: number): number | undefined => {
  if (asked === undefined || asked === null) return fallback
  return typeof asked === "number" && asked >= least && asked <= most ? asked : undefined
}

export const makeAccess = (rules: AccessRules): Access => {
  let refreshToken = firstRefreshToken
  let refreshUntil = Number.POSITIVE_INFINITY
  let accessToken: string | undefined
  let accessUntil = 0
  let refreshes = 0

  const token = (request: Sandbox.SandboxRequest, now: number): Answer => {
    const body = parsed(request.body)
    // JSON bodies only: the vendor's OpenAPI.
    if (!isAttributes(body) || !(request.headers["content-type"] ?? "").includes("application/json")) {
      return oauthError(400, "invalid_request", "The request body must be JSON")
    }
    if (body["client_id"] !== clientId || body["client_secret"] !== clientSecret) {
      return oauthError(401, "invalid_client", "Client authentication failed")
    }
    if (body["grant_type"] !== "refresh_token") {
      return oauthError(400, "unsupported_grant_type", "This sandbox refreshes tokens and grants no new ones")
    }
    if (body["refresh_token"] !== refreshToken || now >= refreshUntil) {
      return oauthError(400, "invalid_grant", "The refresh token is invalid, expired or revoked")
    }
    const access = lifetime(body["expires_in"], rules.accessTokenSeconds, 300, 172_800)
    const refresh = lifetime(body["refresh_token_expires_in"], 30 * day, 7 * day, 90 * day)
    if (access === undefined || refresh === undefined) {
      return oauthError(400, "invalid_request", "A token lifetime is out of bounds")
    }
    refreshes++
    // The old pair is dead from here on.
    refreshToken = `sandbox-refresh-${refreshes}`
    refreshUntil = now + refresh * 1000
    accessToken = `sandbox-access-${refreshes}`
    accessUntil = now + access * 1000
    return answer(200, {
      access_token: accessToken,
      refresh_token: refreshToken,
      token_type: "bearer",
      scope: "read write",
      expires_in: access,
      refresh_token_expires_in: refresh
    })
  }

  const refusal = (request: Sandbox.SandboxRequest, now: number): Answer | undefined => {
    const header = request.headers["authorization"]
    if (header === undefined) return unauthorized("Couldn't authenticate you", "No credentials")
    if (header.startsWith("Basic ")) {
      const credentials = Buffer.from(header.slice(6), "base64").toString("utf8")
      return now < rules.apiTokensEnd && credentials === `${agent}/token:${apiToken}`
        ? undefined
        : unauthorized("Couldn't authenticate you", "API tokens are not accepted")
    }
    return accessToken !== undefined && header === `Bearer ${accessToken}` && now < accessUntil
      ? undefined
      : unauthorized("invalid_token", "The access token provided is expired, revoked, malformed or invalid")
  }

  return { token, refusal, refreshes: () => refreshes, refreshToken: () => refreshToken }
}
