import { Effect } from "effect"
import { spawn, spawnSync } from "node:child_process"
import { createServer } from "node:http"
import { fileURLToPath } from "node:url"
import { Redacted } from "effect"
import * as fs from "node:fs"
import { type Case, median } from "../support/Case.ts"
import * as World from "../support/world.ts"

const built = fileURLToPath(new URL("../../packages/runtime/dist/main.js", import.meta.url))

/** What an operator would have: the very activation that was registered in this process. */
const config = (url: string) => `import { RateLimit } from "@tributary/core"
import { Braze } from "@tributary/destination-braze"
import { Activation, Audience, defineConfig, Source, sql } from "@tributary/runtime"
import { Redacted } from "effect"

const users = Source.store().users({
  query: sql\`select id, id as email from nobody\`,
  identifiers: { user_id: "id", email: "email" },
  every: "1 day"
})
const buyers = Audience.make("Buyers", { of: users, query: sql\`select id from member\`, every: "1 day" })
const braze = Braze.destination(
  "braze",
  { endpoint: "https://rest.fra-01.braze.eu", baseUrl: "${url}", apiKey: Redacted.make("bench") },
  { cap: RateLimit.requests(1_000_000, "1 second") }
)
export default defineConfig({ space: "bench", activations: [Activation.events(buyers, braze)] })
`

/** When the first request came, in milliseconds of this process. */
const listening = Effect.acquireRelease(
  Effect.callback<{ readonly url: string; readonly first: Promise<number>; readonly close: () => void }>((resume) => {
    let came: (at: number) => void = () => undefined
    const first = new Promise<number>((resolve) => {
      came = resolve
    })
    const server = createServer((request, response) => {
      came(performance.now())
      request.resume()
      response.writeHead(201, { "content-type": "application/json" }).end(`{"message":"success"}`)
    })
    server.listen(0, "127.0.0.1", () => {
      const address = server.address()
      const url = `http://127.0.0.1:${typeof address === "object" ? address?.port : 0}`
      resume(Effect.succeed({ url, first, close: () => void server.close() }))
    })
  }),
  ({ close }) => Effect.sync(close)
)

/** Inside the checkout, so that the configuration finds the packages. */
const folder = Effect.acquireRelease(
  Effect.sync(() => fs.mkdtempSync(fileURLToPath(new URL("../.run-", import.meta.url)))),
  (made) => Effect.sync(() => fs.rmSync(made, { recursive: true, force: true }))
)

/** Seconds from the start of `tributary start` to its first request, on a store where a thousand people are due. */
const untilDelivering = (people: number) =>
  World.inStore("PostgreSQL", (location) =>
    Effect.gen(function* () {
      const { first, url } = yield* listening
      yield* World.people(people)
      yield* World.run("create table nobody (id text)", "create table member (id text)")
      yield* World.run(`insert into member select 'u' || i from generate_series(1, 1000) i`)
      const resolved = yield* World.config([
        World.Activation.events(World.audience("Buyers", "member"), World.braze(url))
      ])
      yield* Effect.scoped(World.open(resolved))
      yield* World.evaluate(resolved)
      const place = yield* folder
      fs.writeFileSync(`${place}/package.json`, `{ "type": "module" }`)
      fs.writeFileSync(`${place}/tributary.config.ts`, config(url))
      const began = performance.now()
      const child = spawn(process.execPath, [built, "start"], {
        cwd: place,
        env: {
          PATH: process.env["PATH"] ?? "",
          ...(location._tag === "Postgres" ? { DATABASE_URL: Redacted.value(location.url) } : {})
        },
        stdio: ["ignore", "inherit", "inherit"]
      })
      const ended = new Promise<number>((resolve) => void child.once("close", () => resolve(Number.NaN)))
      const at = yield* Effect.promise(() => Promise.race([first, ended]))
      child.kill()
      yield* Effect.promise(() => ended)
      return (at - began) / 1000
    })
  )

const startup: Case = {
  name: "startup",
  title: "Start-up, from the built package: tributary --help, and tributary start on a large store",
  run: async ({ note, scale }) => {
    if (!fs.existsSync(built)) throw new Error(`Build first: npx -y pnpm@12 build`)
    const seconds = await median(5, 1, async () => {
      const began = performance.now()
      spawnSync(process.execPath, [built, "--help"])
      return (performance.now() - began) / 1000
    })
    const bare = await median(5, 1, async () => {
      const began = performance.now()
      spawnSync(process.execPath, ["-e", "0"])
      return (performance.now() - began) / 1000
    })
    const people = Math.max(10_000, Math.round(10_000_000 * scale))
    note(`a store of ${people} people`)
    const delivering = await untilDelivering(people)
    return [
      {
        what: "tributary --help",
        figure: seconds,
        unit: "s",
        reference: { what: "Node alone", figure: bare },
        goal: { words: "0.4 s at most", isReached: seconds <= 0.4 }
      },
      {
        what: "tributary start, to the first request",
        figure: delivering,
        unit: "s",
        goal: { words: "5 s at most", isReached: delivering <= 5 },
        parameters: `a store of ${people} people`
      }
    ]
  }
}

export default startup
