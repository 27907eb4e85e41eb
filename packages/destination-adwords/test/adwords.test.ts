import { assert, layer } from "@effect/vitest"
import { Outcome } from "@tributary/core"
import { Clock, Effect, Option } from "effect"
import { TestClock } from "effect/testing"
import { connected, member, receipts, services } from "./connected.ts"

const ada = "b5fc85e55755f9e0d030a10ab4429b6b2944855f9a0d60077fe832becbc41d72" // ada@example.com
const grace = "b533d4547eaa5a0fa955965a1ca393ccd2ea013032a105726f232eb41bddc4fa" // grace@example.com
const parent = "/v1/accountTypes/GOOGLE_ADS/accounts/1234567890/userLists"
const name = { name: "First time shopper", description: "Bought once" }
const people = [member({ email: ["ada@example.com"] }), member({ email: ["Grace@Example.com"] })] as const
const now = Clock.currentTimeMillis

layer(services)("Adwords over HTTP", (it) => {
  it.effect("R15 R35 uploads members, and learns the result later", () =>
    Effect.gen(function* () {
      const { context, list, sandbox, seen } = yield* connected()
      const id = yield* list.create(name, context)
      const outcomes = yield* list.add(id, people, context)
      assert.deepStrictEqual(outcomes, [Outcome.accepted("sandbox-2"), Outcome.accepted("sandbox-2")])
      assert.deepStrictEqual(seen[1]?.body, {
        destinations: [
          { operatingAccount: { accountType: "GOOGLE_ADS", accountId: "1234567890" }, productDestinationId: id }
        ],
        audienceMembers: [
          { userData: { userIdentifiers: [{ emailAddress: ada }] } },
          { userData: { userIdentifiers: [{ emailAddress: grace }] } }
        ],
        consent: { adUserData: "CONSENT_GRANTED", adPersonalization: "CONSENT_GRANTED" },
        encoding: "HEX",
        termsOfService: { customerMatchTermsOfServiceStatus: "ACCEPTED" }
      })
      assert.strictEqual(seen[1]?.url, "/v1/audienceMembers:ingest")
      assert.deepStrictEqual(yield* list.poll?.("sandbox-2", context) ?? Effect.undefined, { _tag: "Pending" })
      assert.strictEqual(seen[2]?.url, "/v1/requestStatus:retrieve?requestId=sandbox-2")
      assert.deepStrictEqual(sandbox.state(yield* now).lists[0]?.members, [])

      yield* TestClock.adjust("30 minutes")
      assert.deepStrictEqual(yield* list.poll?.("sandbox-2", context) ?? Effect.undefined, {
        _tag: "Finished",
        unattributed: []
      })
      assert.deepStrictEqual(sandbox.state(yield* now).lists[0]?.members, [grace, ada])
    })
  )

  it.effect("R15 removes members without consent and terms, which have no place there", () =>
    Effect.gen(function* () {
      const { context, list, sandbox, seen } = yield* connected({ processingMillis: 0 })
      const id = yield* list.create(name, context)
      yield* list.add(id, people, context)
      yield* list.discard(id, [people[0]], context)
      assert.strictEqual(seen[2]?.url, "/v1/audienceMembers:remove")
      assert.deepStrictEqual(seen[2]?.body, {
        destinations: [
          { operatingAccount: { accountType: "GOOGLE_ADS", accountId: "1234567890" }, productDestinationId: id }
        ],
        audienceMembers: [{ userData: { userIdentifiers: [{ emailAddress: ada }] } }],
        encoding: "HEX"
      })
      assert.deepStrictEqual(sandbox.state(yield* now).lists[0]?.members, [grace])
    })
  )

  it.effect("sends no request where nobody is left to tell", () =>
    Effect.gen(function* () {
      const { context, list, seen } = yield* connected()
      const outcomes = yield* list.add("1", [member({ email: ["nobody"] })], context)
      assert.deepStrictEqual(receipts(outcomes), ["Rejected"])
      assert.strictEqual(seen.length, 0)
    })
  )

  it.effect("R19 creates a list with what it is made of, and finds it by its name", () =>
    Effect.gen(function* () {
      const { context, list, seen } = yield* connected()
      const odd = { name: `5" \\ ü "all" AND display_name = "x`, description: "" }
      assert.deepStrictEqual(yield* list.find(odd.name, context), Option.none())
      yield* list.create(name, context)
      const id = yield* list.create(odd, context)
      assert.deepStrictEqual(yield* list.find(odd.name, context), Option.some(id))
      assert.strictEqual(seen[1]?.url, parent)
      assert.deepStrictEqual(seen[1]?.body, {
        displayName: "First time shopper",
        description: "Bought once",
        membershipDuration: "46656000s",
        ingestedUserListInfo: {
          uploadKeyTypes: ["CONTACT_ID"],
          contactIdInfo: { dataSourceType: "DATA_SOURCE_TYPE_FIRST_PARTY" }
        }
      })
      const url = new URL(seen[0]?.url ?? "", "http://sandbox")
      assert.strictEqual(
        url.searchParams.get("filter"),
        `display_name = "5\\" \\\\ ü \\"all\\" AND display_name = \\"x"`
      )
    })
  )

  it.effect("R19 takes the list that has the name already, instead of failing to create it", () =>
    Effect.gen(function* () {
      const { context, list, sandbox } = yield* connected()
      const id = yield* list.create(name, context)
      assert.strictEqual(yield* list.create(name, context), id)
      assert.strictEqual(sandbox.state(yield* now).lists.length, 1)
    })
  )

  it.effect("R19 refuses a list of the right name and the wrong kind, and says so", () =>
    Effect.gen(function* () {
      const { baseUrl, context, list } = yield* connected()
      const id = yield* list.create(name, context)
      const settings = { uploadKeyType: "USER_ID", accountId: "1234567890", baseUrl }
      const error = yield* Effect.flip(list.find(name.name, { ...context, settings }))
      assert.strictEqual(error._tag, "Misconfigured")
      assert.include(error.message, `The list ${id} has this name and holds CONTACT_ID, not USER_ID.`)
    })
  )

  it.effect("R19 renames and deletes a list, and notices that it is gone", () =>
    Effect.gen(function* () {
      const { context, list, sandbox, seen } = yield* connected()
      const id = yield* list.create(name, context)
      yield* list.rename?.(id, { name: "Shopped once", description: "" }, context) ?? Effect.void
      assert.deepStrictEqual(seen[1]?.body, { displayName: "Shopped once" })
      assert.strictEqual(seen[1]?.url, `${parent}/${id}?updateMask=displayName`)
      assert.strictEqual(sandbox.state(yield* now).lists[0]?.displayName, "Shopped once")

      yield* list.remove?.(id, context) ?? Effect.void
      assert.deepStrictEqual(sandbox.state(yield* now).lists, [])
      yield* list.remove?.(id, context) ?? Effect.void // gone is gone

      const added = yield* Effect.flip(list.add(id, people, context))
      const renamed = yield* Effect.flip(list.rename?.(id, name, context) ?? Effect.fail({ _tag: "none" }))
      assert.deepStrictEqual([added._tag, renamed._tag], ["ListGone", "ListGone"])
    })
  )

  it.effect("names the manager account in the body of uploads and the header of list requests", () =>
    Effect.gen(function* () {
      const { context, list, seen } = yield* connected({ loginAccountId: "9876543210" })
      const id = yield* list.create(name, context)
      yield* list.add(id, people, context)
      assert.strictEqual(seen[0]?.headers["login-account"], "accountTypes/GOOGLE_ADS/accounts/9876543210")
      assert.deepStrictEqual(seen[1]?.body, {
        ...Object(seen[1]?.body),
        destinations: [
          {
            loginAccount: { accountType: "GOOGLE_ADS", accountId: "9876543210" },
            operatingAccount: { accountType: "GOOGLE_ADS", accountId: "1234567890" },
            productDestinationId: id
          }
        ]
      })
    })
  )

  it.effect("makes lists of mobile ids and of user ids", () =>
    Effect.gen(function* () {
      const idfa = "EA7583CD-A667-48BC-B806-42ECB2B48606"
      const mobile = yield* connected(
        { processingMillis: 0 },
        { uploadKeyType: "MOBILE_ID", keySpace: "IOS", appId: "476943146", membershipDays: 200 }
      )
      const apps = yield* mobile.list.create(name, mobile.context)
      yield* mobile.list.add(apps, [member({ "ios.idfa": [idfa] })], mobile.context)
      assert.deepStrictEqual(mobile.seen[0]?.body, {
        displayName: "First time shopper",
        description: "Bought once",
        membershipDuration: "17280000s",
        ingestedUserListInfo: {
          uploadKeyTypes: ["MOBILE_ID"],
          mobileIdInfo: { dataSourceType: "DATA_SOURCE_TYPE_FIRST_PARTY", keySpace: "IOS", appId: "476943146" }
        }
      })
      assert.deepStrictEqual(mobile.sandbox.state(yield* now).lists[0]?.members, [idfa])

      const user = yield* connected({ processingMillis: 0 }, { uploadKeyType: "USER_ID" })
      const ids = yield* user.list.create(name, user.context)
      yield* user.list.add(ids, [member({ user_id: ["u1", "Kunde №7"] })], user.context)
      assert.deepStrictEqual(user.sandbox.state(yield* now).lists[0]?.members, ["Kunde №7", "u1"])
    })
  )

  it.effect("tells of denied consent as counts that belong to nobody", () =>
    Effect.gen(function* () {
      const { context, list, sandbox } = yield* connected(
        { processingMillis: 0 },
        { consent: { adUserData: "granted", adPersonalization: "denied" } }
      )
      const id = yield* list.create(name, context)
      const [outcome] = yield* list.add(id, people, context)
      const receipt = outcome?._tag === "Accepted" ? outcome.receipt : ""
      assert.deepStrictEqual(yield* list.poll?.(receipt, context) ?? Effect.undefined, {
        _tag: "Finished",
        unattributed: [{ reason: "PROCESSING_ERROR_REASON_DENIED_CONSENT", count: 2 }]
      })
      assert.deepStrictEqual(sandbox.state(yield* now).lists[0]?.members, [])
    })
  )

  it.effect("leaves consent out where the operator states none", () =>
    Effect.gen(function* () {
      const { context, list, seen } = yield* connected({}, { consent: {} })
      yield* list.add(yield* list.create(name, context), people, context)
      assert.notProperty(Object(seen[1]?.body), "consent")
    })
  )

  it.effect("sends again what Google failed to process, or does not know any more", () =>
    Effect.gen(function* () {
      const { context, list } = yield* connected({
        processingMillis: 0,
        jobFault: () => "PROCESSING_ERROR_REASON_INTERNAL_ERROR"
      })
      const id = yield* list.create(name, context)
      const [receipt = ""] = receipts(yield* list.add(id, people, context))
      const failed = yield* list.poll?.(receipt, context) ?? Effect.undefined
      const unknown = yield* list.poll?.("no-such-request", context) ?? Effect.undefined
      assert.deepStrictEqual([failed?._tag, unknown?._tag], ["Lost", "Lost"])
    })
  )

  it.effect("takes 10,000 members in one request", () =>
    Effect.gen(function* () {
      const { context, list, sandbox } = yield* connected({ processingMillis: 0 })
      const id = yield* list.create(name, context)
      const many = Array.from({ length: 9_999 }, (_, index) => member({ email: [`user${index}@example.com`] }))
      const outcomes = yield* list.add(id, [people[0], ...many], context)
      assert.strictEqual(new Set(receipts(outcomes)).size, 1)
      assert.strictEqual(outcomes.length, 10_000)
      assert.strictEqual(sandbox.state(yield* now).lists[0]?.members.length, 10_000)
    })
  )
})

layer(services)("Adwords and credentials", (it) => {
  it.effect("signs as a service account", () =>
    Effect.gen(function* () {
      const { context, list, sandbox } = yield* connected({ credentials: "serviceAccount" })
      yield* list.create(name, context)
      assert.strictEqual(sandbox.state(yield* now).requests["token"], 1)
    })
  )

  it.effect("gets one token for many requests, and another when it runs out", () =>
    Effect.gen(function* () {
      const { context, list, sandbox } = yield* connected({ tokenMillis: 600_000 })
      yield* Effect.forEach([1, 2, 3, 4], () => list.find("x", context), { concurrency: 4 })
      assert.strictEqual(sandbox.state(yield* now).requests["token"], 1)
      yield* TestClock.adjust("10 minutes")
      yield* list.find("x", context)
      assert.strictEqual(sandbox.state(yield* now).requests["token"], 2)
    })
  )

  it.effect("R33 stops with one clear message when the grant was withdrawn, and quotes no secret", () =>
    Effect.gen(function* () {
      const { context, list } = yield* connected({ revoked: true })
      const error = yield* Effect.flip(list.find("x", context))
      assert.strictEqual(error._tag, "Unauthorized")
      assert.include(error.message, "invalid_grant")
      assert.notMatch(JSON.stringify(error) + error.message, /sandbox-client-secret|sandbox-refresh-token/)
    })
  )

  it.effect("R33 stops when the account has not admitted the signer", () =>
    Effect.gen(function* () {
      const { context, list } = yield* connected({ admitted: false })
      const errors = [
        yield* Effect.flip(list.find("x", context)),
        yield* Effect.flip(list.create(name, context)),
        yield* Effect.flip(list.add("1", people, context))
      ]
      assert.deepStrictEqual(
        errors.map(({ _tag }) => _tag),
        ["Unauthorized", "Unauthorized", "Unauthorized"]
      )
    })
  )
})

layer(services)("R33 Adwords and a vendor in trouble", (it) => {
  it.effect("fails as Unavailable on 503, 409, 500 and 504, and loses nothing", () =>
    Effect.gen(function* () {
      const faults = ["UNAVAILABLE", "ABORTED", "INTERNAL", "DEADLINE_EXCEEDED"] as const
      const { context, list } = yield* connected({ fault: (arrival) => faults[arrival - 2] })
      const id = yield* list.create(name, context)
      for (const fault of faults) {
        const error = yield* Effect.flip(list.add(id, people, context))
        assert.strictEqual(error._tag, "Unavailable", fault)
      }
      assert.deepStrictEqual(receipts(yield* list.add(id, people, context)), ["sandbox-6", "sandbox-6"])
    })
  )

  it.effect("fails as Unavailable where a proxy answers 200 with a page, nothing, or half an answer", () =>
    Effect.gen(function* () {
      const bodies = ["<html>Please log in</html>", "", '{"requestId":"sandb', '{"id":'] as const
      const { context, list } = yield* connected({
        fault: (arrival) => {
          const body = bodies[(arrival - 1) % bodies.length]
          return body === undefined ? undefined : { status: 200, body }
        }
      })
      for (const body of bodies) {
        const errors = [
          yield* Effect.flip(list.add("1", people, context)),
          yield* Effect.flip(list.discard("1", people, context)),
          yield* Effect.flip(list.create(name, context)),
          yield* Effect.flip(list.find("x", context)),
          yield* Effect.flip(list.remove?.("1", context) ?? Effect.succeed(undefined)),
          yield* Effect.flip(list.rename?.("1", name, context) ?? Effect.succeed(undefined)),
          yield* Effect.flip(list.poll?.("r", context) ?? Effect.succeed(undefined))
        ]
        for (const error of errors) assert.strictEqual(error?._tag, "Unavailable", body)
      }
    })
  )

  it.effect("stops where the terms are not signed", () =>
    Effect.gen(function* () {
      const { context, list } = yield* connected({ termsSigned: false })
      const error = yield* Effect.flip(list.add(yield* list.create(name, context), people, context))
      assert.strictEqual(error._tag, "Misconfigured")
      assert.include(error.message, "Accept the Customer Match terms")
    })
  )

  it.effect(
    "R28 waits a minute after too many in a minute, and until midnight in California after too many in a day",
    () =>
      Effect.gen(function* () {
        const wait = Effect.fnUntraced(function* (perMinute: number, perDay: number) {
          const { context, list } = yield* connected({ quota: { manageRead: { perMinute, perDay } } })
          yield* list.find("x", context)
          const error = yield* Effect.flip(list.find("x", context))
          return error._tag === "Throttled" ? (error.retryAfterMillis ?? 0) : -1
        })
        assert.strictEqual(yield* wait(1, 9), 60_000)
        // Midnight in California is 8:00 or 7:00 in UTC.
        const midnight = new Date((yield* now) + (yield* wait(9, 1)))
        assert.match(midnight.toISOString(), /T0[78]:00:00\.000Z$/)
      })
  )
})
