import { assert, describe, it } from "@effect/vitest"
import type { Reply } from "@tributary/core"
import { Result } from "effect"
import * as Limits from "../src/limits.ts"
import * as Event from "../src/event.ts"
import { identify } from "./calls.ts"

const receivedAt = Date.parse("2026-11-23T09:30:00Z")
const replyOf = (status: number, text: string, headers: Reply.Reply["headers"] = {}): Reply.Reply => {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    json = undefined
  }
  return { status, headers, text, json, receivedAt }
}

const failureOf = (reply: Reply.Reply) => {
  const settled = Event.settle(Event.plan([identify("user_id", "u1", { a: 1 })]), reply)
  return Result.isFailure(settled) ? settled.failure : undefined
}

describe("R33 the class of a failure", () => {
  const message = (text: string) => JSON.stringify({ message: text, errors: [] })
  const cases: ReadonlyArray<readonly [string, number, string, string]> = [
    ["a wrong key", 401, message("Invalid API Key"), "Unauthorized"],
    ["a wrong key behind another status", 200, message("Invalid API Key"), "Unauthorized"],
    ["a key without the permission", 403, message("no users.track"), "Unauthorized"],
    ["a wrong address", 404, "Invalid URL", "Misconfigured"],
    ["too many objects", 400, message("Max Input Length Exceeded"), "PayloadTooLarge"],
    ["too many bytes", 413, "", "PayloadTooLarge"],
    ["a batch refused whole", 400, message("Bad Request"), "BatchRejected"],
    ["too many requests", 429, message("Too many requests"), "Throttled"],
    ["a request that took too long", 408, "", "Unavailable"],
    ["Braze's own fault", 500, message("Server Error"), "Unavailable"],
    ["Braze's own fault that says success", 503, message("success"), "Unavailable"],
    ["a page of a proxy", 502, "<html><body>Bad Gateway</body></html>", "Unavailable"],
    ["a page of a proxy behind a 200", 200, "<html>Sign in</html>", "Unavailable"],
    ["a truncated success", 201, '{"message":"succ', "Unavailable"],
    ["an empty success", 201, "", "Unavailable"],
    ["a success without a message", 201, "{}", "Unavailable"],
    ["another message behind a 2xx", 200, message("Something else"), "Unavailable"]
  ]
  for (const [what, status, text, tag] of cases) {
    it(`of ${what} is ${tag}`, () => {
      assert.strictEqual(failureOf(replyOf(status, text))?._tag, tag)
    })
  }

  it("says what to do about a key and an endpoint", () => {
    assert.match(failureOf(replyOf(401, message("Invalid API Key")))?.reason ?? "", /permission users\.track/)
    assert.match(failureOf(replyOf(404, "Invalid URL"))?.reason ?? "", /Set "endpoint"/)
  })

  it("masks e-mail addresses in what it quotes", () => {
    assert.strictEqual(failureOf(replyOf(500, message("no ada@example.com")))?.reason, "500 no ad***")
  })
})

describe("R28 what Braze says of its limits", () => {
  const waitOf = (headers: Reply.Reply["headers"]) => {
    const failure = failureOf(replyOf(429, "", headers))
    return failure?._tag === "Throttled" ? failure.retryAfterMillis : undefined
  }

  it("waits X-Ratelimit-Retry-After seconds, else Retry-After, else until the reset, else as the runtime thinks fit", () => {
    assert.strictEqual(waitOf({ "x-ratelimit-retry-after": "2", "retry-after": "9" }), 2000)
    assert.strictEqual(waitOf({ "retry-after": "9" }), 9000)
    assert.strictEqual(waitOf({ "x-ratelimit-reset": String(receivedAt / 1000 + 3) }), 3000)
    assert.isUndefined(waitOf({}))
    assert.isUndefined(waitOf({ "x-ratelimit-retry-after": "" }))
  })

  const track = { method: "POST", path: "/users/track" }
  const quotaOf = (remaining: string, reset: string) =>
    Limits.quota(replyOf(201, "", { "x-ratelimit-remaining": remaining, "x-ratelimit-reset": reset }), track)

  it("reads the reset as epoch seconds, seconds to go or epoch milliseconds, by its size", () => {
    const left = { remaining: 7, resetMillis: 3000 }
    assert.deepStrictEqual(quotaOf("7", String(receivedAt / 1000 + 3)), left)
    assert.deepStrictEqual(quotaOf("7", "3"), left)
    assert.deepStrictEqual(quotaOf("7", String(receivedAt + 3000)), left)
  })

  it("waits no longer than Braze's longest window, whatever the clocks say", () => {
    assert.strictEqual(quotaOf("0", String(receivedAt / 1000 + 90_000))?.resetMillis, 3_600_000)
    assert.strictEqual(quotaOf("0", String(receivedAt / 1000 - 90_000))?.resetMillis, 0)
  })

  it("of /users/identify are of its own: neither its quota nor its 429 slows down what is tracked", () => {
    const identifying = { method: "POST", path: "/users/identify" }
    const reply = replyOf(201, "", { "x-ratelimit-remaining": "7", "x-ratelimit-reset": "3" })
    assert.deepStrictEqual(Limits.quota(reply, identifying), {
      remaining: 7,
      resetMillis: 3000,
      endpoint: "/users/identify"
    })
    assert.strictEqual(Limits.throttle(replyOf(429, ""), identifying), "endpoint")
    assert.strictEqual(Limits.throttle(replyOf(429, ""), track), "destination")
  })

  it("makes nothing of headers that are missing or no numbers", () => {
    assert.isUndefined(Limits.quota(replyOf(201, ""), track))
    assert.isUndefined(quotaOf("", "3"))
    assert.isUndefined(quotaOf("many", "3"))
    assert.isUndefined(quotaOf("7", "soon"))
  })
})
