import { assert, describe, it } from "@effect/vitest"
import { Clock, Duration, Effect, Fiber, Layer, Redacted, Schema } from "effect"
import { FetchHttpClient, HttpClientRequest } from "effect/http"
import { TestClock } from "effect/testing"
import { Client, Destination, Outcome, RateLimit, Reply, Sandbox } from "../src/index.ts"
import { connect } from "../src/testing/connect.ts"
import { serve } from "../src/sandbox/SandboxServer.ts"
import { Budgets } from "../src/wire/Budgets.ts"
import * as Connection from "../src/wire/Connection.ts"
import { type Gate, type Heard, RateLimiter } from "../src/wire/RateLimiter.ts"

const test = <A, E>(effect: Effect.Effect<A, E, RateLimiter>) => Effect.provide(effect, Layer.fresh(RateLimiter.layer))

const gateOf = (limits: ReadonlyArray<RateLimit.RateLimit>, hasQuota = false) =>
  Effect.flatMap(RateLimiter, (limiter) => limiter.gate("destination", limits, { hasQuota }))

/** Whether a request has passed. */
const waiting = Effect.fnUntraced(function* (gate: Gate, endpoint?: string) {
  let isThrough = false
  yield* Effect.forkChild(
    gate.request(
      Effect.sync(() => void (isThrough = true)),
      endpoint
    )
  )
  yield* TestClock.adjust(0)
  return () => isThrough
})

interface Answer {
  readonly remaining: number
  readonly resetMillis: number
}

/** A vendor that counts half way through its answer, and says what is left. */
const metered = (window: Sandbox.Window, millis: (i: number) => number, used = { refused: 0, taken: 0 }) => ({
  used,
  answer: Effect.fnUntraced(function* (i: number) {
    yield* Effect.sleep(millis(i) / 2)
    const now = yield* Clock.currentTimeMillis
    if (window.take(now)) used.taken++
    else used.refused++
    const answer: Answer = { remaining: window.remaining(now), resetMillis: window.resetMillis(now) }
    yield* Effect.sleep(millis(i) / 2)
    return answer
  })
})

const says = (quota: Answer): Heard => ({ quota, isTaken: true })

describe("R28 a quota that answers tell of is never exceeded", () => {
  for (const [name, window] of [
    ["a fixed", () => Sandbox.fixedWindow(30, 10_000)],
    ["a sliding", () => Sandbox.slidingWindow(30, 10_000)]
  ] as const) {
    for (const [speed, millis] of [
      ["150 ms", () => 150],
      ["20 ms to 800 ms", (i: number) => 20 + ((i * 337) % 780)]
    ] as const) {
      it.effect(`R28 30 requests in ${name} window of 10 s, answers after ${speed}, 32 clients: none over it`, () =>
        test(
          Effect.gen(function* () {
            const gate = yield* gateOf([], true)
            const { answer, used } = metered(window(), millis)
            let i = 0
            const client = Effect.forever(Effect.suspend(() => gate.request(answer(i++), "POST /batch", says)))
            for (let no = 0; no < 32; no++) yield* Effect.forkChild(client)
            yield* TestClock.adjust("2 minutes")
            assert.strictEqual(used.refused, 0)
            assert.isAtLeast(used.taken, name === "a fixed" ? 0.9 * 360 : 0.8 * 360, "and it is used")
          })
        )
      )
    }
  }

  it.effect("R28 a quota of one endpoint holds up nothing that goes elsewhere", () =>
    test(
      Effect.gen(function* () {
        const gate = yield* gateOf([])
        const used = { remaining: 0, resetMillis: 5000, endpoint: "POST /search" }
        yield* gate.request(Effect.succeed(used), "POST /search", says)
        const search = yield* waiting(gate, "POST /search/people")
        const update = yield* waiting(gate, "POST /update")
        assert.deepStrictEqual([search(), update()], [false, true])
        yield* TestClock.adjust(4999)
        assert.isFalse(search())
        yield* TestClock.adjust(1)
        assert.isTrue(search())
      })
    )
  )

  it.effect("R28 a vendor that stops telling of its quota is not held back by what it said before", () =>
    test(
      Effect.gen(function* () {
        const gate = yield* gateOf([], true)
        yield* gate.request(Effect.succeed({ remaining: 0, resetMillis: 1000 }), "", says)
        yield* TestClock.adjust(1000)
        yield* gate.request(Effect.void, "", () => ({ isTaken: true }))
        const all = [yield* waiting(gate), yield* waiting(gate), yield* waiting(gate)]
        assert.deepStrictEqual(
          all.map((isThrough) => isThrough()),
          [true, true, true]
        )
      })
    )
  )
})

describe("R28 one gate for both forms", () => {
  const forms = Effect.map(
    gateOf([RateLimit.concurrent(10), RateLimit.requests(50, "1 second"), RateLimit.requests(500, "1 day")]),
    (gate) => [gate.narrowed("event", []), gate.narrowed("list", [RateLimit.requests(5, "1 second")])] as const
  )

  it.effect("R29 ten at a time are ten of both together", () =>
    test(
      Effect.gen(function* () {
        const [event, list] = yield* forms
        let open = 0
        let most = 0
        const request = Effect.acquireUseRelease(
          Effect.sync(() => void (most = Math.max(most, ++open))),
          () => Effect.sleep(700),
          () => Effect.sync(() => void open--)
        )
        for (let no = 0; no < 20; no++) {
          yield* Effect.forkChild(Effect.forever(event.request(request)))
          yield* Effect.forkChild(Effect.forever(list.request(request)))
        }
        yield* TestClock.adjust("20 seconds")
        assert.strictEqual(most, 10)
      })
    )
  )

  it.effect("R29 a rate and a daily budget are of both together, and a form narrows only itself", () =>
    test(
      Effect.gen(function* () {
        const [event, list] = yield* forms
        const sent = { event: 0, list: 0 }
        const flood = (gate: Gate, form: "event" | "list") =>
          Effect.ignore(Effect.forever(gate.request(Effect.sync(() => void sent[form]++))))
        yield* Effect.forkChild(flood(list, "list"))
        yield* Effect.forkChild(flood(event, "event"))
        for (let turn = 0; turn < 999; turn++) yield* TestClock.adjust(1)
        assert.deepStrictEqual(sent, { event: 45, list: 5 })
        for (let second = 0; second < 500; second++) yield* TestClock.adjust(100)
        assert.strictEqual(sent.event + sent.list, 500)
      })
    )
  )

  it.effect("R33 a form that backs off holds up only itself", () =>
    test(
      Effect.gen(function* () {
        const [event, list] = yield* forms
        yield* list.pause(30_000)
        const [events, lists] = [yield* waiting(event), yield* waiting(list)]
        assert.deepStrictEqual([events(), lists()], [true, false])
        yield* TestClock.adjust(30_000)
        assert.isTrue(lists())
      })
    )
  )
})

describe("R28 a cap replaces the limit that it is about", () => {
  const vendor = [
    RateLimit.requests(700, "10 minutes"),
    RateLimit.on("POST /search", RateLimit.requests(5, "1 second")),
    RateLimit.requests(250_000, "1 day"),
    RateLimit.concurrent(10),
    RateLimit.records(1000, "1 second")
  ]

  it("R28 the plugin's own default, whatever its window, and nothing of the vendor's", () => {
    const cap = RateLimit.requests(1200, "1 minute")
    assert.deepStrictEqual(RateLimit.capped([RateLimit.cap(100, "1 second"), ...vendor], cap), [...vendor, cap])
  })

  it("R28 a limit of the same kind in the same window", () => {
    const cap = RateLimit.requests(20, "1 second")
    assert.deepStrictEqual(RateLimit.capped([RateLimit.requests(50, "1 second"), ...vendor], cap), [...vendor, cap])
    const records = RateLimit.records(10, "1 second")
    assert.deepStrictEqual(RateLimit.capped(vendor, records), [...vendor.slice(0, 4), records])
    assert.deepStrictEqual(RateLimit.capped(vendor, RateLimit.concurrent(2)).length, vendor.length)
  })

  it("R28 no other: without one the limits are the plugin's", () => {
    assert.deepStrictEqual(RateLimit.capped(vendor, undefined), vendor)
    const cap = RateLimit.requests(20, "1 second")
    assert.deepStrictEqual(RateLimit.capped(vendor, cap), [...vendor, cap])
  })
})

describe("R28 windows count elapsed time", () => {
  /** The wall clock of the test, ahead or behind by so much; elapsed time is the test's own. */
  const shifted = Effect.map(Clock.Clock, (clock) => {
    const shift = { millis: 0 }
    const wall = () => clock.currentTimeMillisUnsafe() + shift.millis
    const shiftedClock: Clock.Clock = {
      ...clock,
      currentTimeMillisUnsafe: wall,
      currentTimeMillis: Effect.sync(wall)
    }
    return { shift, clock: shiftedClock }
  })

  it.effect("R28 a wall clock that is set back by an hour stops nothing for an hour", () =>
    test(
      Effect.gen(function* () {
        const { clock, shift } = yield* shifted
        yield* Effect.provideService(
          Effect.gen(function* () {
            const gate = yield* gateOf([RateLimit.requests(1, "1 second")])
            yield* gate.request(Effect.void)
            yield* gate.pause(2000)
            shift.millis = -3_600_000
            const isThrough = yield* waiting(gate)
            yield* TestClock.adjust(1999)
            assert.isFalse(isThrough())
            yield* TestClock.adjust(1)
            assert.isTrue(isThrough())
          }),
          Clock.Clock,
          clock
        )
      })
    )
  )

  it.effect("R29 what a budget's store has of the future counts as now", () => {
    const hour = 3_600_000
    const keeper = {
      load: () => Effect.succeed([{ weight: 1, at: 400 * 24 * hour }]),
      reserve: () => Effect.void,
      close: () => Effect.void
    }
    return test(
      Effect.gen(function* () {
        const gate = yield* gateOf([RateLimit.requests(1, "1 hour")])
        assert.propertyVal(yield* Effect.flip(gate.request(Effect.void)), "retryAfterMillis", hour)
        yield* TestClock.adjust(hour)
        yield* gate.request(Effect.void)
      })
    ).pipe(Effect.provideService(Budgets, keeper))
  })
})

describe("R33 a 429 is about what the plugin says", () => {
  const services = () =>
    Layer.mergeAll(Layer.fresh(RateLimiter.layer), FetchHttpClient.layer, Connection.TokenStore.layerMemory)

  const make = Effect.fnUntraced(function* (
    throttle?: (reply: Reply.Reply, request: Reply.RequestLine) => RateLimit.Scope
  ) {
    const plugin = Destination.make("ours", {
      contract: 1,
      title: "Ours",
      version: "1",
      settings: Schema.Struct({ baseUrl: Schema.String }),
      client: ({ baseUrl }) => Client.bearer(baseUrl, Redacted.make("a-token")),
      limits: [],
      ...(throttle === undefined ? {} : { throttle }),
      requires: { identifiers: ["user_id"], properties: {} }
    })
    const served = yield* serve({
      title: "Ours",
      settings: () => ({}),
      state: () => null,
      handle: ({ path }) =>
        path.endsWith("busy")
          ? { status: 429, headers: { "retry-after": "27" }, body: { about: "a-token" } }
          : { status: 200, body: "" }
    })
    const { context } = yield* connect(plugin.sandboxed("ours", { baseUrl: served.baseUrl }), [
      RateLimit.on("POST /users", RateLimit.requests(100, "1 second"))
    ])
    const send = (path: string) => Reply.send(context.client, HttpClientRequest.post(path))
    const goes = Effect.fnUntraced(function* (path: string) {
      const fiber = yield* Effect.forkChild(send(path))
      for (let turn = 0; turn < 200 && fiber.pollUnsafe() === undefined; turn++) {
        yield* Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))
      }
      const isThrough = fiber.pollUnsafe() !== undefined
      yield* Fiber.interrupt(fiber)
      return isThrough
    })
    return { send, goes }
  })

  it.effect("R33 of the item: nothing waits, and what the plugin fails with is the item's alone", () =>
    Effect.gen(function* () {
      const lines: Array<unknown> = []
      const { goes, send } = yield* make((reply, request) => {
        lines.push([request, reply.status, reply.json])
        return "item"
      })
      const reply = yield* send("/users/busy?page=1")
      assert.deepStrictEqual(lines, [[{ method: "POST", path: "/users/busy" }, 429, { about: "a-token" }]])
      assert.deepInclude(Reply.failure(reply), { _tag: "Throttled", scope: "item", retryAfterMillis: 27_000 })
      assert.notInclude(reply.text, "a-token")
      assert.isTrue(yield* goes("/users/1"))
    }).pipe(Effect.provide(services()))
  )

  it.effect("R33 of the endpoint: what goes to its declared family waits, and all else goes on", () =>
    Effect.gen(function* () {
      const { goes, send } = yield* make(() => "endpoint")
      yield* send("/users/busy")
      assert.deepStrictEqual([yield* goes("/users/1"), yield* goes("/lists")], [false, true])
      yield* TestClock.adjust("27 seconds")
      assert.isTrue(yield* goes("/users/1"))
    }).pipe(Effect.provide(services()))
  )

  it.effect("R33 of the destination, where nothing else is said: everything waits", () =>
    Effect.gen(function* () {
      const { goes, send } = yield* make()
      yield* send("/users/busy")
      assert.deepStrictEqual([yield* goes("/users/1"), yield* goes("/lists")], [false, false])
      yield* TestClock.adjust("27 seconds")
      assert.deepStrictEqual([yield* goes("/users/1"), yield* goes("/lists")], [true, true])
    }).pipe(Effect.provide(services()))
  )
})

describe("a plugin's timeout", () => {
  const make = (timeout: Duration.Input | undefined, ofForm?: Duration.Input) =>
    Destination.make("slow", {
      contract: 1,
      title: "Slow",
      version: "1",
      settings: Schema.Struct({}),
      client: () => Client.anonymous("https://slow.example"),
      limits: [],
      ...(timeout === undefined ? {} : { timeout }),
      requires: { identifiers: ["user_id"], properties: {} }
    }).event({
      calls: ["identify"],
      batch: { items: 1 },
      ...(ofForm === undefined ? {} : { timeout: ofForm }),
      deliver: (calls) => Effect.succeed(Outcome.all(calls, Outcome.delivered))
    }).declaration.event?.timeout

  it("R33 is 30 seconds, or the plugin's, or the form's", () => {
    assert.deepStrictEqual(make(undefined), Duration.seconds(30))
    assert.deepStrictEqual(make("2 minutes"), Duration.minutes(2))
    assert.deepStrictEqual(make("2 minutes", "5 seconds"), Duration.seconds(5))
  })

  it("R33 is refused where it is not from a second to five minutes", () => {
    const said = /The plugin "slow" has a timeout of .*\. Choose one from 1s to 5m\./
    for (const timeout of ["999 millis", "301 seconds", 0, Infinity] as const) {
      assert.throws(() => make(timeout), said)
      assert.throws(() => make("1 minute", timeout), said)
    }
    for (const timeout of ["1 second", "5 minutes"] as const) assert.doesNotThrow(() => make(timeout))
  })
})
