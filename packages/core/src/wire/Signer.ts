/**
 * Signers: how a request proves whose it is.
 *
 * An access token is fetched once for all requests that need it, and fetched again when the vendor refuses it. A rotated
 * refresh token is sealed and stored before it is used.
 *
 * @since 0.1.0
 */
import { Clock, Context, Duration, Effect, Layer, Option, Redacted, Schema, Semaphore } from "effect"
import { type HttpClient, HttpClientRequest, type HttpClientResponse } from "effect/http"
import { createHash, createSign } from "node:crypto"
import type { Authorization, RefreshToken, ServiceAccount } from "../contract/Client.ts"
import { type DeliveryError, Unauthorized, Unavailable } from "../contract/DeliveryError.ts"
import { exchange } from "./Exchange.ts"
import * as TimeLimit from "./TimeLimit.ts"
import { summary } from "../contract/Reply.ts"
import * as Seal from "./Seal.ts"

/**
 * The store could not keep or give back a token.
 *
 * @category errors
 * @since 0.1.0
 */
export class TokenStoreError extends Schema.TaggedError<TokenStoreError>()("TokenStoreError", {
  reason: Schema.String
}) {}

/**
 * Where rotated tokens are kept, sealed: what it stores is of no use without the client secret.
 *
 * @category services
 * @since 0.1.0
 */
export class TokenStore extends Context.Service<
  TokenStore,
  {
    readonly load: (destination: string) => Effect.Effect<Option.Option<string>, TokenStoreError>
    readonly save: (destination: string, sealed: string) => Effect.Effect<void, TokenStoreError>
  }
>()("@tributary/core/TokenStore") {
  static readonly layerMemory = Layer.sync(TokenStore, () => {
    const kept = new Map<string, string>()
    return {
      load: (destination) => Effect.sync(() => Option.fromUndefinedOr(kept.get(destination))),
      save: (destination, sealed) => Effect.sync(() => void kept.set(destination, sealed))
    }
  })
}

const TokenAnswer = Schema.Struct({
  access_token: Schema.String,
  expires_in: Schema.optionalKey(Schema.Number),
  refresh_token: Schema.optionalKey(Schema.String)
})

const KeptToken = Schema.fromJsonString(
  Schema.Struct({
    origin: Schema.String,
    refreshToken: Schema.String,
    accessToken: Schema.String,
    expiresAt: Schema.Number
  })
)

interface AccessToken {
  readonly value: Redacted.Redacted
  readonly expiresAt: number
}

type Request = HttpClientRequest.HttpClientRequest

/**
 * Signs requests.
 *
 * @category models
 * @since 0.1.0
 */
export interface Signer {
  readonly sign: (request: Request) => Effect.Effect<Request, DeliveryError>
  /** Gets another token after a 401; absent where there is none to get. */
  readonly renew: ((refused: HttpClientResponse.HttpClientResponse) => Effect.Effect<void>) | undefined
  /** What must not be quoted from an answer, should the vendor repeat it. */
  readonly secrets: () => ReadonlyArray<string>
}

/**
 * The signer for a way of authorization. One serves all connections of a destination: of two that refresh a rotating
 * token, the first would kill the other's.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function* (
  authorization: Authorization,
  base: HttpClient.HttpClient,
  destination: string
): Effect.fn.Return<Signer, never, TokenStore> {
  switch (authorization._tag) {
    case "None":
      return { sign: Effect.succeed, renew: undefined, secrets: () => [] }
    case "Header": {
      const { name, prefix, secret } = authorization
      return {
        sign: (request) =>
          Effect.succeed(HttpClientRequest.setHeader(request, name, `${prefix}${Redacted.value(secret)}`)),
        renew: undefined,
        secrets: () => [Redacted.value(secret)]
      }
    }
    case "Basic":
      return {
        sign: (request) =>
          Effect.succeed(HttpClientRequest.basicAuth(request, authorization.username, authorization.password)),
        renew: undefined,
        secrets: () => [Redacted.value(authorization.password)]
      }
    case "RefreshToken":
      return yield* tokenSigner(yield* refreshingTokens(authorization, base, destination))
    case "ServiceAccount":
      return yield* tokenSigner({ initial: Effect.succeed(undefined), next: assertedToken(authorization, base) })
  }
})

interface Tokens {
  /** A token that may still be good, from an earlier run. */
  readonly initial: Effect.Effect<AccessToken | undefined, DeliveryError>
  readonly next: Effect.Effect<AccessToken, DeliveryError>
}

/** One fetch for all who wait; a token is renewed a minute before it ends. */
const tokenSigner = Effect.fnUntraced(function* (tokens: Tokens): Effect.fn.Return<Signer> {
  const single = yield* Semaphore.make(1)
  let current: AccessToken | undefined
  let started = false
  const fresh = (now: number) => (current === undefined || current.expiresAt - 60_000 <= now ? undefined : current)
  const another = single.withPermits(1)(
    Effect.gen(function* () {
      if (!started) {
        current = yield* tokens.initial
        started = true
      }
      current = fresh(yield* Clock.currentTimeMillis) ?? (yield* tokens.next)
      return current.value
    })
  )
  const token = Effect.flatMap(Clock.currentTimeMillis, (now) => {
    const known = fresh(now)
    return known === undefined ? another : Effect.succeed(known.value)
  })
  return {
    secrets: () => (current === undefined ? [] : [Redacted.value(current.value)]),
    sign: (request) => Effect.map(token, (value) => HttpClientRequest.bearerToken(request, value)),
    renew: (refused) =>
      Effect.sync(() => {
        const sent = refused.request.headers["authorization"]
        if (current !== undefined && sent === `Bearer ${Redacted.value(current.value)}`) current = undefined
      })
  }
})

const refreshingTokens = Effect.fnUntraced(function* (
  spec: RefreshToken,
  base: HttpClient.HttpClient,
  destination: string
): Effect.fn.Return<Tokens, never, TokenStore> {
  const store = yield* TokenStore
  const seal = Seal.make(spec.clientSecret)
  // A refresh token that an operator configured again wins over one that grew from the old.
  const origin = createHash("sha256").update(Redacted.value(spec.refreshToken)).digest("base64")
  let refreshToken = spec.refreshToken
  let unsaved: { readonly sealed: string; readonly token: AccessToken } | undefined

  const keep = Effect.fnUntraced(function* (kept: { readonly sealed: string; readonly token: AccessToken }) {
    unsaved = kept
    yield* store
      .save(destination, kept.sealed)
      .pipe(
        Effect.mapError(
          (error) => new Unavailable({ reason: `The store cannot keep the token: ${error.reason}`, nothingTaken: true })
        )
      )
    unsaved = undefined
    return kept.token
  })

  const initial = Effect.gen(function* () {
    const sealed = yield* store
      .load(destination)
      .pipe(
        Effect.mapError(
          (error) => new Unavailable({ reason: `The store cannot give the token: ${error.reason}`, nothingTaken: true })
        )
      )
    const kept = Option.flatMap(Option.flatMap(sealed, seal.open), Schema.decodeUnknownOption(KeptToken))
    if (Option.isNone(kept) || kept.value.origin !== origin) return undefined
    refreshToken = Redacted.make(kept.value.refreshToken)
    return { value: Redacted.make(kept.value.accessToken), expiresAt: kept.value.expiresAt }
  })

  const next = Effect.gen(function* () {
    if (unsaved !== undefined) return yield* keep(unsaved)
    const answer = yield* askForToken(base, spec.tokenUrl, spec.body, {
      grant_type: "refresh_token",
      client_id: spec.clientId,
      client_secret: Redacted.value(spec.clientSecret),
      refresh_token: Redacted.value(refreshToken)
    })
    if (!spec.rotates) return answer.token
    refreshToken = Redacted.make(answer.refreshToken ?? Redacted.value(refreshToken))
    const kept = Schema.encodeSync(KeptToken)({
      origin,
      refreshToken: Redacted.value(refreshToken),
      accessToken: Redacted.value(answer.token.value),
      expiresAt: answer.token.expiresAt
    })
    return yield* keep({ sealed: seal.close(kept), token: answer.token })
  })
  // Interrupted between the vendor's answer and the store, a rotated token would be lost for good.
  return { initial: spec.rotates ? initial : Effect.succeed(undefined), next: Effect.uninterruptible(next) }
})

const base64url = (text: string) => Buffer.from(text).toString("base64url")

const assertedToken = Effect.fnUntraced(function* (spec: ServiceAccount, base: HttpClient.HttpClient) {
  const issuedAt = Math.floor((yield* Clock.currentTimeMillis) / 1000)
  const claims = { iss: spec.clientEmail, scope: spec.scope, aud: spec.tokenUrl, iat: issuedAt, exp: issuedAt + 3600 }
  const unsigned = `${base64url(JSON.stringify({ alg: "RS256", typ: "JWT" }))}.${base64url(JSON.stringify(claims))}`
  const signature = yield* Effect.try({
    try: () => createSign("RSA-SHA256").update(unsigned).sign(Redacted.value(spec.privateKey), "base64url"),
    catch: () => new Unauthorized({ reason: "The service account's private key is not a PKCS #8 key in PEM." })
  })
  const answer = yield* askForToken(base, spec.tokenUrl, "form", {
    grant_type: "urn:ietf:params:oauth:grant-type:jwt-bearer",
    assertion: `${unsigned}.${signature}`
  })
  return answer.token
})

const askForToken = Effect.fnUntraced(function* (
  base: HttpClient.HttpClient,
  tokenUrl: string,
  body: "form" | "json",
  fields: Readonly<Record<string, string>>
) {
  const post = HttpClientRequest.post(tokenUrl)
  const request =
    body === "form" ? HttpClientRequest.bodyUrlParams(post, fields) : HttpClientRequest.bodyJsonUnsafe(post, fields)
  const { response, text } = yield* exchange(base, request, TimeLimit.make(Duration.seconds(30)))
  const now = yield* Clock.currentTimeMillis
  if (response.status >= 500 || response.status === 429 || response.status === 408) {
    return yield* new Unavailable({ reason: `The token endpoint answered ${response.status}.`, nothingTaken: true })
  }
  const answer = Schema.decodeUnknownOption(Schema.fromJsonString(TokenAnswer))(text)
  if (response.status >= 400 || Option.isNone(answer)) {
    const reply = {
      status: response.status,
      headers: response.headers,
      text: errorOnly(text),
      json: undefined,
      receivedAt: now
    }
    return yield* new Unauthorized({
      reason: `The token endpoint answered ${summary(reply)}. ${whatToDo(reply.text)}`
    })
  }
  return {
    token: {
      value: Redacted.make(answer.value.access_token),
      expiresAt: now + (answer.value.expires_in ?? 3600) * 1000
    },
    refreshToken: answer.value.refresh_token
  }
})

/** By the codes of RFC 6749, section 5.2. */
const whatToDo = (code: string): string =>
  code === "invalid_client" || code === "unauthorized_client"
    ? "Check the client's id and secret."
    : "Reconnect the account."

/** The OAuth error code and nothing else: the rest of a token endpoint's answer may hold a token. */
const errorOnly = (text: string): string => /"error"\s*:\s*"([a-z_]{1,60})"/.exec(text)?.[1] ?? "and no token"
