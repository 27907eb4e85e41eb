import { assert, describe, it } from "@effect/vitest"
import * as Sandbox from "../src/sandbox/index.ts"

const minute = 60_000

/** A sandbox with a token, asked without HTTP. */
const open = (options: Sandbox.Options = {}) => {
  const sandbox = Sandbox.make(options)
  const refresh = (refreshToken: string, now = 0, more: object = {}) =>
    sandbox.handle(
      {
        method: "POST",
        path: "/oauth/tokens",
        query: new URLSearchParams(),
        headers: { "content-type": "application/json" },
        body: JSON.stringify({
          grant_type: "refresh_token",
          client_id: "tributary",
          client_secret: "sandbox-client-secret",
          refresh_token: refreshToken,
          ...more
        })
      },
      now
    )
  refresh("sandbox-refresh-0")
  const ask = (method: string, target: string, body?: unknown, now = 0, authorization = "Bearer sandbox-access-1") => {
    const url = new URL(target, "http://sandbox")
    return sandbox.handle(
      {
        method,
        path: url.pathname,
        query: url.searchParams,
        headers: authorization === "" ? {} : { authorization },
        body: body === undefined ? "" : typeof body === "string" ? body : JSON.stringify(body)
      },
      now
    )
  }
  const user = (attributes: object, now = 0) => ask("POST", "/api/v2/users/create_or_update", { user: attributes }, now)
  const organization = (attributes: object, now = 0) =>
    ask("POST", "/api/v2/organizations/create_or_update", { organization: attributes }, now)
  return { sandbox, refresh, ask, user, organization }
}

const duplicate = (field: string, description: string) => ({
  error: "RecordInvalid",
  description: "Record validation errors",
  details: { [field]: [{ description, error: "DuplicateValue" }] }
})

describe("access", () => {
  it("rotates: the old pair is dead at once", () => {
    const { ask, refresh } = open()
    assert.strictEqual(ask("GET", "/api/v2/user_fields").status, 200)
    const again = refresh("sandbox-refresh-0")
    assert.strictEqual(again.status, 400)
    assert.propertyVal(again.body, "error", "invalid_grant")
    assert.propertyVal(refresh("sandbox-refresh-1").body, "access_token", "sandbox-access-2")
    assert.strictEqual(ask("GET", "/api/v2/user_fields").status, 401)
    assert.strictEqual(ask("GET", "/api/v2/user_fields", undefined, 0, "Bearer sandbox-access-2").status, 200)
  })

  it("refuses a token that has expired, none at all, and an unknown one", () => {
    const { ask } = open({ accessTokenSeconds: 300 })
    assert.strictEqual(ask("GET", "/api/v2/user_fields", undefined, 299_999).status, 200)
    assert.strictEqual(ask("GET", "/api/v2/user_fields", undefined, 300_000).status, 401)
    assert.strictEqual(ask("GET", "/api/v2/user_fields", undefined, 0, "").status, 401)
    assert.strictEqual(ask("GET", "/api/v2/user_fields", undefined, 0, "Bearer other").status, 401)
  })

  it("refuses a refresh token after its 30 days, and lifetimes out of bounds", () => {
    const { refresh } = open()
    assert.strictEqual(refresh("sandbox-refresh-1", 0, { expires_in: 60 }).status, 400)
    assert.strictEqual(refresh("sandbox-refresh-1", 30 * 86_400_000).status, 400)
    assert.strictEqual(refresh("sandbox-refresh-1", 30 * 86_400_000 - 1).status, 200)
  })

  it("refuses another client, another grant and a form", () => {
    const { refresh, sandbox } = open()
    assert.strictEqual(refresh("sandbox-refresh-1", 0, { client_secret: "wrong" }).status, 401)
    assert.strictEqual(refresh("sandbox-refresh-1", 0, { grant_type: "password" }).status, 400)
    const form = {
      method: "POST",
      path: "/oauth/tokens",
      query: new URLSearchParams(),
      headers: { "content-type": "application/x-www-form-urlencoded" },
      body: "grant_type=refresh_token"
    }
    assert.strictEqual(sandbox.handle(form, 0).status, 400)
  })

  it("takes an API token until they are turned off", () => {
    const { ask } = open()
    const basic = `Basic ${btoa("agent@example.com/token:sandbox-api-token")}`
    assert.strictEqual(ask("GET", "/api/v2/user_fields", undefined, Date.UTC(2027, 3, 29), basic).status, 200)
    assert.strictEqual(ask("GET", "/api/v2/user_fields", undefined, Date.UTC(2027, 3, 30), basic).status, 401)
  })
})

describe("requests", () => {
  it("are refused at a wrong path, a wrong method, bad JSON and a wrong shape", () => {
    const { ask, user } = open()
    assert.strictEqual(ask("GET", "/api/v2/nothing").status, 404)
    assert.strictEqual(ask("GET", "/users/show_many?ids=1").status, 404)
    assert.strictEqual(ask("GET", "/api/v2/users/create_or_update").status, 404)
    assert.strictEqual(ask("PUT", "/api/v2/users/create_or_update", {}).status, 404)
    assert.strictEqual(ask("POST", "/api/v2/constructor", {}).status, 404)
    assert.strictEqual(ask("POST", "/api/v2/users/create_or_update", '{"user":').status, 400)
    assert.strictEqual(ask("POST", "/api/v2/users/create_or_update", []).status, 400)
    assert.strictEqual(ask("POST", "/api/v2/users/create_or_update", {}).status, 400)
    assert.strictEqual(user({ name: 1 }).status, 400)
    assert.strictEqual(user({ name: "A", user_fields: [] }).status, 400)
    assert.strictEqual(user({ name: "A", skip_verify_email: "yes" }).status, 400)
  })

  it("are counted for the whole account by the minute, with headers and Retry-After", () => {
    const { ask } = open({ plan: "team" })
    for (let no = 0; no < 199; no++) ask("GET", "/api/v2/user_fields", undefined, 1000)
    const last = ask("GET", "/api/v2/organization_fields", undefined, 1000)
    assert.strictEqual(last.status, 200)
    assert.deepInclude(last.headers, {
      "x-rate-limit": "200",
      "x-rate-limit-remaining": "0",
      "ratelimit-limit": "200",
      "ratelimit-remaining": "0",
      "ratelimit-reset": "59"
    })
    const refused = ask("GET", "/api/v2/user_fields", undefined, 1000)
    assert.strictEqual(refused.status, 429)
    assert.strictEqual(refused.headers?.["retry-after"], "59")
    assert.isString(refused.body)
    assert.strictEqual(ask("GET", "/api/v2/user_fields", undefined, minute).status, 200)
  })
})

describe("users", () => {
  it("are created with 201, updated with 200, and need a name when they are created", () => {
    const { user } = open()
    const nameless = user({ external_id: "u1" })
    assert.strictEqual(nameless.status, 422)
    assert.deepStrictEqual(nameless.body, {
      error: "RecordInvalid",
      description: "Record validation errors",
      details: { name: [{ description: "Name: cannot be blank", error: "BlankValue" }] }
    })
    assert.strictEqual(user({ external_id: "u1", name: "Ada" }).status, 201)
    assert.strictEqual(user({ external_id: "u1" }).status, 200)
    assert.strictEqual(user({ external_id: "u1", name: " " }).status, 422)
  })

  it("have an external id that is found in any case and takes the newest", () => {
    const { sandbox, user } = open()
    user({ external_id: "User-1", name: "Ada" })
    assert.strictEqual(user({ external_id: "USER-1", name: "Ada" }).status, 200)
    assert.deepStrictEqual(
      sandbox.state(0).users.map((user) => user.external_id),
      ["USER-1"]
    )
  })

  it("refuse an address of another user, and one that is none", () => {
    const { user } = open()
    user({ external_id: "u1", email: "ada@example.com", name: "Ada" })
    user({ external_id: "u2", name: "Bob" })
    const refused = user({ external_id: "u2", email: "ADA@example.com", name: "Bob" })
    assert.strictEqual(refused.status, 422)
    assert.deepStrictEqual(
      refused.body,
      duplicate("email", "Email: ADA@example.com is already being used by another user")
    )
    assert.strictEqual(user({ email: "nobody", name: "Bob" }).status, 422)
    assert.strictEqual(user({ email: "Ada@Example.com", name: "Ada" }).status, 200)
  })

  it("are mailed when they are new, unless skip_verify_email says otherwise", () => {
    const { sandbox, user } = open()
    user({ email: "a@example.com", name: "A" })
    user({ email: "a@example.com", name: "A" })
    user({ email: "b@example.com", name: "B", skip_verify_email: true })
    assert.strictEqual(sandbox.state(0).mails, 1)
  })

  it("keep values of the right type, lose unknown keys without a word, and empty with null", () => {
    const { sandbox, user } = open({
      userFields: [
        { key: "vip", type: "checkbox" },
        { key: "total", type: "decimal" },
        { key: "count", type: "integer" },
        { key: "day", type: "date" },
        { key: "motto", type: "text" },
        { key: "tier", type: "dropdown", options: ["gold"] }
      ]
    })
    const fields = { vip: true, total: 1.5, count: 2, day: "2026-02-28", motto: "x", tier: "gold" }
    assert.strictEqual(user({ external_id: "u1", name: "A", user_fields: { ...fields, unknown: 1 } }).status, 201)
    user({ external_id: "u1", user_fields: { vip: null } })
    const { vip: _, ...rest } = fields
    assert.deepStrictEqual(sandbox.state(0).users[0]?.user_fields, { ...rest, day: "2026-02-28T00:00:00+00:00" })
    for (const wrong of [
      { vip: "yes" },
      { total: "x" },
      { count: 1.5 },
      { day: "2026-02-30" },
      { motto: 1 },
      { tier: "x" }
    ]) {
      assert.strictEqual(user({ external_id: "u2", name: "A", user_fields: wrong }).status, 422, JSON.stringify(wrong))
    }
  })

  it("take five writes a minute each, then refuse in plain text, as recorded", () => {
    const { user } = open()
    for (let no = 0; no < 5; no++) assert.isBelow(user({ external_id: "u1", name: "A" }).status, 300)
    const refused = user({ external_id: "u1", name: "A" })
    assert.strictEqual(refused.status, 429)
    assert.strictEqual(
      refused.body,
      "You have exceeded the rate limit for updating a single unique user. user email:  id:  external_id: "
    )
    assert.deepInclude(refused.headers, { "content-type": "text/plain", "retry-after": "60" })
    assert.isAbove(Number(refused.headers?.["x-rate-limit-remaining"]), 0, "of the account much is left")
    assert.strictEqual(user({ external_id: "u2", name: "B" }).status, 201)
    assert.strictEqual(user({ external_id: "u1", name: "A" }, minute).status, 200)
  })

  it("are searched by words with a lag, and found by external id without one", () => {
    const { ask, user } = open()
    user({ external_id: "u1", name: "Ada" }, 1000)
    const found = (target: string, now: number) => JSON.stringify(ask("GET", target, undefined, now).body)
    assert.include(found("/api/v2/users/show_many?external_ids=U1,u9", 1000), '"external_id":"u1"')
    assert.include(found("/api/v2/users/search?external_id=U1", 1000), '"external_id":"u1"')
    assert.include(found("/api/v2/users/search?query=ada", 1000), '"users":[]')
    assert.include(found("/api/v2/users/search?query=ada", 121_000), '"external_id":"u1"')
  })

  it("are shown 100 at a time at most", () => {
    const { ask } = open()
    const ids = (count: number) => Array.from({ length: count }, (_, no) => `u${no}`).join(",")
    assert.strictEqual(ask("GET", `/api/v2/users/show_many?external_ids=${ids(100)}`).status, 200)
    assert.strictEqual(ask("GET", `/api/v2/users/show_many?external_ids=${ids(101)}`).status, 400)
  })

  it("who are agents cannot be changed", () => {
    const { user } = open({ agents: ["agent@example.com"] })
    assert.strictEqual(user({ email: "agent@example.com", name: "Mallory" }).status, 422)
  })
})

describe("identities", () => {
  const two = () => {
    const opened = open()
    opened.user({ external_id: "u1", email: "Old@example.com", name: "Ada" })
    const [ada] = opened.sandbox.state(0).users
    const path = `/api/v2/users/${ada?.id}`
    const identities = () => {
      const body: any = opened.ask("GET", `${path}/identities`).body
      return body.identities as ReadonlyArray<{ id: number; value: string; primary: boolean }>
    }
    return { ...opened, path, identities }
  }

  it("stand beside the primary one, which the user shows until another is made primary", () => {
    const { ask, identities, path, user } = two()
    const answer: any = user({ external_id: "U1", email: "NEW@example.com" })
    assert.deepStrictEqual([answer.status, answer.body.user.email], [200, "old@example.com"])
    const [, second] = identities()
    assert.deepInclude(second, { value: "new@example.com", primary: false })
    const primary = ask("PUT", `${path}/identities/${second?.id}/make_primary`)
    assert.strictEqual(primary.status, 200)
    assert.deepStrictEqual(
      identities().map((each) => [each.value, each.primary]),
      [
        ["old@example.com", false],
        ["new@example.com", true]
      ]
    )
    assert.nestedPropertyVal(ask("GET", path).body, "user.email", "new@example.com")
  })

  it("are free for others once they are deleted, and the search finds the former owner for a while", () => {
    const { ask, identities, path, user } = two()
    const found = (now: number) =>
      JSON.stringify(ask("GET", "/api/v2/users/search?query=old@example.com", undefined, now).body)
    assert.strictEqual(user({ external_id: "u2", email: "b@example.com", name: "Bob" }).status, 201)
    assert.strictEqual(user({ external_id: "u2", email: "old@example.com" }).status, 422)
    assert.strictEqual(ask("DELETE", `${path}/identities/${identities()[0]?.id}`, undefined, 200_000).status, 204)
    assert.include(found(201_000), '"external_id":"u1"')
    assert.strictEqual(user({ external_id: "u2", email: "old@example.com" }, 201_000).status, 200)
    assert.include(found(400_000), '"external_id":"u2"')
  })

  it("give a user who has the address the new external id, in place of another", () => {
    const { sandbox, user } = two()
    assert.strictEqual(user({ external_id: "u2", email: "old@example.com", name: "Bob" }).status, 200)
    assert.deepStrictEqual(
      sandbox.state(0).users.map(({ external_id, name }) => [external_id, name]),
      [["u2", "Bob"]]
    )
  })

  it("are refused as recorded where they are malformed, and nothing of the request is stored", () => {
    const { sandbox, user } = two()
    assert.deepStrictEqual(user({ external_id: "u1", email: "badmail", name: "Eve" }).body, {
      error: "RecordInvalid",
      description: "Record validation errors",
      details: { email: [{ description: "Email: badmail is not properly formatted" }] }
    })
    assert.strictEqual(sandbox.state(0).users[0]?.name, "Ada")
  })

  it("and the external id are free at once when the user is deleted, softly, and the next write is a new user", () => {
    const { ask, path, sandbox, user } = two()
    const before = sandbox.state(0).users[0]?.id
    assert.deepInclude((ask("DELETE", path).body as any).user, { active: false, email: null, external_id: null })
    assert.strictEqual(user({ external_id: "u1", email: "old@example.com", name: "Ada" }).status, 201)
    assert.notStrictEqual(sandbox.state(0).users[0]?.id, before)
  })
})

describe("values, as recorded", () => {
  it("times are cut to their day, and an unset checkbox reads false", () => {
    const { user } = open({
      userFields: [
        { key: "day", type: "date" },
        { key: "vip", type: "checkbox" }
      ]
    })
    const answer = user({ external_id: "u1", name: "A", user_fields: { day: "2026-02-28T23:59:59.000Z" } })
    assert.nestedPropertyVal(answer.body, "user.user_fields.day", "2026-02-28T00:00:00+00:00")
    assert.nestedPropertyVal(answer.body, "user.user_fields.vip", false)
  })
})

describe("bulk import", () => {
  const many = "/api/v2/users/create_or_update_many"

  it("is refused until it is enabled", () => {
    assert.strictEqual(open().ask("POST", many, { users: [{ name: "A" }] }).status, 403)
  })

  it("is a job that is queued, working and completed by the clock, with a result per index", () => {
    const { ask, sandbox } = open({ bulkImport: true })
    const started = ask("POST", many, { users: [{ external_id: "u1", name: "A" }, { external_id: "u2" }] })
    assert.strictEqual(started.status, 200)
    const show = (now: number) => ask("GET", "/api/v2/job_statuses/job-1", undefined, now).body
    assert.nestedPropertyVal(show(0), "job_status.status", "queued")
    assert.nestedPropertyVal(show(1000), "job_status.status", "working")
    assert.strictEqual(sandbox.state(1999).users.length, 0)
    const done = show(2000)
    assert.nestedPropertyVal(done, "job_status.status", "completed")
    assert.nestedPropertyVal(done, "job_status.results[0].status", "Created")
    assert.nestedPropertyVal(done, "job_status.results[1].index", 1)
    assert.nestedPropertyVal(done, "job_status.results[1].error", "UserUpdateError")
    assert.strictEqual(sandbox.state(2000).users.length, 1)
    assert.include(JSON.stringify(ask("GET", "/api/v2/job_statuses/show_many?ids=job-1,job-9").body), '"count":1')
  })

  it("takes 100 users a job and 30 open jobs", () => {
    const { ask } = open({ bulkImport: true })
    const users = (count: number) => ({ users: Array.from({ length: count }, () => ({ name: "A" })) })
    assert.strictEqual(ask("POST", many, users(101)).status, 400)
    for (let no = 0; no < 30; no++) assert.strictEqual(ask("POST", many, users(1)).status, 200)
    assert.strictEqual(ask("POST", many, users(1)).status, 429)
    assert.strictEqual(ask("POST", many, users(1), 2000).status, 200)
  })
})

describe("organizations", () => {
  it("are found by external id only, and a name is taken once, trimmed", () => {
    const { organization } = open()
    assert.strictEqual(organization({ external_id: "a1", name: "Acme" }).status, 201)
    assert.strictEqual(organization({ external_id: "a1", name: "Acme" }).status, 200)
    const refused = organization({ external_id: "a2", name: " Acme " })
    assert.strictEqual(refused.status, 422)
    assert.deepStrictEqual(refused.body, duplicate("name", "Name: Acme has already been taken"))
    assert.strictEqual(organization({ external_id: "a1", name: "Acme 2" }).status, 200)
    assert.strictEqual(organization({ external_id: "a2", name: "Acme" }).status, 201)
    assert.strictEqual(organization({ external_id: "a3" }).status, 422)
  })

  it("are searched by external id or by name, not by both", () => {
    const { ask, organization } = open({ searchLagMillis: 0 })
    organization({ external_id: "a1", name: "Acme" })
    assert.include(JSON.stringify(ask("GET", "/api/v2/organizations/search?name=Acme").body), '"external_id":"a1"')
    assert.strictEqual(ask("GET", "/api/v2/organizations/search?name=Acme&external_id=a1").status, 400)
  })

  it("have each member once; organization_id of a user takes the place of the default one", () => {
    const { ask, organization, sandbox, user } = open()
    user({ external_id: "u1", name: "Ada" })
    organization({ external_id: "a1", name: "One" })
    organization({ external_id: "a2", name: "Two" })
    const { organizations, users } = sandbox.state(0)
    const [one = -1, two = -1] = organizations.map(({ id }) => id)
    const join = { organization_membership: { user_id: users[0]?.id, organization_id: one } }
    const joined = ask("POST", "/api/v2/organization_memberships", join)
    assert.strictEqual(joined.status, 201)
    assert.strictEqual(ask("POST", "/api/v2/organization_memberships", join).status, 422)
    user({ external_id: "u1", organization_id: two })
    assert.deepStrictEqual(sandbox.state(0).users[0]?.organization_ids, [two])
    const page = JSON.stringify(ask("GET", `/api/v2/organizations/${two}/organization_memberships`).body)
    const id = /"id":(\d+)/.exec(page)?.[1]
    assert.strictEqual(ask("DELETE", `/api/v2/organization_memberships/${id}`).status, 204)
    assert.strictEqual(ask("DELETE", `/api/v2/organization_memberships/${id}`).status, 404)
    assert.deepStrictEqual(sandbox.state(0).users[0]?.organization_ids, [])
  })
})

describe("fields", () => {
  const field = (attributes: object) => ({ user_field: attributes })

  it("are created once per key, by an admin, with a type that exists and a key that is free", () => {
    const { ask } = open()
    const create = (attributes: object) => ask("POST", "/api/v2/user_fields", field(attributes)).status
    assert.strictEqual(create({ key: "vip", title: "VIP", type: "checkbox" }), 201)
    assert.strictEqual(create({ key: "vip", title: "VIP", type: "checkbox" }), 422)
    assert.strictEqual(create({ key: "x", title: "X", type: "nothing" }), 422)
    assert.strictEqual(create({ key: "x y", title: "X" }), 422)
    assert.strictEqual(create({ key: "x" }), 422)
    assert.strictEqual(create({ key: "channel", title: "Channel" }), 422)
    const agent = open({ admin: false }).ask("POST", "/api/v2/user_fields", field({ key: "vip", title: "VIP" }))
    assert.strictEqual(agent.status, 403)
    assert.nestedPropertyVal(agent.body, "error.title", "Forbidden")
  })

  it("are listed by cursor and by number, 100 a page at most", () => {
    const userFields = Array.from({ length: 150 }, (_, no) => ({ key: `f${no}`, type: "text" }) as const)
    const { ask } = open({ userFields })
    const first = ask("GET", "/api/v2/user_fields?page[size]=100").body
    assert.nestedPropertyVal(first, "meta.has_more", true)
    const cursor = /"after_cursor":"([^"]+)"/.exec(JSON.stringify(first))?.[1]
    const second = ask("GET", `/api/v2/user_fields?page[size]=100&page[after]=${cursor}`).body
    assert.nestedPropertyVal(second, "meta.has_more", false)
    assert.nestedPropertyVal(second, "user_fields[0].key", "f100")
    assert.nestedPropertyVal(ask("GET", "/api/v2/user_fields?page=2").body, "user_fields[0].key", "f100")
    assert.strictEqual(ask("GET", "/api/v2/user_fields?page[size]=101").status, 400)
    assert.strictEqual(ask("GET", "/api/v2/user_fields?page[after]=nonsense").status, 400)
  })
})

describe("speed", () => {
  it("does not fall with the number of users", () => {
    const { sandbox, user } = open({ requestsPerMinute: 1_000_000, userFields: [{ key: "vip", type: "checkbox" }] })
    for (let no = 0; no < 50_000; no++) user({ external_id: `u${no}`, name: "A", user_fields: { vip: true } })
    assert.strictEqual(sandbox.state(0).users.length, 50_000)
  })
})
