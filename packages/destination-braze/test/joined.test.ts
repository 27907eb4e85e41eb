// R44: one person is one record. The requests are written from the fact sheet of Braze's documents, word for word.
import { assert, describe, it, layer } from "@effect/vitest"
import { Outcome, type Sandbox } from "@tributary/core"
import { Effect } from "effect"
import * as Event from "../src/event.ts"
import type { BrazeCall } from "../src/refusal.ts"
import * as BrazeSandbox from "../src/sandbox/index.ts"
import { beside, entered, existing, identify } from "./calls.ts"
import { connected, Services } from "./connected.ts"

const time = "2026-11-23T09:30:00.000Z"
const vip = { vip: true }
const enteredProperties = { audience_key: "first_time_shopper", first_time_shopper: true }

const bodyOf = (...calls: ReadonlyArray<BrazeCall>): unknown => Event.plan(calls).body
const refusedOf = (call: BrazeCall): string | undefined => Event.plan([call]).refused.get(0)

describe("R44 one object for a record", () => {
  it("carries id, address and phone together, and the event names the id alone", () => {
    const others = { email: "Ada@Example.com ", phone: "+1 504 327 7269" }
    assert.deepStrictEqual(
      bodyOf(beside(identify("user_id", "u1", vip), others), beside(entered("user_id", "u1"), others)),
      {
        attributes: [{ external_id: "u1", email: "ada@example.com", phone: "+15043277269", vip: true }],
        events: [{ external_id: "u1", name: "Audience Entered", time, properties: enteredProperties }]
      }
    )
  })

  it("has no alias beside an external_id, which Braze refuses", () => {
    assert.deepStrictEqual(bodyOf(beside(identify("user_id", "u1", vip), { anonymous_id: "a-1", braze_id: "b" })), {
      attributes: [{ external_id: "u1", vip: true }]
    })
  })

  it("has address and phone beside an alias or a braze_id, and a phone beside an address", () => {
    const others = { email: "ada@example.com", phone: "+15043277269" }
    assert.deepStrictEqual(
      bodyOf(
        beside(identify("anonymous_id", "a-1", vip), others),
        beside(identify("braze_id", "0123456789abcdef01234567", vip), others),
        beside(identify("email", "ada@example.com", vip), { phone: "+15043277269" })
      ),
      {
        attributes: [
          {
            user_alias: { alias_name: "a-1", alias_label: "anonymous_id" },
            _update_existing_only: false,
            email: "ada@example.com",
            phone: "+15043277269",
            vip: true
          },
          { braze_id: "0123456789abcdef01234567", email: "ada@example.com", phone: "+15043277269", vip: true },
          { email: "ada@example.com", phone: "+15043277269", vip: true }
        ]
      }
    )
  })

  it("never has what would name another record: an address beside a phone, calls being per identifier", () => {
    assert.deepStrictEqual(bodyOf(beside(identify("phone", "+15043277269", vip), { email: "ada@example.com" })), {
      attributes: [{ phone: "+15043277269", vip: true }]
    })
  })

  it("creates nothing where only a record that exists is meant: an exit, another address", () => {
    assert.deepStrictEqual(
      bodyOf(
        existing(identify("user_id", "u1", { vip: false })),
        existing(identify("email", "second@example.com", vip)),
        existing(identify("anonymous_id", "a-1", { vip: false })),
        existing(entered("phone", "+15043277269"))
      ),
      {
        attributes: [
          { external_id: "u1", _update_existing_only: true, vip: false },
          { email: "second@example.com", _update_existing_only: true, vip: true },
          {
            user_alias: { alias_name: "a-1", alias_label: "anonymous_id" },
            _update_existing_only: true,
            vip: false
          }
        ],
        events: [
          {
            phone: "+15043277269",
            _update_existing_only: true,
            name: "Audience Entered",
            time,
            properties: enteredProperties
          }
        ]
      }
    )
  })
})

describe("traits named email and phone", () => {
  it("are attributes beside a user_id, and win over the person's own address", () => {
    const call = identify("user_id", "u1", { email: " Work@Example.com", phone: "+49 176 1234567" })
    const written = { external_id: "u1", email: "work@example.com", phone: "+491761234567" }
    assert.deepStrictEqual(bodyOf(call), { attributes: [written] })
    assert.deepStrictEqual(bodyOf(beside(call, { email: "ada@example.com", phone: "+15043277269" })), {
      attributes: [written]
    })
  })

  it("that are gone clear the address, unless the person has one", () => {
    const call = identify("user_id", "u1", { email: null })
    assert.deepStrictEqual(bodyOf(call), { attributes: [{ external_id: "u1", email: null }] })
    assert.deepStrictEqual(bodyOf(beside(call, { email: "ada@example.com" })), {
      attributes: [{ external_id: "u1", email: "ada@example.com" }]
    })
  })

  it("are refused where they would name another record, and where Braze takes no such address", () => {
    assert.match(
      refusedOf(identify("email", "ada@example.com", { email: "work@example.com" })) ?? "",
      /who the profile/
    )
    assert.match(refusedOf(identify("phone", "+15043277269", { email: "work@example.com" })) ?? "", /who the profile/)
    assert.match(refusedOf(identify("phone", "+15043277269", { phone: "+491761234567" })) ?? "", /who the profile/)
    assert.match(refusedOf(identify("user_id", "u1", { email: "no address" })) ?? "", /"email" is refused: it is not/)
    assert.match(
      refusedOf(identify("user_id", "u1", { phone: 5043277269 })) ?? "",
      /"phone" is refused: it is not a text/
    )
    assert.isUndefined(refusedOf(identify("email", "ada@example.com", { phone: "+15043277269" })))
  })

  it("are left out of a call to another address of the person", () => {
    const call = existing(identify("email", "second@example.com", { email: "ada@example.com", vip: true }))
    assert.deepStrictEqual(bodyOf(call), {
      attributes: [{ email: "second@example.com", _update_existing_only: true, vip: true }]
    })
    assert.deepStrictEqual(bodyOf(identify("email", "Ada@example.com", { email: "ada@Example.com", vip: true })), {
      attributes: [{ email: "ada@example.com", vip: true }]
    })
  })
})

describe("K3 one value costs nobody else", () => {
  it("a value that Braze would drop is refused by the name of its trait", () => {
    const call = identify("user_id", "u1", { t1: 5, t2: "x".repeat(256) })
    assert.match(refusedOf(call) ?? "", /"t2"/)
    assert.match(
      refusedOf(identify("user_id", "u1", { vip: true, book: { title: null } })) ?? "",
      /"book" holds a null/
    )
  })
})

/** What Braze holds, by external id, without braze ids. */
const held = (sandbox: Sandbox.Sandbox<BrazeSandbox.State>) => {
  const { count, users } = sandbox.state(0)
  const people = Object.entries(users).map(([id, { attributes, events, user_alias }]) => [
    id,
    { attributes, alias: user_alias?.alias_name ?? null, events: events.map(({ name }) => name) }
  ])
  return { count, people: Object.fromEntries(people) }
}

layer(Services)("R44 at Braze", (it) => {
  it.effect("somebody known by an address who gets a user id is joined, and then written", () =>
    Effect.gen(function* () {
      const sandbox = BrazeSandbox.make()
      const { deliver, requests } = yield* connected(sandbox)
      yield* deliver(identify("email", "ada@example.com", vip), entered("email", "ada@example.com"))
      requests.splice(0)
      const others = { email: "ada@example.com" }
      yield* deliver(beside(identify("user_id", "u1", { vip: true, score: 7 }), others, others))
      assert.deepStrictEqual(requests, [
        {
          path: "/users/identify",
          body: {
            emails_to_identify: [
              {
                external_id: "u1",
                email: "ada@example.com",
                prioritization: ["unidentified", "most_recently_updated"]
              }
            ]
          }
        },
        {
          path: "/users/track",
          body: { attributes: [{ external_id: "u1", email: "ada@example.com", vip: true, score: 7 }] }
        }
      ])
      assert.deepStrictEqual(held(sandbox), {
        count: 1,
        people: {
          u1: {
            attributes: { email: "ada@example.com", vip: true, score: 7 },
            alias: null,
            events: ["Audience Entered"]
          }
        }
      })
    })
  )

  it.effect("records of an alias, an address and a phone become one, each in its array, and each once in a batch", () =>
    Effect.gen(function* () {
      const sandbox = BrazeSandbox.make()
      const { deliver, requests } = yield* connected(sandbox)
      yield* deliver(
        identify("anonymous_id", "a-1", { seen: 1 }),
        identify("email", "ada@example.com", vip),
        identify("phone", "+15043277269", vip)
      )
      assert.strictEqual(sandbox.state(0).count, 3)
      requests.splice(0)
      const others = { anonymous_id: "a-1", email: "ada@example.com", phone: "+1 504 327 7269" }
      yield* deliver(
        beside(identify("user_id", "u1", vip), others, others),
        beside(entered("user_id", "u1"), others, others)
      )
      const prioritization = ["unidentified", "most_recently_updated"]
      assert.deepStrictEqual(requests[0], {
        path: "/users/identify",
        body: {
          aliases_to_identify: [{ external_id: "u1", user_alias: { alias_name: "a-1", alias_label: "anonymous_id" } }],
          emails_to_identify: [{ external_id: "u1", email: "ada@example.com", prioritization }],
          phone_numbers_to_identify: [{ external_id: "u1", phone: "+15043277269", prioritization }]
        }
      })
      assert.deepStrictEqual(held(sandbox), {
        count: 1,
        people: {
          u1: {
            attributes: { seen: 1, email: "ada@example.com", phone: "+15043277269", vip: true },
            alias: "a-1",
            events: ["Audience Entered"]
          }
        }
      })
    })
  )

  it.effect("nobody else's record is taken in: one with an id of its own stays", () =>
    Effect.gen(function* () {
      const sandbox = BrazeSandbox.make()
      const { deliver } = yield* connected(sandbox)
      const others = { email: "family@example.com" }
      yield* deliver(beside(identify("user_id", "u2", { score: 2 }), others))
      yield* deliver(beside(identify("user_id", "u1", { score: 1 }), others, others))
      const { count, users } = sandbox.state(0)
      assert.deepStrictEqual([count, users["u1"]?.attributes["score"], users["u2"]?.attributes["score"]], [2, 1, 2])
    })
  )

  it.effect("50 records are joined in a request, and the batch follows", () =>
    Effect.gen(function* () {
      const sandbox = BrazeSandbox.make()
      const { deliver, requests } = yield* connected(sandbox)
      const email = (no: number) => `person${no}@example.com`
      const all = Array.from({ length: 60 }, (_, no) => no)
      yield* deliver(...all.map((no) => identify("email", email(no), vip)))
      requests.splice(0)
      yield* deliver(
        ...all.map((no) => beside(identify("user_id", `u${no}`, vip), { email: email(no) }, { email: email(no) }))
      )
      assert.deepStrictEqual(
        requests.map(({ path }) => path),
        ["/users/identify", "/users/identify", "/users/track"]
      )
      assert.deepStrictEqual([sandbox.state(0).count, Object.keys(sandbox.state(0).users).length], [60, 60])
    })
  )

  const joining = beside(identify("user_id", "u1", vip), { email: "ada@example.com" }, { email: "ada@example.com" })

  it.effect("nothing is written where records cannot be joined: all is tried again, and nothing is in doubt", () =>
    Effect.gen(function* () {
      const { answers, deliver, requests } = yield* connected(BrazeSandbox.make())
      answers.push({ path: "/users/identify", status: 503 })
      const error = yield* Effect.flip(deliver(joining))
      assert.strictEqual(error._tag === "Unavailable" ? error.nothingTaken : undefined, true)
      assert.deepStrictEqual(
        requests.map(({ path }) => path),
        ["/users/identify"]
      )
    })
  )

  it.effect("a failure after records were joined leaves the batch in doubt, and a repetition does no harm", () =>
    Effect.gen(function* () {
      const sandbox = BrazeSandbox.make()
      const { answers, deliver } = yield* connected(sandbox)
      yield* deliver(identify("email", "ada@example.com", { earlier: 1 }))
      answers.push({ path: "/users/track", status: 503 })
      const error = yield* Effect.flip(deliver(joining))
      assert.strictEqual(error._tag, "Unavailable")
      assert.strictEqual(error._tag === "Unavailable" ? error.nothingTaken : true, undefined)
      assert.deepStrictEqual(yield* deliver(joining), [Outcome.delivered])
      assert.deepStrictEqual(held(sandbox), {
        count: 1,
        people: { u1: { attributes: { email: "ada@example.com", earlier: 1, vip: true }, alias: null, events: [] } }
      })
    })
  )

  it.effect("a 429 about joining lets everything else go on", () =>
    Effect.gen(function* () {
      const { answers, deliver } = yield* connected(BrazeSandbox.make())
      answers.push({ path: "/users/identify", status: 429 })
      const error = yield* Effect.flip(deliver(joining))
      assert.strictEqual(error._tag === "Throttled" ? error.scope : undefined, "endpoint")
      assert.deepStrictEqual(yield* deliver(identify("user_id", "u2", vip)), [Outcome.delivered])
    })
  )

  it.effect("a key that may not join says which permission it needs", () =>
    Effect.gen(function* () {
      const { deliver } = yield* connected(BrazeSandbox.make({ permissions: ["users.track"] }))
      const error = yield* Effect.flip(deliver(joining))
      assert.strictEqual(error._tag, "Unauthorized")
      assert.match(error.reason, /permission users\.identify/)
    })
  )

  it.effect("a changed address changes the record, and a deleted person makes none", () =>
    Effect.gen(function* () {
      const sandbox = BrazeSandbox.make()
      const { deliver } = yield* connected(sandbox)
      yield* deliver(beside(identify("user_id", "u1", vip), { email: "old@example.com" }))
      yield* deliver(beside(identify("user_id", "u1", vip), { email: "new@example.com" }))
      yield* deliver(existing(identify("user_id", "u2", { vip: false })))
      yield* deliver(existing(identify("email", "nobody@example.com", { vip: false })))
      assert.deepStrictEqual(held(sandbox), {
        count: 1,
        people: { u1: { attributes: { email: "new@example.com", vip: true }, alias: null, events: [] } }
      })
    })
  )

  it.effect("R33 an address that Braze refuses is left out where the id suffices, and no event is sent twice", () =>
    Effect.gen(function* () {
      const sandbox = BrazeSandbox.make()
      // Braze's list of top-level domains is longer than ours.
      const { deliver, requests } = yield* connected({
        ...sandbox,
        handle: (request, now) => {
          const { attributes = [] } = JSON.parse(request.body)
          const index = attributes.findIndex(({ email }: any) => email === "ada@x.invalid")
          if (index === -1) return sandbox.handle(request, now)
          const rest = { ...JSON.parse(request.body), attributes: attributes.toSpliced(index, 1) }
          const { body, status } = sandbox.handle({ ...request, body: JSON.stringify(rest) }, now)
          const type = "The value provided for the 'email' field is not a valid email."
          return {
            status,
            body: { ...JSON.parse(JSON.stringify(body)), errors: [{ type, input_array: "attributes", index }] }
          }
        }
      })
      const others = { email: "ada@x.invalid", phone: "+15043277269" }
      const outcomes = yield* deliver(
        beside(identify("user_id", "u1", vip), others),
        beside(entered("user_id", "u1"), others),
        identify("user_id", "u2", vip)
      )
      const reason = "Braze refuses it: The value provided for the 'email' field is not a valid email."
      assert.deepStrictEqual(outcomes, [
        Outcome.partly([{ type: "email", value: "ada@x.invalid", reason }]),
        Outcome.delivered,
        Outcome.delivered
      ])
      assert.strictEqual(requests.length, 2)
      assert.deepStrictEqual(held(sandbox).people["u1"], {
        attributes: { phone: "+15043277269", vip: true },
        alias: null,
        events: ["Audience Entered"]
      })
    })
  )
})
