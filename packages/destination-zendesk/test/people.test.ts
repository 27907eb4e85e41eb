import { assert, describe, it } from "@effect/vitest"
import { type Call, Outcome } from "@tributary/core"
import { Effect } from "effect"
import * as Event from "../src/event.ts"
import { identify, layers, make } from "./connected.ts"

const userFields = [
  { key: "vip", type: "checkbox" },
  { key: "renewal", type: "date" }
] as const
const upsert = "POST /users/create_or_update"

type Made = Effect.Success<ReturnType<typeof make>>

const person = (id: string, email: string, traits: Call.Identify["traits"] = { vip: true }) => ({
  ...identify("user_id", id, traits),
  siblings: [{ type: "email", value: email }] as const
})

/** The requests since the last time this was asked. */
const asked = ({ seen }: Made) =>
  seen.splice(0).map(({ body, method, path }) => {
    const line = `${method} ${path.slice("/api/v2".length).replace(/\d{3,}/g, "<id>")}`
    return body === undefined ? [line] : [line, body]
  })

const lines = (zendesk: Made) => asked(zendesk).map(([line]) => line)

const users = (zendesk: Made) =>
  zendesk.state().users.map(({ emails, external_id, user_fields }) => [external_id, emails, user_fields])

describe("a person with a user id and an address", () => {
  it.effect("R44 is looked for by the id, then by the address, and created where neither is known", () =>
    Effect.gen(function* () {
      const zendesk = yield* make({ userFields })
      assert.deepStrictEqual(yield* zendesk.deliver(person("u1", " Ada@Example.com")), [Outcome.delivered])
      const skip_verify_email = true
      const user_fields = { vip: true }
      assert.deepStrictEqual(asked(zendesk), [
        [upsert, { user: { external_id: "u1", skip_verify_email, user_fields } }],
        [upsert, { user: { email: "ada@example.com", skip_verify_email } }],
        [
          upsert,
          {
            user: { external_id: "u1", email: "ada@example.com", name: "Ada Lovelace", skip_verify_email, user_fields }
          }
        ]
      ])
      assert.strictEqual(zendesk.state().mails, 0)
      yield* zendesk.deliver(person("u1", "ada@example.com", { vip: false }))
      assert.deepStrictEqual(asked(zendesk), [
        [upsert, { user: { external_id: "u1", skip_verify_email, user_fields: { vip: false } } }]
      ])
      assert.deepStrictEqual(users(zendesk), [["u1", ["ada@example.com"], { vip: false }]])
    }).pipe(Effect.provide(layers()))
  )

  it.effect("R44 gets a new address as the primary one", () =>
    Effect.gen(function* () {
      const zendesk = yield* make({ userFields })
      yield* zendesk.deliver(person("u1", "old@example.com"))
      asked(zendesk)
      assert.deepStrictEqual(yield* zendesk.deliver(person("u1", "new@example.com")), [Outcome.delivered])
      assert.deepStrictEqual(lines(zendesk), [
        upsert,
        upsert,
        "GET /users/<id>/identities",
        "PUT /users/<id>/identities/<id>/make_primary"
      ])
      assert.deepStrictEqual(users(zendesk), [["u1", ["new@example.com", "old@example.com"], { vip: true }]])
    }).pipe(Effect.provide(layers()))
  )

  it.effect("R44 gets an address that another user of ours has, and takes nobody over", () =>
    Effect.gen(function* () {
      const zendesk = yield* make({ userFields })
      yield* zendesk.deliver(person("u1", "shared@example.com"))
      yield* zendesk.deliver(identify("user_id", "u3", { vip: true }))
      asked(zendesk)
      assert.deepStrictEqual(yield* zendesk.deliver(person("u2", "shared@example.com")), [Outcome.delivered])
      assert.deepStrictEqual(lines(zendesk), [
        upsert,
        upsert,
        "GET /users/<id>/identities",
        "DELETE /users/<id>/identities/<id>",
        upsert
      ])
      assert.deepStrictEqual(yield* zendesk.deliver(person("u3", "shared@example.com")), [Outcome.delivered])
      assert.deepStrictEqual(users(zendesk), [
        ["u1", [], { vip: true }],
        ["u3", ["shared@example.com"], { vip: true }],
        ["u2", [], { vip: true }]
      ])
    }).pipe(Effect.provide(layers()))
  )

  it.effect("R33 is sent without an address that a user without an external id has", () =>
    Effect.gen(function* () {
      const zendesk = yield* make({ userFields })
      yield* zendesk.deliver(identify("email", "ada@example.com", { vip: false }))
      yield* zendesk.deliver(identify("user_id", "u1", { vip: false }))
      assert.deepStrictEqual(yield* zendesk.deliver(person("u1", "Ada@example.com")), [
        Outcome.partly([
          {
            type: "email",
            value: "Ada@example.com",
            reason:
              "422 RecordInvalid: Email: ad*** is already being used by another user (DuplicateValue). " +
              "That user has no external id. Merge the two users in Zendesk, then retry."
          }
        ])
      ])
      assert.deepStrictEqual(users(zendesk), [
        [null, ["ada@example.com"], { vip: false }],
        ["u1", [], { vip: true }]
      ])
    }).pipe(Effect.provide(layers()))
  )

  it.effect("R33 is rejected with the field's key where a value is refused, and nothing is stored", () =>
    Effect.gen(function* () {
      const zendesk = yield* make({ userFields: [{ key: "renewal", type: "date", title: "Next talk" }] })
      assert.deepStrictEqual(yield* zendesk.deliver(person("u1", "ada@example.com", { renewal: "soon" })), [
        Outcome.rejected("422 RecordInvalid: renewal: Next talk: is not valid for a date (InvalidValue)")
      ])
      assert.deepStrictEqual(users(zendesk), [])
    }).pipe(Effect.provide(layers()))
  )

  it.effect("R33 is in doubt where a later step has to wait, so that an exit in between follows", () =>
    Effect.gen(function* () {
      const zendesk = yield* make({ userFields, writesPerMinute: 2 })
      yield* zendesk.deliver(person("u1", "old@example.com"))
      const [outcome] = yield* zendesk.deliver(person("u1", "new@example.com"))
      assert.strictEqual(outcome?._tag, "Retry")
      assert.propertyVal(outcome, "inDoubt", true)
    }).pipe(Effect.provide(layers()))
  )
})

describe("a call for a user who exists", () => {
  const exit = { vip: false }

  it.effect("R23 looks for the id first, and creates nobody", () =>
    Effect.gen(function* () {
      const zendesk = yield* make({ userFields })
      const call = { ...identify("user_id", "u1", exit), existingOnly: true }
      assert.deepStrictEqual(yield* zendesk.deliver(call), [Outcome.delivered])
      assert.deepStrictEqual(lines(zendesk), ["GET /users/show_many"])
      yield* zendesk.deliver(person("u1", "ada@example.com"))
      asked(zendesk)
      assert.deepStrictEqual(yield* zendesk.deliver(call), [Outcome.delivered])
      assert.deepStrictEqual(asked(zendesk), [
        ["GET /users/show_many"],
        [upsert, { user: { external_id: "u1", skip_verify_email: true, user_fields: exit } }]
      ])
      assert.deepStrictEqual(users(zendesk), [["u1", ["ada@example.com"], exit]])
    }).pipe(Effect.provide(layers()))
  )

  it.effect("R23 creates nobody by an address, nor by an id with a comma", () =>
    Effect.gen(function* () {
      const zendesk = yield* make({ userFields })
      for (const call of [identify("email", "ada@example.com", exit), identify("user_id", "a,b", exit)]) {
        assert.deepStrictEqual(yield* zendesk.deliver({ ...call, existingOnly: true }), [Outcome.delivered])
      }
      assert.deepStrictEqual(users(zendesk), [])
    }).pipe(Effect.provide(layers()))
  )

  it.effect("R21 a further address reaches a user of its own, and nobody else's", () =>
    Effect.gen(function* () {
      const zendesk = yield* make({ userFields })
      yield* zendesk.deliver(identify("email", "alone@example.com", { vip: false }))
      yield* zendesk.deliver(person("u9", "others@example.com", { vip: false }))
      for (const address of ["alone@example.com", "others@example.com", "unknown@example.com"]) {
        const call = { ...identify("email", address, { vip: true }), existingOnly: true }
        const beside = { type: "user_id", value: "u1" } as const
        assert.deepStrictEqual(yield* zendesk.deliver({ ...call, beside }), [Outcome.delivered])
      }
      assert.deepStrictEqual(users(zendesk), [
        [null, ["alone@example.com"], { vip: true }],
        ["u9", ["others@example.com"], { vip: false }]
      ])
    }).pipe(Effect.provide(layers()))
  )
})

describe("R43 keys", () => {
  it("R43 are external ids in any case, and addresses in lower case without surrounding space", () => {
    assert.deepStrictEqual(Event.keys.user_id("User-1"), { key: "user-1" })
    assert.deepStrictEqual(Event.keys.group_id("A1"), { key: "a1" })
    assert.deepStrictEqual(Event.keys.email(" Ada@Example.COM "), { key: "ada@example.com" })
    assert.deepStrictEqual(Event.keys.email("a.b+c@example.com"), { key: "a.b+c@example.com" })
  })

  it("R43 say why there is none", () => {
    for (const odd of ["", "no address", "a@b", "a b@example.com", "@example.com"]) {
      assert.deepStrictEqual(Event.keys.email(odd), { reason: "it is not an e-mail address" }, odd)
    }
    assert.deepStrictEqual(Event.keys.user_id(" "), { reason: "it is blank" })
  })
})
