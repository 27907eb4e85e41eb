import { assert, describe, it } from "@effect/vitest"
import { Sandbox } from "@tributary/core"
import * as AdwordsSandbox from "../src/sandbox/index.ts"

const hash = (digit: string) => digit.repeat(64)
const person = (...hashes: ReadonlyArray<string>) => ({
  userData: { userIdentifiers: hashes.map((emailAddress) => ({ emailAddress })) }
})
const day = 86_400_000
const parent = "/v1/accountTypes/GOOGLE_ADS/accounts/1234567890/userLists"
const listBody = {
  displayName: "VIP",
  membershipDuration: "864000s",
  ingestedUserListInfo: { uploadKeyTypes: ["CONTACT_ID"] }
}

/** A sandbox with a token and one list, spoken to as the vendor's documents say. */
const open = (options: AdwordsSandbox.SandboxOptions = {}) => {
  const sandbox = AdwordsSandbox.make({ processingMillis: 0, ...options })
  const send = (method: string, url: string, body?: unknown, now = 0, headers: Record<string, string> = {}) => {
    const { pathname, searchParams } = new URL(url, "http://sandbox")
    const text = body === undefined ? "" : typeof body === "string" ? body : JSON.stringify(body)
    const request: Sandbox.SandboxRequest = {
      method,
      path: pathname,
      query: searchParams,
      headers: { authorization: "Bearer ya29.sandbox-1", host: "sandbox", ...headers },
      body: text
    }
    const answer = sandbox.handle(request, now)
    const json = JSON.parse(typeof answer.body === "string" ? "{}" : JSON.stringify(answer.body ?? {}))
    const details: ReadonlyArray<{ readonly fieldViolations?: ReadonlyArray<{ readonly reason: string }> }> =
      json.error?.details ?? []
    return {
      status: answer.status,
      json,
      reasons: details.flatMap((detail) => detail.fieldViolations ?? []).map(({ reason }) => reason)
    }
  }
  const token = (form: Record<string, string>, now = 0) =>
    send("POST", "/token", new URLSearchParams(form).toString(), now, {
      "content-type": "application/x-www-form-urlencoded"
    })
  const grant = {
    grant_type: "refresh_token",
    client_id: "sandbox.apps.googleusercontent.com",
    client_secret: "sandbox-client-secret",
    refresh_token: "1//sandbox-refresh-token"
  }
  token(grant)
  const list: string = send("POST", parent, listBody).json.id ?? ""
  const request = {
    destinations: [
      { operatingAccount: { accountType: "GOOGLE_ADS", accountId: "1234567890" }, productDestinationId: list }
    ],
    encoding: "HEX"
  }
  const terms = { termsOfService: { customerMatchTermsOfServiceStatus: "ACCEPTED" } }
  const ingest = (audienceMembers: ReadonlyArray<unknown>, more: object = {}, now = 0) =>
    send("POST", "/v1/audienceMembers:ingest", { ...request, ...terms, audienceMembers, ...more }, now)
  const members = (now = 0) => sandbox.state(now).lists[0]?.members
  return { sandbox, send, token, grant, list, request, terms, ingest, members }
}

describe("the sandbox", () => {
  it("1 takes 10,000 members and 10 identifiers, and nothing of a request with one more", () => {
    const { ingest, members } = open()
    const many = (count: number) => Array.from({ length: count }, () => person(hash("a")))
    assert.deepStrictEqual(ingest(many(10_001)).reasons, ["TOO_MANY_AUDIENCE_MEMBERS"])
    const eleven = Array.from({ length: 11 }, () => hash("b"))
    assert.deepStrictEqual(ingest([person(hash("a")), person(...eleven)]).reasons, ["TOO_MANY_USER_IDENTIFIERS"])
    assert.deepStrictEqual(members(), [])
    assert.strictEqual(ingest(many(10_000)).status, 200)
    assert.strictEqual(ingest([person(...eleven.slice(1))]).status, 200)
  })

  it("2 refuses a whole request for one bad required field, and names its index", () => {
    const { ingest, members } = open()
    const { json, status } = ingest([person(hash("a")), person("abc1"), person("xyz"), person(hash("b"))])
    assert.strictEqual(status, 400)
    assert.deepStrictEqual(json.error.details[2].fieldViolations, [
      {
        field: "audience_members[1]",
        description: "The audience member is refused: INVALID_SHA256_FORMAT.",
        reason: "INVALID_SHA256_FORMAT"
      },
      {
        field: "audience_members[2]",
        description: "The audience member is refused: INVALID_HEX_ENCODING.",
        reason: "INVALID_HEX_ENCODING"
      }
    ])
    assert.strictEqual(json.error.status, "INVALID_ARGUMENT")
    assert.deepStrictEqual(members(), [])
    assert.deepStrictEqual(ingest([{ userData: { userIdentifiers: [] } }]).reasons, ["REQUIRED_FIELD_MISSING"])
    const address = { givenName: hash("a"), familyName: hash("b"), regionCode: "DE" }
    assert.deepStrictEqual(ingest([{ userData: { userIdentifiers: [{ address }] } }]).reasons, [
      "REQUIRED_FIELD_MISSING"
    ])
  })

  it("fails single records when it processes them, tells counts by reason and never whose, and takes them again", () => {
    const { internal, invalidFormat } = AdwordsSandbox.processingErrors
    const { ingest, members, send, request } = open({
      recordFault: (arrival, record) =>
        arrival === 1 && record < 2 ? (record === 0 ? internal : invalidFormat) : arrival === 3 ? internal : undefined
    })
    const people = [person(hash("a"), hash("e")), person(hash("b")), person(hash("c"))]
    const statusOf = (answer: { readonly json: { readonly requestId: string } }) =>
      send("GET", `/v1/requestStatus:retrieve?requestId=${answer.json.requestId}`).json.requestStatusPerDestination[0]
    const partial = statusOf(ingest(people))
    assert.strictEqual(partial.requestStatus, "PARTIAL_SUCCESS")
    assert.deepStrictEqual(partial.errorInfo.errorCounts, [
      { recordCount: "1", reason: "PROCESSING_ERROR_REASON_INTERNAL_ERROR" },
      { recordCount: "1", reason: "PROCESSING_ERROR_REASON_INVALID_FORMAT" }
    ])
    assert.deepStrictEqual(members(), [hash("c")])

    assert.strictEqual(statusOf(ingest(people)).requestStatus, "SUCCESS")
    assert.deepStrictEqual(members(), [hash("a"), hash("b"), hash("c"), hash("e")])

    const removal = statusOf(send("POST", "/v1/audienceMembers:remove", { ...request, audienceMembers: people }))
    assert.strictEqual(removal.requestStatus, "FAILED")
    assert.deepStrictEqual(removal.errorInfo.errorCounts, [
      { recordCount: "3", reason: "PROCESSING_ERROR_REASON_INTERNAL_ERROR" }
    ])
    assert.deepStrictEqual(members(), [hash("a"), hash("b"), hash("c"), hash("e")])
  })

  it("may give no counts of the records that failed", () => {
    const { ingest, send } = open({
      recordFault: (_, record) => (record === 0 ? "PROCESSING_ERROR_REASON_INTERNAL_ERROR" : undefined),
      errorCounts: false
    })
    const { requestId } = ingest([person(hash("a")), person(hash("b"))]).json
    const [status] = send("GET", `/v1/requestStatus:retrieve?requestId=${requestId}`).json.requestStatusPerDestination
    assert.strictEqual(status.requestStatus, "PARTIAL_SUCCESS")
    assert.isUndefined(status.errorInfo)
  })

  it("promises no order: a later upload may be processed before an earlier one", () => {
    const { ingest, members, send, request } = open({ processingMillis: (arrival) => (arrival === 1 ? 2000 : 1000) })
    ingest([person(hash("a"))])
    send("POST", "/v1/audienceMembers:remove", { ...request, audienceMembers: [person(hash("a"))] })
    assert.deepStrictEqual(members(1000), [])
    assert.deepStrictEqual(members(2000), [hash("a")])
  })

  it("3 asks for encoding and terms, and drops members with denied consent later", () => {
    const { ingest, members, send } = open({ processingMillis: 1000 })
    assert.deepStrictEqual(ingest([person(hash("a"))], { encoding: undefined }).reasons, ["REQUIRED_FIELD_MISSING"])
    assert.deepStrictEqual(ingest([person(hash("a"))], { termsOfService: undefined }).reasons, [
      "REQUIRED_FIELD_MISSING"
    ])
    const consent = { adUserData: "CONSENT_DENIED" }
    const { json } = ingest([{ ...person(hash("a")), consent }, person(hash("b"))])
    const [status] = send("GET", `/v1/requestStatus:retrieve?requestId=${json.requestId}`, undefined, 1000).json
      .requestStatusPerDestination
    assert.strictEqual(status.requestStatus, "PARTIAL_SUCCESS")
    assert.deepStrictEqual(status.errorInfo.errorCounts, [
      { recordCount: "1", reason: "PROCESSING_ERROR_REASON_DENIED_CONSENT" }
    ])
    assert.deepStrictEqual(members(1000), [hash("b")])
  })

  it("4 answers at once, processes for a long time, then tells counts and no names", () => {
    const { ingest, members, send } = open({ processingMillis: 1_800_000 })
    const { json } = ingest([person(hash("a"), hash("b"))])
    const status = (now: number) =>
      send("GET", `/v1/requestStatus:retrieve?requestId=${json.requestId}`, undefined, now).json
        .requestStatusPerDestination[0]
    assert.strictEqual(status(1_799_999).requestStatus, "PROCESSING")
    assert.deepStrictEqual(members(1_799_999), [])
    assert.strictEqual(status(1_800_000).requestStatus, "SUCCESS")
    assert.deepStrictEqual(status(1_800_000).audienceMembersIngestionStatus, {
      userDataIngestionStatus: { recordCount: "1", userIdentifierCount: "2" }
    })
    assert.deepStrictEqual(members(1_800_000), [hash("a"), hash("b")])
  })

  it("5 stores nothing of a validation, which has no status", () => {
    const { ingest, members, send } = open()
    assert.deepStrictEqual(ingest([person("abc1")], { validateOnly: true }).reasons, ["INVALID_SHA256_FORMAT"])
    const { json, status } = ingest([person(hash("a"))], { validateOnly: true })
    assert.strictEqual(status, 200)
    assert.deepStrictEqual(members(), [])
    assert.deepStrictEqual(send("GET", `/v1/requestStatus:retrieve?requestId=${json.requestId}`).reasons, [
      "INVALID_REQUEST_ID"
    ])
  })

  it("6 takes a hash of anything, and matches only the people whom Google knows", () => {
    const { ingest, sandbox } = open({ people: [hash("a")] })
    ingest([person(hash("A")), person(hash("c"))])
    assert.deepStrictEqual(sandbox.state(0).lists[0]?.members, [hash("a"), hash("c")])
    assert.strictEqual(sandbox.state(0).lists[0]?.matched, 1)
  })

  it("7 removes all who were last added before a time, and refuses a time to come", () => {
    const { ingest, members, request, send } = open()
    ingest([person(hash("a")), person(hash("b"))], {}, 1000)
    ingest([person(hash("b"))], {}, 5000)
    const removeAll = (removeAsOfTime: string) =>
      send("POST", "/v1/audienceMembers:removeAll", { destinations: request.destinations, removeAsOfTime }, 6000)
    assert.deepStrictEqual(removeAll("1970-01-01T00:00:07Z").reasons, ["INVALID_REMOVE_AS_OF_TIME"])
    assert.strictEqual(removeAll("1970-01-01T00:00:03Z").status, 200)
    assert.deepStrictEqual(members(6000), [hash("b")])
  })

  it("8 refuses the 301st change in a minute and the 100,001st in a day, by the quota's name and without headers", () => {
    const { ingest } = open()
    for (let i = 0; i < 300; i++) assert.strictEqual(ingest([person(hash("a"))], {}, 60_000 + i).status, 200)
    const minute = ingest([person(hash("a"))], {}, 119_999)
    assert.strictEqual(minute.status, 429)
    assert.strictEqual(minute.json.error.status, "RESOURCE_EXHAUSTED")
    assert.strictEqual(minute.json.error.details[0].metadata.quota_limit, "IngestionMutateRequestsPerMinutePerProject")
    assert.strictEqual(ingest([person(hash("a"))], {}, 120_000).status, 200)

    const daily = open({ quota: { mutate: { perMinute: 9, perDay: 2 } } })
    const midnight = 8 * 3_600_000 // in California, on 1 January 1970
    for (let i = 0; i < 2; i++) daily.ingest([person(hash("a"))], {}, 1)
    const limit = daily.ingest([person(hash("a"))], {}, 2).json.error.details[0].metadata.quota_limit
    assert.strictEqual(limit, "IngestionMutateRequestsPerDayPerProject")
    assert.strictEqual(daily.token(daily.grant, midnight).status, 200)
    const later = { authorization: "Bearer ya29.sandbox-2" }
    const body = { ...daily.request, ...daily.terms, audienceMembers: [person(hash("a"))] }
    assert.strictEqual(daily.send("POST", "/v1/audienceMembers:ingest", body, midnight, later).status, 200)
  })

  it("8 counts reading and changing, uploads and lists, each for itself", () => {
    const { send } = open({ quota: { manageRead: { perMinute: 1, perDay: 9 } } })
    assert.strictEqual(send("GET", parent).status, 200)
    const over = send("GET", parent).json
    assert.strictEqual(over.error.details[0].metadata.quota_limit, "ManagementReadRequestsPerMinutePerProject")
    assert.strictEqual(send("POST", parent, { ...listBody, displayName: "Other" }).status, 200)
  })

  it("9 is unavailable when it is told to be", () => {
    const { ingest } = open({
      fault: (arrival) => (arrival === 2 ? "UNAVAILABLE" : arrival === 3 ? "ABORTED" : undefined)
    })
    assert.strictEqual(ingest([person(hash("a"))]).json.error.status, "UNAVAILABLE")
    assert.strictEqual(ingest([person(hash("a"))]).status, 409)
    assert.strictEqual(ingest([person(hash("a"))]).status, 200)
  })

  it("10 wants a token that is good, from a grant that is good, of a signer who is admitted", () => {
    const { grant, ingest, send, token } = open()
    assert.strictEqual(ingest([person(hash("a"))], {}, 3_599_999).status, 200)
    assert.strictEqual(ingest([person(hash("a"))], {}, 3_600_000).json.error.status, "UNAUTHENTICATED")
    assert.strictEqual(send("GET", parent, undefined, 0, { authorization: "Bearer nobody" }).status, 401)
    assert.deepStrictEqual(token({ ...grant, refresh_token: "old" }).json.error, "invalid_grant")
    assert.deepStrictEqual(token({ ...grant, client_secret: "wrong" }).status, 401)
    assert.deepStrictEqual(token({ grant_type: "password" }).json.error, "unsupported_grant_type")
    assert.deepStrictEqual(
      token({ grant_type: "urn:ietf:params:oauth:grant-type:jwt-bearer", assertion: "e30.e30.e30" }).json.error,
      "invalid_grant"
    )
    assert.strictEqual(open({ admitted: false }).send("GET", parent).json.error.status, "PERMISSION_DENIED")
    assert.strictEqual(send("GET", parent.replace("1234567890", "1111111111")).status, 403)
  })

  it("11 refuses a name twice, more than 540 days, and half a day", () => {
    const { send } = open()
    assert.deepStrictEqual(send("POST", parent, listBody).reasons, ["DISPLAY_NAME_ALREADY_USED"])
    const other = { ...listBody, displayName: "Other" }
    const long = { ...other, membershipDuration: `${541 * 86_400}s` }
    assert.deepStrictEqual(send("POST", parent, long).reasons, ["MEMBERSHIP_DURATION_TOO_LONG"])
    assert.strictEqual(send("POST", parent, { ...other, membershipDuration: "43200s" }).status, 400)
    assert.strictEqual(send("POST", `${parent}?validateOnly=true`, other).status, 200)
    assert.strictEqual(send("POST", parent, other).status, 200)
  })

  it("12 forgets members when their time since they were last added is over", () => {
    const { ingest, members } = open()
    ingest([person(hash("a")), person(hash("b"))])
    ingest([person(hash("b"))], {}, 3_000_000)
    assert.deepStrictEqual(members(10 * day - 1), [hash("a"), hash("b")])
    assert.deepStrictEqual(members(10 * day), [hash("b")])
    assert.deepStrictEqual(members(10 * day + 3_000_000), [])
  })

  it("13 refuses several kinds of data in a request, and a kind that the list does not hold", () => {
    const { ingest } = open()
    const user = { userIdData: { userId: "u1" } }
    assert.deepStrictEqual(ingest([person(hash("a")), user]).reasons, ["MULTIPLE_DATA_TYPES_NOT_ALLOWED"])
    assert.deepStrictEqual(ingest([user]).reasons, ["INVALID_USER_LIST_TYPE"])
  })

  it("refuses consent and terms in a removal, unknown fields, broken JSON, unknown paths and methods", () => {
    const { ingest, members, request, send, terms } = open()
    ingest([person(hash("a")), person(hash("b"))])
    const removal = { ...request, audienceMembers: [person(hash("a"))] }
    assert.strictEqual(send("POST", "/v1/audienceMembers:remove", { ...removal, ...terms }).status, 400)
    assert.strictEqual(send("POST", "/v1/audienceMembers:remove", removal).status, 200)
    assert.deepStrictEqual(members(), [hash("b")])
    assert.strictEqual(ingest([person(hash("a"))], { colour: "red" }).status, 400)
    assert.strictEqual(send("POST", "/v1/audienceMembers:ingest", '{"dest').status, 400)
    assert.strictEqual(send("PUT", parent, listBody).status, 404)
    assert.strictEqual(send("GET", "/v1/audienceMembers:ingest").status, 404)
  })

  it("refuses lists that do not exist, and destinations that are none", () => {
    const { ingest, request, send } = open()
    const [destination] = request.destinations
    const to = (productDestinationId: string) => ({ destinations: [{ ...destination, productDestinationId }] })
    assert.deepStrictEqual(ingest([person(hash("a"))], to("7")).reasons, ["INVALID_USER_LIST_ID"])
    assert.deepStrictEqual(ingest([person(hash("a"))], { destinations: [{}] }).reasons, ["INVALID_DESTINATION"])
    const eleven = Array.from({ length: 11 }, () => destination)
    assert.deepStrictEqual(ingest([person(hash("a"))], { destinations: eleven }).reasons, ["TOO_MANY_DESTINATIONS"])
    assert.strictEqual(send("PATCH", `${parent}/7`, { displayName: "x" }).status, 404)
  })

  it("lists by filter and page", () => {
    const { list, send } = open()
    for (let i = 0; i < 4; i++) send("POST", parent, { ...listBody, displayName: `List "${i}"` })
    const names = (query: string) =>
      (send("GET", `${parent}?${query}`).json.userLists ?? []).map(
        (found: { displayName: string }) => found.displayName
      )
    const filter = (text: string) => `filter=${encodeURIComponent(text)}`
    assert.deepStrictEqual(names(filter(`display_name = "List \\"2\\""`)), ['List "2"'])
    assert.deepStrictEqual(names(filter(`display_name != "VIP" AND id != "${Number(list) + 1}"`)).length, 3)
    assert.strictEqual(send("GET", `${parent}?${filter("display_name = x")}`).status, 400)
    const page = send("GET", `${parent}?pageSize=3`).json
    assert.strictEqual(page.userLists.length, 3)
    assert.deepStrictEqual(names(`pageSize=3&pageToken=${page.nextPageToken}`).length, 2)
  })
})
