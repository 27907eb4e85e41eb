// The plugin as the runtime drives it, over HTTP, against its sandbox and against answers that Braze gives on bad days.
import { assert, describe, layer } from "@effect/vitest"
import { NodeHttpClient } from "@effect/platform-node"
import { RateLimit, Sandbox } from "@tributary/core"
import { Connection, RateLimiter } from "@tributary/core/runtime"
import { connect, serve } from "@tributary/core/testing"
import { ConfigProvider, Config, Duration, Effect, Fiber, Layer, Redacted } from "effect"
import { TestClock } from "effect/testing"
import { Braze } from "../src/index.ts"
import * as BrazeSandbox from "../src/sandbox/index.ts"
import { entered, identify, track } from "./calls.ts"

const Services = Layer.mergeAll(
  NodeHttpClient.layerUndici,
  Connection.TokenStore.layerMemory,
  RateLimiter.RateLimiter.layer
)

const key = "braze-sandbox-key"

/** A sandbox that notes what it is sent. */
const recording = <State>(sandbox: Sandbox.Sandbox<State>) => {
  const seen: Array<Sandbox.SandboxRequest> = []
  const noting: Sandbox.Sandbox<State> = {
    ...sandbox,
    handle: (request, now) => {
      seen.push(request)
      return sandbox.handle(request, now)
    }
  }
  return { seen, sandbox: noting, bodies: () => seen.map((request): unknown => JSON.parse(request.body)) }
}

/** A Braze that gives these answers, one after the other, and the last for ever. */
const scripted = (...answers: ReadonlyArray<Sandbox.SandboxResponse>) => {
  let next = 0
  return recording<undefined>({
    title: "scripted",
    settings: () => ({}),
    handle: () => answers[Math.min(next++, answers.length - 1)] ?? { status: 500 },
    state: () => undefined
  })
}

let names = 0
/** The plugin against a sandbox. Each has a gate of its own. */
const start = Effect.fnUntraced(function* <State>(
  sandbox: Sandbox.Sandbox<State>,
  apiKey = key,
  limits: ReadonlyArray<RateLimit.RateLimit> = []
) {
  const served = yield* serve(sandbox)
  const settings = { endpoint: "https://rest.fra-01.braze.eu", baseUrl: served.baseUrl, apiKey: Redacted.make(apiKey) }
  const { bound, context } = yield* connect(
    Braze.destination(`braze-${names++}`, { ...settings, apiKey: Config.succeed(settings.apiKey) }),
    limits
  )
  const form = bound.event
  if (form?.poll === undefined) return yield* Effect.die("no event form with a poll")
  const { deliver, poll } = form
  return {
    deliver: (...calls: Parameters<typeof deliver>[0]) => deliver(calls, context),
    poll: (receipt: string) => poll(receipt, context),
    requests: served.requests
  }
})

const tags = (outcomes: ReadonlyArray<{ readonly _tag: string }>) => outcomes.map((outcome) => outcome._tag)

layer(Services)("Braze", (it) => {
  it.effect("R4 R8 sends attributes and events in one signed request", () =>
    Effect.gen(function* () {
      const braze = recording(BrazeSandbox.make())
      const { deliver } = yield* start(braze.sandbox)
      const outcomes = yield* deliver(
        identify("user_id", "u1", { first_time_shopper: true }),
        entered("user_id", "u1"),
        identify("email", "žofie@example.com", { motto: "naïve 😀 \u2028" })
      )
      assert.deepStrictEqual(tags(outcomes), ["Delivered", "Delivered", "Delivered"])
      assert.deepStrictEqual(braze.bodies(), [
        {
          attributes: [
            { external_id: "u1", first_time_shopper: true },
            { email: "žofie@example.com", motto: "naïve 😀 \u2028" }
          ],
          events: [
            {
              external_id: "u1",
              name: "Audience Entered",
              time: "2026-11-23T09:30:00.000Z",
              properties: { audience_key: "first_time_shopper", first_time_shopper: true }
            }
          ]
        }
      ])
      const [request] = braze.seen
      assert.strictEqual(`${request?.method} ${request?.path}`, "POST /users/track")
      assert.strictEqual(request?.headers["authorization"], `Bearer ${key}`)
      assert.match(request?.headers["content-type"] ?? "", /^application\/json/)
      const state = braze.sandbox.state(0)
      assert.deepStrictEqual(state.users["u1"]?.attributes, { first_time_shopper: true })
      assert.strictEqual(state.users["u1"]?.eventCount, 1)
      assert.strictEqual(state.emails["žofie@example.com"]?.attributes["motto"], "naïve 😀 \u2028")
    })
  )

  it.effect("R20 reaches a profile by each of its identifiers, and makes one of an anonymous_id", () =>
    Effect.gen(function* () {
      const sandbox = BrazeSandbox.make()
      const { deliver } = yield* start(sandbox)
      const traits = { plan: "gold" }
      yield* deliver(identify("anonymous_id", "a-1", traits), identify("phone", "+15043277269", traits))
      yield* deliver(entered("anonymous_id", "a-2"))
      const { aliases, phones } = sandbox.state(0)
      assert.deepStrictEqual(aliases["anonymous_id:a-1"]?.attributes, traits)
      assert.strictEqual(aliases["anonymous_id:a-2"]?.eventCount, 1)
      assert.deepStrictEqual(phones["+15043277269"]?.attributes, { phone: "+15043277269", ...traits })
      const brazeId = aliases["anonymous_id:a-1"]?.braze_id ?? ""
      yield* deliver(identify("braze_id", brazeId, { plan: "tin" }))
      assert.deepStrictEqual(sandbox.state(0).aliases["anonymous_id:a-1"]?.attributes, { plan: "tin" })
    })
  )

  it.effect("R32 leaves the later of two values for one person", () =>
    Effect.gen(function* () {
      const sandbox = BrazeSandbox.make()
      const { deliver } = yield* start(sandbox)
      yield* deliver(identify("user_id", "u1", { a: 1, b: 1 }), identify("user_id", "u1", { a: 2, b: null }))
      assert.deepStrictEqual(sandbox.state(0).users["u1"]?.attributes, { a: 2 })
    })
  )

  it.effect("R33 one bad call costs its neighbours nothing, refused here or there", () =>
    Effect.gen(function* () {
      const sandbox = BrazeSandbox.make({ blacklist: ["spammer"] })
      const { deliver } = yield* start(sandbox)
      const outcomes = yield* deliver(
        identify("user_id", "u1", { a: 1 }),
        identify("user_id", "u2", { external_id: "new" }),
        identify("user_id", "spammer", { a: 1 }),
        track("user_id", "spammer", "Audience Entered", {}),
        track("user_id", "u3", "Audience Entered", {}),
        identify("user_id", "u4", { a: 1 })
      )
      assert.deepStrictEqual(tags(outcomes), [
        "Delivered",
        "Rejected",
        "Rejected",
        "Rejected",
        "Delivered",
        "Delivered"
      ])
      assert.deepStrictEqual(outcomes[2], {
        _tag: "Rejected",
        reason: "Braze refuses it: BLACKLISTED_EXTERNAL_USER_ID"
      })
      assert.deepStrictEqual(Object.keys(sandbox.state(0).users), ["u1", "u4", "u3"])
    })
  )

  it.effect("R33 reads who was refused where nobody was taken", () =>
    Effect.gen(function* () {
      const { deliver } = yield* start(BrazeSandbox.make({ blacklist: ["x", "y"] }))
      const outcomes = yield* deliver(identify("user_id", "x", { a: 1 }), entered("user_id", "y"))
      assert.deepStrictEqual(tags(outcomes), ["Rejected", "Rejected"])
    })
  )

  it.effect("sends nothing where every call is refused here", () =>
    Effect.gen(function* () {
      const { deliver, requests } = yield* start(BrazeSandbox.make())
      const outcomes = yield* deliver(identify("email", "ada", { a: 1 }), identify("user_id", "", { a: 1 }))
      assert.deepStrictEqual(tags(outcomes), ["Rejected", "Rejected"])
      assert.strictEqual(requests(), 0)
    })
  )

  it.effect("R33 finds out one by one which attributes were refused without a word, and sends no event twice", () =>
    Effect.gen(function* () {
      const sandbox = BrazeSandbox.make({ plainErrors: true, blacklist: ["x", "y"] })
      const { deliver, poll, requests } = yield* start(sandbox)
      const outcomes = yield* deliver(
        identify("user_id", "u1", { a: 1 }),
        identify("user_id", "x", { a: 1 }),
        entered("user_id", "u1"),
        entered("user_id", "y")
      )
      assert.deepStrictEqual(tags(outcomes), ["Delivered", "Rejected", "Accepted", "Accepted"])
      assert.strictEqual(requests(), 3)
      assert.strictEqual(sandbox.state(0).users["u1"]?.eventCount, 1)
      const receipt = outcomes[3]?._tag === "Accepted" ? outcomes[3].receipt : ""
      const result = yield* poll(receipt)
      assert.strictEqual(result._tag === "Finished" ? result.unattributed[0]?.count : 0, 1)
      assert.deepStrictEqual(yield* poll("no receipt of ours"), { _tag: "Finished", unattributed: [] })
    })
  )

  it.effect("R33 leaves what is in doubt for later when Braze will hear no more", () =>
    Effect.gen(function* () {
      const braze = scripted({ status: 201, body: { message: "success", errors: ["odd"] } }, { status: 429 })
      const { deliver, requests } = yield* start(braze.sandbox)
      const outcomes = yield* deliver(
        entered("user_id", "u0"),
        identify("user_id", "u1", { a: 1 }),
        identify("user_id", "u2", { a: 1 })
      )
      assert.deepStrictEqual(tags(outcomes), ["Accepted", "Retry", "Retry"])
      assert.strictEqual(requests(), 2)
    })
  )

  it.effect("takes a batch of 75, and asks for a smaller one where the plan takes 50", () =>
    Effect.gen(function* () {
      const [first, ...rest] = Array.from({ length: 75 }, (_, number) =>
        identify("user_id", `u${number}`, { a: number })
      )
      if (first === undefined) return
      const { deliver } = yield* start(BrazeSandbox.make())
      assert.strictEqual((yield* deliver(first, ...rest)).filter((outcome) => outcome._tag === "Delivered").length, 75)
      const smaller = yield* start(BrazeSandbox.make({ plan: "50 in total" }))
      assert.strictEqual((yield* Effect.flip(smaller.deliver(first, ...rest)))._tag, "PayloadTooLarge")
    })
  )

  it.effect("R33 has a large body halved", () =>
    Effect.gen(function* () {
      const { deliver } = yield* start(BrazeSandbox.make())
      const list = Array.from({ length: 20_000 }, () => "x".repeat(250))
      assert.strictEqual((yield* Effect.flip(deliver(identify("user_id", "u1", { list }))))._tag, "PayloadTooLarge")
    })
  )

  it.effect("R33 stops at a wrong key, and never shows it, even where Braze repeats it", () =>
    Effect.gen(function* () {
      const wrong = yield* start(BrazeSandbox.make(), "wrong-key")
      const refused = yield* Effect.flip(wrong.deliver(identify("user_id", "u1", { a: 1 })))
      assert.strictEqual(refused._tag, "Unauthorized")
      assert.notInclude(JSON.stringify(refused) + refused.message, "wrong-key")
      const echo = scripted(
        { status: 401, body: { message: "Invalid API Key: secret-key-1" } },
        { status: 500, body: "no secret-key-1" },
        { status: 201, body: { message: "success", errors: ["odd secret-key-1"] } }
      )
      const { deliver } = yield* start(echo.sandbox, "secret-key-1")
      const first = yield* Effect.flip(deliver(identify("user_id", "u1", { a: 1 })))
      assert.match(first.reason, /^401 Invalid API Key: <redacted>\. The key must be/)
      assert.strictEqual((yield* Effect.flip(deliver(identify("user_id", "u1", { a: 1 })))).reason, "500 no <redacted>")
      assert.deepStrictEqual(yield* deliver(identify("user_id", "u1", { a: 1 })), [
        { _tag: "Rejected", reason: "Braze refuses it: odd <redacted>" }
      ])
    })
  )

  it.effect("R33 says who may track where the key may not", () =>
    Effect.gen(function* () {
      const { deliver } = yield* start(BrazeSandbox.make({ permissions: [] }))
      const error = yield* Effect.flip(deliver(identify("user_id", "u1", { a: 1 })))
      assert.strictEqual(error._tag, "Unauthorized")
      assert.match(error.reason, /^403 .* this machine must be on it/)
    })
  )

  it.effect("R28 waits as long as a 429 asks for", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(Date.parse("2026-11-23T09:30:00Z"))
      const sandbox = BrazeSandbox.make({ limit: { requests: 1, windowMillis: 3000 } })
      const { deliver } = yield* start({ ...sandbox, handle: withoutQuota(sandbox) })
      yield* deliver(identify("user_id", "u1", { a: 1 }))
      const error = yield* Effect.flip(deliver(identify("user_id", "u1", { a: 2 })))
      assert.strictEqual(error._tag === "Throttled" ? error.retryAfterMillis : undefined, 3000)
    })
  )

  it.effect("R28 sends nothing more once Braze says that nothing is left, until the reset", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(Date.parse("2026-11-23T09:30:00Z"))
      const sandbox = BrazeSandbox.make({ limit: { requests: 1, windowMillis: 3000 } })
      const { deliver, requests } = yield* start(sandbox)
      yield* deliver(identify("user_id", "u1", { a: 1 }))
      const second = yield* Effect.forkChild(deliver(identify("user_id", "u1", { a: 2 })))
      yield* TestClock.adjust(2999)
      assert.strictEqual(requests(), 1)
      yield* TestClock.adjust(1)
      assert.deepStrictEqual(tags(yield* Fiber.join(second)), ["Delivered"])
      assert.strictEqual(sandbox.state(0).requests.throttled, 0)
    })
  )

  it.effect("R33 asks for all again where the answer is no answer of Braze's", () =>
    Effect.gen(function* () {
      const braze = scripted(
        { status: 200, body: "<html>Sign in</html>" },
        { status: 201, body: '{"message":"succ' },
        { status: 201, body: "" },
        { status: 503, body: "" }
      )
      const { deliver } = yield* start(braze.sandbox)
      for (let answer = 0; answer < 4; answer++) {
        assert.strictEqual((yield* Effect.flip(deliver(identify("user_id", "u1", { a: 1 }))))._tag, "Unavailable")
      }
    })
  )

  it.effect("is delivered where Braze only queues", () =>
    Effect.gen(function* () {
      const { deliver } = yield* start(BrazeSandbox.make({ queues: true }))
      assert.deepStrictEqual(tags(yield* deliver(entered("user_id", "u1"))), ["Delivered"])
    })
  )
})

/** Hides the quota, so that the gate lets a request run into a 429. */
const withoutQuota =
  (sandbox: Sandbox.Sandbox): Sandbox.Sandbox["handle"] =>
  (request, now) => {
    const response = sandbox.handle(request, now)
    return response.status === 429 ? response : { status: response.status, body: response.body }
  }

describe("what is declared", () => {
  layer(Services)("of Braze", (it) => {
    it.effect("R28 is 100 requests a second, 75 calls in each, several traits in a call", () =>
      Effect.sync(() => {
        assert.deepStrictEqual(Braze.declaration.event, {
          calls: ["identify", "track"],
          batch: { items: 75 },
          limits: [],
          timeout: Duration.seconds(30),
          per: "profile",
          coalesce: true,
          groupUsers: false,
          prepares: false,
          polls: true
        })
        assert.deepStrictEqual(Braze.declaration.limits, [
          RateLimit.cap(100, "1 second"),
          RateLimit.on("POST /users/identify", RateLimit.requests(20_000, "1 minute"))
        ])
        assert.isUndefined(Braze.declaration.list)
      })
    )

    const bind = (endpoint: string, baseUrl?: string) =>
      Braze.destination("braze-eu", {
        endpoint,
        apiKey: Config.Redacted("BRAZE_KEY"),
        ...(baseUrl === undefined ? {} : { baseUrl })
      }).bind.pipe(Effect.provide(ConfigProvider.layer(ConfigProvider.fromUnknown({ BRAZE_KEY: "k-1" }))))

    it.effect("reads the key from the environment and keeps it out of sight", () =>
      Effect.gen(function* () {
        const bound = yield* bind("https://rest.fra-01.braze.eu")
        assert.strictEqual(bound.client.baseUrl, "https://rest.fra-01.braze.eu")
        assert.notInclude(JSON.stringify(bound), "k-1")
        assert.strictEqual(
          (yield* bind("https://rest.fra-01.braze.eu", "http://127.0.0.1:4010")).client.baseUrl,
          "http://127.0.0.1:4010"
        )
      })
    )

    it.effect("refuses an endpoint that is none, and says where the right one stands", () =>
      Effect.gen(function* () {
        for (const endpoint of ["https://dashboard-01.braze.eu", "https://sdk.fra-01.braze.eu"]) {
          assert.match((yield* Effect.flip(bind(endpoint))).message, /endpoint: .*APIs and Identifiers/)
        }
        assert.match((yield* Effect.flip(bind("rest.fra-01.braze.eu"))).message, /must be an address/)
        assert.match((yield* Effect.flip(bind("http://rest.fra-01.braze.eu"))).message, /must be https/)
      })
    )
  })
})
