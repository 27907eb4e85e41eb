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

/** Posts JSON to a path over so many connections, and fails where another status comes back. */
const poster = (url: string, connections: number) =>
  Effect.map(
    Effect.acquireRelease(
      Effect.sync(() => new Pool(url, { connections })),
      (made) => Effect.promise(() => made.close())
    ),
    (pool) => (path: string, status: number, json: unknown) =>
      Effect.promise(async () => {
        const { body, statusCode } = await pool.request({
          method: "POST",
          path,
          headers: { authorization: "Bearer bench", "content-type": "application/json" },
          body: JSON.stringify(json)
        })
        await body.json()
        if (statusCode !== status) throw new Error(`answered ${statusCode}`)
      })
  )

/** Tells the value of one computed trait of people 1 … count, and answers how many a second. */
export const bareIdentifies = Effect.fnUntraced(function* (url: string, count: number) {
  const sql = yield* SqlClient.SqlClient
  const post = yield* poster(url, requestsAtATime)
  const track = (rows: ReadonlyArray<ReadonlyArray<unknown>>) => {
    const attributes = rows.map(([external_id, revenue]) => ({ external_id, revenue, _update_existing_only: false }))
    return post("/users/track", 201, { attributes })
  }
  const tell = Effect.fnUntraced(function* (from: number) {
    const rows = yield* sql`select i.value, v.value from tributary.value v
      join tributary.identifier i on i.profile_no = v.profile_no
      where v.profile_no >= ${from} and v.profile_no < ${from + peopleAtATime}`.values
    const bodies: Array<ReadonlyArray<ReadonlyArray<unknown>>> = []
    for (let at = 0; at < rows.length; at += peopleInABody) bodies.push(rows.slice(at, at + peopleInABody))
    yield* Effect.forEach(bodies, track, {
      concurrency: requestsAtATime / 2,
      discard: true
    })
    return rows.length
  })
  const froms = Array.from({ length: Math.ceil(count / peopleAtATime) }, (_, i) => 1 + i * peopleAtATime)
  const began = performance.now()
  const sent = yield* Effect.forEach(froms, tell, { concurrency: 2 })
  const total = sent.reduce((sum, each) => sum + each, 0)
  if (total !== count) throw new Error(`${total} told of ${count}`)
  return (count / (performance.now() - began)) * 1000
})

/** Adds members with an address and a phone number, people 1 … count, and answers how many a second. */
export const bareMembers = Effect.fnUntraced(function* (url: string, count: number) {
  const sql = yield* SqlClient.SqlClient
  const post = yield* poster(url, 2)
  const ingest = (rows: ReadonlyArray<ReadonlyArray<unknown>>) => {
    const audienceMembers = rows.map(([email, phone]) => ({
      userData: {
        userIdentifiers: [
          { emailAddress: hash("sha256", String(email), "hex") },
          { phoneNumber: hash("sha256", String(phone), "hex") }
        ]
      }
    }))
    return post("/v1/audienceMembers:ingest", 200, { audienceMembers, encoding: "HEX" })
  }
  const tell = Effect.fnUntraced(function* (from: number) {
    const rows = yield* sql`select e.value, p.value from tributary.identifier e
      join tributary.identifier p on p.profile_no = e.profile_no and p.type = 'phone'
      where e.type = 'email' and e.profile_no >= ${from} and e.profile_no < ${from + membersInABody}`.values
    yield* ingest(rows)
    return rows.length
  })
  const froms = Array.from({ length: Math.ceil(count / membersInABody) }, (_, i) => 1 + i * membersInABody)
  const began = performance.now()
  const sent = yield* Effect.forEach(froms, tell, { concurrency: 2 })
  const total = sent.reduce((sum, each) => sum + each, 0)
  if (total !== count) throw new Error(`${total} told of ${count}`)
  return (count / (performance.now() - began)) * 1000
})
