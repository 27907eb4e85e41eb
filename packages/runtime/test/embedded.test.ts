// The embedded store in its folder, after a kill at an instant that PGlite does not survive by itself.
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { SqlClient } from "effect/sql"
import { spawn, spawnSync } from "node:child_process"
import { randomBytes } from "node:crypto"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { layerFolder } from "../src/store/sql/Pglite.ts"
import { layerScratch } from "../src/store/sql/Store.ts"

const inFolder = <A, E>(use: (folder: string) => Effect.Effect<A, E>) =>
  Effect.acquireUseRelease(
    Effect.sync(() => fs.mkdtempSync(path.join(os.tmpdir(), "tributary-embedded-"))),
    (made) => use(path.join(made, ".tributary")),
    (made) => Effect.sync(() => fs.rmSync(made, { recursive: true, force: true }))
  )

const lockModule = new URL("../src/store/sql/Lock.ts", import.meta.url).href

/** A process that takes the lock of a folder and keeps it, or says why it cannot. */
const holder = (folder: string, ...wrapper: ReadonlyArray<string>) => {
  const script = `
    import { Effect } from "effect"
    import { take } from ${JSON.stringify(lockModule)}
    const taken = Effect.andThen(take(process.argv[1]), Effect.sync(() => console.log("taken")))
    Effect.runFork(Effect.scoped(Effect.andThen(taken, Effect.never)).pipe(
      Effect.catch((error) => Effect.sync(() => console.log(error.message)))))
    setInterval(() => undefined, 1_000)`
  const args = ["--conditions=source", "--input-type=module-typescript", "-e", script, folder]
  const [command = process.execPath, ...rest] = [...wrapper, process.execPath]
  const child = spawn(command, [...rest, ...args], { stdio: ["ignore", "pipe", "inherit"] })
  const said = new Promise<string>((resolve) => {
    child.stdout.once("data", (data: Buffer) => resolve(data.toString().trim()))
  })
  const killed = () =>
    new Promise<void>((resolve) => {
      child.once("exit", () => resolve())
      child.kill("SIGKILL")
    })
  return { said, killed, pid: child.pid ?? 0 }
}

/** A process number space of its own, as a container has: where this machine lets a test make one. */
const apart = ["unshare", "--fork", "--kill-child", "--pid", "--mount-proc"]
const canUnshare = spawnSync("unshare", [...apart.slice(1), "true"]).status === 0

describe("R47 the embedded store is open in one process", () => {
  const refused = /^The store in .* is open in another process \(process \d+ on .+\)\. Stop that process first/

  it("which the kernel knows: killed in whatever way, it lets go of the folder", async () => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), "tributary-lock-"))
    const first = holder(folder)
    assert.strictEqual(await first.said, "taken")
    const second = holder(folder)
    assert.match(await second.said, refused)
    await second.killed()
    await first.killed()
    const third = holder(folder)
    assert.strictEqual(await third.said, "taken")
    await third.killed()
    fs.rmSync(folder, { recursive: true })
  })

  it.skipIf(!canUnshare)("also among containers on one volume, whose process numbers are the same", async () => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), "tributary-lock-"))
    const first = holder(folder, ...apart)
    assert.strictEqual(await first.said, "taken")
    const second = holder(folder, ...apart)
    assert.match(await second.said, refused)
    await second.killed()
    // A container that is killed and started again has the number of the process before.
    await first.killed()
    const again = holder(folder, ...apart)
    assert.strictEqual(await again.said, "taken")
    await again.killed()
    fs.rmSync(folder, { recursive: true })
  })

  it.live("and its files are their owner's alone", () =>
    inFolder((folder) =>
      Effect.gen(function* () {
        yield* query(folder, "create table kept as select 7 as n")
        const shared = [folder, ...fs.readdirSync(folder, { recursive: true, encoding: "utf8" })].filter(
          (file) => (fs.statSync(path.resolve(folder, file)).mode & 0o077) !== 0
        )
        assert.deepStrictEqual(shared, [])
      })
    )
  )
})

const query = (folder: string, statement: string) =>
  Effect.flatMap(SqlClient.SqlClient, (sql) => sql.unsafe<{ n: number }>(statement)).pipe(
    Effect.provide(layerFolder(folder)),
    Effect.scoped
  )

describe("R47 the embedded store", () => {
  it.live("does not grow with what is written again and again", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const settle = Effect.suspend(() =>
        sql.withTransaction(sql`update tributary.ledger set bits = ${new Uint8Array(randomBytes(6_000))}::bytea`)
      )
      const size = sql<{ bytes: number }>`select pg_total_relation_size('tributary.ledger')::int as bytes`
      yield* sql`insert into tributary.ledger (activation_no, kind, chunk, bits, again)
        values (1, 'member', 1, ''::bytea, ''::bytea)`
      yield* Effect.repeat(settle, { times: 510 })
      const [early] = yield* size
      yield* Effect.repeat(settle, { times: 600 })
      const [late] = yield* size
      assert.isAtMost(late?.bytes ?? 0, (early?.bytes ?? 0) * 1.5)
    }).pipe(Effect.provide(layerScratch), Effect.scoped)
  )
})

describe("R40 a store whose process was killed while it opened it", () => {
  it.live("opens again, with all that was committed, whatever is in postmaster.pid", () =>
    inFolder((folder) =>
      Effect.gen(function* () {
        yield* query(folder, "create table kept as select 7 as n")
        for (const content of ["", "\n", "4"]) {
          fs.writeFileSync(path.join(folder, "pgdata", "postmaster.pid"), content)
          assert.deepStrictEqual(yield* query(folder, "select n from kept"), [{ n: 7 }])
        }
      })
    )
  )

  it.live("is laid out anew where that was not finished", () =>
    inFolder((folder) =>
      Effect.gen(function* () {
        fs.mkdirSync(path.join(folder, "pgdata", "base"), { recursive: true })
        fs.writeFileSync(path.join(folder, "pgdata", "PG_VERSION"), "17\n")
        fs.writeFileSync(path.join(folder, "pgdata.unfinished"), "")
        assert.deepStrictEqual(yield* query(folder, "select 1 as n"), [{ n: 1 }])
        assert.isFalse(fs.existsSync(path.join(folder, "pgdata.unfinished")))
        yield* query(folder, "create table kept as select 7 as n")
        assert.deepStrictEqual(yield* query(folder, "select n from kept"), [{ n: 7 }])
      })
    )
  )
})
