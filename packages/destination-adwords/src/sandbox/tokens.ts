/**
 * The sandbox's token endpoint: `POST /token`, form-encoded, for a refresh token or a signed assertion (RFC 7523).
 *
 * @since 0.1.0
 */
import type { Sandbox } from "@tributary/core"
import { generateKeyPairSync, verify } from "node:crypto"
import { isRecord } from "./answers.ts"

/**
 * The user credentials that the sandbox takes. None of them is real.
 *
 * @category constants
 * @since 0.1.0
 */
export const oauth = {
  clientId: "sandbox.apps.googleusercontent.com",
  clientSecret: "sandbox-client-secret",
  refreshToken: "1//sandbox-refresh-token"
}

/**
 * The service account that the sandbox knows. Its key is made anew with every sandbox.
 *
 * @category constants
 * @since 0.1.0
 */
export const clientEmail = "tributary@sandbox.iam.gserviceaccount.com"

const scope = "https://www.googleapis.com/auth/datamanager"
const assertionGrant = "urn:ietf:params:oauth:grant-type:jwt-bearer"

const fails = (status: number, error: string, description: string): Sandbox.SandboxResponse => ({
  status,
  body: { error, error_description: description }
})

const jsonOf = (part: string | undefined): Readonly<Record<string, unknown>> => {
  try {
    const value: unknown = JSON.parse(Buffer.from(part ?? "", "base64url").toString("utf8"))
    return isRecord(value) ? value : {}
  } catch {
    return {}
  }
}

/**
 * How the sandbox gives and checks tokens.
 *
 * @category models
 * @since 0.1.0
 */
export interface TokenOptions {
  /** Life of an access token in milliseconds. */
  readonly tokenMillis: number
  /** Whether the owner of the account has withdrawn the grant: `invalid_grant`. */
  readonly revoked: boolean
}

/**
 * A token endpoint and its tokens.
 *
 * @category constructors
 * @since 0.1.0
 */
export const makeTokens = ({ tokenMillis, revoked }: TokenOptions) => {
  const expiries = new Map<string, number>()
  let keys: { readonly privateKey: string; readonly publicKey: string } | undefined
  // 2048 bits take a moment, so only a sandbox that is asked for a service account pays for them.
  const keyPair = () =>
    (keys ??= generateKeyPairSync("rsa", {
      modulusLength: 2048,
      publicKeyEncoding: { type: "spki", format: "pem" },
      privateKeyEncoding: { type: "pkcs8", format: "pem" }
    }))

  const give = (now: number): Sandbox.SandboxResponse => {
    const token = `ya29.sandbox-${expiries.size + 1}`
    expiries.set(token, now + tokenMillis)
    return {
      status: 200,
      body: { access_token: token, expires_in: Math.floor(tokenMillis / 1000), scope, token_type: "Bearer" }
    }
  }

  const refresh = (form: URLSearchParams, now: number): Sandbox.SandboxResponse => {
    if (form.get("client_id") !== oauth.clientId || form.get("client_secret") !== oauth.clientSecret) {
      return fails(401, "invalid_client", "The OAuth client was not found.")
    }
    if (revoked || form.get("refresh_token") !== oauth.refreshToken) {
      return fails(400, "invalid_grant", "Token has been expired or revoked.")
    }
    return give(now)
  }

  const assert = (form: URLSearchParams, host: string | undefined, now: number): Sandbox.SandboxResponse => {
    const [head, body, signature, rest] = (form.get("assertion") ?? "").split(".")
    const grant = (description: string) => fails(400, "invalid_grant", description)
    if (signature === undefined || rest !== undefined) return grant("Assertion must be a JWT.")
    const claims = jsonOf(body)
    if (revoked || claims["iss"] !== clientEmail) return grant("Invalid grant: account not found")
    const isSigned =
      jsonOf(head)["alg"] === "RS256" &&
      verify("RSA-SHA256", Buffer.from(`${head}.${body}`), keyPair().publicKey, Buffer.from(signature, "base64url"))
    if (!isSigned) return grant("Invalid JWT Signature.")
    if (claims["aud"] !== `http://${host}/token`) return grant("Invalid JWT: Failed audience check.")
    if (claims["scope"] !== scope) return fails(400, "invalid_scope", "Invalid OAuth scope or ID token audience.")
    const { iat, exp } = claims
    const seconds = now / 1000
    if (
      typeof iat !== "number" ||
      typeof exp !== "number" ||
      iat > seconds + 300 ||
      exp <= seconds ||
      exp - iat > 3600
    ) {
      return grant("Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe.")
    }
    return give(now)
  }

  return {
    privateKey: () => keyPair().privateKey,
    /** Whether a request carries a token that is still good. */
    admits: (authorization: string | undefined, now: number): boolean => {
      if (authorization === undefined || !authorization.startsWith("Bearer ")) return false
      const until = expiries.get(authorization.slice("Bearer ".length))
      return until !== undefined && now < until
    },
    answer: (request: Sandbox.SandboxRequest, now: number): Sandbox.SandboxResponse => {
      if (!(request.headers["content-type"] ?? "").startsWith("application/x-www-form-urlencoded")) {
        return fails(400, "invalid_request", "The body must be form-encoded.")
      }
      const form = new URLSearchParams(request.body)
      switch (form.get("grant_type")) {
        case "refresh_token":
          return refresh(form, now)
        case assertionGrant:
          return assert(form, request.headers["host"], now)
        default:
          return fails(400, "unsupported_grant_type", "Invalid grant_type.")
      }
    }
  }
}
