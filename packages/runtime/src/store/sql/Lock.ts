/**
 * The lock on a folder: one process at a time, as the kernel sees it.
 *
 * A lock by a process number is wrong in two ways: two containers on one volume have process numbers of their own, and a
 * container that is started again has the one of the process that was killed. So the lock is one on a file, which the
 * kernel gives up with the process. Node.js has no call for it; SQLite, which is part of Node.js, locks its file so, on
 * every system. The database in it is empty.
 *
 * @since 0.1.0
 */
import { Effect, Schema, type Scope } from "effect"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { DatabaseSync } from "node:sqlite"

/**
 * Another process has the folder open.
 *
 * @category errors
 * @since 0.1.0
 */
export class StoreLocked extends Schema.TaggedError<StoreLocked>()("StoreLocked", {
  folder: Schema.String,
  /** Who has it: `process 4711 on shop-1`. For people only: the kernel's lock decides. */
  holder: Schema.String
}) {
  override get message(): string {
    return (
      `The store in ${this.folder} is open in another process (${this.holder}). Stop that process first, ` +
      `or set DATABASE_URL to a PostgreSQL database, which several processes can share.`
    )
  }
}

/**
 * Takes the lock on a folder until the scope closes, or the process ends, however it ends.
 *
 * @category constructors
 * @since 0.1.0
 */
export const take = (folder: string): Effect.Effect<void, StoreLocked | LockFailed, Scope.Scope> =>
  Effect.asVoid(Effect.acquireRelease(locked(folder), (database) => Effect.sync(() => database.close())))

/**
 * The lock's file cannot be opened.
 *
 * @category errors
 * @since 0.1.0
 */
export class LockFailed extends Schema.TaggedError<LockFailed>()("LockFailed", { reason: Schema.String }) {}

const locked = (folder: string) =>
  Effect.try({
    try: () => {
      const database = new DatabaseSync(path.join(folder, "lock.sqlite"), { timeout: 0 })
      try {
        // The journal in memory: nothing but the lock is on the disk.
        database.exec("pragma journal_mode = memory; pragma locking_mode = exclusive; begin exclusive")
        fs.writeFileSync(holderFile(folder), `process ${process.pid} on ${os.hostname()}`)
        return database
      } catch (error) {
        database.close()
        throw error
      }
    },
    catch: (error) =>
      isBusy(error)
        ? new StoreLocked({ folder, holder: holderOf(folder) })
        : new LockFailed({ reason: error instanceof Error ? error.message : String(error) })
  })

const holderFile = (folder: string) => path.join(folder, "lock.holder")

const holderOf = (folder: string): string => {
  try {
    return fs.readFileSync(holderFile(folder), "utf8")
  } catch {
    return "which has not said its name" // it has just taken the lock
  }
}

/** SQLite's own number for a file that another process has locked: SQLITE_BUSY. */
const busy = 5

const isBusy = (error: unknown): boolean =>
  typeof error === "object" && error !== null && "errcode" in error && error.errcode === busy
