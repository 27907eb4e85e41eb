import { assert, describe, it } from "@effect/vitest"
import { Outcome, RateLimit } from "@tributary/core"
import { Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import { group, identify, layers, make } from "./connected.ts"

const userFields = [
  { key: "total_revenue_180_days", type: "decimal" },
  { key: "first_time_shopper", type: "checkbox" },
  { key: "motto", type: "text" },
  { key: "renewal", type: "date" }
] as const
const organizationFields = [{ key: "seats", type: "decimal" }] as const

/** Answers once with this, for the requests whose path ends so. */
const once = (end: string, status: number, body: unknown, headers?: Readonly<Record<string, string>>) => {
  let left = 1
  return (request: { readonly path: string }) =>
    request.path.endsWith(end) && left-- > 0
      ? { status, body, ...(headers === undefined ? {} : { headers }) }
      : undefined
}

describe("identify", () => {
  it.effect("R4 is one POST to create_or_update, and Zendesk then holds the user", () =>
    Effect.gen(function* () {
      const zendesk = yield* make({ userFields })
      const outcomes = yield* zendesk.deliver(identify("user_id", "u1", { total_revenue_180_days: 450 }))
      assert.deepStrictEqual(outcomes, [Outcome.delivered])
      assert.deepStrictEqual(zendesk.seen, [
        {
          method: "POST",
          path: "/api/v2/users/create_or_update",
          query: {},
          body: {
            user: {
              external_id: "u1",
              name: "Ada Lovelace",
              skip_verify_email: true,
              user_fields: { total_revenue_180_days: 450 }
            }
          }
        }
      ])
      assert.deepStrictEqual(zendesk.state().users, [
        {
          id: 1005,
          name: "Ada Lovelace",
          email: null,
          emails: [],
          external_id: "u1",
          role: "end-user",
          user_fields: { total_revenue_180_days: 450 },
          organization_ids: []
        }
      ])
    }).pipe(Effect.provide(layers()))
  )

  for (const first of ["address", "user id"]) {
    it.effect(`R20 a person with a user id and an address is one user, where the ${first} is told first`, () =>
      Effect.gen(function* () {
        const zendesk = yield* make({ userFields })
        const byAddress = identify("email", "ada@example.com", { total_revenue_180_days: 450 })
        const byId = {
          ...identify("user_id", "u1", { total_revenue_180_days: 450 }),
          siblings: [{ type: "email", value: "ada@example.com" }] as const
        }
        for (const call of first === "address" ? [byAddress, byId] : [byId, byAddress]) {
          assert.deepStrictEqual(yield* zendesk.deliver(call), [Outcome.delivered])
        }
        assert.deepStrictEqual(
          zendesk.state().users.map((user) => [user.external_id, user.email]),
          [["u1", "ada@example.com"]]
        )
      }).pipe(Effect.provide(layers()))
    )
  }

  it.effect("R3 changes values, empties them, and leaves the others as they are", () =>
    Effect.gen(function* () {
      const zendesk = yield* make({ userFields })
      yield* zendesk.deliver(identify("email", "ada@example.com", { total_revenue_180_days: 450, motto: "Ça ira 🎩" }))
      yield* zendesk.deliver(identify("email", "ada@example.com", { first_time_shopper: true, renewal: "2026-12-01" }))
      yield* zendesk.deliver(identify("email", "ada@example.com", { first_time_shopper: false, renewal: null }))
      assert.deepStrictEqual(
        zendesk.state().users.map((user) => user.user_fields),
        [{ total_revenue_180_days: 450, motto: "Ça ira 🎩", first_time_shopper: false }]
      )
    }).pipe(Effect.provide(layers()))
  )

  it.effect("mails nobody", () =>
    Effect.gen(function* () {
      const zendesk = yield* make({ userFields })
      yield* zendesk.deliver(identify("email", "ada@example.com", { first_time_shopper: true }))
      assert.strictEqual(zendesk.state().mails, 0)
      assert.strictEqual(zendesk.state().users.length, 1)
    }).pipe(Effect.provide(layers()))
  )

  it.effect("is the same user and the same state when it is sent twice", () =>
    Effect.gen(function* () {
      const zendesk = yield* make({ userFields })
      const call = identify("user_id", "u1", { first_time_shopper: true })
      yield* zendesk.deliver(call)
      const before = zendesk.state()
      assert.deepStrictEqual(yield* zendesk.deliver(call), [Outcome.delivered])
      assert.deepStrictEqual(zendesk.state(), before)
    }).pipe(Effect.provide(layers()))
  )

  it.effect(
    "R33 is rejected with Zendesk's words and no address where the value does not fit or the user may not be changed",
    () =>
      Effect.gen(function* () {
        const zendesk = yield* make({ userFields, agents: ["agent@example.com"] })
        assert.deepStrictEqual(yield* zendesk.deliver(identify("user_id", "u1", { renewal: "soon" })), [
          Outcome.rejected("422 RecordInvalid: renewal: is not valid for a date (InvalidValue)")
        ])
        const [agent] = yield* zendesk.deliver(identify("email", "agent@example.com", { first_time_shopper: true }))
        assert.strictEqual(agent?._tag, "Rejected")
        const [odd] = yield* zendesk.deliver(identify("email", "no-address", { first_time_shopper: true }))
        assert.deepStrictEqual(odd, Outcome.rejected("422 RecordInvalid: Email: no*** is not properly formatted"))
      }).pipe(Effect.provide(layers()))
  )

  it.effect("is rejected where Zendesk dropped the value without a word", () =>
    Effect.gen(function* () {
      const zendesk = yield* make({ userFields })
      const [outcome] = yield* zendesk.deliver(identify("user_id", "u1", { deleted_since: 1 }))
      assert.strictEqual(outcome?._tag, "Rejected")
      assert.include(outcome?._tag === "Rejected" ? outcome.reason : "", '"deleted_since"')
    }).pipe(Effect.provide(layers()))
  )

  it.effect("R33 waits a minute for the user who had five writes, and tells the next one", () =>
    Effect.gen(function* () {
      const zendesk = yield* make({ userFields })
      for (let value = 0; value < 5; value++) {
        yield* zendesk.deliver(identify("user_id", "u1", { total_revenue_180_days: value }))
      }
      assert.deepStrictEqual(yield* zendesk.deliver(identify("user_id", "u1", { total_revenue_180_days: 5 })), [
        Outcome.retry(
          "429 You have exceeded the rate limit for updating a single unique user. user email: id: external_id:",
          60_000
        )
      ])
      assert.deepStrictEqual(yield* zendesk.deliver(identify("user_id", "u2", { total_revenue_180_days: 5 })), [
        Outcome.delivered
      ])
      yield* TestClock.adjust("60 seconds")
      assert.deepStrictEqual(yield* zendesk.deliver(identify("user_id", "u1", { total_revenue_180_days: 5 })), [
        Outcome.delivered
      ])
    }).pipe(Effect.provide(layers()))
  )
})

describe("the whole destination", () => {
  const call = identify("user_id", "u1", { first_time_shopper: true })

  it.effect("R28 is throttled for as long as Zendesk says when the account's budget is used up", () =>
    Effect.gen(function* () {
      const zendesk = yield* make({
        userFields,
        intercept: once("create_or_update", 429, "<html>slow down</html>", { "retry-after": "17" })
      })
      const failure = yield* Effect.flip(zendesk.deliver(call))
      assert.strictEqual(failure._tag, "Throttled")
      assert.propertyVal(failure, "retryAfterMillis", 17_000)
    }).pipe(Effect.provide(layers()))
  )

  it.effect("R28 pauses before Zendesk has to refuse, because the headers say that nothing is left", () =>
    Effect.gen(function* () {
      const zendesk = yield* make({ userFields, requestsPerMinute: 2 }, [RateLimit.concurrent(10)])
      yield* zendesk.deliver(identify("user_id", "u1", { first_time_shopper: true }))
      yield* zendesk.deliver(identify("user_id", "u2", { first_time_shopper: true }))
      const third = yield* Effect.forkChild(zendesk.deliver(identify("user_id", "u3", { first_time_shopper: true })))
      yield* TestClock.adjust("59 seconds")
      yield* Effect.promise(() => new Promise((resolve) => setImmediate(resolve))).pipe(Effect.repeat({ times: 50 }))
      assert.strictEqual(zendesk.seen.length, 2)
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(yield* Fiber.join(third), [Outcome.delivered])
    }).pipe(Effect.provide(layers()))
  )

  it.effect("R33 fails as unavailable at 5xx, at half a body and at a page of HTML, and is told later", () =>
    Effect.gen(function* () {
      for (const [status, body] of [
        [500, "<html>Internal error</html>"],
        [500, { user: { id: 1 } }],
        [502, ""],
        [503, { error: "DatabaseError" }],
        [200, '{"user":{"id":1'],
        [200, "<html>Sign in</html>"],
        [200, ""]
      ] as const) {
        yield* Effect.gen(function* () {
          const zendesk = yield* make({ userFields, intercept: once("create_or_update", status, body) })
          assert.strictEqual((yield* Effect.flip(zendesk.deliver(call)))._tag, "Unavailable", `${status} ${body}`)
          assert.deepStrictEqual(yield* zendesk.deliver(call), [Outcome.delivered])
        }).pipe(Effect.provide(layers()))
      }
    })
  )

  it.effect("fails as too large at 413", () =>
    Effect.gen(function* () {
      const zendesk = yield* make({ userFields, intercept: once("create_or_update", 413, "Request Entity Too Large") })
      assert.strictEqual((yield* Effect.flip(zendesk.deliver(call)))._tag, "PayloadTooLarge")
    }).pipe(Effect.provide(layers()))
  )

  it.effect("R33 stops at 403 with what to do", () =>
    Effect.gen(function* () {
      const body = { error: { title: "Forbidden", message: "You do not have access" } }
      const zendesk = yield* make({ userFields, intercept: once("create_or_update", 403, body) })
      const failure = yield* Effect.flip(zendesk.deliver(call))
      assert.strictEqual(failure._tag, "Unauthorized")
      assert.include(failure.message, "Authorize the OAuth client as an admin")
    }).pipe(Effect.provide(layers()))
  )

  it.effect("refreshes an expired token once for all requests, with the newest refresh token", () =>
    Effect.gen(function* () {
      const zendesk = yield* make({ userFields, accessTokenSeconds: 300 })
      yield* zendesk.deliver(call)
      assert.strictEqual(zendesk.state().refreshes, 1)
      yield* TestClock.adjust("10 minutes")
      const ids = ["u2", "u3", "u4", "u5"]
      yield* Effect.forEach(ids, (id) => zendesk.deliver(identify("user_id", id, { first_time_shopper: true })), {
        concurrency: 4
      })
      assert.strictEqual(zendesk.state().refreshes, 2)
      assert.strictEqual(zendesk.state().users.length, 5)
    }).pipe(Effect.provide(layers()))
  )

  it.effect("refreshes and sends again where the token was revoked in between", () =>
    Effect.gen(function* () {
      const zendesk = yield* make({ userFields, intercept: once("create_or_update", 401, { error: "invalid_token" }) })
      assert.deepStrictEqual(yield* zendesk.deliver(call), [Outcome.delivered])
      assert.strictEqual(zendesk.state().refreshes, 2)
    }).pipe(Effect.provide(layers()))
  )

  it.effect("R33 stops where the refresh token is dead, and shows no token", () =>
    Effect.gen(function* () {
      const body = { error: "invalid_grant", error_description: "sandbox-refresh-0 is dead" }
      const zendesk = yield* make({ userFields, intercept: once("/oauth/tokens", 400, body) })
      const failure = yield* Effect.flip(zendesk.deliver(call))
      assert.strictEqual(failure._tag, "Unauthorized")
      assert.include(failure.message, "invalid_grant")
      assert.notInclude(JSON.stringify(failure), "sandbox-refresh")
    }).pipe(Effect.provide(layers()))
  )
})

describe("group", () => {
  it.effect("R6 is one POST to create_or_update where the account has no users", () =>
    Effect.gen(function* () {
      const zendesk = yield* make({ organizationFields })
      assert.deepStrictEqual(yield* zendesk.deliver(group("a1", { seats: 12 })), [Outcome.delivered])
      assert.deepStrictEqual(zendesk.seen, [
        {
          method: "POST",
          path: "/api/v2/organizations/create_or_update",
          query: {},
          body: {
            organization: { external_id: "a1", name: "Analytical Engines Ltd", organization_fields: { seats: 12 } }
          }
        }
      ])
      assert.deepStrictEqual(zendesk.state().organizations, [
        { id: 1002, name: "Analytical Engines Ltd", external_id: "a1", organization_fields: { seats: 12 } }
      ])
    }).pipe(Effect.provide(layers()))
  )

  it.effect("R9 puts the users that Zendesk knows into the organization, each once", () =>
    Effect.gen(function* () {
      const zendesk = yield* make({ userFields, organizationFields })
      yield* zendesk.deliver(identify("user_id", "u1", { first_time_shopper: true }))
      yield* zendesk.deliver(identify("user_id", "u2", { first_time_shopper: true }))
      yield* zendesk.deliver(group("a1", { seats: 12 }, ["u1"]))
      zendesk.seen.length = 0
      assert.deepStrictEqual(yield* zendesk.deliver(group("a1", { seats: 13 }, ["u1", "u2", "unknown"])), [
        Outcome.delivered
      ])
      const id = zendesk.state().organizations[0]?.id ?? -1
      const [, second] = zendesk.state().users
      assert.deepStrictEqual(zendesk.seen.slice(1), [
        { method: "GET", path: "/api/v2/users/show_many", query: { external_ids: "u1,u2,unknown" }, body: undefined },
        {
          method: "GET",
          path: `/api/v2/organizations/${id}/organization_memberships`,
          query: { "page[size]": "100" },
          body: undefined
        },
        {
          method: "POST",
          path: "/api/v2/organization_memberships",
          query: {},
          body: { organization_membership: { user_id: second?.id, organization_id: id } }
        }
      ])
      assert.deepStrictEqual(
        zendesk.state().users.map((user) => user.organization_ids),
        [[id], [id]]
      )
    }).pipe(Effect.provide(layers()))
  )

  it.effect("reads all pages of an organization's members before it adds one", () =>
    Effect.gen(function* () {
      const zendesk = yield* make({ userFields, organizationFields })
      const ids = Array.from({ length: 230 }, (_, no) => `u${no}`)
      yield* Effect.forEach(ids, (id) => zendesk.deliver(identify("user_id", id, {})), { concurrency: 8 })
      yield* zendesk.deliver(group("a1", { seats: 1 }, ids))
      zendesk.seen.length = 0
      yield* zendesk.deliver(group("a1", { seats: 2 }, ids))
      const paths = zendesk.seen.map(({ method, path }) => `${method} ${path.split("/").at(-1)}`)
      assert.deepStrictEqual(paths, [
        "POST create_or_update",
        "GET show_many",
        "GET show_many",
        "GET show_many",
        "GET organization_memberships",
        "GET organization_memberships",
        "GET organization_memberships"
      ])
      assert.isTrue(zendesk.state().users.every((user) => user.organization_ids.length === 1))
    }).pipe(Effect.provide(layers()))
  )

  it.effect("finds a user whose id was sent in another case", () =>
    Effect.gen(function* () {
      const zendesk = yield* make({ organizationFields })
      yield* zendesk.deliver(identify("user_id", "User-1", {}))
      yield* zendesk.deliver(group("a1", {}, ["USER-1"]))
      assert.strictEqual(zendesk.state().users[0]?.organization_ids.length, 1)
    }).pipe(Effect.provide(layers()))
  )

  it.effect("takes a membership that somebody else made in between as made", () =>
    Effect.gen(function* () {
      // Every list of members is empty, as it would be to one who read it a moment too early.
      const zendesk = yield* make({
        organizationFields,
        intercept: ({ method, path }) =>
          method === "GET" && path.endsWith("/organization_memberships")
            ? { status: 200, body: { organization_memberships: [], meta: { has_more: false } } }
            : undefined
      })
      yield* zendesk.deliver(identify("user_id", "u1", {}))
      yield* zendesk.deliver(group("a1", {}, ["u1"]))
      assert.deepStrictEqual(yield* zendesk.deliver(group("a1", {}, ["u1"])), [Outcome.delivered])
      assert.strictEqual(zendesk.seen.filter(({ path }) => path === "/api/v2/organization_memberships").length, 2)
      assert.strictEqual(zendesk.state().users[0]?.organization_ids.length, 1)
    }).pipe(Effect.provide(layers()))
  )

  it.effect("is rejected where another organization has the name", () =>
    Effect.gen(function* () {
      const zendesk = yield* make({ organizationFields })
      yield* zendesk.deliver(group("a1", { seats: 1 }))
      assert.deepStrictEqual(yield* zendesk.deliver(group("a2", { seats: 1 }, [], "Analytical Engines Ltd ")), [
        Outcome.rejected("422 RecordInvalid: Name: Analytical Engines Ltd has already been taken (DuplicateValue)")
      ])
    }).pipe(Effect.provide(layers()))
  )

  it.effect("R33 waits a minute for the organization that had five writes", () =>
    Effect.gen(function* () {
      const zendesk = yield* make({ organizationFields })
      for (let value = 0; value < 5; value++) yield* zendesk.deliver(group("a1", { seats: value }))
      const [outcome] = yield* zendesk.deliver(group("a1", { seats: 5 }))
      assert.strictEqual(outcome?._tag, "Retry")
      assert.propertyVal(outcome, "afterMillis", 60_000)
      assert.deepStrictEqual(yield* zendesk.deliver(group("a2", { seats: 5 }, [], "Other")), [Outcome.delivered])
    }).pipe(Effect.provide(layers()))
  )

  it.effect("R33 adds the other users where Zendesk refuses one of them, and says so", () =>
    Effect.gen(function* () {
      const body = { error: "RecordInvalid", description: "User has too many organizations" }
      const zendesk = yield* make({ organizationFields, intercept: once("v2/organization_memberships", 422, body) })
      const ids = ["u1", "u2", "u3"]
      yield* Effect.forEach(ids, (id) => zendesk.deliver(identify("user_id", id, {})))
      assert.deepStrictEqual(yield* zendesk.deliver(group("a1", { seats: 5 }, ids)), [
        Outcome.rejected(
          "Zendesk took the organization, and refused 1 of 3 new memberships. " +
            "The first: 422 RecordInvalid: User has too many organizations"
        )
      ])
      assert.strictEqual(zendesk.state().users.filter((user) => user.organization_ids.length === 1).length, 2)
      assert.deepStrictEqual(yield* zendesk.deliver(group("a1", { seats: 5 }, ids)), [Outcome.delivered])
      assert.isTrue(zendesk.state().users.every((user) => user.organization_ids.length === 1))
    }).pipe(Effect.provide(layers()))
  )

  it.effect("R33 is told again as a whole where a step after the first fails", () =>
    Effect.gen(function* () {
      const zendesk = yield* make({ organizationFields, intercept: once("/users/show_many", 503, "") })
      yield* zendesk.deliver(identify("user_id", "u1", {}))
      const call = group("a1", { seats: 1 }, ["u1"])
      assert.strictEqual((yield* Effect.flip(zendesk.deliver(call)))._tag, "Unavailable")
      assert.deepStrictEqual(yield* zendesk.deliver(call), [Outcome.delivered])
      assert.strictEqual(zendesk.state().users[0]?.organization_ids.length, 1)
    }).pipe(Effect.provide(layers()))
  )
})
