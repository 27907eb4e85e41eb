// The rules that the fake Braze keeps, point by point of the fact sheet's list, without the plugin.
import { assert, describe, it } from "@effect/vitest"
import type { Json, Sandbox } from "@tributary/core"
import * as BrazeSandbox from "../src/sandbox/index.ts"

const key = { authorization: "Bearer braze-sandbox-key", "content-type": "application/json" }

const request = (body: string, headers: Sandbox.SandboxRequest["headers"] = key): Sandbox.SandboxRequest => ({
  method: "POST",
  path: "/users/track",
  query: new URLSearchParams(),
  headers,
  body
})

const post = (sandbox: Sandbox.Sandbox, body: Json.Json, now = 0) => sandbox.handle(request(JSON.stringify(body)), now)

const event = { external_id: "u1", name: "Signed up", time: "2026-11-23T09:30:00Z" }
const people = (count: number) => Array.from({ length: count }, (_, number) => ({ external_id: `u${number}`, a: 1 }))
const success = (attributes: number) => ({
  status: 201,
  body: { message: "success", attributes_processed: attributes }
})
const without = (response: Sandbox.SandboxResponse) => ({ status: response.status, body: response.body })

/** Braze's text on a single object that it refuses. */
const textOf = (array: string, object: Json.Json): unknown => {
  const { body, status } = post(BrazeSandbox.make({ plainErrors: true, blacklist: ["spam"] }), { [array]: [object] })
  return status === 201 ? undefined : JSON.parse(JSON.stringify(body)).errors[0]
}

describe("1. the size of a request", () => {
  it("is 75 objects over the three arrays", () => {
    const sandbox = BrazeSandbox.make()
    assert.strictEqual(post(sandbox, { attributes: people(74), events: [event] }).status, 201)
    assert.deepStrictEqual(without(post(sandbox, { attributes: people(75), events: [event] })), {
      status: 400,
      body: { message: "Max Input Length Exceeded", errors: [] }
    })
  })

  it("is 75 in each array on older plans, and 50 in all on another", () => {
    const older = BrazeSandbox.make({ plan: "75 per array" })
    assert.strictEqual(post(older, { attributes: people(75), events: [event] }).status, 201)
    assert.strictEqual(post(older, { attributes: people(76) }).status, 400)
    const other = BrazeSandbox.make({ plan: "50 in total" })
    assert.strictEqual(post(other, { attributes: people(50) }).status, 201)
    assert.strictEqual(post(other, { attributes: people(51) }).status, 400)
  })

  it("is 4 MB", () => {
    const sandbox = BrazeSandbox.make()
    const bodyOf = (bytes: number) => JSON.stringify({ attributes: people(1) }).padEnd(bytes, " ")
    assert.strictEqual(sandbox.handle(request(bodyOf(4 * 1024 * 1024)), 0).status, 201)
    assert.strictEqual(sandbox.handle(request(bodyOf(4 * 1024 * 1024 + 1)), 0).status, 413)
  })
})

describe("2. a request with bad objects", () => {
  const bad = { a: 1 }
  const error = {
    type: "'external_id', 'braze_id', 'user_alias', 'email' or 'phone' is required",
    input_array: "attributes",
    index: 0
  }

  it("is taken for the good ones", () => {
    const sandbox = BrazeSandbox.make()
    assert.deepStrictEqual(without(post(sandbox, { attributes: [bad, ...people(1)] })), {
      status: 201,
      body: { message: "success", attributes_processed: 1, errors: [error] }
    })
    assert.deepStrictEqual(Object.keys(sandbox.state(0).users), ["u0"])
  })

  it("is refused where there are no good ones", () => {
    const message = "Valid data must be provided in the 'attributes', 'events', or 'purchases' fields."
    assert.deepStrictEqual(without(post(BrazeSandbox.make(), { attributes: [bad] })), {
      status: 400,
      body: { message, errors: [error] }
    })
    assert.deepStrictEqual(without(post(BrazeSandbox.make(), {})), { status: 400, body: { message, errors: [] } })
  })
})

describe("3. who may ask, and what", () => {
  const sandbox = BrazeSandbox.make()
  const body = JSON.stringify({ attributes: people(1) })

  it("refuses an unknown key and a key without users.track", () => {
    for (const authorization of [undefined, "Bearer other", "braze-sandbox-key", "Basic braze-sandbox-key"]) {
      const response = sandbox.handle(request(body, { ...key, authorization }), 0)
      assert.deepStrictEqual(without(response), { status: 401, body: { message: "Invalid API Key", errors: [] } })
    }
    assert.strictEqual(BrazeSandbox.make({ permissions: ["users.export.ids"] }).handle(request(body), 0).status, 403)
  })

  it("refuses another path or method, and a body that is no JSON object", () => {
    assert.strictEqual(sandbox.handle({ ...request(body), path: "/users/tracks" }, 0).status, 404)
    assert.strictEqual(sandbox.handle({ ...request(body), method: "GET" }, 0).status, 404)
    assert.strictEqual(sandbox.handle(request('{"attributes": ['), 0).status, 400)
    assert.strictEqual(sandbox.handle(request("[]"), 0).status, 400)
    assert.strictEqual(sandbox.handle(request('{"attributes": {}}'), 0).status, 400)
    assert.strictEqual(sandbox.handle(request(body, { authorization: key.authorization }), 0).status, 400)
  })
})

describe("4. and 13. the identity of an object", () => {
  it("is one, and Braze takes it", () => {
    const alias = { alias_name: "a", alias_label: "l" }
    assert.match(String(textOf("attributes", { external_id: "u1", user_alias: alias })), /only one of/)
    assert.match(String(textOf("attributes", { external_id: "é".repeat(494) })), /fewer than 988 bytes/)
    assert.isUndefined(textOf("attributes", { external_id: `${"é".repeat(493)}x` }))
    assert.strictEqual(textOf("events", { ...event, external_id: "spam" }), "BLACKLISTED_EXTERNAL_USER_ID")
    assert.match(String(textOf("attributes", { email: "ada" })), /not a valid email/)
    assert.match(String(textOf("attributes", { user_alias: { alias_name: "a" } })), /alias_label/)
  })
})

describe("5. applying", () => {
  it("comes after the answer, attributes before events", () => {
    const sandbox = BrazeSandbox.make({ delayMillis: 100 })
    const signedUp = { name: event.name, time: event.time, email: "ada@example.com" }
    post(sandbox, { events: [signedUp], attributes: [{ external_id: "u1", email: "ada@example.com" }] }, 1000)
    assert.deepStrictEqual([sandbox.state(1099).pending, sandbox.state(1099).count], [1, 0])
    // The event finds the profile that the attribute made.
    const state = sandbox.state(1100)
    assert.deepStrictEqual([state.pending, state.count, state.users["u1"]?.eventCount], [0, 1, 1])
  })
})

describe("6. and 7. profiles without an external_id", () => {
  it("of an alias are made only with _update_existing_only: false", () => {
    const sandbox = BrazeSandbox.make()
    const object = { user_alias: { alias_name: "a-1", alias_label: "anonymous_id" }, plan: "gold" }
    assert.deepStrictEqual(without(post(sandbox, { attributes: [object] })), success(1))
    assert.strictEqual(sandbox.state(0).count, 0)
    post(sandbox, { attributes: [{ ...object, _update_existing_only: false }] })
    assert.deepStrictEqual(sandbox.state(0).aliases["anonymous_id:a-1"]?.attributes, { plan: "gold" })
    post(sandbox, { attributes: [{ ...object, plan: "tin" }] })
    assert.deepStrictEqual(sandbox.state(0).aliases["anonymous_id:a-1"]?.attributes, { plan: "tin" })
  })

  it("of an e-mail are made where none has it, else the newest is updated, those with an external_id first", () => {
    const sandbox = BrazeSandbox.make()
    const email = "ada@example.com"
    post(sandbox, { attributes: [{ email, plan: "gold" }] })
    assert.deepStrictEqual(sandbox.state(0).emails[email]?.attributes, { email, plan: "gold" })
    post(sandbox, {
      attributes: [
        { external_id: "u1", email },
        { external_id: "u2", email }
      ]
    })
    post(sandbox, { attributes: [{ external_id: "u1", a: 1 }] })
    post(sandbox, { attributes: [{ email, plan: "tin" }] })
    const state = sandbox.state(0)
    assert.strictEqual(state.count, 3)
    assert.deepStrictEqual(state.users["u1"]?.attributes, { email, a: 1, plan: "tin" })
    assert.deepStrictEqual(state.users["u2"]?.attributes, { email })
    assert.strictEqual(state.emails[email]?.external_id, "u1")
  })

  it("are found by phone and braze_id too, and an unknown braze_id makes none", () => {
    const sandbox = BrazeSandbox.make()
    post(sandbox, { attributes: [{ phone: "+15043277269", a: 1 }] })
    const braze_id = sandbox.state(0).phones["+15043277269"]?.braze_id ?? ""
    post(sandbox, {
      attributes: [
        { braze_id, b: 2 },
        { braze_id: "f".repeat(24), b: 2 }
      ]
    })
    assert.strictEqual(sandbox.state(0).count, 1)
    assert.deepStrictEqual(sandbox.state(0).phones["+15043277269"]?.attributes, { phone: "+15043277269", a: 1, b: 2 })
  })

  it("are not made with _update_existing_only: true", () => {
    const sandbox = BrazeSandbox.make()
    post(sandbox, { attributes: [{ external_id: "u1", _update_existing_only: true, a: 1 }] })
    assert.strictEqual(sandbox.state(0).count, 0)
  })
})

describe("8. and 10. what counts", () => {
  it("counts an event as often as it comes", () => {
    const sandbox = BrazeSandbox.make()
    post(sandbox, { events: [event, event] })
    assert.strictEqual(sandbox.state(0).users["u1"]?.events.length, 2)
    const counting = BrazeSandbox.make({ keepEvents: false })
    post(counting, { events: [event, event] })
    assert.deepStrictEqual(counting.state(0).users["u1"]?.events, [])
    assert.strictEqual(counting.state(0).users["u1"]?.eventCount, 2)
  })

  it("charges a data point for every attribute that is written, changed or not", () => {
    const sandbox = BrazeSandbox.make()
    post(sandbox, {
      attributes: [
        { external_id: "u1", a: 1, b: 2 },
        { email: "ada@example.com", a: 1 }
      ]
    })
    post(sandbox, { attributes: [{ external_id: "u1", a: 1 }] })
    assert.strictEqual(sandbox.state(0).dataPoints, 4)
  })
})

describe("9. and 12. values", () => {
  it("refuses names over 255 characters, by the object", () => {
    assert.match(String(textOf("attributes", { external_id: "u1", ["k".repeat(256)]: 1 })), /255/)
    assert.isUndefined(textOf("attributes", { external_id: "u1", ["k".repeat(255)]: "😀".repeat(255) }))
  })

  it("leaves an attribute as it is where a text is over 255 characters, and says nothing", () => {
    const sandbox = BrazeSandbox.make()
    post(sandbox, { attributes: [{ external_id: "u1", motto: "short", a: 1 }] })
    const long = { external_id: "u1", motto: "x".repeat(256), a: 2 }
    assert.deepStrictEqual(without(post(sandbox, { attributes: [long] })), success(1))
    assert.deepStrictEqual(sandbox.state(0).users["u1"]?.attributes, { motto: "short", a: 2 })
  })

  it("refuses values that Braze's own fields do not take", () => {
    for (const wrong of [{ gender: "X" }, { dob: "1.1.2000" }, { country: true }, { email_subscribe: "yes" }]) {
      assert.match(String(textOf("attributes", { external_id: "u1", ...wrong })), /is not valid/)
    }
  })

  it("refuses events without name or time, and properties that are not as documented", () => {
    const { name, time, ...rest } = event
    assert.match(String(textOf("events", { ...rest, time })), /'name'/)
    assert.match(String(textOf("events", { ...rest, name })), /'time'/)
    assert.match(String(textOf("events", { ...event, time: "yesterday" })), /'time'/)
    for (const properties of [{ $a: 1 }, { time: 1 }, { a: "x".repeat(256) }, []]) {
      assert.strictEqual(textOf("events", { ...event, properties }), "Invalid 'properties' field")
    }
    const list = Array.from({ length: 300 }, () => "x".repeat(200))
    assert.match(String(textOf("events", { ...event, properties: { list } })), /50KB/)
  })

  it("drops the whole update of a nested attribute with a null within, and says nothing", () => {
    const sandbox = BrazeSandbox.make()
    const object = { external_id: "u1", flat: 1, good: { a: 1 }, bad: { a: null, b: { c: 1 } } }
    assert.deepStrictEqual(without(post(sandbox, { attributes: [object] })), success(1))
    assert.deepStrictEqual(sandbox.state(0).users["u1"]?.attributes, { flat: 1, good: { a: 1 } })
  })

  it("clears with null, adds and removes with commands", () => {
    const sandbox = BrazeSandbox.make()
    post(sandbox, { attributes: [{ external_id: "u1", gone: 1, score: 2, tags: ["a", "b"] }] })
    post(sandbox, {
      attributes: [{ external_id: "u1", gone: null, score: { inc: 5 }, tags: { add: ["c"], remove: ["a"] } }]
    })
    assert.deepStrictEqual(sandbox.state(0).users["u1"]?.attributes, { score: 7, tags: ["b", "c"] })
  })

  it("keeps a name such as __proto__ as a name", () => {
    const sandbox = BrazeSandbox.make()
    sandbox.handle(request('{"attributes":[{"external_id":"u1","__proto__":"x"}]}'), 0)
    assert.strictEqual(JSON.stringify(sandbox.state(0).users["u1"]?.attributes), '{"__proto__":"x"}')
  })
})

describe("11. the rate limit", () => {
  const now = Date.parse("2026-11-23T09:30:00Z")
  const one = { attributes: people(1) }

  it("tells what is left in headers, and on a 429 only how long to wait", () => {
    const sandbox = BrazeSandbox.make({ limit: { requests: 2, windowMillis: 3000 } })
    assert.deepStrictEqual(post(sandbox, one, now).headers, {
      "X-RateLimit-Limit": "2",
      "X-RateLimit-Remaining": "1",
      "X-RateLimit-Reset": String(now / 1000 + 3)
    })
    assert.strictEqual(post(sandbox, one, now).status, 201)
    const refused = post(sandbox, one, now + 500)
    assert.deepStrictEqual([refused.status, refused.headers], [429, { "X-Ratelimit-Retry-After": "3" }])
    assert.strictEqual(post(sandbox, one, now + 3000).status, 201)
    assert.deepStrictEqual(sandbox.state(now).requests, { accepted: 3, refused: 0, throttled: 1 })
  })

  it("is 3,000 requests in 3 seconds unless told otherwise", () => {
    const sandbox = BrazeSandbox.make()
    for (let count = 0; count < 3000; count++) assert.strictEqual(post(sandbox, one, now).status, 201)
    assert.strictEqual(post(sandbox, one, now).status, 429)
    assert.strictEqual(post(BrazeSandbox.make({ limit: false }), one, now).headers?.["X-RateLimit-Limit"], undefined)
  })

  it("has an hour beside the burst on MAU plans, of which the headers speak", () => {
    const sandbox = BrazeSandbox.make({ hourly: 2, saysRetryAfter: false })
    assert.strictEqual(post(sandbox, one, now).headers?.["X-RateLimit-Reset"], String(now / 1000 + 1800))
    post(sandbox, one, now + 10_000)
    assert.deepStrictEqual(
      [post(sandbox, one, now + 20_000).status, post(sandbox, one, now + 20_000).headers],
      [429, {}]
    )
  })
})

it("answers 202 in an outage and applies all the same", () => {
  const sandbox = BrazeSandbox.make({ queues: true })
  assert.deepStrictEqual(without(post(sandbox, { attributes: people(1) })), {
    status: 202,
    body: { message: "queued" }
  })
  assert.strictEqual(sandbox.state(0).count, 1)
})
