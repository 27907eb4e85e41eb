import { assert, describe, it } from "@effect/vitest"
import * as Reply from "../src/contract/Reply.ts"

const reply = (status: number, text = "", headers: Reply.Reply["headers"] = {}): Reply.Reply => ({
  status,
  headers,
  text,
  json: undefined,
  receivedAt: Date.parse("2026-11-23T09:30:00Z")
})

describe("R33 the class of failure that a status stands for", () => {
  const classes: ReadonlyArray<readonly [number, string]> = [
    [400, "BatchRejected"],
    [401, "Unauthorized"],
    [403, "Unauthorized"],
    [404, "Misconfigured"],
    [405, "Misconfigured"],
    [408, "Unavailable"],
    [413, "PayloadTooLarge"],
    [422, "BatchRejected"],
    [429, "Throttled"],
    [500, "Unavailable"],
    [502, "Unavailable"],
    [503, "Unavailable"],
    [504, "Unavailable"]
  ]
  for (const [status, tag] of classes) {
    it(`${status} is ${tag}`, () => assert.strictEqual(Reply.failure(reply(status))._tag, tag))
  }

  it("a 200 that a plugin cannot read, and a redirect, may come from a proxy, and are tried again", () => {
    assert.strictEqual(Reply.failure(reply(200, "<html>"))._tag, "Unavailable")
    assert.strictEqual(Reply.failure(reply(302))._tag, "Unavailable")
  })

  it("what is patient carries how long to wait", () => {
    for (const status of [408, 429, 503]) {
      assert.deepInclude(Reply.failure(reply(status, "", { "retry-after": "7" })), { retryAfterMillis: 7000 })
      assert.notProperty(Reply.failure(reply(status)), "retryAfterMillis")
    }
  })
})

describe("R28 Retry-After", () => {
  const after = (header: string) => Reply.retryAfterMillis(reply(429, "", { "retry-after": header }))

  it("is read in seconds and as a date", () => {
    assert.strictEqual(after("120"), 120_000)
    assert.strictEqual(after(" 0.5 "), 500)
    assert.strictEqual(after("Mon, 23 Nov 2026 09:30:10 GMT"), 10_000)
  })

  it("is never negative: a date that is past means now", () => {
    assert.strictEqual(after("-3"), 0)
    assert.strictEqual(after("Mon, 23 Nov 2026 09:29:00 GMT"), 0)
  })

  it("is left out where it says nothing", () => {
    assert.strictEqual(after(""), undefined)
    assert.strictEqual(after("soon"), undefined)
    assert.strictEqual(after("Infinity"), undefined)
  })
})

describe("a summary", () => {
  it("is one line with enough of the body to recognise the fault by", () => {
    assert.strictEqual(Reply.summary(reply(429, "Too many\n  requests")), "429 Too many requests")
    assert.strictEqual(Reply.summary(reply(500)), "500 with an empty answer")
    assert.isAtMost(Reply.summary(reply(500, "x".repeat(10_000))).length, 210)
  })
})
