import { assert, describe, it } from "@effect/vitest"
import { Effect, Result } from "effect"
import * as Enrichment from "../src/contract/Enrichment.ts"
import * as Enricher from "../src/enrichment/Enricher.ts"

const facts = (
  traits: Enrichment.Facts["traits"],
  identifiers: Enrichment.Facts["identifiers"] = []
): Enrichment.Facts => ({ traits, identifiers })

const name = Enrichment.trait("name").orElse(Enrichment.join("first_name", "last_name"))

describe("R24 what a tool needs beside the news", () => {
  it("a property is filled from its trait, else from the fallback", () => {
    assert.strictEqual(name.resolve(facts({ name: "Ada", first_name: "Augusta" })), "Ada")
    assert.strictEqual(name.resolve(facts({ first_name: "Ada", last_name: "Lovelace" })), "Ada Lovelace")
  })

  it("a join leaves out what is missing and needs one part at least", () => {
    assert.strictEqual(name.resolve(facts({ last_name: " Lovelace " })), "Lovelace")
    assert.strictEqual(name.resolve(facts({ city: "London" })), undefined)
  })

  it("blank text and null count as missing; numbers and booleans are text", () => {
    assert.strictEqual(name.resolve(facts({ name: "  ", first_name: "Ada" })), "Ada")
    assert.strictEqual(name.resolve(facts({ name: null, first_name: "Ada" })), "Ada")
    assert.strictEqual(Enrichment.trait("level").resolve(facts({ level: 0 })), "0")
    assert.strictEqual(Enrichment.trait("vip").resolve(facts({ vip: false })), "false")
    assert.strictEqual(Enrichment.trait("address").resolve(facts({ address: { city: "London" } })), undefined)
  })

  it("an identifier fills in with the first of its type, and a constant always", () => {
    const known = facts({}, [
      { type: "user_id", value: "u1" },
      { type: "email", value: "a@example.com" },
      { type: "email", value: "b@example.com" }
    ])
    assert.strictEqual(Enrichment.identifier("email").resolve(known), "a@example.com")
    assert.strictEqual(Enrichment.identifier("phone").orElse(Enrichment.constant("none")).resolve(known), "none")
  })

  it("an optional property is null where nothing fills it", () => {
    assert.strictEqual(Enrichment.optional(name).resolve(facts({})), null)
  })

  it.effect("the first property that cannot be filled is named, with what it is filled from", () =>
    Effect.gen(function* () {
      const { fill } = yield* Enricher.Enricher
      assert.deepStrictEqual(
        fill({ plan: Enrichment.constant("free"), name }, facts({})),
        Result.fail({ property: "name", filledFrom: "trait name, else first_name + last_name" })
      )
      assert.deepStrictEqual(fill({ name }, facts({ name: "Ada" })), Result.succeed({ name: "Ada" }))
    }).pipe(Effect.provide(Enricher.Enricher.layer))
  )
})
