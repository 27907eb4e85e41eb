// `pnpm torture`: the real binary and the real store against vendors that fail, killed at random instants and at every
// boundary between store, send and acknowledge. Afterwards every vendor must hold what it should.
import { randomUUID } from "node:crypto"
import * as fs from "node:fs"
import * as path from "node:path"
import { fileURLToPath } from "node:url"
import { parseArgs } from "node:util"
import { PgClient } from "@effect/sql-pg"
import { Effect, Redacted } from "effect"
import { SqlClient } from "effect/sql"
import { run } from "./support/Process.ts"
import { type Result, torture } from "./support/Seed.ts"

const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "4" },
    seed: { type: "string" },
    store: { type: "string", default: "both" },
    jobs: { type: "string", default: "2" },
    help: { type: "boolean", default: false }
  }
})

const usage = `pnpm torture [--seeds N] [--store pglite|postgres|both] [--jobs N] [--seed K]

--seeds N   seeds 1 to N on each store. Default: 4, which takes about a minute.
--seed K    one seed again.
--store     default: both. PostgreSQL: TEST_DATABASE_URL, else postgres://postgres@127.0.0.1:5432/postgres.
--jobs N    seeds at a time. Default: 2.

Every seed is a company that changes while its process is killed and its vendors fail. In the end every vendor must hold
what the company's data says. A seed that fails keeps its folder, with a log of every process and one of every
request, and its database.`

const server = new URL(process.env["TEST_DATABASE_URL"] ?? "postgres://postgres@127.0.0.1:5432/postgres")
const onServer = (statement: string) =>
  Effect.runPromise(
    Effect.flatMap(SqlClient.SqlClient, (sql) => sql.unsafe(statement)).pipe(
      Effect.provide(PgClient.layer({ url: Redacted.make(server.toString()), maxConnections: 1 }))
    )
  )

// Inside the checkout, so that the configurations find the packages.
const root = fileURLToPath(new URL(`.run-${randomUUID()}`, import.meta.url))

const emptyStore = async () => {
  const folder = path.join(root, "template")
  fs.mkdirSync(folder, { recursive: true })
  fs.writeFileSync(path.join(folder, "package.json"), `{ "type": "module" }`)
  fs.writeFileSync(
    path.join(folder, "tributary.config.ts"),
    `import { defineConfig } from "@tributary/runtime"\nexport default defineConfig({ space: "empty", activations: [] })\n`
  )
  await run(folder, {}, ["status"]).ended
  return path.join(folder, ".tributary")
}

const sum = (maps: ReadonlyArray<ReadonlyMap<string, number>>) => {
  const total = new Map<string, number>()
  for (const map of maps) for (const [key, count] of map) total.set(key, (total.get(key) ?? 0) + count)
  return total
}
const inWords = (counts: ReadonlyMap<string, number>) =>
  [...counts]
    .toSorted(([, a], [, b]) => b - a)
    .map(([name, count]) => `${name} ${count}`)
    .join(", ")
const add = (counts: Iterable<number>) => [...counts].reduce((total, count) => total + count, 0)

const isGood = (result: Result) => result.lost.length === 0 && result.again <= result.bound

const tortureStore = async (store: "pglite" | "postgres", seeds: ReadonlyArray<number>) => {
  const template = store === "pglite" ? await emptyStore() : undefined
  const results: Array<Result> = []
  const left = [...seeds]
  const worker = async () => {
    for (let seed = left.shift(); seed !== undefined; seed = left.shift()) {
      const folder = path.join(root, `${store}-${seed}`)
      fs.mkdirSync(folder, { recursive: true })
      const name = `tributary_torture_${randomUUID().replaceAll("-", "")}`
      let database: URL | undefined
      if (store === "postgres") {
        await onServer(`create database ${name}`)
        database = new URL(server)
        database.pathname = `/${name}`
      }
      const result = await torture({ seed, folder, database, template })
      if (store === "postgres" && isGood(result)) await onServer(`drop database if exists ${name} with (force)`)
      results.push(result)
      const kills = add(result.kills.values())
      console.log(
        `${store} seed ${seed}: ${isGood(result) ? "ok" : "FAILED"}, ${result.changes} changes, ${result.requests} requests, ` +
          `${add(result.faults.values())} faults, ${kills} kills, ${result.lost.length} lost, ${result.again} sent again ` +
          `(at most ${result.bound}), ${result.seconds.toFixed(1)} s`
      )
      if (isGood(result)) fs.rmSync(folder, { recursive: true, force: true })
      else {
        for (const difference of result.lost.slice(0, 5)) console.log(`    ${difference}`)
        console.log(`    Again: pnpm torture --seed ${seed} --store ${store}. Its logs: ${folder}/*.log`)
        if (store === "postgres") console.log(`    Its database is kept: ${name}`)
      }
    }
  }
  await Promise.all(Array.from({ length: Number(values.jobs) }, worker))
  return results
}

const main = async () => {
  const count = Number(values.seeds)
  const stores = (["pglite", "postgres"] as const).filter((store) => values.store === "both" || values.store === store)
  if (values.help || stores.length === 0 || !Number.isInteger(count) || count < 1) {
    console.log(usage)
    process.exitCode = values.help ? 0 : 2
    return
  }
  const seeds = values.seed === undefined ? Array.from({ length: count }, (_, i) => i + 1) : [Number(values.seed)]
  let failed = 0
  const lines: Array<string> = []
  for (const store of stores) {
    const results = await tortureStore(store, seeds)
    failed += results.filter((result) => !isGood(result)).length
    const total = (of: (result: Result) => number) => add(results.map(of)).toLocaleString("en-US")
    const kills = sum(results.map((result) => result.kills))
    lines.push(
      `| ${store} | ${results.length} | ${total((r) => r.changes)} | ${total((r) => r.requests)} | ${total((r) => add(r.faults.values()))} | ${add(kills.values())} | ${total((r) => r.lost.length)} | ${total((r) => r.again)} | ${total((r) => r.bound)} |`,
      `    faults: ${inWords(sum(results.map((result) => result.faults)))}`,
      `    kills: ${inWords(kills)}`
    )
  }
  console.log(
    `\n| store | seeds | changes | requests | faults | kills | lost | sent again | of at most |\n|---|---|---|---|---|---|---|---|---|`
  )
  console.log(lines.join("\n"))
  console.log(failed === 0 ? "\nNothing was lost." : `\n${failed} seeds FAILED.`)
  if (failed === 0) fs.rmSync(root, { recursive: true, force: true })
  process.exitCode = failed === 0 ? 0 : 1
}

await main()
