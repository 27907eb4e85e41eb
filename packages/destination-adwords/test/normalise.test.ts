import { assert, describe, it } from "@effect/vitest"
import fc from "fast-check"
import { getCountries, getCountryCallingCode, parsePhoneNumberFromString } from "libphonenumber-js/max"
import type { Unusable } from "../src/hashes.ts"
import * as Normalise from "../src/normalise.ts"
import { phone } from "../src/phone.ts"

/** The normal form, or the reason why there is none. */
const said = (normal: string | Unusable) => (typeof normal === "string" ? normal : normal.reason)

describe("an e-mail address", () => {
  it("is trimmed and in lower case", () => {
    assert.strictEqual(Normalise.email("  Ada.Lovelace@Example.COM \n"), "ada.lovelace@example.com")
  })

  it("of gmail.com or googlemail.com loses dots and the +suffix before the @", () => {
    assert.strictEqual(Normalise.email("A.da.L+shop+2@GMail.com"), "adal@gmail.com")
    assert.strictEqual(Normalise.email("ada.l+x@googlemail.com"), "adal@googlemail.com")
    // The example of the vendor's formatting page.
    assert.strictEqual(Normalise.email("cloudy.sanfrancisco+shopping@gmail.com"), "cloudysanfrancisco@gmail.com")
  })

  it("of another domain keeps dots and +suffix", () => {
    assert.strictEqual(Normalise.email("ada.l+shop@mail.google.com"), "ada.l+shop@mail.google.com")
    assert.strictEqual(Normalise.email("ada@notgmail.com"), "ada@notgmail.com")
    // The example of the vendor's formatting page.
    assert.strictEqual(Normalise.email("user.name+NYC@Example.com"), "user.name+nyc@example.com")
  })

  it("may hold letters of any script", () => {
    assert.strictEqual(Normalise.email("JÜRGEN@Bücher.example"), "jürgen@bücher.example")
  })

  it("is none without one @ and text on both sides of it", () => {
    for (const value of ["", "ada", "ada@", "@x.com", "a@b@c.com", "+49 176 1234567"]) {
      assert.strictEqual(
        said(Normalise.email(value)),
        "An e-mail address has exactly one @, with text on both sides.",
        value
      )
    }
  })

  it("is none with white space inside, a tab as well as a space", () => {
    for (const value of ["a da@x.com", "ada@x .com", "ada\t@x.com", "ada@\u00a0x.com"]) {
      assert.strictEqual(said(Normalise.email(value)), "An e-mail address has no white space inside.", value)
    }
  })

  it("of gmail.com is none where only dots and a +suffix stand before the @", () => {
    for (const value of ["+x@gmail.com", "..@gmail.com", ".+.@googlemail.com"]) {
      assert.strictEqual(
        said(Normalise.email(value)),
        "Nothing is left of the gmail.com address without its dots and its +suffix.",
        value
      )
    }
  })

  it("that is a hash other than SHA-256 is none, and the reason says which hash it has to be", () => {
    assert.strictEqual(
      said(Normalise.email("0beec7b5ea3f0fdbc95d0dd47f3c5bc275da8a33")),
      "A hash is SHA-256 in 64 hexadecimal digits: Google matches no other."
    )
  })
})

describe("a phone number", () => {
  const noCountry =
    "The phone number has no country code. Write it with + and the country code (+44…), or set defaultCountry."

  it("with a country code is written in E.164, whatever stands between its digits", () => {
    for (const [value, normal] of [
      ["+1 (800) 555-0100", "+18005550100"],
      ["+49.30/901820", "+4930901820"],
      ["\u00a0+44 20 7946 0958 ", "+442079460958"],
      ["+49 176 1234567", "+491761234567"],
      ["\u202a+49 176 1234567\u202c", "+491761234567"],
      ["+49\u2011176\u20131234567", "+491761234567"],
      ["+٤٤٢٠٧٩٤٦٠٠١٨", "+442079460018"]
    ] as const) {
      assert.strictEqual(said(phone(value, undefined)), normal, value)
    }
  })

  it("loses the 0 that is dialled inside its country only, and keeps Italy's", () => {
    assert.strictEqual(said(phone("+44 (0)20 7946 0018", undefined)), "+442079460018")
    assert.strictEqual(said(phone("+49 (0) 30 901820", undefined)), "+4930901820")
    assert.strictEqual(said(phone("+39 06 1234 5678", undefined)), "+390612345678")
  })

  it("without a country code has no invented one", () => {
    for (const value of ["(171) 555-7788", "030 901820", "0049 30 901820", "18005550100", "49.30/901820", "١٢٣٤٥٦٧٨"]) {
      assert.strictEqual(said(phone(value, undefined)), noCountry, value)
    }
  })

  it("without a country code is one of defaultCountry, where it exists there", () => {
    for (const [value, country, normal] of [
      ["020 7946 0018", "GB", "+442079460018"],
      ["00 44 20 7946 0018", "DE", "+442079460018"],
      ["011 44 20 7946 0018", "US", "+442079460018"],
      ["(800)555-0100", "US", "+18005550100"],
      ["030 901820", "DE", "+4930901820"],
      ["06 1234 5678", "IT", "+390612345678"],
      ["8 (495) 123-45-67", "RU", "+74951234567"],
      ["+44 20 7946 0018", "US", "+442079460018"]
    ] as const) {
      assert.strictEqual(said(phone(value, country)), normal, `${value} ${country}`)
    }
    assert.strictEqual(
      said(phone("(171) 555-7788", "GB")),
      "No phone number of GB (defaultCountry) is like this. Write it with + and its country code."
    )
  })

  it("that a spreadsheet made a decimal of is none, in no country", () => {
    for (const country of [undefined, "US", "CH", "DE"]) {
      assert.strictEqual(
        said(phone("41555501320.0", country)),
        "A number with a decimal fraction is not a phone number. Store phone numbers as text.",
        country
      )
    }
    assert.strictEqual(
      said(phone("+41555501320.0", undefined)),
      "A number with a decimal fraction is not a phone number. Store phone numbers as text."
    )
  })

  it("has no letters and no extension", () => {
    for (const value of ["", "+", "+1 800 FLOWERS", "+1 800 555 0100 x12", "1+2345678", "4.15555E+10", "+1;ext=2"]) {
      assert.strictEqual(
        said(phone(value, "US")),
        "A phone number has digits and separators only, no letters and no extension.",
        value
      )
    }
  })

  it("has the length that its country's numbers have, and a country", () => {
    const wrongLength = "The phone number has too few or too many digits for its country code."
    for (const value of ["+123456", "+1 555 0100", "+1234567890123456", "+44 20 7946"]) {
      assert.strictEqual(said(phone(value, undefined)), wrongLength, value)
    }
    assert.strictEqual(said(phone("+999123456789", undefined)), "No country has the phone number's country code.")
  })
})

describe("a phone number in E.164", () => {
  it("is taken as the library takes it, whether the library is asked or not", () => {
    const codes = [...new Set(getCountries().map((country) => getCountryCallingCode(country)))]
    const digits = fc.string({ unit: fc.constantFrom(..."0123456789"), minLength: 4, maxLength: 13 })
    fc.assert(
      fc.property(fc.constantFrom(...codes, "800", "870"), digits, (code, rest) => {
        const value = `+${code}${rest}`
        const parsed = parsePhoneNumberFromString(value, { extract: false })
        const isNormal = parsed?.isPossible() === true && parsed.number === value
        assert.strictEqual(phone(value, undefined) === value, isNormal, value)
      }),
      { numRuns: 5000 }
    )
  })
})

describe("a name", () => {
  it("is trimmed, in lower case, without titles before a given and after a family name", () => {
    assert.strictEqual(Normalise.givenName(" Ada "), "ada")
    assert.strictEqual(Normalise.givenName("Dr. Ada"), "ada")
    assert.strictEqual(Normalise.givenName("Drew"), "drew")
    assert.strictEqual(Normalise.familyName("Lovelace, Jr., PhD"), "lovelace")
    assert.strictEqual(Normalise.familyName("Lovelace III"), "lovelace")
    assert.strictEqual(Normalise.familyName("Quinn-Alex"), "quinn-alex")
  })

  it("is none where nothing but a title is left", () => {
    assert.strictEqual(said(Normalise.givenName("Mrs.")), "Nothing is left of the name without its titles.")
    assert.strictEqual(said(Normalise.familyName(", Jr.")), "Nothing is left of the name without its titles.")
  })
})

describe("a country and a postal code", () => {
  it("a country is two letters of ISO 3166-1", () => {
    assert.strictEqual(Normalise.regionCode(" gb "), "GB")
    for (const value of ["Germany", "UK", "XK", ""]) {
      assert.strictEqual(
        said(Normalise.regionCode(value)),
        "A country is two letters of ISO 3166-1, such as GB.",
        value
      )
    }
  })

  it("a postal code is trimmed; in the US it has 5 digits, or 5 and 4", () => {
    assert.strictEqual(Normalise.postalCode(" SW1A 1AA ", "GB"), "SW1A 1AA")
    assert.strictEqual(Normalise.postalCode("94103-1234", "US"), "94103-1234")
    for (const value of ["2139", "", " "]) assert.isObject(Normalise.postalCode(value, "US"), value)
  })
})

describe("a mobile advertising id", () => {
  it("is a UUID as its system writes it", () => {
    const id = "EA7583CD-A667-48BC-B806-42ECB2B48606"
    for (const value of [` ${id} `, id.toLowerCase()]) {
      assert.strictEqual(Normalise.mobileId(value, "IOS"), id)
      assert.strictEqual(Normalise.mobileId(value, "ANDROID"), id.toLowerCase())
    }
  })

  it("is none where it is no UUID, or the zeros of an opt-out", () => {
    for (const value of ["EA7583CD", "00000000-0000-0000-0000-000000000000"]) {
      assert.strictEqual(
        said(Normalise.mobileId(value, "IOS")),
        "A mobile advertising id is a UUID, and not only zeros, as after an opt-out."
      )
    }
  })
})

describe("a user id", () => {
  it("is sent as it is, unless it is blank", () => {
    assert.strictEqual(Normalise.userId("Kunde №7 "), "Kunde №7 ")
    assert.strictEqual(said(Normalise.userId("  ")), "The user_id is blank.")
  })
})

describe("normalising twice is the same as normalising once", () => {
  const twice = (arbitrary: fc.Arbitrary<string>, normal: (value: string) => string | Unusable) =>
    fc.assert(
      fc.property(arbitrary, (value) => {
        const once = normal(value)
        if (typeof once === "string") assert.strictEqual(normal(once), once)
      }),
      { numRuns: 500 }
    )
  const local = fc.string({ unit: fc.constantFrom("a", "B", ".", "+", "ü", "İ", " "), minLength: 1, maxLength: 8 })
  const host = fc.constantFrom("gmail.com", "GoogleMail.com", "Example.COM", "x", "ß.example")
  const digits = fc.string({ unit: fc.constantFrom(..."0123456789 ()-./"), minLength: 5, maxLength: 16 })

  it("for addresses", () => {
    twice(
      fc.tuple(local, host).map((parts) => parts.join("@")),
      Normalise.email
    )
  })

  it("for phone numbers, with and without a default country", () => {
    const number = fc
      .tuple(fc.constantFrom("", "+", "00", "+44", "+49 (0)", "+1", "+54", "+39"), digits)
      .map((parts) => parts.join(" "))
    for (const country of [undefined, "GB", "US", "DE", "IT", "AR"]) {
      twice(number, (value) => phone(value, country))
    }
  })

  it("for mobile advertising ids", () => {
    twice(fc.uuid(), (value) => Normalise.mobileId(value, "IOS"))
    twice(fc.uuid(), (value) => Normalise.mobileId(value.toUpperCase(), "ANDROID"))
  })
})
