import { assert, describe, it, layer } from "@effect/vitest"
import { Effect, Option } from "effect"
import * as Lifecycle from "../src/lifecycle.ts"
import { connected, services } from "./connected.ts"

const settings = {
  accountId: "1234567890",
  termsOfServiceAccepted: true,
  addresses: true,
  membershipDays: 540,
  uploadKeyType: "CONTACT_ID",
  baseUrl: "https://datamanager.googleapis.com",
  tokenUrl: "https://oauth2.googleapis.com/token"
} as const
const list = { id: "7", ingestedUserListInfo: { uploadKeyTypes: ["CONTACT_ID"] } }

describe("R19 a list found by its name", () => {
  it("is taken where it takes what is sent", () => {
    assert.isUndefined(Lifecycle.obstacle({ ...list, membershipDuration: "46656000s" }, settings))
    assert.isUndefined(Lifecycle.obstacle(list, settings))
  })

  it("is refused where it cannot be edited, takes no uploads, or forgets members before they are added again", () => {
    assert.include(Lifecycle.obstacle({ ...list, readOnly: true }, settings), "cannot be edited")
    assert.include(Lifecycle.obstacle({ id: "7" }, settings), "takes no uploads")
    assert.include(
      Lifecycle.obstacle({ ...list, membershipDuration: "2592000s" }, settings),
      "keeps its members for 30 days"
    )
  })
})

layer(services)("R19 looking a list up", (it) => {
  it.effect("goes through all pages, and takes no list of another name", () =>
    Effect.gen(function* () {
      const pages = [
        { userLists: [{ ...list, displayName: "vip" }], nextPageToken: "p 2" },
        { nextPageToken: "p3" },
        { userLists: [{ ...list, id: "9", displayName: "VIP" }] }
      ]
      const {
        context,
        list: form,
        seen
      } = yield* connected({
        fault: (arrival) => ({ status: 200, body: pages[arrival - 1] })
      })
      assert.deepStrictEqual(yield* form.find("VIP", context), Option.some("9"))
      const tokens = seen.map(({ url }) => new URL(url, "http://sandbox").searchParams.get("pageToken"))
      assert.deepStrictEqual(tokens, [null, "p 2", "p3"])
    })
  )
})
