import { RateLimit, type Sandbox } from "@tributary/core"
import { Activation } from "@tributary/core/runtime"
import { assert, it } from "@effect/vitest"
import { Clock, Duration, Effect, Fiber, Latch } from "effect"
import { createServer } from "node:http"
import { resolve } from "../../src/config/Resolved.ts"
import * as Space from "../../src/engine/Space.ts"
import { start } from "../../src/engine/Start.ts"
import { makeEcho } from "../support/echo.ts"
import { describeStores } from "../support/stores.ts"
import { audience, inWorld, trait, whileTimePasses } from "../support/world.ts"

/** A vendor that takes its time: answers come twenty turns of the event loop later, and open requests are counted. */
const slowly = (sandbox: Sandbox.Sandbox) =>
  Effect.gen(function* () {
    const clock = yield* Clock.Clock
    const seen = { open: 0, most: 0, paths: new Set<string>() }
    const server = createServer((request, response) => {
      seen.open++
      seen.most = Math.max(seen.most, seen.open)
      const parts: Array<Buffer> = []
      request.on("data", (part: Buffer) => parts.push(part))
      request.on("end", async () => {
        for (let turn = 0; turn < 20; turn++) await new Promise((done) => setImmediate(done))
        const url = new URL(request.url ?? "/", "http://vendor")
        seen.paths.add(url.pathname)
        const answer = sandbox.handle(
          {
            method: request.method ?? "GET",
            path: url.pathname,
            query: url.searchParams,
            headers: {},
            body: Buffer.concat(parts).toString()
          },
          clock.currentTimeMillisUnsafe()
        )
        seen.open--
        response.writeHead(answer.status, answer.headers)
        response.end(typeof answer.body === "string" ? answer.body : JSON.stringify(answer.body ?? ""))
      })
    })
    const port = yield* Effect.acquireRelease(
      Effect.callback<number>((done) => {
        server.listen(0, "127.0.0.1", () => {
          const address = server.address()
          done(Effect.succeed(typeof address === "object" && address !== null ? address.port : 0))
        })
      }),
      () => Effect.sync(() => void (server.close(), server.closeAllConnections()))
    )
    return { seen, baseUrl: `http://127.0.0.1:${port}` }
  })

describeStores("one gate for a destination", (store) => {
  it.effect("R29 under start, events and lists together have ten requests open at the vendor, and no more", () =>
    inWorld(store)((world) =>
      Effect.gen(function* () {
        const ids = Array.from({ length: 150 }, (_, i) => `u${i}`)
        yield* world.customers(ids.map((id) => ({ id })))
        yield* world.members("First time shopper", ids)
        yield* world.values("Revenue", Object.fromEntries(ids.map((id, i) => [id, i])))
        const { baseUrl, seen } = yield* slowly(world.vendor.sandbox)
        const destination = makeEcho({ batch: 1, limits: [RateLimit.concurrent(10)] }).destination("echo", { baseUrl })
        const activations = [
          Activation.events(trait("Revenue"), destination),
          Activation.list(audience("First time shopper"), destination)
        ]
        const space = yield* Space.open(yield* Effect.fromResult(resolve(world.config(...activations))))
        const stop = Latch.makeUnsafe(false)
        const members = () => [...world.vendor.state.lists.values()].flatMap((list) => [...list.members])
        const fiber = yield* Effect.forkChild(
          start(space, {
            folder: ".",
            stop,
            patience: 3,
            waitForPostponed: Duration.zero,
            onEvent: () =>
              world.vendor.state.messages.length >= ids.length && members().length >= ids.length
                ? Effect.asVoid(stop.open)
                : Effect.void
          })
        )
        yield* whileTimePasses(Fiber.join(fiber))
        assert.strictEqual(members().length, ids.length)
        assert.isTrue(seen.paths.has("/batch") && seen.paths.has("/lists/list1/add"))
        assert.strictEqual(seen.most, 10)
      }).pipe(Effect.scoped)
    )
  )
})
