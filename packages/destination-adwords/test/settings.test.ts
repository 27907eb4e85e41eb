import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Redacted } from "effect"
import { Adwords } from "../src/index.ts"

const oauth = {
  clientId: "client",
  clientSecret: Redacted.make("c-secret"),
  refreshToken: Redacted.make("1//r-secret")
}
const pem = "-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----\n"
const plain = { accountId: "123-456-7890", oauth, termsOfServiceAccepted: true } as const

describe("settings", () => {
  it.effect("have defaults for all that an operator need not decide", () =>
    Effect.gen(function* () {
      const { client, settings } = yield* Adwords.destination("ads", plain).bind
      assert.deepStrictEqual(settings, {
        accountId: "1234567890",
        oauth,
        termsOfServiceAccepted: true,
        addresses: true,
        membershipDays: 540,
        uploadKeyType: "CONTACT_ID",
        baseUrl: "https://datamanager.googleapis.com",
        tokenUrl: "https://oauth2.googleapis.com/token"
      })
      assert.deepStrictEqual(client, {
        baseUrl: "https://datamanager.googleapis.com",
        authorization: {
          _tag: "RefreshToken",
          tokenUrl: "https://oauth2.googleapis.com/token",
          ...oauth,
          rotates: false,
          body: "form"
        }
      })
    })
  )

  it.effect("take a service account whose key has line breaks", () =>
    Effect.gen(function* () {
      const serviceAccount = { clientEmail: "a@b.iam.gserviceaccount.com", privateKey: Redacted.make(pem) }
      const { client } = yield* Adwords.destination("ads", {
        accountId: "1234567890",
        serviceAccount,
        termsOfServiceAccepted: true
      }).bind
      assert.deepStrictEqual(client.authorization, {
        _tag: "ServiceAccount",
        ...serviceAccount,
        tokenUrl: "https://oauth2.googleapis.com/token",
        scope: "https://www.googleapis.com/auth/datamanager"
      })
    })
  )

  it.effect("name every mistake with its path", () =>
    Effect.gen(function* () {
      const { mistakes } = yield* Effect.flip(
        Adwords.destination("ads", {
          accountId: "12345",
          loginAccountId: "1234567890/../x",
          // @ts-expect-error the operator's statement must be true
          termsOfServiceAccepted: false,
          membershipDays: 541,
          baseUrl: "http://evil.example"
        }).bind
      )
      const paths = mistakes.map((mistake) => mistake.split(":")[0])
      assert.deepStrictEqual(paths.toSorted(), [
        "accountId",
        "baseUrl",
        "loginAccountId",
        "membershipDays",
        "termsOfServiceAccepted"
      ])
      assert.include(mistakes.join("\n"), "accountId: must be a Google Ads customer id of ten digits")
      assert.include(mistakes.join("\n"), "termsOfServiceAccepted: must be true")
    })
  )

  it.effect("take one signer, not two and not none", () =>
    Effect.gen(function* () {
      const none = yield* Effect.flip(
        Adwords.destination("ads", { accountId: "1234567890", termsOfServiceAccepted: true }).bind
      )
      assert.deepStrictEqual(none.mistakes, ["oauth: give either oauth or serviceAccount, and not both"])
      const two = yield* Effect.flip(
        Adwords.destination("ads", {
          ...plain,
          serviceAccount: { clientEmail: "a@b.c", privateKey: Redacted.make(pem) }
        }).bind
      )
      assert.deepStrictEqual(two.mistakes, none.mistakes)
      assert.notInclude(two.message, "secret")
    })
  )

  it.effect("ask for keySpace and appId with MOBILE_ID", () =>
    Effect.gen(function* () {
      const { mistakes } = yield* Effect.flip(Adwords.destination("ads", { ...plain, uploadKeyType: "MOBILE_ID" }).bind)
      assert.deepStrictEqual(mistakes, [
        "keySpace: is needed for MOBILE_ID: IOS or ANDROID",
        "appId: is needed for MOBILE_ID: the id of the app"
      ])
    })
  )

  it.effect("keep members at least 181 days, because they are added again every 180", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(Adwords.destination("ads", { ...plain, membershipDays: 180 }).bind)
      assert.include(error.message, "membershipDays")
      yield* Adwords.destination("ads", { ...plain, membershipDays: 181 }).bind
    })
  )
})

describe("the plugin", () => {
  it("R16 allows a list one sync every six hours", () => {
    assert.deepStrictEqual(Adwords.declaration.list?.cadence, Duration.hours(6))
  })

  it("R14 has a list form and no event form", () => {
    assert.isUndefined(Adwords.declaration.event)
  })

  it("R20 declares the identifier types that it takes", () => {
    assert.deepStrictEqual(Adwords.declaration.identifiers, ["email", "phone", "ios.idfa", "android.idfa", "user_id"])
  })

  it("R29 declares the project's quota of a minute and of a day", () => {
    assert.deepStrictEqual(Adwords.declaration.limits, [
      { _tag: "Requests", count: 300, windowMillis: 60_000 },
      { _tag: "Requests", count: 100_000, windowMillis: 86_400_000 }
    ])
  })
})
