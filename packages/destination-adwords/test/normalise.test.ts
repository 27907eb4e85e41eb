import { assert, describe, it } from "@effect/vitest"
import * as Normalise from "../src/normalise.ts"

describe("an e-mail address", () => {
  it("is trimmed and in lower case", () => {
    assert.strictEqual(Normalise.email("  Ada.Lovelace@Example.COM \n"), "ada.lovelace@example.com")
  })

  it("of gmail.com or googlemail.com loses dots and the +suffix before the @", () => {
    assert.strictEqual(Normalise.email("A.da.L+shop+2@GMail.com"), "adal@gmail.com")
    assert.strictEqual(Normalise.email("ada.l+x@googlemail.com"), "adal@googlemail.com")
  })

  it("of another domain keeps dots and +suffix", () => {
    assert.strictEqual(Normalise.email("ada.l+shop@mail.google.com"), "ada.l+shop@mail.google.com")
    assert.strictEqual(Normalise.email("ada@notgmail.com"), "ada@notgmail.com")
  })

  it("may hold letters of any script", () => {
    assert.strictEqual(Normalise.email("JÜRGEN@Bücher.example"), "jürgen@bücher.example")
  })

  it("is none without one @, with inner white space, or with nothing on a side of the @", () => {
    for (const value of [
      "",
      "ada",
      "ada@",
      "@x.com",
      "a@b@c.com",
      "a da@x.com",
      "ada@x .com",
      "+x@gmail.com",
      "..@gmail.com"
    ]) {
      assert.isUndefined(Normalise.email(value), value)
    }
  })

  it("is hashed with SHA-256 in hexadecimal", () => {
    // printf 'test@gmail.com' | sha256sum
    assert.strictEqual(
      Normalise.hashed("test@gmail.com"),
      "87924606b4131a8aceeeae8868531fbb9712aaa07a5d3a756b26ce0f5d6ca674"
    )
  })
})

describe("a phone number", () => {
  it("keeps its digits behind a +", () => {
    assert.strictEqual(Normalise.phone("+1 (800) 555-0100"), "+18005550100")
    assert.strictEqual(Normalise.phone("49.30/901820"), "+4930901820")
    assert.strictEqual(Normalise.phone("\u00a0+44 20 7946 0958 "), "+442079460958")
  })

  it("is none where nobody can tell the country, or it holds anything but digits and separators", () => {
    for (const value of [
      "",
      "+",
      "030 901820",
      "0049 30 901820",
      "+1 800 FLOWERS",
      "+1 800 555 0100 x12",
      "١٢٣٤٥٦٧٨",
      "1+2345678"
    ]) {
      assert.isUndefined(Normalise.phone(value), value)
    }
  })

  it("has 7 to 15 digits", () => {
    assert.isUndefined(Normalise.phone("+123456"))
    assert.strictEqual(Normalise.phone("+1234567"), "+1234567")
    assert.strictEqual(Normalise.phone("+123456789012345"), "+123456789012345")
    assert.isUndefined(Normalise.phone("+1234567890123456"))
  })
})

describe("a mobile advertising id", () => {
  it("is a UUID, sent as it is", () => {
    assert.strictEqual(
      Normalise.mobileId(" EA7583CD-A667-48BC-B806-42ECB2B48606 "),
      "EA7583CD-A667-48BC-B806-42ECB2B48606"
    )
  })

  it("is none where it is no UUID, or the zeros of an opt-out", () => {
    assert.isUndefined(Normalise.mobileId("EA7583CD"))
    assert.isUndefined(Normalise.mobileId("00000000-0000-0000-0000-000000000000"))
  })
})

describe("a user id", () => {
  it("is sent as it is, unless it is blank", () => {
    assert.strictEqual(Normalise.userId("Kunde №7 "), "Kunde №7 ")
    assert.isUndefined(Normalise.userId("  "))
  })
})
