import { assert, describe, it } from "@effect/vitest"
import fc from "fast-check"
import { addressOf, addressTraits } from "../src/address.ts"
import { keyEmail, keyPhone, keys } from "../src/keys.ts"

// printf '%s' … | sha256sum
const hashOf = {
  "test@gmail.com": "87924606b4131a8aceeeae8868531fbb9712aaa07a5d3a756b26ce0f5d6ca674",
  "ada@example.com": "b5fc85e55755f9e0d030a10ab4429b6b2944855f9a0d60077fe832becbc41d72",
  "adal@gmail.com": "7a3bdf1facb5fb98d22645dbeb2678eaef42a2e1a26a5ad6256cbd9ceb195226",
  "+18005550100": "fb4f73a6ec5fdb7077d564cdd22c3554b43ce49168550c3b12c547b78c517b30"
}

describe("R43 a key", () => {
  it("of an e-mail address is the SHA-256 hash of its normal form", () => {
    assert.deepStrictEqual(keyEmail("test@gmail.com"), { key: hashOf["test@gmail.com"] })
    for (const spelling of ["adal@gmail.com", "A.da.L+shop@gmail.com", " ADAL@GMAIL.COM"]) {
      assert.deepStrictEqual(keyEmail(spelling), { key: hashOf["adal@gmail.com"] }, spelling)
    }
  })

  it("of a phone number is the SHA-256 hash of its E.164 form", () => {
    for (const [spelling, defaultCountry] of [
      ["+1 (800) 555-0100", undefined],
      ["+18005550100", "GB"],
      ["(800)555-0100", "US"]
    ] as const) {
      const settings = defaultCountry === undefined ? {} : { defaultCountry }
      assert.deepStrictEqual(keyPhone(spelling, settings), { key: hashOf["+18005550100"] }, spelling)
    }
    assert.deepStrictEqual(keyPhone("(800)555-0100", {}), {
      reason:
        "The phone number has no country code. Write it with + and the country code (+44…), or set defaultCountry."
    })
  })

  it("of a SHA-256 hash is that hash in lower case, and the key of what was hashed", () => {
    const hash = hashOf["ada@example.com"]
    for (const value of [hash, hash.toUpperCase(), ` ${hash}\n`, "Ada@Example.com"]) {
      assert.deepStrictEqual(keyEmail(value), { key: hash }, value)
    }
    assert.deepStrictEqual(keyPhone(hashOf["+18005550100"].toUpperCase(), {}), { key: hashOf["+18005550100"] })
  })

  it("of an MD5 hash does not exist", () => {
    const reason = "A hash is SHA-256 in 64 hexadecimal digits: Google matches no other."
    assert.deepStrictEqual(keyEmail("d41d8cd98f00b204e9800998ecf8427e"), { reason })
    assert.deepStrictEqual(keyPhone("d41d8cd98f00b204e9800998ecf8427e", {}), { reason })
  })

  it("of a device is its id as its system writes it, of a user id the user id", () => {
    const id = "ea7583cd-a667-48bc-b806-42ecb2b48606"
    assert.deepStrictEqual(keys["ios.idfa"](id), { key: "EA7583CD-A667-48BC-B806-42ECB2B48606" })
    assert.deepStrictEqual(keys["android.idfa"](id.toUpperCase()), { key: id })
    assert.deepStrictEqual(keys.user_id("U1 "), { key: "U1 " })
  })

  it("of a key is the key, and a reason quotes nobody", () => {
    const value = fc.oneof(
      fc.string({ maxLength: 80 }),
      fc.emailAddress(),
      fc.uuid(),
      fc.string({ unit: fc.constantFrom(..."+0123456789 ()"), minLength: 8, maxLength: 16 })
    )
    for (const keyOf of Object.values(keys)) {
      fc.assert(
        fc.property(value, (text) => {
          const settings = { defaultCountry: "GB" }
          const once = keyOf(text, settings)
          if ("key" in once) assert.deepStrictEqual(keyOf(once.key, settings), once)
          else if (text.trim().length > 4) assert.notInclude(once.reason, text.trim())
        }),
        { numRuns: 300 }
      )
    }
  })
})

describe("a postal address", () => {
  // printf '%s' ada | sha256sum; printf '%s' lovelace | sha256sum
  const ada = "fdee430d40bd57deeac186cd9790033d0f06f909a8806e7ce6e717ab7c7d5029"
  const lovelace = "fb1e7ec987523d2cb9e022cec1d6ae7c99dc46edfae4fe51254025fe4bea571f"
  const parts = { givenName: "Dr. Ada", familyName: "Lovelace, PhD", regionCode: "gb", postalCode: " SW1A 1AA" }

  it("has hashed names, and country and postal code as they are", () => {
    assert.deepStrictEqual(addressOf(parts), {
      givenName: ada,
      familyName: lovelace,
      regionCode: "GB",
      postalCode: "SW1A 1AA"
    })
  })

  it("is made from four traits, and is none unless all four are there", () => {
    const traits = { first_name: "Ada", last_name: "Lovelace", country: "DE", postal_code: 10115 }
    assert.deepStrictEqual(addressTraits.resolve({ traits, identifiers: [] }), {
      givenName: "Ada",
      familyName: "Lovelace",
      regionCode: "DE",
      postalCode: "10115"
    })
    for (const trait of Object.keys(traits)) {
      assert.isUndefined(addressTraits.resolve({ traits: { ...traits, [trait]: " " }, identifiers: [] }), trait)
    }
  })

  it("is none where a part has no form that Google takes", () => {
    for (const wrong of [{ regionCode: "Great Britain" }, { regionCode: "US" }, { givenName: "Mr." }]) {
      assert.isUndefined(addressOf({ ...parts, ...wrong }), JSON.stringify(wrong))
    }
  })

  it("takes names that are hashed already", () => {
    const hash = "B5FC85E55755F9E0D030A10AB4429B6B2944855F9A0D60077FE832BECBC41D72"
    assert.strictEqual(addressOf({ ...parts, givenName: hash })?.givenName, hash.toLowerCase())
  })
})
