import { assert, describe, it } from "@effect/vitest"
import { generateKeyPairSync, sign } from "node:crypto"
import * as AdwordsSandbox from "../src/sandbox/index.ts"

const base64url = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url")

describe("the sandbox's token endpoint", () => {
  const sandbox = AdwordsSandbox.make({ credentials: "serviceAccount" })
  const account = Object(sandbox.settings("http://sandbox")["serviceAccount"])
  const good = {
    iss: "tributary@sandbox.iam.gserviceaccount.com",
    scope: "https://www.googleapis.com/auth/datamanager",
    aud: "http://sandbox/token",
    iat: 1000,
    exp: 4600
  }
  const ask = (claims: object, nowSeconds = 1000, key: string = account.privateKey, alg = "RS256") => {
    const unsigned = `${base64url({ alg, typ: "JWT" })}.${base64url(claims)}`
    const assertion = `${unsigned}.${sign("RSA-SHA256", Buffer.from(unsigned), key).toString("base64url")}`
    const grant_type = "urn:ietf:params:oauth:grant-type:jwt-bearer"
    const answer = sandbox.handle(
      {
        method: "POST",
        path: "/token",
        query: new URLSearchParams(),
        headers: { host: "sandbox", "content-type": "application/x-www-form-urlencoded" },
        body: new URLSearchParams({ grant_type, assertion }).toString()
      },
      nowSeconds * 1000
    )
    return { status: answer.status, error: Object(answer.body).error }
  }

  it("gives a token for an assertion that the account's key signed", () => {
    assert.deepStrictEqual(ask(good), { status: 200, error: undefined })
  })

  it("refuses another key, another algorithm, another audience, account or scope", () => {
    const other = generateKeyPairSync("rsa", {
      modulusLength: 2048,
      publicKeyEncoding: { type: "spki", format: "pem" },
      privateKeyEncoding: { type: "pkcs8", format: "pem" }
    })
    assert.strictEqual(ask(good, 1000, other.privateKey).error, "invalid_grant")
    assert.strictEqual(ask(good, 1000, undefined, "none").error, "invalid_grant")
    assert.strictEqual(ask({ ...good, aud: "https://oauth2.googleapis.com/token" }).error, "invalid_grant")
    assert.strictEqual(ask({ ...good, iss: "somebody@else" }).error, "invalid_grant")
    assert.strictEqual(ask({ ...good, scope: "https://www.googleapis.com/auth/adwords" }).error, "invalid_scope")
  })

  it("refuses an assertion that is over, not yet due, or good for more than an hour", () => {
    assert.strictEqual(ask(good, 4599).status, 200)
    assert.strictEqual(ask(good, 4600).error, "invalid_grant")
    assert.strictEqual(ask(good, 600).error, "invalid_grant")
    assert.strictEqual(ask({ ...good, exp: 4601 }).error, "invalid_grant")
  })
})
