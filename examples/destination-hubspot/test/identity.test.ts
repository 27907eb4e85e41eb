// By what HubSpot matches contacts, and which it joins.
import { Outcome } from "@tributary/core"
import { Effect } from "effect"
import { assert, describe, it } from "vitest"
import { identify, member, run } from "./support/hubspot.ts"

const objects = "/crm/objects/2026-09/contacts"

/** The ids of an account whose contact `new@example.com` has the additional address `old@example.com`. */
const merged = (others: (method: string, path: string, body?: unknown) => { readonly body?: unknown }) => {
  const write = (email: string, i: number) => ({
    id: email,
    idProperty: "email",
    objectWriteTraceId: String(i),
    properties: {}
  })
  others("POST", `${objects}/batch/upsert`, { inputs: ["new@example.com", "old@example.com"].map(write) })
  const { body } = others("POST", `${objects}/merge`, { primaryObjectId: "1001", objectIdToMerge: "1002" })
  return String(Object(body).id)
}

describe("HubSpot matches", () => {
  it("R43 by the address, trimmed and in lower case; what is no address has a reason", () =>
    run(({ bound }) =>
      Effect.sync(() => {
        const key = bound.keys["email"]
        assert.deepStrictEqual(
          [
            " Ada.L+x@Example.COM\n",
            "ada.l+x@example.com",
            "no address",
            "ada",
            "a@b@c.example",
            "@x.example",
            " "
          ].map((value) => key?.(value)),
          [
            { key: "ada.l+x@example.com" },
            { key: "ada.l+x@example.com" },
            { reason: "it is not an address" },
            { reason: "it is not an address" },
            { reason: "it is not an address" },
            { reason: "it is not an address" },
            { reason: "it is blank" }
          ]
        )
      })
    ))

  it("R43 spellings of one address are one input of a write and of a look-up, trimmed and in lower case", () =>
    run(({ context, event, list, seen, state }) =>
      Effect.gen(function* () {
        const id = yield* list.create({ name: "Big spenders", description: "" }, context)
        seen.length = 0
        const spellings = [member(" Ada@Example.com", "ada@example.com"), member("ADA@example.com ")] as const
        assert.deepStrictEqual(yield* list.add(id, spellings, context), [Outcome.delivered, Outcome.delivered])
        assert.deepStrictEqual(seen[0]?.body, {
          idProperty: "email",
          inputs: [{ id: "ada@example.com" }],
          properties: ["email", "hs_additional_emails"],
          propertiesWithHistory: []
        })
        assert.strictEqual(seen.length, 3)
        assert.deepStrictEqual(state().lists[0]?.members, ["1002"])
        assert.deepStrictEqual(
          yield* event.deliver(
            [
              identify(" ADA@example.com", { city: "London" }),
              identify("ada@example.com ", { phone: "+44 20 7946 0018" })
            ],
            context
          ),
          [Outcome.delivered, Outcome.delivered]
        )
        yield* list.discard(id, spellings, context)
        assert.deepStrictEqual(state().lists[0]?.members, [])
        assert.deepStrictEqual(state().contacts, [
          { id: "1002", properties: { email: "ada@example.com", city: "London", phone: "+44 20 7946 0018" } }
        ])
      })
    ))

  it("a contact by its additional addresses too: it is put on a list, and taken off, without being written", () =>
    run(({ context, event, list, others, seen, state }) =>
      Effect.gen(function* () {
        const survivor = merged(others)
        assert.deepStrictEqual(
          state().contacts.map(({ id }) => id),
          [survivor]
        )
        const id = yield* list.create({ name: "Big spenders", description: "" }, context)
        seen.length = 0
        assert.deepStrictEqual(yield* list.add(id, [member("old@example.com")], context), [Outcome.delivered])
        assert.deepStrictEqual(state().lists[0]?.members, [survivor])
        assert.deepStrictEqual(
          seen.map(({ path }) => path),
          [`${objects}/batch/read`, `/crm/lists/2026-09/${id}/memberships/add`]
        )
        assert.deepStrictEqual(yield* event.deliver([identify("old@example.com", { city: "Ur" })], context), [
          Outcome.delivered
        ])
        assert.deepStrictEqual(
          state().contacts.map(({ properties }) => [properties["email"], properties["city"]]),
          [["new@example.com", "Ur"]]
        )
        yield* list.discard(id, [member("old@example.com")], context)
        assert.deepStrictEqual(state().lists[0]?.members, [])
      })
    ))

  it("no contact by an address of one that is archived: it is created, with another id", () =>
    run(({ context, list, others, state }) =>
      Effect.gen(function* () {
        const id = yield* list.create({ name: "Big spenders", description: "" }, context)
        yield* list.add(id, [member("ada@example.com")], context)
        assert.strictEqual(others("DELETE", `${objects}/1002`).status, 204)
        assert.deepStrictEqual(state().lists[0]?.members, [])
        yield* list.add(id, [member("ada@example.com")], context)
        assert.deepStrictEqual(state().lists[0]?.members, ["1003"])
      })
    ))

  it("a contact that is gone between two requests is looked up again, and not taken for listed", () =>
    run(({ context, interference, list, others, state }) =>
      Effect.gen(function* () {
        const id = yield* list.create({ name: "Big spenders", description: "" }, context)
        interference.answer = ({ path }) => {
          if (path.endsWith("/memberships/add")) others("DELETE", `${objects}/1002`)
          return undefined
        }
        const members = [member("ada@example.com"), member("bob@example.com")] as const
        assert.deepStrictEqual(yield* list.add(id, members, context), [
          Outcome.retry("HubSpot has archived or merged this contact in the meantime."),
          Outcome.delivered
        ])
        interference.answer = () => undefined
        assert.deepStrictEqual(yield* list.add(id, members, context), [Outcome.delivered, Outcome.delivered])
        assert.deepStrictEqual(state().lists[0]?.members, ["1003", "1004"])
      })
    ))

  it("a removal creates no contact, and what is not an address costs the others nothing", () =>
    run(({ context, list, seen, state }) =>
      Effect.gen(function* () {
        const id = yield* list.create({ name: "Big spenders", description: "" }, context)
        yield* list.add(id, [member("ada@example.com")], context)
        seen.length = 0
        yield* list.discard(id, [member("ada@example.com", "no address"), member("who@example.com")], context)
        yield* list.discard(id, [member("no address")], context)
        assert.deepStrictEqual(
          seen.map(({ path }) => path),
          [`${objects}/batch/read`, `/crm/lists/2026-09/${id}/memberships/remove`]
        )
        assert.deepStrictEqual(state().lists[0]?.members, [])
        assert.strictEqual(state().contacts.length, 1)
      })
    ))

  it("values are texts: a number has no exponent, and nothing clears", () =>
    run(({ context, event, seen }) =>
      Effect.gen(function* () {
        const traits = { firstname: 1e21, lastname: -1.5e-7, city: null, company: true, jobtitle: ["b", 1] }
        yield* event.deliver([identify("ada@example.com", traits)], context)
        assert.deepStrictEqual(Object(seen[0]?.body).inputs[0].properties, {
          firstname: "1000000000000000000000",
          lastname: "-0.00000015",
          city: "",
          company: "true",
          jobtitle: `["b",1]`
        })
      })
    ))
})
