// The requests, literally, as HubSpot's API of 2026-09 has them.
import { Outcome } from "@tributary/core"
import { Effect } from "effect"
import { assert, describe, it } from "vitest"
import { identify, isVip, member, run, seats } from "./support/hubspot.ts"

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

  it("R33 a trait whose key is no name of a property costs the others nothing", () =>
    run(({ context, event, state }) =>
      Effect.gen(function* () {
        yield* event.prepare?.([{ ...seats, key: "Total Revenue" }, seats], context) ?? Effect.void
        assert.strictEqual(state().properties["seats"], "number")
        assert.deepStrictEqual(
          yield* event.deliver(
            [identify("ada@example.com", { "Total Revenue": 1 }), identify("bob@example.com", { seats: 1 })],
            context
          ),
          [Outcome.rejected('HubSpot refuses it: Property "Total Revenue" does not exist'), Outcome.delivered]
        )
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
            "POST /crm/objects/2026-09/contacts/batch/read",
            "POST /crm/objects/2026-09/contacts/batch/upsert",
            `PUT /crm/lists/2026-09/${id}/memberships/add`,
            "POST /crm/objects/2026-09/contacts/batch/read",
            `PUT /crm/lists/2026-09/${id}/memberships/remove`
          ]
        )
        assert.deepStrictEqual(seen[1]?.body, {
          inputs: ["ada@example.com", "ada@work.example", "bob@example.com"].map((email, i) => ({
            id: email,
            idProperty: "email",
            objectWriteTraceId: String(i),
            properties: { email }
          }))
        })
        assert.sameMembers(Object(seen[2]?.body), ["1002", "1003", "1004"])
        assert.deepStrictEqual(seen[3]?.body, {
          idProperty: "email",
          inputs: [{ id: "bob@example.com" }, { id: "who@example.com" }],
          properties: ["email", "hs_additional_emails"],
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
})
