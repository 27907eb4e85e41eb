import { make as makeBraze } from "@tributary/destination-braze/sandbox"
import { PgClient } from "@effect/sql-pg"
import { assert } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import { SqlClient } from "effect/sql"
import { execFileSync } from "node:child_process"
import * as fs from "node:fs"
import * as path from "node:path"
import { afterAll, beforeAll, describe, it } from "vitest"
import {
  config,
  ends,
  type Folder,
  makeFolders,
  mark,
  type Running,
  serveVendor,
  timesTold,
  type Vendor
} from "./support/command.ts"
import { everyStore, isAll } from "./support/stores.ts"

const apiKey = `key-${mark}`
const folders = makeFolders()
let vendor: Vendor
let environment: Readonly<Record<string, string>>

beforeAll(async () => {
  vendor = await serveVendor(makeBraze({ apiKey, limit: false }))
  environment = { BRAZE_ENDPOINT: vendor.baseUrl, BRAZE_KEY: apiKey }
})
afterAll(async () => {
  await vendor.close()
  folders.remove()
})

describe("interruptions", () => {
  const people = 6_000
  const file = (count: number) => ["id", ...Array.from({ length: count }, (_, i) => `p${i}`), ""].join("\n")
  const crowd = {
    ...config(
      `const crowd = Source.csv("crowd.csv").users({ identifiers: { user_id: "id" } })
const all = Audience.make("All", { of: crowd, file: Source.csv("crowd.csv") })`,
      "Activation.events(all, braze)"
    ),
    "crowd.csv": file(people)
  }
  /** What the reconciler may have on the wire at a time. */
  const inFlight = 32

  /** A sync with a few answered requests behind it, and as many unanswered as it may have. */
  const syncHeldUp = async (folder: Folder) => {
    timesTold(vendor)
    vendor.holdAfter(10)
    const sync = folder.start("sync")
    await Promise.race([vendor.isHolding(inFlight), sync.ended])
    return sync
  }
  const assertAll = (times: ReadonlyMap<string, number>) => assert.strictEqual(times.size, people)

  it("Ctrl-C in a sync loses nothing, tells nothing twice, and another process keeps out meanwhile", async () => {
    const folder = folders.prepared(crowd).under(environment)
    const sync = await syncHeldUp(folder)
    ends(await folder.run("status"), 1, /is open in another process \(process \d+ on /, "DATABASE_URL")
    sync.kill("SIGINT")
    await sync.says("Stopping")
    vendor.release()
    ends(await sync.ended, 130)
    const first = timesTold(vendor)
    assert.isBelow(first.size, people)
    ends(await folder.run("sync"), 0)
    const second = timesTold(vendor)
    assertAll(new Map([...first, ...second]))
    assert.strictEqual(first.size + second.size, people)
    assert.deepStrictEqual(new Set([...first.values(), ...second.values()]), new Set([1]))
  })

  it("R40 kill -9 in a sync loses nothing, and tells nothing twice beyond the batches in flight", async () => {
    const folder = folders.prepared(crowd).under(environment)
    const sync = await syncHeldUp(folder)
    sync.kill("SIGKILL")
    assert.isNull((await sync.ended).code)
    vendor.release()
    ends(await folder.run("sync"), 0)
    const times = timesTold(vendor)
    assertAll(times)
    const twice = [...times.values()].filter((count) => count > 1)
    assert.deepStrictEqual(new Set(twice), new Set([2]))
    assert.isAtMost(twice.length, inFlight * 75)
  })

  it("SIGTERM stops start in peace, and its log is JSON lines", async () => {
    const folder = folders.prepared(config("")).under(environment)
    const start = folder.start("start", "--json")
    await start.says("Synced braze/everybody: 3 identify")
    start.kill("SIGTERM")
    const ended = await start.ended
    ends(ended, 0, "Stopped.")
    for (const line of ended.stdout.trim().split("\n")) assert.hasAnyKeys(JSON.parse(line), ["message"])
    ends(await folder.run("status"), 0)
  })

  const tmpfs = canMount()

  it.skipIf(tmpfs === undefined || !isAll)(
    "a full disk is named, and a sync with room again tells everybody",
    async () => {
      const folder = folders.prepared(crowd).under(environment)
      const disk = path.join(folder.path, "disk")
      const isFull = /\d+ MB left|no space left/i
      fs.mkdirSync(disk)
      execFileSync("mount", ["-t", "tmpfs", "-o", "size=5m", "tmpfs", disk])
      try {
        ends(await folder.run("sync", "--store", disk), 1, disk, isFull)
        execFileSync("mount", ["-o", "remount,size=400m", disk])
        fs.cpSync(path.join(folder.path, ".tributary"), disk, { recursive: true })
        const { bavail, bsize } = fs.statfsSync(disk)
        fs.writeFileSync(path.join(disk, "fill"), Buffer.alloc(bavail * bsize - 1_500_000))
        ends(await folder.run("sync", "--store", disk), 1, disk, isFull)
        fs.rmSync(path.join(disk, "fill"))
        timesTold(vendor)
        ends(await folder.run("sync", "--store", disk), 0)
        assertAll(timesTold(vendor))
      } finally {
        execFileSync("umount", ["-l", disk])
      }
    }
  )

  it("a store that cannot be written says where", async () => {
    const folder = folders.empty({ ...config(""), file: "" }).under(environment)
    ends(await folder.run("sync", "--store", "file/store"), 1, path.join(folder.path, "file/store"), "cannot be opened")
  })

  describe.skipIf(everyStore.length < 2)("on one PostgreSQL", () => {
    /** A folder whose store is a database of its own, gone after the test. */
    const shared =
      (files: Readonly<Record<string, string>>, test: (folder: Folder, url: string) => Promise<void>) => async () => {
        const url = await Effect.runPromise(everyStore[1]?.url ?? Effect.die("no PostgreSQL"))
        try {
          await test(folders.empty(files).under({ ...environment, DATABASE_URL: url }), url)
        } finally {
          await dropDatabase(url)
        }
      }

    it(
      "two processes share the store, and only one tells a destination",
      shared(crowd, async (folder) => {
        const sync = await syncHeldUp(folder)
        ends(await folder.run("sync"), 1, `"braze" is being synced by another process`)
        ends(await folder.run("status"), 0, "braze/all")
        vendor.release()
        ends(await sync.ended, 0)
        const times = timesTold(vendor)
        assertAll(times)
        assert.deepStrictEqual(new Set(times.values()), new Set([1]))
        assert.isFalse(folder.has(".tributary"))
      })
    )

    it.runIf(isAll)(
      "R40 a process that slept through a takeover writes nothing to the ledger and sends nothing more",
      shared(crowd, async (folder, url) => {
        const other = await serveVendor(makeBraze({ apiKey, limit: false }))
        try {
          const sleeper = await syncHeldUp(folder)
          sleeper.kill("SIGSTOP")
          vendor.release()
          await endLocks(url)
          ends(await folder.under({ BRAZE_ENDPOINT: other.baseUrl }).run("sync"), 0)
          // Whom the sleeper had told and not settled is told again; nobody is left out.
          const sent = timesTold(vendor)
          const again = timesTold(other)
          assertAll(new Map([...sent, ...again]))
          assert.isAtMost(sent.size + again.size - people, inFlight * 75)
          sleeper.kill("SIGCONT")
          ends(await sleeper.ended, 1, `Another process has taken over destination "braze"`)
          assert.strictEqual(timesTold(vendor).size, 0)
          ends(await folder.run("sync"), 0)
          assert.strictEqual(timesTold(vendor).size, 0)
        } finally {
          await other.close()
        }
      })
    )

    it.runIf(isAll)(
      "R40 a process that fell asleep in a transaction keeps nobody out",
      shared(crowd, async (folder, url) => {
        const sleeper = await syncHeldUp(folder)
        await asleepInTransaction(url, sleeper, vendor.release)
        await endLocks(url)
        ends(await folder.run("sync"), 0)
        assertAll(timesTold(vendor))
        sleeper.kill("SIGCONT")
        ends(await sleeper.ended, 1, `Another process has taken over destination "braze"`)
        assert.strictEqual(timesTold(vendor).size, 0)
        ends(await folder.run("sync"), 0)
        assert.strictEqual(timesTold(vendor).size, 0)
      })
    )

    it.runIf(isAll)(
      "a start that was overtaken says so, and ends",
      shared(config(""), async (folder, url) => {
        const start = folder.start("start")
        await start.says("Synced braze/everybody: 3 identify")
        await endLocks(url)
        // Whoever takes over waits until the one that may be alive has noticed.
        ends(await folder.run("sync"), 0)
        ends(await folder.run("resync", "braze/everybody"), 0)
        ends(await start.ended, 1, `Another process has taken over destination "braze"`)
      })
    )
  })
})

/**
 * Stops a process in the midst of a settlement: its claims are locked until it waits for them, with whatever else its
 * transaction holds by then.
 */
const asleepInTransaction = (url: string, sleeper: Running, release: () => void) =>
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    const waiting = sql`select 1 from pg_locks
      where relation = 'tributary.claim'::regclass and mode = 'RowExclusiveLock' and not granted`
    yield* sql.withTransaction(
      Effect.gen(function* () {
        yield* sql`lock table tributary.claim in share mode`
        release()
        yield* Effect.repeat(waiting, { until: (rows) => rows.length > 0 })
        sleeper.kill("SIGSTOP")
      })
    )
  }).pipe(Effect.provide(PgClient.layer({ url: Redacted.make(url), maxConnections: 1 })), Effect.runPromise)

/** Ends the sessions that hold the locks of destinations, as a restart of the database would. */
const endLocks = (url: string) =>
  Effect.runPromise(
    Effect.flatMap(
      SqlClient.SqlClient,
      (sql) => sql`select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory'
        and database = (select oid from pg_database where datname = current_database())`
    ).pipe(Effect.provide(PgClient.layer({ url: Redacted.make(url), maxConnections: 1 })))
  )

const dropDatabase = (url: string) => {
  const server = new URL(url)
  const name = server.pathname.slice(1)
  server.pathname = "/postgres"
  return Effect.runPromise(
    Effect.flatMap(SqlClient.SqlClient, (sql) => sql.unsafe(`drop database if exists ${name} with (force)`)).pipe(
      Effect.provide(PgClient.layer({ url: Redacted.make(server.toString()), maxConnections: 1 }))
    )
  )
}

/** Filling a disk takes one that is small; making one takes rights that not every machine gives. */
function canMount(): true | undefined {
  const probe = fs.mkdtempSync("/tmp/tributary-probe-")
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=1m", "tmpfs", probe], { stdio: "ignore" })
    execFileSync("umount", [probe], { stdio: "ignore" })
    return true
  } catch {
    return undefined
  } finally {
    fs.rmSync(probe, { recursive: true, force: true })
  }
}
