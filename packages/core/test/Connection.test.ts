import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Exit, Layer, Option, Redacted, Schema } from "effect"
import { FetchHttpClient, HttpClientRequest } from "effect/http"
import { TestClock } from "effect/testing"
import { createPublicKey, createVerify, generateKeyPairSync } from "node:crypto"
import * as Client from "../src/contract/Client.ts"
import * as Connection from "../src/wire/Connection.ts"
import { RateLimiter } from "../src/wire/RateLimiter.ts"
import * as Reply from "../src/contract/Reply.ts"
import type { SandboxRequest, SandboxResponse } from "../src/contract/Sandbox.ts"
import { serve } from "../src/sandbox/SandboxServer.ts"

const clientSecret = "client-secret-9f2c"
const firstRefreshToken = "refresh-0-77aa"

/** A vendor with an OAuth endpoint. `refuse` makes it refuse a token that it has given. */
const makeVendor = (rotates: boolean) => {
  const log: Array<string> = []
  let issued = 0
  let refreshToken = firstRefreshToken
  const refused = new Set<string>()
  let answerToken: ((body: URLSearchParams) => SandboxResponse | undefined) | undefined
  const handle = (request: SandboxRequest): SandboxResponse => {
    if (request.path === "/token") {
      const body = new URLSearchParams(request.body)
      const special = answerToken?.(body)
      if (special !== undefined) return special
      if (body.get("grant_type") === "refresh_token" && body.get("refresh_token") !== refreshToken) {
        log.push(`dead ${body.get("refresh_token")}`)
        return {
          status: 400,
          body: { error: "invalid_grant", error_description: `${body.get("refresh_token")} is dead` }
        }
      }
      issued++
      log.push(`token ${issued}`)
      if (rotates) refreshToken = `refresh-${issued}-77aa`
      return {
        status: 200,
        body: {
          access_token: `access-${issued}-31bd`,
          expires_in: 3600,
          ...(rotates ? { refresh_token: refreshToken } : {})
        }
      }
    }
    const token = request.headers["authorization"]?.replace("Bearer ", "") ?? ""
    log.push(`${request.path} ${token}`)
    return refused.has(token) ? { status: 401, body: "expired" } : { status: 200, body: { ok: true } }
  }
  return {
    sandbox: { title: "OAuth", settings: () => ({}), state: () => log, handle },
    log,
    refuse: (token: string) => refused.add(token),
    answerToken: (answer: (body: URLSearchParams) => SandboxResponse | undefined) => {
      answerToken = answer
    }
  }
}

/** A store that tells when it was written to, and what with. */
const makeStore = () => {
  const kept = new Map<string, string>()
  const saves: Array<string> = []
  let isDown = false
  const layer = Layer.succeed(Connection.TokenStore, {
    load: (destination) => Effect.sync(() => Option.fromUndefinedOr(kept.get(destination))),
    save: (destination, sealed) =>
      isDown
        ? Effect.fail(new Connection.TokenStoreError({ reason: "the disk is full" }))
        : Effect.sync(() => {
            saves.push(sealed)
            kept.set(destination, sealed)
          })
  })
  return { kept, saves, layer, setDown: (down: boolean) => (isDown = down) }
}

const oauth = (baseUrl: string, rotates: boolean, refreshToken = firstRefreshToken) =>
  Client.refreshToken(baseUrl, {
    tokenUrl: `${baseUrl}/token`,
    clientId: "client",
    clientSecret: Redacted.make(clientSecret),
    refreshToken: Redacted.make(refreshToken),
    rotates,
    body: "form"
  })

const connect = Effect.fnUntraced(function* (spec: Client.ClientSpec, timeout?: "1 second") {
  const gate = yield* (yield* RateLimiter).gate("ours", [])
  return (yield* Connection.open(spec, "ours"))({ gate, ...(timeout === undefined ? {} : { timeout }) })
})

const get = (client: Client.Client, path = "/users") => Reply.send(client, HttpClientRequest.get(path))

const services = Layer.mergeAll(RateLimiter.layer, FetchHttpClient.layer)

/** All that a failure says, wherever somebody may print it. */
const everyWord = (exit: Exit.Exit<unknown, unknown>) =>
  Exit.isFailure(exit)
    ? `${Cause.pretty(exit.cause)} ${String(Cause.squash(exit.cause))} ${JSON.stringify(Cause.squash(exit.cause))}`
    : ""

const secrets = [clientSecret, "refresh-", "access-", "PRIVATE KEY"]

describe("access tokens", () => {
  it.effect("one is fetched once for all requests that wait for it", () =>
    Effect.gen(function* () {
      const vendor = makeVendor(false)
      const { baseUrl } = yield* serve(vendor.sandbox)
      const client = yield* connect(oauth(baseUrl, false))
      yield* Effect.forEach(Array.from({ length: 20 }), () => get(client), { concurrency: "unbounded" })
      assert.strictEqual(vendor.log.filter((line) => line.startsWith("token")).length, 1)
      assert.strictEqual(vendor.log.filter((line) => line === "/users access-1-31bd").length, 20)
    }).pipe(Effect.provide([services, makeStore().layer]))
  )

  it.effect("one is renewed a minute before it ends", () =>
    Effect.gen(function* () {
      const vendor = makeVendor(false)
      const { baseUrl } = yield* serve(vendor.sandbox)
      const client = yield* connect(oauth(baseUrl, false))
      yield* get(client)
      yield* TestClock.adjust("58 minutes")
      yield* get(client)
      yield* TestClock.adjust("1 minute")
      yield* get(client)
      assert.deepStrictEqual(vendor.log, [
        "token 1",
        "/users access-1-31bd",
        "/users access-1-31bd",
        "token 2",
        "/users access-2-31bd"
      ])
    }).pipe(Effect.provide([services, makeStore().layer]))
  )

  it.effect("a 401 fetches another once, whoever else was refused with the same one", () =>
    Effect.gen(function* () {
      const vendor = makeVendor(false)
      const { baseUrl } = yield* serve(vendor.sandbox)
      const client = yield* connect(oauth(baseUrl, false))
      yield* get(client)
      vendor.refuse("access-1-31bd")
      const replies = yield* Effect.forEach([1, 2, 3, 4], () => get(client), { concurrency: "unbounded" })
      assert.deepStrictEqual(
        replies.map((reply) => reply.status),
        [200, 200, 200, 200]
      )
      assert.deepStrictEqual(
        vendor.log.filter((line) => line.startsWith("token")),
        ["token 1", "token 2"]
      )
    }).pipe(Effect.provide([services, makeStore().layer]))
  )

  it.effect("a vendor that refuses the new one too is not asked a third time", () =>
    Effect.gen(function* () {
      const vendor = makeVendor(false)
      const { baseUrl } = yield* serve(vendor.sandbox)
      const client = yield* connect(oauth(baseUrl, false))
      vendor.refuse("access-1-31bd")
      vendor.refuse("access-2-31bd")
      assert.strictEqual((yield* get(client)).status, 401)
      assert.deepStrictEqual(vendor.log, ["token 1", "/users access-1-31bd", "token 2", "/users access-2-31bd"])
    }).pipe(Effect.provide([services, makeStore().layer]))
  )

  it.effect("a token endpoint that is down is waited for, and one that refuses stops the destination", () =>
    Effect.gen(function* () {
      const vendor = makeVendor(false)
      const { baseUrl } = yield* serve(vendor.sandbox)
      const client = yield* connect(oauth(baseUrl, false))
      for (const status of [500, 503, 429, 408]) {
        vendor.answerToken(() => ({ status, body: "" }))
        assert.strictEqual((yield* Effect.flip(get(client)))._tag, "Unavailable")
      }
      vendor.answerToken(() => ({ status: 400, body: { error: "invalid_grant" } }))
      const error = yield* Effect.flip(get(client))
      assert.strictEqual(error._tag, "Unauthorized")
      assert.match(error.message, /400 invalid_grant. Reconnect the account/)
    }).pipe(Effect.provide([services, makeStore().layer]))
  )
})

describe("a vendor that repeats a secret", () => {
  it.effect("has it blotted out of its answer, so that no message can quote it", () => {
    const token = "a-token-that-is-repeated"
    const sandbox = {
      title: "Parrot",
      settings: () => ({}),
      state: () => null,
      handle: (request: SandboxRequest) => ({ status: 401, body: `no such key: ${request.headers["authorization"]}` })
    }
    return Effect.gen(function* () {
      const { baseUrl } = yield* serve(sandbox)
      const reply = yield* get(yield* connect(Client.bearer(baseUrl, Redacted.make(token))))
      assert.strictEqual(reply.text, "no such key: Bearer <redacted>")
      assert.notInclude(Reply.failure(reply).message, token)
    }).pipe(Effect.provide([services, makeStore().layer]))
  })
})

describe("refresh tokens that rotate", () => {
  it.effect("serve every way out of a destination, as two that refresh would kill each other's", () => {
    const store = makeStore()
    return Effect.gen(function* () {
      const vendor = makeVendor(true)
      const { baseUrl } = yield* serve(vendor.sandbox)
      const gate = yield* (yield* RateLimiter).gate("ours", [])
      const open = yield* Connection.open(oauth(baseUrl, true), "ours")
      const events = open({ gate })
      const lists = open({ gate })
      yield* get(events)
      yield* TestClock.adjust("2 hours")
      yield* get(lists, "/lists")
      yield* get(events)
      assert.deepStrictEqual(vendor.log, [
        "token 1",
        "/users access-1-31bd",
        "token 2",
        "/lists access-2-31bd",
        "/users access-2-31bd"
      ])
    }).pipe(Effect.provide([services, store.layer]))
  })

  it.effect("the new one is stored before its access token is used, and never in clear text", () => {
    const store = makeStore()
    return Effect.gen(function* () {
      const vendor = makeVendor(true)
      const { baseUrl } = yield* serve(vendor.sandbox)
      const client = yield* connect(oauth(baseUrl, true))
      store.setDown(true)
      assert.strictEqual((yield* Effect.flip(get(client)))._tag, "Unavailable")
      assert.deepStrictEqual(vendor.log, ["token 1"], "nothing is sent with a token that is not stored")
      store.setDown(false)
      yield* get(client)
      assert.deepStrictEqual(vendor.log, ["token 1", "/users access-1-31bd"], "and the one that was got is not lost")
      assert.strictEqual(store.saves.length, 1)
      for (const sealed of store.saves) {
        for (const text of [sealed, Buffer.from(sealed, "base64").toString("latin1")]) {
          for (const secret of secrets) assert.notInclude(text, secret)
        }
      }
    }).pipe(Effect.provide([services, store.layer]))
  })

  it.effect("a restart goes on with what was stored, and refreshes with the newest token", () => {
    const store = makeStore()
    return Effect.gen(function* () {
      const vendor = makeVendor(true)
      const { baseUrl } = yield* serve(vendor.sandbox)
      yield* get(yield* connect(oauth(baseUrl, true)))
      yield* get(yield* connect(oauth(baseUrl, true)))
      assert.deepStrictEqual(vendor.log, ["token 1", "/users access-1-31bd", "/users access-1-31bd"])
      yield* TestClock.adjust("1 hour")
      yield* get(yield* connect(oauth(baseUrl, true)))
      assert.deepStrictEqual(vendor.log.slice(3), ["token 2", "/users access-2-31bd"])
    }).pipe(Effect.provide([services, store.layer]))
  })

  it.effect("a refresh token that was configured anew wins over what grew from the old one", () => {
    const store = makeStore()
    return Effect.gen(function* () {
      const vendor = makeVendor(true)
      const { baseUrl } = yield* serve(vendor.sandbox)
      yield* get(yield* connect(oauth(baseUrl, true)))
      const renewed = yield* connect(oauth(baseUrl, true, "refresh-1-77aa"))
      yield* get(renewed)
      assert.deepStrictEqual(vendor.log.slice(2), ["token 2", "/users access-2-31bd"])
    }).pipe(Effect.provide([services, store.layer]))
  })

  it.effect("a stored token that somebody tampered with is left aside", () => {
    const store = makeStore()
    return Effect.gen(function* () {
      const vendor = makeVendor(true)
      const { baseUrl } = yield* serve(vendor.sandbox)
      store.kept.set("ours", Buffer.from("x".repeat(100)).toString("base64"))
      assert.strictEqual((yield* get(yield* connect(oauth(baseUrl, true)))).status, 200)
    }).pipe(Effect.provide([services, store.layer]))
  })
})

describe("service accounts", () => {
  const keys = generateKeyPairSync("rsa", { modulusLength: 2048 })
  const privateKey = String(keys.privateKey.export({ type: "pkcs8", format: "pem" }))
  const account = (baseUrl: string, key = privateKey) =>
    Client.serviceAccount(baseUrl, {
      tokenUrl: `${baseUrl}/token`,
      clientEmail: "robot@project.example",
      privateKey: Redacted.make(key),
      scope: "https://example.com/auth/lists"
    })
  const Claims = Schema.fromJsonString(
    Schema.Struct({
      iss: Schema.String,
      scope: Schema.String,
      aud: Schema.String,
      iat: Schema.Number,
      exp: Schema.Number
    })
  )

  it.effect("a token is got with an assertion that is signed by the account's key, for an hour", () =>
    Effect.gen(function* () {
      const vendor = makeVendor(false)
      const { baseUrl } = yield* serve(vendor.sandbox)
      yield* TestClock.setTime(Date.parse("2026-11-23T09:30:00Z"))
      const bodies: Array<URLSearchParams> = []
      vendor.answerToken((body) => void bodies.push(body))
      yield* get(yield* connect(account(baseUrl)))
      assert.strictEqual(bodies[0]?.get("grant_type"), "urn:ietf:params:oauth:grant-type:jwt-bearer")
      const [header = "", claims = "", signature = ""] = (bodies[0]?.get("assertion") ?? "").split(".")
      const verify = createVerify("RSA-SHA256").update(`${header}.${claims}`)
      assert.isTrue(
        verify.verify(createPublicKey(keys.publicKey.export({ type: "spki", format: "pem" })), signature, "base64url")
      )
      const iat = Date.parse("2026-11-23T09:30:00Z") / 1000
      assert.deepStrictEqual(Schema.decodeUnknownSync(Claims)(Buffer.from(claims, "base64url").toString()), {
        iss: "robot@project.example",
        scope: "https://example.com/auth/lists",
        aud: `${baseUrl}/token`,
        iat,
        exp: iat + 3600
      })
      assert.deepStrictEqual(vendor.log, ["token 1", "/users access-1-31bd"])
    }).pipe(Effect.provide([services, makeStore().layer]))
  )

  it.effect("a key that is none stops the destination, and is not shown", () =>
    Effect.gen(function* () {
      const { baseUrl } = yield* serve(makeVendor(false).sandbox)
      const client = yield* connect(account(baseUrl, privateKey.slice(0, 300)))
      const exit = yield* Effect.exit(get(client))
      assert.match(everyWord(exit), /not a PKCS #8 key in PEM/)
      for (const secret of secrets) assert.notInclude(everyWord(exit), secret)
    }).pipe(Effect.provide([services, makeStore().layer]))
  )
})

describe("where requests go", () => {
  const paths = [
    "@evil.example/users",
    ".evil.example/users",
    ":1/users",
    "//evil.example/users",
    "https://evil.example/users"
  ]
  for (const path of paths) {
    it.effect(`${JSON.stringify(path)} never leads to another host, and takes no secret along`, () =>
      Effect.gen(function* () {
        const vendor = makeVendor(false)
        const { baseUrl } = yield* serve(vendor.sandbox)
        const spec = Client.bearer(`http://127.0.0.1:${new URL(baseUrl).port}`, Redacted.make("sesame"))
        const exit = yield* Effect.exit(get(yield* connect(spec), path))
        if (Exit.isFailure(exit)) {
          assert.match(everyWord(exit), /The plugin asked for a host other than 127\.0\.0\.1/)
          assert.notInclude(everyWord(exit), "sesame")
          assert.deepStrictEqual(vendor.log, [])
        } else {
          assert.strictEqual(vendor.log.length, 1, "it went to the vendor's own host")
        }
      }).pipe(Effect.provide([services, makeStore().layer]))
    )
  }
})

describe("a request's size", () => {
  it.effect("one that is larger than a batch may be never leaves, and one that is as large does", () =>
    Effect.gen(function* () {
      const vendor = makeVendor(false)
      const { baseUrl } = yield* serve(vendor.sandbox)
      const gate = yield* (yield* RateLimiter).gate("ours", [])
      const client = (yield* Connection.open(Client.anonymous(baseUrl), "ours"))({ gate, mostBytes: 6 })
      const post = (text: string) =>
        Reply.send(client, HttpClientRequest.bodyText(HttpClientRequest.post("/users"), text))
      const error = yield* Effect.flip(post("äöü!"))
      assert.deepInclude(error, { _tag: "PayloadTooLarge", reason: "7 bytes, and a request holds 6 at most." })
      assert.deepStrictEqual(vendor.log, [])
      assert.strictEqual((yield* post("äöü")).status, 200)
    }).pipe(Effect.provide([services, makeStore().layer]))
  )
})

describe("what failures say", () => {
  it.effect("a host that nobody answers on is unavailable, and no secret is told", () =>
    Effect.gen(function* () {
      const { baseUrl } = yield* Effect.scoped(serve(makeVendor(false).sandbox))
      for (const spec of [
        Client.bearer(baseUrl, Redacted.make("access-0")),
        Client.basic(baseUrl, "robot", Redacted.make("access-0")),
        Client.header(baseUrl, "x-api-key", Redacted.make("access-0")),
        oauth(baseUrl, true)
      ]) {
        const exit = yield* Effect.exit(get(yield* connect(spec)))
        assert.match(everyWord(exit), /Unavailable|unavailable/)
        for (const secret of secrets) assert.notInclude(everyWord(exit), secret)
        assert.notInclude(everyWord(exit), Buffer.from("robot:access-0").toString("base64"))
      }
    }).pipe(Effect.provide([services, makeStore().layer]))
  )

  it.effect("what a token endpoint says beside its error code is not repeated", () =>
    Effect.gen(function* () {
      const vendor = makeVendor(true)
      const { baseUrl } = yield* serve(vendor.sandbox)
      const exit = yield* Effect.exit(get(yield* connect(oauth(baseUrl, true, "refresh-dead"))))
      assert.match(everyWord(exit), /400 invalid_grant/)
      for (const secret of secrets) assert.notInclude(everyWord(exit), secret)
    }).pipe(Effect.provide([services, makeStore().layer]))
  )
})
