import { assert, describe, it } from "@effect/vitest"
import { Enrichment } from "@tributary/core"
import { Enricher } from "@tributary/core/runtime"
import { Effect, Result } from "effect"
import * as Event from "../src/event.ts"
import * as Fields from "../src/fields.ts"
import { Zendesk } from "../src/index.ts"
import { quota } from "../src/limits.ts"
import * as Memberships from "../src/memberships.ts"
import { group, identify } from "./connected.ts"

describe("identify", () => {
  it("R4 finds a user by the user id as external id and sets the trait as a custom field", () => {
    assert.deepStrictEqual(Event.user(identify("user_id", "u1", { total_revenue_180_days: 450 })), {
      user: {
        external_id: "u1",
        name: "Ada Lovelace",
        skip_verify_email: true,
        user_fields: { total_revenue_180_days: 450 }
      }
    })
  })

  it("R12 finds a user by e-mail address where that is the identifier", () => {
    assert.deepStrictEqual(Event.user(identify("email", "ada@example.com", { vip: true })), {
      user: { email: "ada@example.com", name: "Ada Lovelace", skip_verify_email: true, user_fields: { vip: true } }
    })
  })

  it("R20 carries a person's first address with the user id, and nothing else with an address", () => {
    const addresses = [
      { type: "email", value: "ada@example.com" },
      { type: "email", value: "lovelace@example.com" }
    ] as const
    const byId = { ...identify("user_id", "u1", { vip: true }), siblings: addresses }
    assert.deepStrictEqual(Event.user(byId), {
      user: {
        external_id: "u1",
        email: "ada@example.com",
        name: "Ada Lovelace",
        skip_verify_email: true,
        user_fields: { vip: true }
      }
    })
    const bySecond = {
      ...identify("email", "lovelace@example.com", { vip: true }),
      siblings: [addresses[0], { type: "user_id", value: "u1" }] as const
    }
    assert.deepStrictEqual(Event.user(bySecond), {
      user: { email: "lovelace@example.com", name: "Ada Lovelace", skip_verify_email: true, user_fields: { vip: true } }
    })
  })

  it("R7 tells of an audience as true on entering and false on leaving", () => {
    assert.deepStrictEqual(Event.fieldValues({ first_time_shopper: true }), { first_time_shopper: true })
    assert.deepStrictEqual(Event.fieldValues({ first_time_shopper: false }), { first_time_shopper: false })
  })

  it("R3 empties the field of a value that disappeared", () => {
    assert.deepStrictEqual(Event.fieldValues({ favourite: null }), { favourite: null })
  })

  it("R42 carries all traits that are due in one write", () => {
    const { user } = Event.user(identify("user_id", "u1", { a: 1, b: "two", c: null, d: false }))
    assert.deepStrictEqual(user.user_fields, { a: 1, b: "two", c: null, d: false })
    assert.strictEqual(Zendesk.declaration.event?.coalesce, true)
  })

  it("writes objects and arrays as canonical JSON text", () => {
    assert.deepStrictEqual(Event.fieldValues({ cart: { b: [1, 2], a: "é" }, sizes: ["S", "M"] }), {
      cart: '{"a":"é","b":[1,2]}',
      sizes: '["S","M"]'
    })
  })
})

describe("group", () => {
  it("R6 finds an organization by the group id as external id and sets the trait as a custom field", () => {
    assert.deepStrictEqual(Event.organization(group("a1", { seats: 12 })), {
      organization: { external_id: "a1", name: "Analytical Engines Ltd", organization_fields: { seats: 12 } }
    })
  })

  it("R9 asks for the users of the account", () => {
    assert.strictEqual(Zendesk.declaration.event?.groupUsers, "known")
  })
})

describe("R24 name", () => {
  const fill = (traits: Enrichment.Facts["traits"]) =>
    Effect.map(Enricher.Enricher, ({ fill }) =>
      fill(Zendesk.declaration.requirements, { traits, identifiers: [] })
    ).pipe(Effect.provide(Enricher.Enricher.layer))

  it.effect("R24 comes from the trait name, else from first and last name", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* fill({ name: "Ada", first_name: "A" }), Result.succeed({ name: "Ada" }))
      assert.deepStrictEqual(
        yield* fill({ first_name: "Ada", last_name: "Lovelace" }),
        Result.succeed({ name: "Ada Lovelace" })
      )
      assert.deepStrictEqual(yield* fill({ name: " ", last_name: "Lovelace" }), Result.succeed({ name: "Lovelace" }))
    })
  )

  it.effect("R24 is named as missing where nothing fills it", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(
        yield* fill({}),
        Result.fail({ property: "name", filledFrom: "trait name, else first_name + last_name" })
      )
    })
  )
})

describe("a field that Zendesk dropped", () => {
  it("rejects the call, because Zendesk says 200 and keeps nothing", () => {
    assert.deepStrictEqual(Event.outcome({ gone: 1, here: 2 }, { here: 2 }), {
      _tag: "Rejected",
      reason:
        'Zendesk has no field "gone" and dropped the value. Create the field in Admin Center under ' +
        "People > Configuration (or make it active again), then retry."
    })
  })

  it("takes the record as told where the answer shows the fields, or shows none at all", () => {
    assert.strictEqual(Event.outcome({ here: null }, { here: null })._tag, "Delivered")
    assert.strictEqual(Event.outcome({ here: 2 }, undefined)._tag, "Delivered")
  })
})

describe("the type of a field", () => {
  it("is a checkbox for truth, a decimal for numbers, a date for a day that exists, else text", () => {
    assert.strictEqual(Fields.typeFor(false), "checkbox")
    assert.strictEqual(Fields.typeFor(450), "decimal")
    assert.strictEqual(Fields.typeFor("2026-02-28"), "date")
    assert.strictEqual(Fields.typeFor("2024-02-29"), "date")
    assert.strictEqual(Fields.typeFor("2026-02-29"), "text")
    assert.strictEqual(Fields.typeFor("2026-13-01"), "text")
    assert.strictEqual(Fields.typeFor("2026-02-28T00:00:00Z"), "text")
    assert.strictEqual(Fields.typeFor({ a: 1 }), "text")
  })

  const field = (sample: Parameters<typeof Fields.typeFor>[0]) =>
    ({ key: "seats", title: "Seats", collection: "accounts", sample }) as const

  it("fits where the value fits", () => {
    for (const [sample, type] of [
      [true, "checkbox"],
      [12, "integer"],
      [12.5, "decimal"],
      ["2026-02-28", "text"],
      ["2026-02-28", "date"],
      ["gold", "dropdown"],
      ["gold", "textarea"],
      // Rejected by themselves, and no reason to stop.
      ["soon", "date"],
      ["N/A", "decimal"]
    ] as const) {
      assert.strictEqual(Fields.objection(field(sample), { key: "seats", type }), undefined, `${sample} in ${type}`)
    }
  })

  it("is objected to where the value does not fit, with the way out and without the value", () => {
    assert.strictEqual(
      Fields.objection(field("gold"), { key: "seats", type: "checkbox", active: true }),
      'Zendesk\'s organization field "seats" is of type checkbox, and the values of "Seats" need text or textarea or ' +
        "regexp or dropdown. Give the computation another key, or delete the field in Admin Center under " +
        "People > Configuration and let Tributary create it again."
    )
    assert.include(Fields.objection(field(12.5), { key: "seats", type: "integer" }), "need decimal")
    assert.include(Fields.objection(field(true), { key: "seats", type: "text" }), "need checkbox")
    assert.include(Fields.objection(field(true), { key: "seats", type: "checkbox", active: false }), "is not active")
  })
})

describe("external ids asked for together", () => {
  const many = (count: number, name: (no: number) => string) => Array.from({ length: count }, (_, no) => name(no))

  it("are 100 at most, each once", () => {
    const ids = many(201, (no) => `u${no}`)
    assert.deepStrictEqual(
      Memberships.askTogether([...ids, ...ids]).map((group) => group.length),
      [100, 100, 1]
    )
    assert.deepStrictEqual(Memberships.askTogether([]), [])
  })

  it("make an address that proxies take, however long they are", () => {
    const ids = many(100, (no) => `${"ü".repeat(120)}${no}`)
    const groups = Memberships.askTogether(ids)
    assert.deepStrictEqual(groups.flat(), ids)
    for (const group of groups) assert.isBelow(encodeURIComponent(group.join(",")).length, 4001)
  })

  it("leave out an id with a comma, which would read as two other users", () => {
    assert.deepStrictEqual(Memberships.askTogether(["a,b", "c", ""]), [["c"]])
  })
})

describe("R28 limits", () => {
  it("R28 are 50 requests a second, ten at a time", () => {
    assert.deepStrictEqual(Zendesk.declaration.limits, [
      { _tag: "Requests", count: 50, windowMillis: 1000, isCap: true },
      { _tag: "Concurrent", count: 10 }
    ])
  })

  it("R28 come down to what the headers say, in seconds", () => {
    assert.deepStrictEqual(quota({ headers: { "ratelimit-remaining": "0", "ratelimit-reset": "42" } }), {
      remaining: 0,
      resetMillis: 42_000
    })
    assert.deepStrictEqual(quota({ headers: { "x-rate-limit-remaining": "699" } }), {
      remaining: 699,
      resetMillis: 60_000
    })
  })

  it("R28 stay as they are where the headers say nothing that can be read", () => {
    assert.strictEqual(quota({ headers: {} }), undefined)
    assert.strictEqual(quota({ headers: { "ratelimit-remaining": "", "ratelimit-reset": "42" } }), undefined)
    assert.strictEqual(quota({ headers: { "ratelimit-remaining": "many" } }), undefined)
  })
})
