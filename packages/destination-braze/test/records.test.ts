// By what the fake Braze finds a record, and what it joins, without the plugin.
import { assert, describe, it } from "@effect/vitest"
import type { Json, Sandbox } from "@tributary/core"
import * as BrazeSandbox from "../src/sandbox/index.ts"

const to = (path: string) => (sandbox: Sandbox.Sandbox, body: Json.Json) =>
  sandbox.handle(
    {
      method: "POST",
      path,
      query: new URLSearchParams(),
      headers: { authorization: "Bearer braze-sandbox-key", "content-type": "application/json" },
      body: JSON.stringify(body)
    },
    0
  )
const post = to("/users/track")
const identify = to("/users/identify")

/** Braze's text on a single object that it refuses. */
const textOf = (array: string, object: Json.Json): unknown => {
  const { body, status } = post(BrazeSandbox.make({ plainErrors: true }), { [array]: [object] })
  return status === 201 ? undefined : JSON.parse(JSON.stringify(body)).errors[0]
}

describe("who a record is", () => {
  const email = "ada@example.com"
  const alias = { alias_name: "a-1", alias_label: "anonymous_id" }

  it("is compared byte for byte by external_id", () => {
    const sandbox = BrazeSandbox.make()
    post(sandbox, { attributes: ["u1", "U1", "u1 "].map((external_id) => ({ external_id, a: 1 })) })
    assert.deepStrictEqual(Object.keys(sandbox.state(0).users), ["u1", "U1", "u1 "])
  })

  it("is found by external_id before an alias, an alias before an e-mail, and an e-mail before a phone", () => {
    const sandbox = BrazeSandbox.make()
    const phone = "+15043277269"
    post(sandbox, {
      attributes: [
        { phone, by: "phone" },
        { email, by: "email" }
      ]
    })
    post(sandbox, { attributes: [{ user_alias: alias, _update_existing_only: false, email, phone, by: "alias" }] })
    post(sandbox, { attributes: [{ email: "grace@example.com", phone, by: "another" }] })
    const { aliases, count, emails } = sandbox.state(0)
    assert.strictEqual(count, 4)
    assert.deepStrictEqual(aliases["anonymous_id:a-1"]?.attributes, { email, phone, by: "alias" })
    assert.deepStrictEqual(emails["grace@example.com"]?.attributes, {
      email: "grace@example.com",
      phone,
      by: "another"
    })
  })

  it("may share its e-mail: an external_id with the address of another record makes a second one", () => {
    const sandbox = BrazeSandbox.make()
    post(sandbox, { attributes: [{ email, a: 1 }] })
    post(sandbox, { attributes: [{ external_id: "u1", email, b: 2 }] })
    assert.strictEqual(sandbox.state(0).count, 2)
    assert.deepStrictEqual(sandbox.state(0).users["u1"]?.attributes, { email, b: 2 })
  })

  it("has a phone number compared by its digits, ten without a + being a number of the United States", () => {
    const sandbox = BrazeSandbox.make()
    post(sandbox, {
      attributes: [
        { phone: "+1 (504) 327-7269", a: 1 },
        { phone: "5043277269", b: 2 }
      ]
    })
    assert.strictEqual(sandbox.state(0).count, 1)
    assert.match(String(textOf("attributes", { phone: "0176 1234567", a: 1 })), /not a valid phone/)
  })

  it("has no address that is malformed: the object is refused, and not the field", () => {
    for (const bad of ["a da@x.example", " ada@x.example", "ada@127.0.0.1", "ada@exämple.de", ".ada@x.example"]) {
      assert.match(String(textOf("attributes", { external_id: "u1", email: bad })), /not a valid email/, bad)
    }
    for (const bad of ["a@gmail.com", "o'brien@outlook.com", "ada@x.1", "ada@x"]) {
      assert.match(String(textOf("attributes", { external_id: "u1", email: bad })), /not a valid email/, bad)
    }
    assert.isUndefined(textOf("attributes", { email: "žofie.o'hara+x@xn--exmple-cua.de" }))
  })
})

describe("joining, POST /users/identify", () => {
  const email = "ada@example.com"
  const user_alias = { alias_name: "a-1", alias_label: "anonymous_id" }
  const newest = ["unidentified", "most_recently_updated"]

  it("puts an unknown external_id on the record that is found", () => {
    const sandbox = BrazeSandbox.make()
    post(sandbox, { attributes: [{ email, a: 1 }] })
    const answer = identify(sandbox, { emails_to_identify: [{ external_id: "u1", email, prioritization: newest }] })
    assert.deepStrictEqual(
      { status: answer.status, body: answer.body },
      { status: 201, body: { message: "success", aliases_processed: 1 } }
    )
    assert.deepStrictEqual(sandbox.state(0).users["u1"]?.attributes, { email, a: 1 })
    assert.strictEqual(sandbox.state(0).count, 1)
  })

  it("has a known external_id take the record in: its own values win, and events are kept", () => {
    const sandbox = BrazeSandbox.make()
    post(sandbox, {
      attributes: [
        { external_id: "u1", a: 1 },
        { user_alias, _update_existing_only: false, a: 9, b: 2 }
      ]
    })
    post(sandbox, { events: [{ name: "Seen", time: "2026-11-23T09:30:00Z", user_alias }] })
    identify(sandbox, { aliases_to_identify: [{ external_id: "u1", user_alias }] })
    const { aliases, count, users } = sandbox.state(0)
    assert.strictEqual(count, 1)
    assert.deepStrictEqual(users["u1"]?.attributes, { a: 1, b: 2 })
    assert.deepStrictEqual([users["u1"]?.eventCount, users["u1"]?.user_alias], [1, user_alias])
    assert.strictEqual(aliases["anonymous_id:a-1"]?.external_id, "u1")
  })

  it("does nothing where several records are left, or one has an id, and says nothing", () => {
    const sandbox = BrazeSandbox.make()
    const other = { alias_name: "a-2", alias_label: "anonymous_id" }
    post(sandbox, {
      attributes: [user_alias, other].map((alias) => ({ user_alias: alias, _update_existing_only: false, email }))
    })
    post(sandbox, { attributes: [{ external_id: "u2", phone: "+15043277269" }] })
    const by = (words: ReadonlyArray<string>) => ({ external_id: "u1", email, prioritization: words })
    assert.strictEqual(identify(sandbox, { emails_to_identify: [by(["unidentified"])] }).status, 201)
    const phones = [{ external_id: "u1", phone: "+15043277269", prioritization: ["most_recently_updated"] }]
    assert.strictEqual(identify(sandbox, { phone_numbers_to_identify: phones }).status, 201)
    assert.isUndefined(sandbox.state(0).users["u1"])
    identify(sandbox, { emails_to_identify: [by(newest)] })
    assert.strictEqual(sandbox.state(0).users["u1"]?.user_alias?.alias_name, "a-2")
  })

  it("takes 50 records, needs a prioritization for an address, and the permission users.identify", () => {
    const sandbox = BrazeSandbox.make()
    const many = (count: number) =>
      Array.from({ length: count }, (_, no) => ({
        external_id: `u${no}`,
        email: `p${no}@example.com`,
        prioritization: newest
      }))
    assert.strictEqual(identify(sandbox, { emails_to_identify: many(50) }).status, 201)
    assert.strictEqual(identify(sandbox, { emails_to_identify: many(51) }).status, 400)
    assert.strictEqual(identify(sandbox, { emails_to_identify: [{ external_id: "u1", email }] }).status, 400)
    assert.strictEqual(identify(sandbox, {}).status, 400)
    const body = { aliases_to_identify: [{ external_id: "u1", user_alias }] }
    assert.strictEqual(identify(BrazeSandbox.make({ permissions: ["users.track"] }), body).status, 403)
    const limited = BrazeSandbox.make({ identifyLimit: 1 })
    assert.deepStrictEqual([identify(limited, body).status, identify(limited, body).status], [201, 429])
    assert.strictEqual(post(limited, { attributes: [{ external_id: "u1", a: 1 }] }).status, 201)
  })
})
