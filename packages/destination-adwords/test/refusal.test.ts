import { assert, describe, it } from "@effect/vitest"
import * as Refusal from "../src/refusal.ts"
import { refusal, reply } from "./replies.ts"

const first = (reason: string) =>
  refusal("INVALID_ARGUMENT", [{ field: "audience_members[0]", description: "No.", reason }])
const members = (status: number, body: unknown, headers?: Readonly<Record<string, string>>) =>
  Refusal.toError(reply(status, body, headers), "members")

describe("R33 a failed request", () => {
  it("is Unauthorized after 401, and says to connect anew", () => {
    const error = members(401, refusal("UNAUTHENTICATED"))
    assert.strictEqual(error._tag, "Unauthorized")
    assert.include(error.message, "Connect the account anew.")
  })

  it("is Unauthorized after 403, and says what to set up", () => {
    const error = members(403, refusal("PERMISSION_DENIED"))
    assert.strictEqual(error._tag, "Unauthorized")
    assert.include(error.message, "Give the signing user or service account access to the Google Ads account")
    assert.include(error.message, "loginAccountId")
  })

  it("is Misconfigured for reasons of the request, though they are pinned to the first member, and says what mends it", () => {
    const mends = {
      INVALID_USER_LIST_TYPE: "Set uploadKeyType",
      TERMS_AND_CONDITIONS_NOT_SIGNED: "Accept the Customer Match terms",
      EU_POLITICAL_ADVERTISING_DECLARATION_REQUIRED: "Make the declaration",
      MEMBERSHIP_DURATION_TOO_LONG: "540 or less",
      INVALID_DESTINATION: "Check accountId"
    }
    for (const [reason, text] of Object.entries(mends)) {
      const error = members(400, first(reason))
      assert.strictEqual(error._tag, "Misconfigured", reason)
      assert.include(error.message, text)
      assert.include(error.message, reason)
    }
  })

  it("is ListGone where the list does not exist", () => {
    assert.strictEqual(members(400, first("INVALID_USER_LIST_ID"))._tag, "ListGone")
    assert.strictEqual(members(404, refusal("NOT_FOUND"))._tag, "ListGone")
    assert.strictEqual(Refusal.toError(reply(404, refusal("NOT_FOUND")), "account")._tag, "Misconfigured")
  })

  it("is Misconfigured after a 404 that is not Google's: the address is wrong, no list is gone", () => {
    assert.strictEqual(members(404, "<!DOCTYPE html><title>Error 404 (Not Found)!!1</title>")._tag, "Misconfigured")
  })

  it("is PayloadTooLarge where it had too many members or bytes", () => {
    assert.strictEqual(members(400, first("TOO_MANY_AUDIENCE_MEMBERS"))._tag, "PayloadTooLarge")
    assert.strictEqual(members(413, "<html>413</html>")._tag, "PayloadTooLarge")
  })

  it("is BatchRejected after a 400 that names nobody", () => {
    const error = members(400, refusal("INVALID_ARGUMENT"))
    assert.strictEqual(error._tag, "BatchRejected")
    assert.include(error.message, "400 INVALID_ARGUMENT: There was a problem with the request. [request r-9]")
  })

  it("is Unavailable after 409, 500, 503 and 504", () => {
    for (const status of ["ABORTED", "INTERNAL", "UNAVAILABLE", "DEADLINE_EXCEEDED"]) {
      const body = refusal(status)
      assert.strictEqual(members(body.error.code ?? 0, body)._tag, "Unavailable", status)
    }
  })

  it("is judged by its body before its status", () => {
    assert.strictEqual(members(200, refusal("UNAVAILABLE"))._tag, "Unavailable")
    assert.strictEqual(members(200, refusal("UNAUTHENTICATED"))._tag, "Unauthorized")
  })

  it("is Unavailable where its answer is empty, truncated or a proxy's page", () => {
    for (const body of ["", '{"requestI', "<html>hello</html>", "null", "[]"]) {
      assert.strictEqual(members(200, body)._tag, "Unavailable", body)
      assert.strictEqual(members(502, body)._tag, "Unavailable", body)
    }
  })

  it("is read where details are of an unknown form", () => {
    const body = { error: { code: 503, details: [null, 7, { reason: 5 }, { fieldViolations: "?" }] } }
    assert.strictEqual(members(503, body)._tag, "Unavailable")
    assert.strictEqual(members(429, { error: {} })._tag, "Throttled")
  })
})

describe("R28 a request too many", () => {
  const quota = (limit: string) => refusal("RESOURCE_EXHAUSTED", [], { quota_limit: limit })
  const wait = (body: unknown, headers?: Readonly<Record<string, string>>) => {
    const error = members(429, body, headers)
    return error._tag === "Throttled" ? error.retryAfterMillis : error._tag
  }

  it("waits a minute for the quota of a minute", () => {
    assert.strictEqual(wait(quota("IngestionMutateRequestsPerMinutePerProject")), 60_000)
  })

  it("waits until midnight in California for the quota of a day", () => {
    assert.strictEqual(wait(quota("IngestionMutateRequestsPerDayPerProject")), 3_600_000)
  })

  it("waits as long as the answer asks", () => {
    const body = refusal("RESOURCE_EXHAUSTED")
    const asked = {
      error: {
        ...body.error,
        details: [{ "@type": "type.googleapis.com/google.rpc.RetryInfo", retryDelay: "7.5s" }]
      }
    }
    assert.strictEqual(wait(asked), 7500)
    assert.strictEqual(wait(body, { "retry-after": "12" }), 12_000)
    assert.strictEqual(wait("", { "retry-after": "12" }), 12_000)
  })
})

describe("a refusal in words", () => {
  it("holds Google's reason, words and request id, and no identifier", () => {
    const hash = "b5fc85e55755f9e0d030a10ab4429b6b2944855f9a0d60077fe832becbc41d72"
    const body = refusal("INVALID_ARGUMENT", [
      {
        field: "audience_members[0]",
        description: `${hash} of ada@example.com, EA7583CD-A667-48BC-B806-42ECB2B48606`,
        reason: "INVALID_SHA256_FORMAT"
      }
    ])
    assert.strictEqual(
      members(400, body).message,
      "The destination refuses the batch: 400 INVALID_ARGUMENT (INVALID_SHA256_FORMAT): " +
        "audience_members[0]: *** of *** *** [request r-9]"
    )
  })
})
