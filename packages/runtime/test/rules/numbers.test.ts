import { Json } from "@tributary/core"
import { Activation } from "@tributary/core/runtime"
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { ComputedTrait } from "../../src/config/Computations.ts"
import * as Source from "../../src/config/Source.ts"
import { inStore, messageOf, refreshed, write } from "../support/sources.ts"
import { describeEveryStore } from "../support/stores.ts"
import { inWorld, trait } from "../support/world.ts"

describeEveryStore("numbers and files", (store) => {
  const test = inStore(store)

  it.live("R45 a number arrives at the vendor with the digits that it has, and is compared by them", () =>
    inWorld(store)((world) =>
      Effect.gen(function* () {
        const bodies: Array<string> = []
        world.vendor.answerWith(({ body }) => void bodies.push(body))
        const exactly = (text: string) => Json.parse(text)
        const given = {
          u1: "9007199254740993",
          u2: "12345678901234567890",
          u3: "33.3333333333333333",
          u4: "-0.12345678901234567890",
          u5: "450.00",
          u6: `{"ids":[9007199254740993,1]}`,
          u7: "1e21"
        }
        const values = Object.fromEntries(Object.entries(given).map(([id, text]) => [id, exactly(text)]))
        yield* world.customers(Object.keys(given).map((id) => ({ id })))
        yield* world.values("Score", values)
        const sync = Effect.gen(function* () {
          bodies.length = 0
          const report = yield* world.sync([Activation.events(trait("Score"), world.destination)])
          assert.deepStrictEqual(report.failures, [])
          const found = bodies.join("\n").matchAll(/"user_?[iI]d":"(u\d)".*?"score":(\{.*?\}|[^,}]+)/g)
          return Object.fromEntries([...found].map(([, id = "", score = ""]) => [id, score]))
        })
        const sent = yield* sync
        assert.deepStrictEqual(
          Object.fromEntries(Object.entries(sent).map(([id, score]) => [id, Json.canonical(exactly(score))])),
          Object.fromEntries(Object.entries(values).map(([id, value]) => [id, Json.canonical(value)]))
        )
        assert.strictEqual(sent["u2"], "12345678901234567890")
        assert.deepStrictEqual(yield* sync, {})
        yield* world.values("Score", {
          ...values,
          u1: exactly("9007199254740992"),
          u3: exactly("33.33333333333333330")
        })
        assert.deepStrictEqual(yield* sync, { u1: "9007199254740992" })
        yield* world.values("Score", { ...values, u1: exactly("9007199254740993.0"), u5: exactly("450") })
        assert.deepStrictEqual(Object.keys(yield* sync), ["u1"])
      })
    )
  )

  it.live("R45 a column of CSV has one type", () =>
    test(() =>
      Effect.gen(function* () {
        write("people.csv", "id\n1\n2\n3\n4\n")
        const of = Source.csv("people.csv").users({ identifiers: { user_id: "id" } })
        const value = ComputedTrait.make("Value", { of, file: Source.csv("values.csv") })
        const typed = (...cells: ReadonlyArray<string>) => {
          write("values.csv", `id,value\n${cells.map((cell, i) => `${i + 1},${cell}\n`).join("")}`)
          return Effect.map(refreshed(of, value), ({ values }) => values)
        }
        assert.deepStrictEqual(yield* typed("10115", "01067", "N/A"), ['"10115"', '"01067"', '"N/A"'])
        assert.deepStrictEqual(yield* typed("10115", "1.50", "", "-3"), ["10115", "1.50", "-3"])
        assert.deepStrictEqual(yield* typed("12345678901234567890", "1"), ["12345678901234567890", "1"])
        assert.deepStrictEqual(yield* typed("true", "false"), ["true", "false"])
        assert.deepStrictEqual(yield* typed("true", "1"), ['"true"', '"1"'])
      })
    )
  )

  it.live("R45 a mistake in a file has its line, and a header that comes twice its name", () =>
    test(() =>
      Effect.gen(function* () {
        const message = (content: string) => {
          write("people.csv", content)
          const of = Source.csv("people.csv").users({ identifiers: { user_id: "id", email: "email" } })
          return messageOf(refreshed(of))
        }
        assert.include(
          yield* message('id,email\n1,"a\nb"\n\n2,x,y\n'),
          "people.csv, line 5: is not valid CSV: it has 3 cells, and the first line has 2"
        )
        assert.include(yield* message('id,email\r\n1,a\r\n2,"x"y\r\n'), "people.csv, line 3: is not valid CSV")
        assert.include(yield* message("id,email\n1,a\n2,x\u0000y\n"), "people.csv, line 3: has a character")
        assert.include(
          yield* message("id,email,email\n1,a,b\n"),
          'people.csv, line 1: is not valid CSV: two columns are named "email"'
        )
        assert.include(yield* message("id,mail\n"), 'people.csv has no column "email"')
        write("people.csv", "id,email,note\n1,a,x\u0000y\n")
        const of = Source.csv("people.csv").users({ identifiers: { user_id: "id", email: "email" } })
        assert.deepStrictEqual((yield* refreshed(of)).people[0]?.identifiers, ["a", "1"])
        write("people.ndjson", '{"id":1,"note":"x\\u0000y","n":1e400}')
        const lines = Source.ndjson("people.ndjson").users({ identifiers: { user_id: "id" } })
        assert.deepStrictEqual((yield* refreshed(lines)).ids, ["1"])
      })
    )
  )
})
