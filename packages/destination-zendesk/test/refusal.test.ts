import { assert, describe, it } from "@effect/vitest"
import type { Reply } from "@tributary/core"
import { classify, reason } from "../src/refusal.ts"

const reply = (status: number, body: unknown, headers: Reply.Reply["headers"] = {}): Reply.Reply => ({
  status,
  headers,
  text: typeof body === "string" ? body : JSON.stringify(body),
  json: typeof body === "string" ? undefined : body,
  receivedAt: 0
})

const refusal = (...args: Parameters<typeof reply>) => {
  const refused = classify(reply(...args), [])
  return refused._tag === "Refused" ? refused.outcome : refused
}

const duplicate = {
  error: "RecordInvalid",
  description: "Record validation errors",
  details: {
    email: [{ description: "Email: ada@example.com is already being used by another user", error: "DuplicateValue" }]
  }
}

describe("one record refused", () => {
  it("R33 is rejected in Zendesk's words at 422, without the e-mail address", () => {
    assert.deepStrictEqual(refusal(422, duplicate), {
      _tag: "Rejected",
      reason: "422 RecordInvalid: Email: ad*** is already being used by another user (DuplicateValue)"
    })
  })

  it("is rejected in the words of the other shape of an error at 400", () => {
    assert.deepStrictEqual(refusal(400, { error: { title: "Invalid attribute", message: "user.name is wrong" } }), {
      _tag: "Rejected",
      reason: "400 Invalid attribute: user.name is wrong"
    })
  })

  it("is rejected where the details have a shape that is not known", () => {
    assert.deepStrictEqual(refusal(422, { error: "RecordInvalid", description: "Something", details: "odd" }), {
      _tag: "Rejected",
      reason: "422 RecordInvalid: Something"
    })
  })

  it("is rejected at 404 where the API says that the record is not there", () => {
    assert.deepStrictEqual(refusal(404, { error: "RecordNotFound", description: "Not found" }), {
      _tag: "Rejected",
      reason: "404 RecordNotFound: Not found"
    })
  })

  it("is rejected at 400 in plain text", () => {
    assert.deepStrictEqual(refusal(400, "bad ada@example.com"), { _tag: "Rejected", reason: "400 bad ad***" })
  })

  it("is tried again at 409", () => {
    assert.deepStrictEqual(refusal(409, { error: "Conflict", description: "Concurrent write" }), {
      _tag: "Retry",
      reason: "409 Conflict: Concurrent write"
    })
  })

  it("R33 waits a minute where Zendesk has had five writes of that user, and the others go on", () => {
    const text = "You have exceeded the rate limit for updating a single unique user. Try again later."
    assert.deepStrictEqual(refusal(429, text), { _tag: "Retry", reason: `429 ${text}`, afterMillis: 60_000 })
    assert.deepStrictEqual(refusal(429, text, { "retry-after": "7" }), {
      _tag: "Retry",
      reason: `429 ${text}`,
      afterMillis: 7000
    })
  })
})

describe("all records refused", () => {
  const tagged = (...args: Parameters<typeof reply>) => {
    const { _tag, reason } = { reason: "", ...refusal(...args) }
    return { _tag, reason }
  }

  it("R33 stop the destination at 401 and 403, with what to do", () => {
    assert.deepStrictEqual(tagged(401, { error: "invalid_token", description: "Expired" }), {
      _tag: "Unauthorized",
      reason: "401 invalid_token: Expired. Authorize the OAuth client anew and set the new refresh token."
    })
    assert.deepStrictEqual(tagged(403, { error: { title: "Forbidden", message: "No access" } }), {
      _tag: "Unauthorized",
      reason: '403 Forbidden: No access. Authorize the OAuth client as an admin, with the scopes "read" and "write".'
    })
  })

  it("are a wrong subdomain where 404 comes from a host and not from the API", () => {
    for (const body of [
      "<html>Oops, no help desk here</html>",
      { error: "InvalidEndpoint", description: "Not found" }
    ]) {
      const refused = tagged(404, body)
      assert.strictEqual(refused._tag, "Misconfigured")
      assert.include(refused.reason, 'Check "subdomain" and "baseUrl".')
    }
  })

  it("R28 wait as long as Retry-After says at 429, whatever the body", () => {
    for (const body of ["Number of allowed API requests per minute exceeded", "<html></html>", { error: "X" }, ""]) {
      const refused = refusal(429, body, { "retry-after": "13" })
      assert.strictEqual(refused._tag, "Throttled")
      assert.propertyVal(refused, "retryAfterMillis", 13_000)
    }
    assert.notProperty(refusal(429, ""), "retryAfterMillis")
  })

  it("are sent again later at 5xx and 408, in JSON, text, HTML or nothing", () => {
    for (const status of [408, 500, 502, 503, 504]) {
      for (const body of ["", "upstream", "<html>ada@example.com</html>", { error: "InternalError" }]) {
        const refused = refusal(status, body, { "retry-after": "5" })
        assert.strictEqual(refused._tag, "Unavailable", `${status}`)
        assert.propertyVal(refused, "retryAfterMillis", 5000)
        assert.notInclude(JSON.stringify(refused), "ada@")
      }
    }
  })

  it("are too large at 413", () => {
    assert.strictEqual(refusal(413, "Request Entity Too Large")._tag, "PayloadTooLarge")
  })

  it("are sent again where 200 carries a page, half a body, or somebody else's JSON", () => {
    for (const body of [
      "<html>Sign in</html>",
      '{"user":{"id":1',
      "",
      { error: "Odd" },
      { hello: "world" },
      [],
      null
    ]) {
      assert.strictEqual(refusal(200, body)._tag, "Unavailable", JSON.stringify(body))
    }
  })
})

describe("the reason", () => {
  it("masks the identifiers that were sent, in any case, and leaves other words alone", () => {
    const sent = { error: "RecordInvalid", description: "External ID USER-42 is taken; user-421 is not." }
    assert.strictEqual(
      reason(reply(422, sent), ["user-42"]),
      "422 RecordInvalid: External ID us*** is taken; user-421 is not."
    )
  })

  it("masks identifiers that look like a pattern", () => {
    assert.strictEqual(reason(reply(422, { error: "a.*(b)[c]$ is taken" }), ["a.*(b)[c]$"]), "422 a.*** is taken")
  })

  it("masks e-mail addresses in any script, and percent-encoded ones", () => {
    const text = reason(reply(422, { error: "jürgen@bücher.example and ada%40example.com are taken" }), [])
    assert.strictEqual(text, "422 jü*** and ad*** are taken")
  })

  it("is short, however long the answer", () => {
    assert.isBelow(reason(reply(422, { error: "x".repeat(1_000_000) }), []).length, 450)
    assert.isBelow(reason(reply(500, "y".repeat(1_000_000)), []).length, 450)
  })
})
