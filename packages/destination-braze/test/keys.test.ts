import { assert, describe, it } from "@effect/vitest"
import { keys } from "../src/keys.ts"

const reason = (type: keyof typeof keys, value: string): string => {
  const key = keys[type](value)
  return "reason" in key ? key.reason : ""
}

describe("R43 what Braze matches by", () => {
  it("is an address without surrounding white space, in lower case, its host in ASCII", () => {
    assert.deepStrictEqual(keys.email(" Ada.Lovelace+x@Example.COM\n"), { key: "ada.lovelace+x@example.com" })
    assert.deepStrictEqual(keys.email("a.b@gmail.com"), { key: "a.b@gmail.com" })
    assert.deepStrictEqual(keys.email("Žofie@EXÄMPLE.de"), { key: "žofie@xn--exmple-cua.de" })
  })

  it("is no address that Braze refuses", () => {
    for (const value of [
      "a da@x.example",
      "ada@x .example",
      "ada@127.0.0.1",
      "ada@x.123",
      "ada@x_y.example",
      "ada@x"
    ]) {
      assert.match(reason("email", value), /^it is not a valid e-mail address for Braze: /, value)
    }
    for (const value of [
      ".ada@x.example",
      "ada_@x.example",
      "a@gmail.com",
      "a..da@outlook.com",
      "o'brien@live.co.uk"
    ]) {
      assert.match(reason("email", value), /^it is not a valid e-mail address for Braze: /, value)
    }
    for (const value of ["no address", "@x.example", "ada@", "a@b@x.example", "ada@x..example"]) {
      assert.match(reason("email", value), /^it is not a valid e-mail address for Braze: /, value)
    }
    assert.strictEqual(reason("email", " \t"), "it is empty")
    assert.match(reason("email", `${"a".repeat(250)}@x.example`), /255/)
    for (const value of ["o'brien@x.example", "a@y.example", "ada+a..b@outlook.com", "a-b@hotmail.com"]) {
      assert.strictEqual(reason("email", value), "", value)
    }
  })

  it("is a phone number in E.164, and none without a country code", () => {
    assert.deepStrictEqual(keys.phone("+49 176 1234567"), { key: "+491761234567" })
    assert.deepStrictEqual(keys.phone("+1 (504) 327-7269"), { key: "+15043277269" })
    for (const value of ["0176 1234567", "5043277269", "+0491761234567", "+49", "+49 call me", "+1234567890123456"]) {
      assert.match(reason("phone", value), /E\.164/, value)
    }
  })

  it("is an external id byte for byte, of fewer than 988 bytes", () => {
    for (const value of ["u1", "U1", " u1", "Zoë", "Zoe\u0308"])
      assert.deepStrictEqual(keys.user_id(value), { key: value })
    assert.match(reason("user_id", "é".repeat(494)), /988 bytes/)
    assert.strictEqual(reason("user_id", " "), "it is empty")
  })

  it("is an alias and a braze_id as they are spelled", () => {
    assert.deepStrictEqual(keys.anonymous_id("A-1 "), { key: "A-1 " })
    assert.deepStrictEqual(keys.braze_id("0123456789abcdef01234567"), { key: "0123456789abcdef01234567" })
    assert.match(reason("anonymous_id", "x".repeat(256)), /255/)
  })

  it("is its own key", () => {
    for (const [type, value] of [
      ["email", " Ada@EXÄMPLE.de "],
      ["phone", "+49 (176) 12-345.67"],
      ["user_id", " u1"]
    ] as const) {
      const key = keys[type](value)
      assert.deepStrictEqual("key" in key ? keys[type](key.key) : undefined, key)
    }
  })
})
