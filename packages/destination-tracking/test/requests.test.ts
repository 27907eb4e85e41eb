// The requests, literally, as Segment's documents have them (rules R4 to R12).
import { type Call, Outcome, type Sandbox } from "@tributary/core"
import { Connection, RateLimiter } from "@tributary/core/runtime"
import { connect, serve } from "@tributary/core/testing"
import { Effect, Layer } from "effect"
import { FetchHttpClient } from "effect/http"
import { assert, it } from "vitest"
import { Tracking } from "../src/index.ts"
import * as Sandboxes from "../src/sandbox/index.ts"

const base = {
  siblings: [],
  joins: [],
  existingOnly: false,
  required: {},
  messageId: "m-1",
  timestamp: "2026-01-02T03:04:05.678Z",
  personas: {
    computation_class: "audience",
    computation_id: "aud_first_time_shopper",
    computation_key: "first_time_shopper",
    namespace: "acme",
    space_id: "acme"
  }
} as const

const context = { personas: base.personas }
const envelope = { messageId: "m-1", timestamp: "2026-01-02T03:04:05.678Z" }

const deliver = (calls: readonly [Call.Call, ...ReadonlyArray<Call.Call>]) =>
  Effect.gen(function* () {
    const seen: Array<Sandbox.SandboxRequest> = []
    const sandbox = Sandboxes.make()
    const { baseUrl } = yield* serve({
      ...sandbox,
      handle: (request, now) => {
        seen.push(request)
        return sandbox.handle(request, now)
      }
    })
    const { bound, context } = yield* connect(Tracking.sandboxed("segment", sandbox.settings(baseUrl)))
    const outcomes = yield* bound.event?.deliver(calls, context) ?? Effect.succeed([])
    return { outcomes, seen, state: sandbox.state(0) }
  }).pipe(
    Effect.scoped,
    Effect.provide(
      Layer.mergeAll(FetchHttpClient.layer, Connection.TokenStore.layerMemory, RateLimiter.RateLimiter.layer)
    ),
    Effect.runPromise
  )

const user = { type: "user_id", value: "u1" } as const
const email = { type: "email", value: "ada@example.com" } as const

it("R4 R5 R6 R8 R11 R12 a batch is what the Tracking API takes", async () => {
  const { outcomes, seen } = await deliver([
    { ...base, type: "identify", identifier: user, traits: { first_time_shopper: true } },
    { ...base, type: "identify", identifier: email, traits: { first_time_shopper: true } },
    {
      ...base,
      type: "track",
      identifier: email,
      event: "Audience Entered",
      properties: { audience_key: "first_time_shopper", first_time_shopper: true }
    },
    { ...base, type: "identify", identifier: { type: "ios.idfa", value: "I-1" }, traits: { first_time_shopper: true } },
    {
      ...base,
      type: "group",
      identifier: { type: "group_id", value: "g1" },
      groupId: "g1",
      traits: { seats: 12 },
      users: []
    }
  ])
  assert.deepStrictEqual(outcomes, Outcome.all(Array.from({ length: 5 }), Outcome.delivered))
  assert.deepInclude(seen[0], { method: "POST", path: "/v1/batch" })
  assert.strictEqual(seen[0]?.headers["authorization"], "Basic dHJhY2tpbmctc2FuZGJveC1rZXk6")
  assert.deepStrictEqual(JSON.parse(seen[0]?.body ?? ""), {
    batch: [
      { type: "identify", userId: "u1", traits: { first_time_shopper: true }, context, ...envelope },
      {
        type: "identify",
        anonymousId: "1a37e54255468782",
        traits: { first_time_shopper: true, email: "ada@example.com" },
        context,
        ...envelope
      },
      {
        type: "track",
        anonymousId: "1a37e54255468782",
        event: "Audience Entered",
        properties: { audience_key: "first_time_shopper", first_time_shopper: true },
        context: { ...context, traits: { email: "ada@example.com" } },
        ...envelope
      },
      {
        type: "identify",
        anonymousId: "22c074c61a6bf897",
        traits: { first_time_shopper: true },
        context: { ...context, externalIds: [{ id: "I-1", type: "ios.idfa", collection: "users", encoding: "none" }] },
        ...envelope
      },
      { type: "group", groupId: "g1", traits: { seats: 12 }, context, anonymousId: "a3a69c566649e146", ...envelope }
    ]
  })
})

const account = { ...base, type: "group", identifier: { type: "group_id", value: "g1" }, groupId: "g1" } as const

it("R6 R44 every user of an account joins its group by name, and the account's traits are sent once", async () => {
  const { outcomes, seen, state } = await deliver([
    { ...account, traits: { seats: 12 }, users: ["u1", "u2", "u3"] },
    { ...base, messageId: "m-2", type: "identify", identifier: user, traits: { vip: true } }
  ])
  assert.deepStrictEqual(outcomes, [Outcome.delivered, Outcome.delivered])
  assert.strictEqual(seen.length, 1)
  assert.deepStrictEqual(JSON.parse(seen[0]?.body ?? ""), {
    batch: [
      { type: "group", groupId: "g1", userId: "u1", traits: { seats: 12 }, context, ...envelope },
      {
        type: "group",
        groupId: "g1",
        userId: "u2",
        traits: {},
        context,
        ...envelope,
        messageId: "m-1-6ca202c88e549dff"
      },
      {
        type: "group",
        groupId: "g1",
        userId: "u3",
        traits: {},
        context,
        ...envelope,
        messageId: "m-1-011e39efe22590f4"
      },
      { type: "identify", userId: "u1", traits: { vip: true }, context, ...envelope, messageId: "m-2" }
    ]
  })
  assert.deepStrictEqual(state.memberships, { g1: ["u1", "u2", "u3"] })
  assert.deepStrictEqual(state.groups, { g1: { seats: 12 } })
  assert.deepStrictEqual(state.dropped, [])
})

it("R6 an account with more users than a request holds has several requests, and is delivered when all are", async () => {
  const users = Array.from({ length: 1201 }, (_, i) => `u${i}`)
  const { outcomes, seen, state } = await deliver([{ ...account, traits: { seats: 12 }, users }])
  assert.deepStrictEqual(outcomes, [Outcome.delivered])
  assert.deepStrictEqual(
    seen.map(({ body }) => JSON.parse(body).batch.length),
    [500, 500, 201]
  )
  assert.deepStrictEqual(state.memberships["g1"], users.toSorted())
})

it("R33 a call of more than 32 KB is rejected, and nothing is sent that Segment would drop behind a 200", async () => {
  const { outcomes, state } = await deliver([
    { ...base, type: "identify", identifier: user, traits: { bio: "x".repeat(33_000) } },
    { ...base, messageId: "m-2", type: "identify", identifier: user, traits: { seats: 1 } }
  ])
  assert.deepStrictEqual(outcomes, [Outcome.rejected("The call has more than 32000 bytes."), Outcome.delivered])
  assert.deepStrictEqual(state.dropped, [])
  assert.deepStrictEqual(state.users["u1"], { seats: 1 })
})
