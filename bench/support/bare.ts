// The least that tells a vendor: rows from the store's tables to bodies to undici, with no difference, no ledger, no
// limits, and nobody to know afterwards what was told.
import { hash } from "node:crypto"
import { Effect } from "effect"
import { SqlClient } from "effect/sql"
import { Pool } from "undici"

const membersInABody = 10_000
const peopleAtATime = 5_000
const peopleInABody = 75
const requestsAtATime = 32

/** Tells the value of one computed trait of people 1 … count, and answers how many a second. */
export const bareIdentifies = Effect.fnUntraced(function* (url: string, count: number) {
  const sql = yield* SqlClient.SqlClient
  const pool = yield* Effect.acquireRelease(
    Effect.sync(() => new Pool(url, { connections: requestsAtATime })),
    (made) => Effect.promise(() => made.close())
  )
  const post = async (rows: ReadonlyArray<ReadonlyArray<unknown>>) => {
    const attributes = rows.map(([external_id, revenue]) => ({ external_id, revenue, _update_existing_only: false }))
    const { body, statusCode } = await pool.request({
      method: "POST",
      path: "/users/track",
      headers: { authorization: "Bearer bench", "content-type": "application/json" },
      body: JSON.stringify({ attributes })
    })
    await body.json()
    if (statusCode !== 201) throw new Error(`answered ${statusCode}`)
  }
  const tell = Effect.fnUntraced(function* (from: number) {
    const rows = yield* sql`select i.value, v.value from tributary.value v
      join tributary.identifier i on i.profile_no = v.profile_no
      where v.profile_no >= ${from} and v.profile_no < ${from + peopleAtATime}`.values
    const bodies: Array<ReadonlyArray<ReadonlyArray<unknown>>> = []
    for (let at = 0; at < rows.length; at += peopleInABody) bodies.push(rows.slice(at, at + peopleInABody))
    yield* Effect.forEach(bodies, (body) => Effect.promise(() => post(body)), {
      concurrency: requestsAtATime / 2,
      discard: true
    })
    return rows.length
  })
  const froms = Array.from({ length: Math.ceil(count / peopleAtATime) }, (_, i) => 1 + i * peopleAtATime)
  const began = performance.now()
  const told = yield* Effect.forEach(froms, tell, { concurrency: 2 })
  const total = told.reduce((sum, each) => sum + each, 0)
  if (total !== count) throw new Error(`${total} told of ${count}`)
  return (count / (performance.now() - began)) * 1000
})

/** Adds members with an address and a phone number, people 1 … count, and answers how many a second. */
export const bareMembers = Effect.fnUntraced(function* (url: string, count: number) {
  const sql = yield* SqlClient.SqlClient
  const pool = yield* Effect.acquireRelease(
    Effect.sync(() => new Pool(url, { connections: 2 })),
    (made) => Effect.promise(() => made.close())
  )
  const post = async (rows: ReadonlyArray<ReadonlyArray<unknown>>) => {
    const audienceMembers = rows.map(([email, phone]) => ({
      userData: {
        userIdentifiers: [
          { emailAddress: hash("sha256", String(email), "hex") },
          { phoneNumber: hash("sha256", String(phone), "hex") }
        ]
      }
    }))
    const { body, statusCode } = await pool.request({
      method: "POST",
      path: "/v1/audienceMembers:ingest",
      headers: { authorization: "Bearer bench", "content-type": "application/json" },
      body: JSON.stringify({ audienceMembers, encoding: "HEX" })
    })
    await body.json()
    if (statusCode !== 200) throw new Error(`answered ${statusCode}`)
  }
  const tell = Effect.fnUntraced(function* (from: number) {
    const rows = yield* sql`select e.value, p.value from tributary.identifier e
      join tributary.identifier p on p.profile_no = e.profile_no and p.type = 'phone'
      where e.type = 'email' and e.profile_no >= ${from} and e.profile_no < ${from + membersInABody}`.values
    yield* Effect.promise(() => post(rows))
    return rows.length
  })
  const froms = Array.from({ length: Math.ceil(count / membersInABody) }, (_, i) => 1 + i * membersInABody)
  const began = performance.now()
  const told = yield* Effect.forEach(froms, tell, { concurrency: 2 })
  const total = told.reduce((sum, each) => sum + each, 0)
  if (total !== count) throw new Error(`${total} told of ${count}`)
  return (count / (performance.now() - began)) * 1000
})
