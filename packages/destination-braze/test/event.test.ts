import { assert, describe, it } from "@effect/vitest"
import { type Json, Outcome } from "@tributary/core"
import { Result } from "effect"
import * as Event from "../src/event.ts"
import type { BrazeCall } from "../src/refusal.ts"
import { entered, identify, track } from "./calls.ts"

const bodyOf = (...calls: ReadonlyArray<BrazeCall>): unknown => Event.plan(calls).body

const refusalOf = (call: BrazeCall): string | undefined => {
  const plan = Event.plan([identify("user_id", "neighbour", { plan: "gold" }), call])
  // A refused call costs its neighbour nothing.
  assert.deepStrictEqual(plan.body?.attributes?.[0], { external_id: "neighbour", plan: "gold" })
  return plan.refused.get(1)
}

const settle = (calls: ReadonlyArray<BrazeCall>, status: number, body: Json.Json) =>
  Event.settle(Event.plan(calls), {
    status,
    headers: {},
    text: JSON.stringify(body),
    json: body,
    receivedAt: 0
  })

const outcomesOf = (calls: ReadonlyArray<BrazeCall>, status: number, body: Json.Json) =>
  Result.getOrThrow(settle(calls, status, body)).outcomes

describe("the wire form", () => {
  it("R4 a user's trait is an attribute of the profile with that external_id", () => {
    assert.deepStrictEqual(bodyOf(identify("user_id", "u1", { total_revenue_180_days: 450 })), {
      attributes: [{ external_id: "u1", total_revenue_180_days: 450 }]
    })
  })

  it("R5 a computed trait is an event with the trait's key and value", () => {
    const properties = { trait_key: "total_revenue_180_days", total_revenue_180_days: 450 }
    assert.deepStrictEqual(bodyOf(track("user_id", "u1", "Trait Computed", properties)), {
      events: [{ external_id: "u1", name: "Trait Computed", time: "2026-11-23T09:30:00.000Z", properties }]
    })
  })

  it("R7 membership is a boolean attribute, false on leaving", () => {
    assert.deepStrictEqual(bodyOf(identify("user_id", "u1", { first_time_shopper: false })), {
      attributes: [{ external_id: "u1", first_time_shopper: false }]
    })
  })

  it("R8 entering is an event at the time when the change was found", () => {
    assert.deepStrictEqual(bodyOf(entered("user_id", "u1")), {
      events: [
        {
          external_id: "u1",
          name: "Audience Entered",
          time: "2026-11-23T09:30:00.000Z",
          properties: { audience_key: "first_time_shopper", first_time_shopper: true }
        }
      ]
    })
  })

  it("R20 every identifier type has its field, and an unknown anonymous_id becomes a profile", () => {
    const traits = { plan: "gold" }
    assert.deepStrictEqual(
      bodyOf(
        identify("email", "ada@example.com", traits),
        identify("phone", "+15043277269", traits),
        identify("anonymous_id", "a-1", traits),
        identify("braze_id", "0123456789abcdef01234567", traits)
      ),
      {
        attributes: [
          { email: "ada@example.com", plan: "gold" },
          { phone: "+15043277269", plan: "gold" },
          {
            user_alias: { alias_name: "a-1", alias_label: "anonymous_id" },
            _update_existing_only: false,
            plan: "gold"
          },
          { braze_id: "0123456789abcdef01234567", plan: "gold" }
        ]
      }
    )
  })

  it("R42 all traits of one call travel in one object, and null clears", () => {
    assert.deepStrictEqual(bodyOf(identify("user_id", "u1", { a: 1, b: null, c: ["x", "y"], d: { e: true } })), {
      attributes: [{ external_id: "u1", a: 1, b: null, c: ["x", "y"], d: { e: true } }]
    })
  })

  it("R32 two objects for one person stand in the order of their calls", () => {
    assert.deepStrictEqual(
      bodyOf(identify("user_id", "u1", { a: 1 }), entered("user_id", "u1"), identify("user_id", "u1", { a: 2 })),
      {
        attributes: [
          { external_id: "u1", a: 1 },
          { external_id: "u1", a: 2 }
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
    )
  })

  it("leaves a null out of an event's properties, where Braze has no such type", () => {
    assert.deepStrictEqual(bodyOf(track("user_id", "u1", "Trait Computed", { trait_key: "score", score: null })), {
      events: [
        {
          external_id: "u1",
          name: "Trait Computed",
          time: "2026-11-23T09:30:00.000Z",
          properties: { trait_key: "score" }
        }
      ]
    })
  })
})

describe("what is refused before it is sent", () => {
  it("refuses a user_id of 988 bytes and takes one of 987", () => {
    assert.match(refusalOf(identify("user_id", "é".repeat(494), { a: 1 })) ?? "", /988 bytes/)
    assert.isUndefined(refusalOf(identify("user_id", `${"é".repeat(493)}x`, { a: 1 })))
  })

  it("refuses what is no e-mail address, without repeating it", () => {
    for (const value of ["ada", "ada@", "@example.com", "a da@example.com", "ada@localhost"]) {
      const reason = refusalOf(identify("email", value, { a: 1 })) ?? ""
      assert.match(reason, /not a valid e-mail address/)
      assert.notInclude(reason, value)
    }
    assert.isUndefined(refusalOf(identify("email", "žofie+x@exämple.co.uk", { a: 1 })))
    assert.deepStrictEqual(bodyOf(identify("email", " Žofie+x@Exämple.co.uk ", { a: 1 })), {
      attributes: [{ email: "žofie+x@xn--exmple-cua.co.uk", a: 1 }]
    })
  })

  it("refuses an empty identifier", () => {
    assert.match(refusalOf(identify("anonymous_id", " ", { a: 1 })) ?? "", /is empty/)
  })

  it("refuses a trait whose key would change who the profile is", () => {
    for (const name of ["external_id", "alias_name", "alias_label", "user_alias", "braze_id"]) {
      assert.match(refusalOf(identify("user_id", "u1", { [name]: "x" })) ?? "", /who the profile is/, name)
    }
  })

  it("refuses a trait whose key steers Braze", () => {
    for (const name of ["_update_existing_only", "push_token_import", "email_subscribe", "subscription_groups"]) {
      assert.match(refusalOf(identify("user_id", "u1", { [name]: true })) ?? "", /how Braze treats/, name)
    }
  })

  it("takes Braze's plain fields in their own type, and in no other", () => {
    const right = { first_name: "Ada", country: "GB", gender: "F", dob: "1815-12-10", language: null }
    assert.isUndefined(refusalOf(identify("user_id", "u1", right)))
    assert.match(refusalOf(identify("user_id", "u1", { country: true })) ?? "", /takes text only/)
    assert.match(refusalOf(identify("user_id", "u1", { gender: "female" })) ?? "", /M, F, O, N or P/)
    assert.match(refusalOf(identify("user_id", "u1", { dob: "10.12.1815" })) ?? "", /YYYY-MM-DD/)
  })

  it("counts 255 characters, not bytes or UTF-16 units", () => {
    assert.isUndefined(refusalOf(identify("user_id", "u1", { motto: "😀".repeat(255) })))
    assert.match(refusalOf(identify("user_id", "u1", { motto: "😀".repeat(256) })) ?? "", /longer than the 255/)
    assert.isUndefined(refusalOf(identify("user_id", "u1", { ["k".repeat(255)]: 1 })))
    assert.match(refusalOf(identify("user_id", "u1", { ["k".repeat(256)]: 1 })) ?? "", /longer than the 255/)
  })

  it("refuses nested values that Braze would drop behind a 201", () => {
    assert.match(refusalOf(identify("user_id", "u1", { book: { title: null } })) ?? "", /holds a null/)
    assert.match(refusalOf(identify("user_id", "u1", { grid: [[1]] })) ?? "", /array within an array/)
    assert.match(refusalOf(identify("user_id", "u1", { tags: ["x".repeat(256)] })) ?? "", /longer than 255/)
    assert.match(refusalOf(identify("user_id", "u1", { book: { ["k".repeat(256)]: 1 } })) ?? "", /key longer/)
  })

  it("refuses a value that Braze would read as a command", () => {
    for (const key of ["inc", "add", "remove"]) {
      assert.match(refusalOf(identify("user_id", "u1", { score: { [key]: 5 } })) ?? "", /as a command/, key)
    }
  })

  it("refuses event properties that Braze refuses", () => {
    assert.match(refusalOf(track("user_id", "u1", "E", { $price: 1 })) ?? "", /begins with "\$"/)
    assert.match(refusalOf(track("user_id", "u1", "E", { time: true })) ?? "", /reserved/)
    assert.match(refusalOf(track("user_id", "u1", "E", { a: "x".repeat(256) })) ?? "", /longer than the 255/)
    assert.match(refusalOf(track("user_id", "u1", "E".repeat(256), {})) ?? "", /longer than the 255/)
    assert.match(refusalOf(track("user_id", "u1", "", {})) ?? "", /no name/)
    assert.isUndefined(refusalOf(track("user_id", "u1", "E".repeat(255), { a: "x".repeat(255) })))
  })
})

describe("R33 an outcome per call", () => {
  const three = [
    identify("user_id", "u1", { plan: "gold" }),
    entered("user_id", "u2"),
    identify("email", "ada@example.com", { plan: "gold" })
  ]
  const delivered = Outcome.delivered
  const rejected = (text: string) => Outcome.rejected(`Braze refuses it: ${text}`)

  it("is delivered on 201 success and on 202 queued", () => {
    const success = { message: "success", attributes_processed: 2, events_processed: 1 }
    assert.deepStrictEqual(outcomesOf(three, 201, success), [delivered, delivered, delivered])
    assert.deepStrictEqual(outcomesOf(three, 202, { message: "queued" }), [delivered, delivered, delivered])
  })

  it("finds the call behind an array and an index", () => {
    const body = {
      message: "success",
      attributes_processed: 1,
      events_processed: 0,
      errors: [
        { type: "'email' is odd", input_array: "attributes", index: 1 },
        { type: "'time' is odd", input_array: "events", index: 0 }
      ]
    }
    assert.deepStrictEqual(outcomesOf(three, 201, body), [
      delivered,
      rejected("'time' is odd"),
      rejected("'email' is odd")
    ])
  })

  it("counts indexes without the calls that were refused here", () => {
    const calls = [identify("user_id", "u0", { external_id: "x" }), ...three]
    const body = { message: "success", errors: [{ type: "odd", input_array: "attributes", index: 0 }] }
    const outcomes = outcomesOf(calls, 201, body)
    assert.deepStrictEqual(
      outcomes.map((outcome) => outcome._tag),
      ["Rejected", "Rejected", "Delivered", "Delivered"]
    )
    assert.deepStrictEqual(outcomes[1], rejected("odd"))
  })

  it("joins several errors of one object", () => {
    const error = (type: string) => ({ type, input_array: "events", index: 0 })
    const body = { message: "success", errors: [error("one"), error("two")] }
    assert.deepStrictEqual(outcomesOf(three, 201, body)[1], rejected("one; two"))
  })

  it("reads the list on a 400, and leaves those without a word for later", () => {
    const errors = [
      { type: "bad", input_array: "attributes", index: 0 },
      { type: "worse", input_array: "events", index: 0 }
    ]
    const outcomes = outcomesOf(three, 400, { message: "Valid data must be provided in the …", errors })
    assert.deepStrictEqual(outcomes.slice(0, 2), [rejected("bad"), rejected("worse")])
    assert.strictEqual(outcomes[2]?._tag, "Retry")
  })

  it("takes a 2xx with another message than success for a refusal", () => {
    const errors = [{ type: "bad", input_array: "events", index: 0 }]
    const outcomes = outcomesOf(three, 200, { message: "Valid data must be provided in the …", errors })
    assert.deepStrictEqual(
      outcomes.map((outcome) => outcome._tag),
      ["Retry", "Rejected", "Retry"]
    )
  })

  it("masks an e-mail and the call's identifier in Braze's text", () => {
    const calls = [identify("user_id", "customer-4711", { a: 1 })]
    const errors = [{ type: "customer-4711 (ada@example.com) is odd", input_array: "attributes", index: 0 }]
    assert.deepStrictEqual(outcomesOf(calls, 201, { message: "success", errors }), [rejected("cu*** (ad***) is odd")])
  })
})

describe("R33 errors that name no object", () => {
  const two = [identify("user_id", "u1", { a: 1 }), identify("user_id", "u2", { a: 1 })]

  it("are the only object's", () => {
    const outcomes = outcomesOf(two.slice(0, 1), 201, { message: "success", errors: ["odd"] })
    assert.deepStrictEqual(outcomes, [Outcome.rejected("Braze refuses it: odd")])
  })

  it("put attributes in doubt, to be sent apart", () => {
    const settled = Result.getOrThrow(settle(two, 201, { message: "success", errors: ["odd"] }))
    assert.deepStrictEqual(settled.inDoubt, [0, 1])
  })

  it("are nobody's where Braze counts every object as processed", () => {
    const body = { message: "success", attributes_processed: 2, errors: ["a warning"] }
    assert.deepStrictEqual(outcomesOf(two, 201, body), [Outcome.delivered, Outcome.delivered])
  })

  it("are the other array's where one array is counted full", () => {
    const calls = [...two, entered("user_id", "u1")]
    const body = { message: "success", attributes_processed: 2, events_processed: 0, errors: ["odd"] }
    assert.deepStrictEqual(
      outcomesOf(calls, 201, body).map((outcome) => outcome._tag),
      ["Delivered", "Delivered", "Rejected"]
    )
  })

  it("send no event twice: how many were refused is told, and nothing is sent again", () => {
    const calls = [entered("user_id", "u1"), entered("user_id", "u2"), entered("user_id", "u3")]
    const settled = Result.getOrThrow(
      settle(calls, 201, { message: "success", events_processed: 1, errors: [{ type: "odd", input_array: "events" }] })
    )
    assert.deepStrictEqual(settled.inDoubt, [])
    const receipts = settled.outcomes.map((outcome) => (outcome._tag === "Accepted" ? outcome.receipt : ""))
    assert.strictEqual(new Set(receipts).size, 1)
    assert.deepStrictEqual(Event.finished(receipts[0] ?? ""), {
      _tag: "Finished",
      unattributed: [{ count: 2, reason: "Braze refused so many events and did not say whose: odd" }]
    })
  })

  it("fail a batch of which nothing was taken, to be halved", () => {
    const failed = settle(two, 400, { message: "Valid data must be provided", errors: ["odd for ada@example.com"] })
    const error = Result.isFailure(failed) ? failed.failure : undefined
    assert.strictEqual(error?._tag, "BatchRejected")
    assert.strictEqual(error?.reason, "400 Valid data must be provided odd for ad***")
  })

  it("may have any form, and an index out of range is one of them", () => {
    for (const errors of [
      "odd",
      { type: "odd" },
      [{ type: "odd", input_array: "attributes", index: 9 }],
      [7],
      [null]
    ]) {
      const settled = Result.getOrThrow(settle(two, 201, { message: "success", errors }))
      assert.deepStrictEqual(settled.inDoubt, [0, 1], JSON.stringify(errors))
    }
  })
})
