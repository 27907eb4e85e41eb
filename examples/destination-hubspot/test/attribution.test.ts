// Which input a result or an error is about: `objectWriteTraceId` is optional in HubSpot's documents.
import { Outcome } from "@tributary/core"
import { Effect } from "effect"
import { assert, describe, it } from "vitest"
import * as Contacts from "../src/contacts.ts"
import { identify, member, run, seats } from "./support/hubspot.ts"

const inputs = Contacts.writes(
  ["ada@example.com", "bob@example.com"].map((address) => ({ address, properties: { email: address } }))
)
const contact = (id: string, email?: string) => ({
  id,
  properties: { hs_object_id: id, ...(email === undefined ? {} : { email }) }
})
const outcomes = (answer: Parameters<typeof Contacts.attribute>[1]) => {
  const { fates, unclear } = Contacts.attribute(inputs, answer)
  return [...inputs.map(({ id }) => Contacts.outcome(fates, id)), unclear.length]
}
const nothingSaid = Outcome.retry("HubSpot said nothing of this contact.")
const refused = Outcome.rejected("HubSpot refuses it: no")

describe("HubSpot's answers", () => {
  it("R33 a contact of which HubSpot says nothing, in a batch that it calls complete, is told again", () => {
    const answer = { results: [{ ...contact("1001"), objectWriteTraceId: "0" }] }
    assert.deepStrictEqual(outcomes(answer), [Outcome.delivered, nothingSaid, 0])
    assert.deepStrictEqual(outcomes({ results: [] }), [nothingSaid, nothingSaid, 0])
  })

  it("a result without a trace id is matched by its address, primary or additional, in any order", () => {
    const bob = {
      id: "1",
      properties: { email: "robert@example.com", hs_additional_emails: "x@y.example;Bob@example.com" }
    }
    assert.deepStrictEqual(outcomes({ results: [bob, contact("2", "ADA@example.com")] }), [
      Outcome.delivered,
      Outcome.delivered,
      0
    ])
    assert.deepStrictEqual(outcomes({ results: [bob] }), [nothingSaid, Outcome.delivered, 0])
  })

  it("results that name nothing count where there is one for each input, and only then", () => {
    assert.deepStrictEqual(outcomes({ results: [contact("1"), contact("2")] }), [
      Outcome.delivered,
      Outcome.delivered,
      0
    ])
    assert.deepStrictEqual(outcomes({ results: [contact("1")] }), [nothingSaid, nothingSaid, 2])
    assert.deepStrictEqual(outcomes({ results: [contact("1", "bob@example.com"), contact("2")] }), [
      Outcome.delivered,
      Outcome.delivered,
      0
    ])
  })

  it("an error without a trace id belongs to the input that is left", () => {
    const results = [contact("1", "ada@example.com")]
    assert.deepStrictEqual(outcomes({ results, errors: [{ message: "no" }] }), [Outcome.delivered, refused, 0])
    assert.deepStrictEqual(outcomes({ results, errors: [{ message: "no", context: { ids: ["bob@example.com"] } }] }), [
      Outcome.delivered,
      refused,
      0
    ])
    // One of two was taken, and nothing says which.
    assert.deepStrictEqual(outcomes({ results: [contact("1")], errors: [{ message: "no" }] }), [
      nothingSaid,
      nothingSaid,
      2
    ])
  })

  it("the reason is HubSpot's own, without the JSON around it and without addresses", () => {
    const message = `Property values were not valid: [{"isValid":false,"message":"Email address bob@test.con is invalid","error":"INVALID_EMAIL","name":"email"}]`
    const { fates } = Contacts.attribute(inputs, {
      results: [],
      errors: [{ message, context: { objectWriteTraceId: ["1"] } }]
    })
    assert.deepStrictEqual(
      Contacts.outcome(fates, "bob@example.com"),
      Outcome.rejected("HubSpot refuses it: Email address <address> is invalid")
    )
  })

  for (const traces of ["echoed", "errors", "none"] as const) {
    it(`R33 one bad property costs its own contact only, where trace ids are in: ${traces}`, () =>
      run(
        (hubspot) =>
          Effect.gen(function* () {
            yield* hubspot.event.prepare?.([seats], hubspot.context) ?? Effect.void
            assert.deepStrictEqual(
              yield* hubspot.event.deliver(
                [
                  identify("ada@example.com", { seats: 1 }),
                  identify("bob@example.com", { seats: "many" }),
                  identify("cat@example.com", { seats: 3 }),
                  identify("dan@example.com", { unknown: 1 })
                ],
                hubspot.context
              ),
              [
                Outcome.delivered,
                Outcome.rejected(
                  traces === "none"
                    ? `HubSpot refuses it: many was not valid for seats: INVALID_LONG Or: HubSpot refuses it: Property "unknown" does not exist`
                    : "HubSpot refuses it: many was not valid for seats: INVALID_LONG"
                ),
                Outcome.delivered,
                Outcome.rejected(
                  traces === "none"
                    ? `HubSpot refuses it: many was not valid for seats: INVALID_LONG Or: HubSpot refuses it: Property "unknown" does not exist`
                    : `HubSpot refuses it: Property "unknown" does not exist`
                )
              ]
            )
            assert.deepStrictEqual(
              hubspot.state().contacts.map(({ properties }) => properties),
              [
                { email: "ada@example.com", seats: "1" },
                { email: "cat@example.com", seats: "3" }
              ]
            )
          }),
        { traces }
      ))

    it(`R33 a refused address of a member costs the others nothing, where trace ids are in: ${traces}`, () =>
      run(
        ({ context, list, state }) =>
          Effect.gen(function* () {
            const id = yield* list.create({ name: "Big spenders", description: "" }, context)
            const reason = "HubSpot refuses it: Email address <address> is invalid"
            const members = [member("good@example.com", "ann@test.con"), member("bob@test.con")] as const
            assert.deepStrictEqual(yield* list.add(id, members, context), [
              Outcome.partly([{ type: "email", value: "ann@test.con", reason }]),
              Outcome.rejected(reason)
            ])
            assert.deepStrictEqual(state().lists[0]?.members, ["1002"])
            yield* list.discard(id, [member("good@example.com")], context)
            assert.deepStrictEqual(state().lists[0]?.members, [])
          }),
        { traces }
      ))
  }

  it("R33 what names nothing is written again in halves, until it is clear whose it is", () =>
    run(({ context, event, interference, seen }) =>
      Effect.gen(function* () {
        const people = ["ada", "bob", "cat", "dan"].map((name) => `${name}@example.com`)
        interference.answer = ({ body }) => {
          const ids: ReadonlyArray<string> = JSON.parse(body).inputs.map(({ id }: { id: string }) => id)
          const results = ids.filter((id) => !id.startsWith("bob")).map((_, i) => contact(String(i)))
          const errors = ids.length > results.length ? [{ message: "no", context: {} }] : []
          return { status: errors.length === 0 ? 200 : 207, body: { results, errors } }
        }
        const [first = "", ...rest] = people
        assert.deepStrictEqual(
          yield* event.deliver(
            [identify(first, { city: "Ur" }), ...rest.map((address) => identify(address, { city: "Ur" }))],
            context
          ),
          [Outcome.delivered, refused, Outcome.delivered, Outcome.delivered]
        )
        assert.deepStrictEqual(
          seen.map(({ body }) =>
            Object(body)
              .inputs.map(({ id }: { id: string }) => id.slice(0, 3))
              .join(" ")
          ),
          ["ada bob cat dan", "ada bob", "ada", "bob", "cat dan"]
        )
      })
    ))

  it("R33 of a batch that is refused whole, only the bad one is", () =>
    run(({ context, interference, list }) =>
      Effect.gen(function* () {
        const id = yield* list.create({ name: "Big spenders", description: "" }, context)
        interference.answer = ({ body, path }) =>
          path.endsWith("/upsert") && body.includes("bad@example.com")
            ? {
                status: 400,
                body: { status: "error", category: "VALIDATION_ERROR", message: "no", correlationId: "c" }
              }
            : undefined
        const [outcome] = yield* list.add(id, [member("ada@example.com", "bad@example.com")], context)
        assert.strictEqual(outcome?._tag, "Partly")
      })
    ))
})
