import { assert, describe, it } from "@effect/vitest"
import type { Destination } from "@tributary/core"
import { Effect } from "effect"
import { identify, layers, make } from "./connected.ts"

const revenue: Destination.Field = {
  key: "total_revenue_180_days",
  title: "Total revenue 180 days",
  collection: "users",
  sample: 450
}
const shopper: Destination.Field = {
  key: "first_time_shopper",
  title: "First time shopper",
  collection: "users",
  sample: true
}
const seats: Destination.Field = { key: "seats", title: "Seats", collection: "accounts", sample: 12 }

describe("fields before the first delivery", () => {
  it.effect("are created where they are missing, with the key of the trait and the computation's name", () =>
    Effect.gen(function* () {
      const zendesk = yield* make()
      const renewal: Destination.Field = { key: "renewal", title: "Renewal", collection: "users", sample: "2026-12-01" }
      const cart: Destination.Field = { key: "cart", title: "Cart", collection: "users", sample: ["a"] }
      yield* zendesk.prepare(revenue, seats, shopper, renewal, cart)
      assert.deepStrictEqual(
        zendesk.seen.map(({ method, path, query, body }) => [`${method} ${path}`, body ?? query]),
        [
          ["GET /api/v2/user_fields", { "page[size]": "100" }],
          [
            "POST /api/v2/user_fields",
            { user_field: { key: "total_revenue_180_days", title: "Total revenue 180 days", type: "decimal" } }
          ],
          [
            "POST /api/v2/user_fields",
            { user_field: { key: "first_time_shopper", title: "First time shopper", type: "checkbox" } }
          ],
          ["POST /api/v2/user_fields", { user_field: { key: "renewal", title: "Renewal", type: "date" } }],
          ["POST /api/v2/user_fields", { user_field: { key: "cart", title: "Cart", type: "text" } }],
          ["GET /api/v2/organization_fields", { "page[size]": "100" }],
          [
            "POST /api/v2/organization_fields",
            { organization_field: { key: "seats", title: "Seats", type: "decimal" } }
          ]
        ]
      )
      const [outcome] = yield* zendesk.deliver(
        identify("user_id", "u1", { total_revenue_180_days: 1, first_time_shopper: true, renewal: null, cart: ["b"] })
      )
      assert.strictEqual(outcome?._tag, "Delivered")
    }).pipe(Effect.provide(layers()))
  )

  it.effect("are left alone where they exist, on whatever page, and asked for once per collection", () =>
    Effect.gen(function* () {
      const others = Array.from({ length: 250 }, (_, no) => ({ key: `other_${no}`, type: "text" }) as const)
      const zendesk = yield* make({ userFields: [...others, { key: revenue.key, type: "integer" }] })
      yield* zendesk.prepare(revenue)
      assert.deepStrictEqual(
        zendesk.seen.map(({ method }) => method),
        ["GET", "GET", "GET"]
      )
    }).pipe(Effect.provide(layers()))
  )

  it.effect("are created once where two computations share a key", () =>
    Effect.gen(function* () {
      const zendesk = yield* make()
      yield* zendesk.prepare(shopper, shopper)
      assert.strictEqual(zendesk.state().user_fields.length, 1)
      assert.strictEqual(zendesk.seen.length, 2)
    }).pipe(Effect.provide(layers()))
  )

  it.effect("are a misconfiguration where one of another type stands in the way", () =>
    Effect.gen(function* () {
      const zendesk = yield* make({ userFields: [{ key: revenue.key, type: "text" }] })
      const failure = yield* Effect.flip(zendesk.prepare(revenue))
      assert.strictEqual(failure._tag, "Misconfigured")
      assert.include(failure.message, "is of type text")
      assert.include(failure.message, "Give the computation another key")
    }).pipe(Effect.provide(layers()))
  )

  it.effect("are a misconfiguration where Zendesk reserves the key, with a way out and Zendesk's words", () =>
    Effect.gen(function* () {
      const zendesk = yield* make()
      const failure = yield* Effect.flip(zendesk.prepare({ ...shopper, key: "channel" }))
      assert.strictEqual(failure._tag, "Misconfigured")
      assert.include(failure.message, 'does not create the user field "channel"')
      assert.include(failure.message, "Key: channel is reserved")
    }).pipe(Effect.provide(layers()))
  )

  it.effect("stop the destination where the token is not an admin's", () =>
    Effect.gen(function* () {
      const zendesk = yield* make({ admin: false })
      const failure = yield* Effect.flip(zendesk.prepare(shopper))
      assert.strictEqual(failure._tag, "Unauthorized")
      assert.include(failure.message, "as an admin")
    }).pipe(Effect.provide(layers()))
  )

  it.effect("are taken as made where somebody else made them in between", () =>
    Effect.gen(function* () {
      let lists = 0
      const zendesk = yield* make({
        userFields: [{ key: shopper.key, type: "checkbox" }],
        intercept: ({ method, path }) =>
          method === "GET" && path.endsWith("/user_fields") && lists++ === 0
            ? { status: 200, body: { user_fields: [], meta: { has_more: false, after_cursor: null } } }
            : undefined
      })
      yield* zendesk.prepare(shopper)
      assert.deepStrictEqual(
        zendesk.seen.map(({ method }) => method),
        ["GET", "POST", "GET"]
      )
    }).pipe(Effect.provide(layers()))
  )

  it.effect("are tried again later where Zendesk fails or is busy", () =>
    Effect.gen(function* () {
      for (const status of [409, 500, 503]) {
        const intercept = ({ path }: { readonly path: string }) =>
          path.endsWith("_fields") ? { status, body: "" } : undefined
        const failure = yield* Effect.flatMap(make({ intercept }), (zendesk) =>
          Effect.flip(zendesk.prepare(shopper))
        ).pipe(Effect.provide(layers()))
        assert.strictEqual(failure._tag, "Unavailable", `${status}`)
      }
    })
  )
})
