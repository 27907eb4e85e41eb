import { assert, describe, it } from "@effect/vitest"
import { Outcome } from "@tributary/core"
import { Redacted, Result } from "effect"
import * as List from "../src/list.ts"
import type { Settings } from "../src/settings.ts"
import { member } from "./connected.ts"
import { refusal, reply } from "./replies.ts"

// printf '%s' ada@example.com | sha256sum
const ada = "b5fc85e55755f9e0d030a10ab4429b6b2944855f9a0d60077fe832becbc41d72"
const gmail = "7a3bdf1facb5fb98d22645dbeb2678eaef42a2e1a26a5ad6256cbd9ceb195226" // adal@gmail.com
const phone = "fb4f73a6ec5fdb7077d564cdd22c3554b43ce49168550c3b12c547b78c517b30" // +18005550100
const umlaut = "2e1df3d00f90fc7e7777e7a5c1c7fa9a8879301b5e8f493ae6797a41d6a0dcbe" // jürgen@bücher.example

const contacts: Settings = {
  accountId: "1234567890",
  oauth: { clientId: "c", clientSecret: Redacted.make("s"), refreshToken: Redacted.make("r") },
  termsOfServiceAccepted: true,
  addresses: true,
  membershipDays: 540,
  uploadKeyType: "CONTACT_ID",
  baseUrl: "https://datamanager.googleapis.com",
  tokenUrl: "https://oauth2.googleapis.com/token"
}
const ios: Settings = { ...contacts, uploadKeyType: "MOBILE_ID", keySpace: "IOS", appId: "1" }
const android: Settings = { ...ios, keySpace: "ANDROID" }
const users: Settings = { ...contacts, uploadKeyType: "USER_ID" }

const emails = (count: number) => Array.from({ length: count }, (_, index) => `user${index}@example.com`)
const tags = (outcomes: ReadonlyArray<Outcome.Outcome | undefined>) => outcomes.map((outcome) => outcome?._tag)

describe("a request to add members", () => {
  it("R20 R21 carries every e-mail and phone of a member, normalised and hashed", () => {
    const request = List.toAdd(
      [
        member({ email: [" Ada@Example.com", "A.da.L+shop@gmail.com"], phone: ["+1 (800) 555-0100"] }),
        member({ email: ["Jürgen@Bücher.example"] })
      ],
      contacts
    )
    assert.deepStrictEqual(request.audienceMembers, [
      { userData: { userIdentifiers: [{ emailAddress: ada }, { emailAddress: gmail }, { phoneNumber: phone }] } },
      { userData: { userIdentifiers: [{ emailAddress: umlaut }] } }
    ])
    assert.deepStrictEqual(request.settled, [undefined, undefined])
  })

  it("carries an identifier once, however it is spelled", () => {
    const request = List.toAdd([member({ email: ["adal@gmail.com", "a.dal@gmail.com", "ADAL+x@gmail.com"] })], contacts)
    assert.deepStrictEqual(request.audienceMembers, [{ userData: { userIdentifiers: [{ emailAddress: gmail }] } }])
  })

  it("R43 takes a number without a country code as one of defaultCountry, and no country as its own", () => {
    const numbers = [member({ phone: ["(800)555-0100"] }), member({ phone: ["41555501320.0"] })]
    const request = List.toAdd(numbers, { ...contacts, defaultCountry: "US" })
    assert.deepStrictEqual(request.audienceMembers, [{ userData: { userIdentifiers: [{ phoneNumber: phone }] } }])
    assert.deepStrictEqual(tags(request.settled), [undefined, "Rejected"])
    assert.deepStrictEqual(tags(List.toAdd(numbers, contacts).settled), ["Rejected", "Rejected"])
  })

  it("passes on identifiers that are hashed already, in lower case and not hashed again", () => {
    const request = List.toAdd([member({ email: [ada.toUpperCase(), "ada@example.com"], phone: [phone] })], contacts)
    assert.deepStrictEqual(request.audienceMembers, [
      { userData: { userIdentifiers: [{ emailAddress: ada }, { phoneNumber: phone }] } }
    ])
  })

  it("carries name, country and postal code as one more identifier, where the profile has all four", () => {
    const parts = { givenName: "Ada", familyName: "Lovelace", regionCode: "GB", postalCode: "SW1A 1AA" }
    const required = { address: parts }
    const abroad = { address: { ...parts, regionCode: "Great Britain" } }
    const members = [
      { identifiers: { email: ["ada@example.com"] }, required },
      { identifiers: { email: ["adal@gmail.com"] }, required: abroad },
      { identifiers: { email: ["nobody"] }, required },
      { identifiers: { email: ["adal@gmail.com"] }, required: { address: null } }
    ]
    // printf '%s' ada | sha256sum; printf '%s' lovelace | sha256sum
    const address = {
      givenName: "fdee430d40bd57deeac186cd9790033d0f06f909a8806e7ce6e717ab7c7d5029",
      familyName: "fb1e7ec987523d2cb9e022cec1d6ae7c99dc46edfae4fe51254025fe4bea571f",
      regionCode: "GB",
      postalCode: "SW1A 1AA"
    }
    const request = List.toAdd(members, contacts)
    assert.deepStrictEqual(request.audienceMembers, [
      { userData: { userIdentifiers: [{ emailAddress: ada }, { address }] } },
      { userData: { userIdentifiers: [{ emailAddress: gmail }] } },
      { userData: { userIdentifiers: [{ emailAddress: gmail }] } }
    ])
    assert.deepStrictEqual(tags(request.settled), [undefined, undefined, "Rejected", undefined])
    assert.deepStrictEqual(List.toAdd(members, { ...contacts, addresses: false }).audienceMembers, [
      { userData: { userIdentifiers: [{ emailAddress: ada }] } },
      { userData: { userIdentifiers: [{ emailAddress: gmail }] } },
      { userData: { userIdentifiers: [{ emailAddress: gmail }] } }
    ])
    assert.deepStrictEqual(List.toDiscard(members.slice(0, 1), contacts).audienceMembers, [
      { userData: { userIdentifiers: [{ emailAddress: ada }, { address }] } }
    ])
  })

  it("R33 leaves out what cannot be normalised, and rejects a member who has nothing else, before it is sent", () => {
    const request = List.toAdd(
      [member({ email: ["not an address", "ada@example.com"] }), member({ email: ["nobody"], phone: ["030 1234567"] })],
      contacts
    )
    assert.deepStrictEqual(request.audienceMembers, [{ userData: { userIdentifiers: [{ emailAddress: ada }] } }])
    assert.deepStrictEqual(request.owners, [0])
    assert.deepStrictEqual(tags(request.settled), [undefined, "Rejected"])
  })

  it("rejects with a reason that says what is missing and names nobody", () => {
    const [unusable, lacking, blank, optedOut] = [
      List.toAdd([member({ email: ["ada lovelace@example.com"], phone: ["(171) 555-7788"] })], contacts).settled[0],
      List.toAdd([member({ user_id: ["u1"] })], contacts).settled[0],
      List.toAdd([member({ user_id: [" "] })], users).settled[0],
      List.toAdd([member({ "ios.idfa": ["00000000-0000-0000-0000-000000000000"] })], ios).settled[0]
    ]
    assert.deepStrictEqual(
      unusable,
      Outcome.rejected(
        "Google can match the profile by none of its identifiers. An e-mail address has no white space inside. " +
          "The phone number has no country code. Write it with + and the country code (+44…), or set defaultCountry."
      )
    )
    assert.deepStrictEqual(
      lacking,
      Outcome.rejected("The profile has no e-mail address and no phone number, and the list takes nothing else.")
    )
    assert.deepStrictEqual(
      blank,
      Outcome.rejected("Google can match the profile by none of its identifiers. The user_id is blank.")
    )
    assert.deepStrictEqual(
      optedOut,
      Outcome.rejected(
        "Google can match the profile by none of its identifiers. " +
          "A mobile advertising id is a UUID, and not only zeros, as after an opt-out."
      )
    )
  })

  it("R21 adds every identifier of a member, in audience members of ten", () => {
    const request = List.toAdd([member({ email: emails(9), phone: ["+18005550100", "+18005550101"] })], contacts)
    const parts = request.audienceMembers.map((part) => ("userData" in part ? part.userData.userIdentifiers : []))
    assert.deepStrictEqual(
      parts.map((part) => part.length),
      [10, 1]
    )
    assert.deepStrictEqual(parts[0]?.[9], { phoneNumber: phone })
    assert.deepStrictEqual(request.owners, [0, 0])
    assert.deepStrictEqual(request.settled, [undefined])
  })

  it("carries mobile ids of the list's key space only, unhashed", () => {
    const idfa = "EA7583CD-A667-48BC-B806-42ECB2B48606"
    const aaid = "cdda802e-fb9c-47ad-9866-0794d394c912"
    const both = [member({ "ios.idfa": [idfa], "android.idfa": [aaid], email: ["ada@example.com"] })]
    assert.deepStrictEqual(List.toAdd(both, ios).audienceMembers, [{ mobileData: { mobileIds: [idfa] } }])
    assert.deepStrictEqual(List.toAdd(both, android).audienceMembers, [{ mobileData: { mobileIds: [aaid] } }])
    assert.deepStrictEqual(tags(List.toAdd([member({ "ios.idfa": [idfa] })], android).settled), ["Rejected"])
  })

  it("R21 makes an audience member of each user id", () => {
    const request = List.toAdd([member({ user_id: ["u1", "u2"] }), member({ user_id: ["Kunde №7"] })], users)
    assert.deepStrictEqual(request.audienceMembers, [
      { userIdData: { userId: "u1" } },
      { userIdData: { userId: "u2" } },
      { userIdData: { userId: "Kunde №7" } }
    ])
    assert.deepStrictEqual(request.owners, [0, 0, 1])
  })

  it("holds 10,000 audience members at most; a member who does not fit comes with the next request", () => {
    const many = Array.from({ length: 10_000 }, (_, index) => member({ user_id: [`u${index}`, `v${index}`] }))
    const request = List.toAdd(many, users)
    assert.strictEqual(request.audienceMembers.length, 10_000)
    assert.isUndefined(request.settled[4999])
    assert.deepStrictEqual(request.settled[5000], Outcome.retry("The request holds 10000 audience members already.", 0))
  })
})

describe("a request to remove members", () => {
  it("R23 removes every identifier, in audience members of ten", () => {
    const request = List.toDiscard([member({ email: emails(23) })], contacts)
    assert.deepStrictEqual(
      request.audienceMembers.map((part) => ("userData" in part ? part.userData.userIdentifiers.length : 0)),
      [10, 10, 3]
    )
    assert.deepStrictEqual(request.owners, [0, 0, 0])
  })

  it("has nothing to do for an identifier that was never in a form to be added", () => {
    const request = List.toDiscard([member({ email: ["nobody"] })], contacts)
    assert.deepStrictEqual(request, { audienceMembers: [], owners: [], settled: [Outcome.delivered] })
  })

  it("does not claim to have removed what a list of this kind cannot hold", () => {
    assert.deepStrictEqual(tags(List.toDiscard([member({ user_id: ["u1"] })], contacts).settled), ["Rejected"])
  })
})

describe("R33 outcomes", () => {
  const three = List.toAdd(
    [member({ email: ["nobody"] }), ...emails(3).map((email) => member({ email: [email] }))],
    contacts
  )

  it("are accepted with the request's id for all who were in it", () => {
    const outcomes = Result.getOrThrow(List.outcomes(reply(200, { requestId: "r-1" }), three))
    assert.deepStrictEqual(tags(outcomes), ["Rejected", "Accepted", "Accepted", "Accepted"])
    assert.deepStrictEqual(outcomes[1], Outcome.accepted("r-1"))
  })

  it("reject the members whom Google names, and send the others again at once", () => {
    const answer = refusal("INVALID_ARGUMENT", [
      {
        field: "audience_members[1].user_data.user_identifiers[0]",
        description: "Bad.",
        reason: "INVALID_SHA256_FORMAT"
      }
    ])
    const outcomes = Result.getOrThrow(List.outcomes(reply(400, answer), three))
    assert.deepStrictEqual(outcomes.slice(1), [
      Outcome.retry("Google refused the request for the sake of another member.", 0),
      Outcome.rejected("Google refuses the member: INVALID_SHA256_FORMAT: Bad."),
      Outcome.retry("Google refused the request for the sake of another member.", 0)
    ])
  })

  it("are found for the member that an audience member was made from", () => {
    const request = List.toAdd([member({ user_id: ["u1", "u2"] }), member({ user_id: ["user-3"] })], users)
    const answer = refusal("INVALID_ARGUMENT", [
      { field: "audience_members[2]", description: "user-3 is unknown.", reason: "INVALID_FORMAT" }
    ])
    assert.deepStrictEqual(Result.getOrThrow(List.outcomes(reply(400, answer), request))[1], {
      _tag: "Rejected",
      reason: "Google refuses the member: INVALID_FORMAT: *** is unknown."
    })
  })

  it("quote Google without the identifiers that it quotes", () => {
    const answer = refusal("INVALID_ARGUMENT", [
      { field: "audience_members[0]", description: `Bad: ada@example.com, ${ada}`, reason: "INVALID_FORMAT" }
    ])
    const outcome = Result.getOrThrow(List.outcomes(reply(400, answer), three))[1]
    assert.deepStrictEqual(outcome, Outcome.rejected("Google refuses the member: INVALID_FORMAT: Bad: *** ***"))
  })

  it("blame nobody for an unknown reason pinned to the first member of several", () => {
    const answer = refusal("INVALID_ARGUMENT", [
      { field: "audience_members[0]", description: "?", reason: "NEW_REASON" }
    ])
    const failed = Result.getFailure(List.outcomes(reply(400, answer), three))
    assert.strictEqual(failed._tag === "Some" ? failed.value._tag : "", "BatchRejected")
    const alone = List.toAdd([member({ email: emails(1) })], contacts)
    assert.deepStrictEqual(tags(Result.getOrThrow(List.outcomes(reply(400, answer), alone))), ["Rejected"])
  })

  it("blame nobody whom the request did not hold", () => {
    const answer = refusal("INVALID_ARGUMENT", [
      { field: "audience_members[7]", description: "?", reason: "INVALID_SHA256_FORMAT" }
    ])
    const failed = Result.getFailure(List.outcomes(reply(400, answer), three))
    assert.strictEqual(failed._tag === "Some" ? failed.value._tag : "", "BatchRejected")
  })
})

describe("R35 the result of a request", () => {
  const status = (requestStatus: string, errorCounts: ReadonlyArray<unknown> = []) =>
    List.jobResult(
      reply(200, { requestStatusPerDestination: [{ destination: {}, requestStatus, errorInfo: { errorCounts } }] })
    )

  it("is pending while Google processes it, or does not know", () => {
    for (const word of ["PROCESSING", "REQUEST_STATUS_UNKNOWN", "A_NEW_STATUS"]) {
      assert.deepStrictEqual(Result.getOrThrow(status(word)), { _tag: "Pending" })
    }
    assert.deepStrictEqual(Result.getOrThrow(List.jobResult(reply(200, { requestStatusPerDestination: [] }))), {
      _tag: "Pending"
    })
  })

  it("is finished with counts by reason, int64 as text", () => {
    assert.deepStrictEqual(Result.getOrThrow(status("SUCCESS")), { _tag: "Finished", unattributed: [] })
    const counts = [
      { recordCount: "9007199", reason: "PROCESSING_ERROR_REASON_DENIED_CONSENT" },
      { recordCount: "2", reason: "PROCESSING_ERROR_OPERATING_ACCOUNT_MISMATCH_FOR_AD_IDENTIFIER" }
    ]
    const unattributed = [
      { count: 9_007_199, reason: "PROCESSING_ERROR_REASON_DENIED_CONSENT" },
      { count: 2, reason: "PROCESSING_ERROR_OPERATING_ACCOUNT_MISMATCH_FOR_AD_IDENTIFIER" }
    ]
    assert.deepStrictEqual(Result.getOrThrow(status("PARTIAL_SUCCESS", counts)), { _tag: "Finished", unattributed })
    assert.deepStrictEqual(Result.getOrThrow(status("FAILED", counts)), { _tag: "Finished", unattributed })
  })

  it("is to be sent again where a part failed through Google's fault, and not for the data's", () => {
    const count = (reason: string) => ({ recordCount: "3", reason: `PROCESSING_ERROR_REASON_${reason}` })
    const tag = (word: string, ...reasons: ReadonlyArray<string>) =>
      Result.getOrThrow(status(word, reasons.map(count)))._tag
    for (const word of ["PARTIAL_SUCCESS", "FAILED"]) {
      assert.strictEqual(tag(word, "INVALID_FORMAT"), "Finished", word)
      assert.strictEqual(tag(word, "INVALID_FORMAT", "INTERNAL_ERROR"), "Partial", word)
    }
    assert.strictEqual(tag("PARTIAL_SUCCESS", "INTERNAL_ERROR"), "Partial")
    assert.deepStrictEqual(Result.getOrThrow(status("PARTIAL_SUCCESS", [count("UNSPECIFIED")])), {
      _tag: "Partial",
      unattributed: [{ count: 3, reason: "PROCESSING_ERROR_REASON_UNSPECIFIED" }]
    })
  })

  it("is told as partial where Google gives no counts", () => {
    assert.deepStrictEqual(Result.getOrThrow(status("PARTIAL_SUCCESS")), {
      _tag: "Partial",
      unattributed: [{ reason: "Google took a part and gives no counts.", count: 0 }]
    })
  })

  it("is lost where Google failed or forgot the request", () => {
    const internal = [{ recordCount: "3", reason: "PROCESSING_ERROR_REASON_INTERNAL_ERROR" }]
    assert.strictEqual(Result.getOrThrow(status("FAILED", internal))._tag, "Lost")
    assert.strictEqual(Result.getOrThrow(status("FAILED"))._tag, "Lost")
    const unknown = refusal("INVALID_ARGUMENT", [
      { field: "request_id", description: "The request ID is not valid.", reason: "INVALID_REQUEST_ID" }
    ])
    assert.deepStrictEqual(Result.getOrThrow(List.jobResult(reply(400, unknown))), {
      _tag: "Lost",
      reason: "400 INVALID_ARGUMENT (INVALID_REQUEST_ID): request_id: The request ID is not valid. [request r-9]"
    })
  })

  it("is unknown after an answer that cannot be read", () => {
    for (const answer of [reply(200, "<html>"), reply(200, ""), reply(200, '{"requestStatusPerDes'), reply(503, "")]) {
      const failed = Result.getFailure(List.jobResult(answer))
      assert.strictEqual(failed._tag === "Some" ? failed.value._tag : "", "Unavailable")
    }
  })
})
