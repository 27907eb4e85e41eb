// A plugin alone: calls or members in hand → requests on the wire → outcomes; and undici posting the very same bodies.
import { type Destination, type Outcome } from "@tributary/core"
import { Connection, RateLimiter } from "@tributary/core/runtime"
import { connect } from "@tributary/core/testing"
import { Effect, Layer } from "effect"
import { createServer } from "node:http"
import { Pool } from "undici"
import * as Undici from "../../packages/runtime/src/transport/Undici.ts"
import { median } from "./Case.ts"
import { profiled, requestParts } from "./profile.ts"
import { receiver } from "./world.ts"

const services = Layer.mergeAll(Undici.layer, Connection.TokenStore.layerMemory, RateLimiter.RateLimiter.layer)

interface Posted {
  readonly method: string
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** What a plugin sends, taken down by a server that answers all the same. */
const recording = (status: number, answer: string, token: string) =>
  Effect.acquireRelease(
    Effect.callback<{ readonly url: string; readonly posted: Array<Posted>; readonly close: () => void }>((resume) => {
      const posted: Array<Posted> = []
      const server = createServer((request, response) => {
        const parts: Array<Buffer> = []
        request.on("data", (part: Buffer) => parts.push(part))
        request.on("end", () => {
          const headers: Record<string, string> = {}
          for (const name of ["authorization", "content-type", "accept"]) {
            const value = request.headers[name]
            if (typeof value === "string") headers[name] = value
          }
          posted.push({
            method: request.method ?? "POST",
            path: request.url ?? "/",
            headers,
            body: Buffer.concat(parts).toString("utf8")
          })
          const isForToken = /\/tokens?$/.test(request.url ?? "")
          response.writeHead(isForToken ? 200 : status, { "content-type": "application/json" })
          response.end(isForToken ? token : answer)
        })
      })
      server.listen(0, "127.0.0.1", () => {
        const address = server.address()
        const url = `http://127.0.0.1:${typeof address === "object" ? address?.port : 0}`
        resume(Effect.succeed({ url, posted, close: () => void server.close() }))
      })
    }),
    ({ close }) => Effect.sync(close)
  )

export interface Alone<Item> {
  readonly status: number
  readonly answer: string
  /** Where the plugin asks for one. */
  readonly token?: string
  readonly destination: (baseUrl: string) => Destination.Destination
  readonly items: ReadonlyArray<Item>
  readonly batch: number
  readonly concurrency: number
  readonly deliver: (
    bound: Destination.Bound,
    context: Destination.Context<unknown>,
    items: Destination.NonEmpty<Item>
  ) => Effect.Effect<ReadonlyArray<Outcome.Outcome>, unknown>
}

/** Items a second through the plugin, and through bare undici with the same bodies. */
export const alone = <Item>(given: Alone<Item>, runs = 3) =>
  Effect.runPromise(
    Effect.scoped(
      Effect.gen(function* () {
        const batches: Array<Destination.NonEmpty<Item>> = []
        for (let from = 0; from < given.items.length; from += given.batch) {
          const [first, ...rest] = given.items.slice(from, from + given.batch)
          if (first !== undefined) batches.push([first, ...rest])
        }
        const deliverAll = Effect.fnUntraced(function* (url: string) {
          const { bound, context } = yield* connect(given.destination(url))
          yield* Effect.forEach(
            batches,
            (batch) =>
              Effect.map(given.deliver(bound, context, batch), (outcomes) => {
                if (outcomes.length !== batch.length) throw new Error(`${outcomes.length} outcomes`)
              }),
            { concurrency: given.concurrency, discard: true }
          )
        })
        const record = yield* recording(given.status, given.answer, given.token ?? "{}")
        yield* deliverAll(record.url)
        const vendor = yield* receiver(given.status, given.answer, given.token)
        const run = Effect.runPromiseWith(yield* Effect.context<Layer.Success<typeof services>>())
        const perSecond = async (work: () => Promise<void>) => {
          const began = performance.now()
          const before = process.cpuUsage()
          await work()
          const { system, user } = process.cpuUsage(before)
          cpu.push((system + user) / given.items.length)
          return given.items.length / ((performance.now() - began) / 1000)
        }
        let cpu: Array<number> = []
        const least = () => {
          const figure = Math.min(...cpu)
          cpu = []
          return figure
        }
        const plugin = yield* Effect.promise(() =>
          median(runs, 1, () => perSecond(() => run(Effect.orDie(deliverAll(vendor.url)))))
        )
        const pluginCpu = least()
        const { shares } = yield* profiled(Effect.orDie(deliverAll(vendor.url)), requestParts)
        const pool = new Pool(vendor.url, { connections: given.concurrency })
        const post = async () => {
          let next = 0
          const worker = async () => {
            for (let one = record.posted[next++]; one !== undefined; one = record.posted[next++]) {
              const { body } = await pool.request({
                method: one.method,
                path: one.path,
                headers: { ...one.headers },
                body: one.body
              })
              JSON.parse(await body.text())
            }
          }
          await Promise.all(Array.from({ length: given.concurrency }, worker))
        }
        const bare = yield* Effect.promise(() => median(runs, 1, () => perSecond(post)))
        yield* Effect.promise(() => pool.close())
        const parameters =
          `${given.items.length} in ${record.posted.length} requests; CPU ${pluginCpu.toFixed(2)} µs each, ` +
          `undici ${least().toFixed(2)} µs; ${shares.text}`
        return { plugin, bare, parameters }
      }).pipe(Effect.provide(services))
    )
  )

export const personas = {
  computation_class: "trait",
  computation_id: "tra_revenue",
  computation_key: "revenue",
  namespace: "bench",
  space_id: "bench"
} as const

export const identify = (i: number) => ({
  type: "identify" as const,
  identifier: { type: "user_id", value: `u${i}` },
  required: { name: `Ada ${i}` },
  messageId: `m${i}`,
  timestamp: "2026-01-01T00:00:00.000Z",
  siblings: [],
  joins: [],
  existingOnly: false,
  personas,
  traits: { revenue: i * 1.5 }
})
