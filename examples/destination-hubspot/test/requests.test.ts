// The requests, literally, as HubSpot's API of 2026-09 has them.
import { type Call, type Destination, Outcome, type Sandbox } from "@tributary/core"
import { Connection, RateLimiter } from "@tributary/core/runtime"
import { connect, serve } from "@tributary/core/testing"
import { Effect, Layer } from "effect"
import { FetchHttpClient } from "effect/http"
import { assert, describe, it } from "vitest"
import * as Contacts from "../src/contacts.ts"
import { HubSpot } from "../src/index.ts"
import * as Sandboxes from "../src/sandbox/index.ts"

const connected = Effect.gen(function* () {
  const seen: Array<{ method: string; path: string; body: unknown }> = []
  const sandbox = Sandboxes.make()
  const { baseUrl } = yield* serve({
    ...sandbox,
    handle: (request: Sandbox.SandboxRequest, now: number) => {
      const { body, method, path } = request
      seen.push({ method, path, body: body === "" ? undefined : JSON.parse(body) })
      return sandbox.handle(request, now)
    }
  })
  const { bound, context } = yield* connect(HubSpot.sandboxed("hubspot", sandbox.settings(baseUrl)))
  const { event, list } = bound
  if (event === undefined || list === undefined) return yield* Effect.die(new Error("HubSpot has both forms."))
  return { context, event, list, seen, state: () => sandbox.state(0) }
})

const run = <A, E>(test: (hubspot: Effect.Success<typeof connected>) => Effect.Effect<A, E>) =>
  Effect.flatMap(connected, test).pipe(
    Effect.scoped,
    Effect.provide(
      Layer.mergeAll(FetchHttpClient.layer, Connection.TokenStore.layerMemory, RateLimiter.RateLimiter.layer)
    ),
    Effect.runPromise
  )

const identify = (email: string, traits: Call.Identify["traits"]): Call.Identify => ({
  type: "identify",
  identifier: { type: "email", value: email },
  siblings: [],
  joins: [],
  existingOnly: false,
  required: {},
  messageId: `m-${email}`,
  timestamp: "2026-11-23T12:00:00.000Z",
  personas: {
    computation_class: "trait",
    computation_id: "tra_seats",
    computation_key: "seats",
    namespace: "acme",
    space_id: "acme"
  },
  traits
})

const seats: Destination.Field = { key: "seats", title: "Seats", collection: "users", sample: 12 }
const isVip: Destination.Field = { key: "is_vip", title: "VIP", collection: "users", sample: true }

const member = (...email: ReadonlyArray<string>) => ({ identifiers: { email }, required: {} })

describe("HubSpot", () => {
  it("properties are created before they are used, and a batch is one request", () =>
    run((hubspot) =>
      Effect.gen(function* () {
        yield* hubspot.event.prepare?.([seats, isVip], hubspot.context) ?? Effect.void
        const outcomes = yield* hubspot.event.deliver(
          [identify("ada@example.com", { seats: 12, is_vip: true }), identify("bob@example.com", { seats: null })],
          hubspot.context
        )
        assert.deepStrictEqual(outcomes, [Outcome.delivered, Outcome.delivered])
        assert.deepStrictEqual(hubspot.seen, [
          { method: "GET", path: "/crm/properties/2026-09/contacts", body: undefined },
          {
            method: "POST",
            path: "/crm/properties/2026-09/contacts/batch/create",
            body: {
              inputs: [
                { name: "seats", label: "Seats", groupName: "contactinformation", type: "number", fieldType: "number" },
                {
                  name: "is_vip",
                  label: "VIP",
                  groupName: "contactinformation",
                  type: "bool",
                  fieldType: "booleancheckbox",
                  options: [
                    { label: "True", value: "true", displayOrder: 0, hidden: false },
                    { label: "False", value: "false", displayOrder: 1, hidden: false }
                  ]
                }
              ]
            }
          },
          {
            method: "POST",
            path: "/crm/objects/2026-09/contacts/batch/upsert",
            body: {
              inputs: [
                {
                  id: "ada@example.com",
                  idProperty: "email",
                  objectWriteTraceId: "0",
                  properties: { seats: "12", is_vip: "true" }
                },
                { id: "bob@example.com", idProperty: "email", objectWriteTraceId: "1", properties: { seats: "" } }
              ]
            }
          }
        ])
      })
    ))

  it("R33 two spellings of one address are one input, and a bad one costs nobody else", () =>
    run((hubspot) =>
      Effect.gen(function* () {
        yield* hubspot.event.prepare?.([seats], hubspot.context) ?? Effect.void
        const outcomes = yield* hubspot.event.deliver(
          [
            identify("Ada@example.com", { seats: 1 }),
            identify("nobody", { seats: 1 }),
            identify("ada@example.com", { seats: 2 })
          ],
          hubspot.context
        )
        assert.deepStrictEqual(outcomes, [
          Outcome.delivered,
          Outcome.rejected("HubSpot refuses it: Email address nobody is invalid"),
          Outcome.delivered
        ])
        assert.deepStrictEqual(hubspot.state().contacts, [
          { id: "1001", properties: { email: "ada@example.com", seats: "2" } }
        ])
      })
    ))

  it("a list takes the ids of contacts, and gives up those that are looked up", () =>
    run((hubspot) =>
      Effect.gen(function* () {
        const { context, list, seen } = hubspot
        const id = yield* list.create({ name: "Big spenders", description: "" }, context)
        seen.length = 0
        yield* list.add(id, [member("ada@example.com", "ada@work.example"), member("bob@example.com")], context)
        assert.deepStrictEqual(
          hubspot.state().lists.map(({ members }) => members),
          [["1002", "1003", "1004"]]
        )
        assert.deepStrictEqual(
          yield* list.discard(id, [member("bob@example.com"), member("who@example.com")], context),
          [Outcome.delivered, Outcome.delivered]
        )
        assert.deepStrictEqual(
          seen.map(({ method, path }) => `${method} ${path}`),
          [
            "POST /crm/objects/2026-09/contacts/batch/upsert",
            `PUT /crm/lists/2026-09/${id}/memberships/add`,
            "POST /crm/objects/2026-09/contacts/batch/read",
            `PUT /crm/lists/2026-09/${id}/memberships/remove`
          ]
        )
        assert.deepStrictEqual(seen[2]?.body, {
          idProperty: "email",
          inputs: [{ id: "bob@example.com" }, { id: "who@example.com" }],
          properties: ["email"],
          propertiesWithHistory: []
        })
        assert.deepStrictEqual(
          hubspot.state().lists.map(({ members }) => members),
          [["1002", "1003"]]
        )
      })
    ))

  it("members with more addresses than a batch of contacts holds are sent in halves", () =>
    run((hubspot) =>
      Effect.gen(function* () {
        const id = yield* hubspot.list.create({ name: "Many", description: "" }, hubspot.context)
        const many = Array.from({ length: 60 }, (_, i) => member(`a${i}@example.com`, `b${i}@example.com`))
        const [first = member(), ...rest] = many
        const error = yield* Effect.flip(hubspot.list.add(id, [first, ...rest], hubspot.context))
        assert.strictEqual(error._tag, "PayloadTooLarge")
      })
    ))

  it("R33 a contact of which HubSpot says nothing, in a batch that it calls complete, is told again", () => {
    const settled = Contacts.settle({ results: [{ id: "1001", objectWriteTraceId: "0", properties: {} }] })
    assert.deepStrictEqual(settled.outcome("0"), Outcome.delivered)
    assert.deepStrictEqual(settled.outcome("1"), Outcome.retry("HubSpot said nothing of this contact."))
  })
})
