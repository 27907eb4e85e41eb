// The sandbox keeps HubSpot's rules, as its documents state them.
import { Effect } from "effect"
import { assert, describe, it } from "vitest"
import * as Sandboxes from "../src/sandbox/index.ts"
import { identify, run } from "./support/hubspot.ts"
import { checked, isChecked, official, violations } from "./support/official.ts"

const objects = "/crm/objects/2026-09/contacts"

const account = (options: Sandboxes.Options = {}) => {
  const sandbox = official(Sandboxes.make(options))
  const send = (method: string, path: string, body: unknown = undefined, now = 0) => {
    const answer = sandbox.handle(
      {
        method,
        path,
        query: new URLSearchParams(),
        headers: { authorization: `Bearer ${String(sandbox.settings("")["accessToken"])}` },
        body: body === undefined ? "" : JSON.stringify(body)
      },
      now
    )
    // These tests send what HubSpot refuses as well: only its answers have to agree.
    const faults = violations.splice(0).filter((fault) => !fault.startsWith("The request"))
    assert.deepStrictEqual(faults, [])
    return { status: answer.status, body: Object(answer.body) }
  }
  const upsert = (...inputs: ReadonlyArray<unknown>) => send("POST", `${objects}/batch/upsert`, { inputs })
  return { send, upsert, state: () => sandbox.state(0) }
}

const input = (id: string, properties: unknown = {}, more: unknown = { objectWriteTraceId: id }) => ({
  id,
  idProperty: "email",
  properties,
  ...Object(more)
})

describe("HubSpot's sandbox", () => {
  it.skipIf(!isChecked)(
    `agrees with HubSpot's documents${isChecked ? "" : " (not checked: TRIBUTARY_SPECS is unset)"}`,
    () =>
      run(({ context, event, list }) =>
        Effect.gen(function* () {
          const before = checked.requests
          yield* event.deliver([identify("ada@example.com", { city: "Ur" })], context)
          yield* list.create({ name: "Big spenders", description: "" }, context)
          assert.strictEqual(checked.requests, before + 2)
        })
      )
  )

  it("properties have all that the document requires, and the standard ones are there", () => {
    const { body } = account().send("GET", "/crm/properties/2026-09/contacts")
    const phone = body.results.find(({ name }: { name: string }) => name === "phone")
    assert.deepStrictEqual(
      ["description", "fieldType", "groupName", "label", "name", "options", "type"].filter((key) => !(key in phone)),
      []
    )
  })

  it("an input without properties is refused, and so is a known one twice in any case", () => {
    const { state, upsert } = account()
    assert.strictEqual(upsert({ id: "ada@example.com", idProperty: "email" }).status, 400)
    const twice = upsert(input("ada@example.com"), input("bob@example.com"), input(" ADA@example.com"))
    assert.deepStrictEqual(
      [twice.status, twice.body.message, twice.body.context],
      [400, "Duplicate IDs found in batch input: [ada@example.com]. IDs must be unique", { ids: ["ada@example.com"] }]
    )
    assert.deepStrictEqual(state().contacts, [])
  })

  it("without a trace id, one bad input costs the whole batch; with one, itself", () => {
    const { state, upsert } = account()
    assert.strictEqual(upsert(input("ada@example.com"), input("no address", {}, {})).status, 400)
    assert.deepStrictEqual(state().contacts, [])
    const partly = upsert(input("ada@example.com", { phone: "1" }), input("bob@example.com", { missing: "1" }))
    assert.deepStrictEqual([partly.status, partly.body.numErrors], [207, 1])
    assert.deepStrictEqual(partly.body.errors[0].context, { objectWriteTraceId: ["bob@example.com"] })
    assert.match(partly.body.errors[0].message, /^Property values were not valid: \[\{"isValid":false,/)
    assert.deepStrictEqual(state().contacts, [{ id: "1001", properties: { email: "ada@example.com", phone: "1" } }])
  })

  it("an address that another contact has is a conflict, and a merge leaves one contact with a new id", () => {
    const { send, state, upsert } = account()
    upsert(input("ada@example.com"), input("bob@example.com"))
    const { body } = upsert(input("ada@example.com", { email: "bob@example.com" }))
    assert.deepStrictEqual(
      [body.errors[0].category, body.errors[0].message],
      ["CONFLICT", "Contact already exists. Existing ID: 1002"]
    )
    assert.strictEqual(
      send("POST", `${objects}/merge`, { primaryObjectId: "1001", objectIdToMerge: "1002" }).body.id,
      "1003"
    )
    assert.strictEqual(upsert(input("Bob@example.com", { city: "Ur" })).body.results[0].new, false)
    assert.deepStrictEqual(state().contacts, [
      { id: "1003", properties: { email: "ada@example.com", hs_additional_emails: "bob@example.com", city: "Ur" } }
    ])
  })

  it("a list takes record ids; those that do not exist are missing, and others are ignored", () => {
    const { send, upsert } = account()
    upsert(input("ada@example.com"))
    const create = { name: "Big spenders", objectTypeId: "0-1", processingType: "MANUAL" }
    const { listId } = send("POST", "/crm/lists/2026-09", create).body.list
    const path = `/crm/lists/2026-09/${listId}/memberships/add-and-remove`
    const answer = (toAdd: unknown, toRemove: unknown) =>
      send("PUT", path, { recordIdsToAdd: toAdd, recordIdsToRemove: toRemove })
    assert.deepStrictEqual(answer(["1001", "9"], ["8"]).body, {
      recordsIdsAdded: ["1001"],
      recordIdsRemoved: [],
      recordIdsMissing: ["9", "8"]
    })
    assert.deepStrictEqual(answer(["1001"], []).body.recordsIdsAdded, [])
    assert.deepStrictEqual(answer([], ["1001"]).body.recordIdsRemoved, ["1001"])
    assert.strictEqual(answer([1001], []).status, 400)
    const dynamic = send("POST", "/crm/lists/2026-09", { ...create, name: "Computed", processingType: "DYNAMIC" })
    const added = send("PUT", `/crm/lists/2026-09/${dynamic.body.list.listId}/memberships/add`, ["1001"])
    assert.strictEqual(added.status, 400)
  })

  it("a request too many is 429, of ten seconds or of a day, and too many writes are 423", () => {
    const policy = (options: Sandboxes.Options) => {
      const { send } = account(options)
      send("GET", "/crm/properties/2026-09/contacts")
      const { body, status } = send("GET", "/crm/properties/2026-09/contacts")
      return [status, body.category, body.policyName]
    }
    assert.deepStrictEqual(policy({ requestsPerTenSeconds: 1 }), [429, "RATE_LIMITS", "TEN_SECONDLY_ROLLING"])
    assert.deepStrictEqual(policy({ requestsPerDay: 1 }), [429, "RATE_LIMITS", "DAILY"])
    const { upsert } = account({ writesPerSecond: 1 })
    upsert(input("ada@example.com"))
    assert.strictEqual(upsert(input("ada@example.com")).status, 423)
  })

  it("the plugin waits an hour for the next day, and two seconds for a lock", () =>
    run(({ context, event, interference }) =>
      Effect.gen(function* () {
        const failed = (status: number, body: unknown) => {
          interference.answer = () => ({ status, body })
          return Effect.flip(event.deliver([identify("ada@example.com", { city: "Ur" })], context))
        }
        const daily = yield* failed(429, { category: "RATE_LIMITS", message: "m", policyName: "DAILY" })
        assert.deepInclude(daily, { _tag: "Throttled", retryAfterMillis: 3_600_000 })
        const locked = yield* failed(423, { category: "LOCKED", message: "m" })
        assert.deepInclude(locked, { _tag: "Unavailable", retryAfterMillis: 2000, nothingTaken: true })
      })
    ))
})
