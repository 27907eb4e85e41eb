/**
 * The embedded store: PGlite, PostgreSQL compiled to WebAssembly, in a folder of its own.
 *
 * One process may have the folder open. PGlite does not guard it, and a second process would corrupt it silently, so the
 * folder is locked (`Lock`).
 *
 * @since 0.1.0
 */
import { PGlite, types } from "@electric-sql/pglite"
import { Context, Effect, Layer, Schema, Semaphore, Stream } from "effect"
import * as Reactivity from "effect/reactivity/Reactivity"
import { SqlClient, type SqlConnection, SqlError, Statement } from "effect/sql"
import * as fs from "node:fs"
import * as path from "node:path"
import { isMainThread } from "node:worker_threads"
import * as Lock from "./Lock.ts"
import type { StoreLocked } from "./Lock.ts"

/**
 * The folder cannot be opened or written.
 *
 * @category errors
 * @since 0.1.0
 */
export class StoreUnavailable extends Schema.TaggedError<StoreUnavailable>()("StoreUnavailable", {
  store: Schema.String,
  reason: Schema.String
}) {
  override get message(): string {
    return `The store at ${this.store} cannot be opened: ${this.reason}`
  }
}

/** The file system under PGlite throws the bare number of what failed, as WASI counts them. */
const reasonOf = (cause: unknown): string => {
  if (cause instanceof Error) return cause.message
  const errno = typeof cause === "object" && cause !== null && "errno" in cause ? cause.errno : undefined
  if (errno === 51) return "ENOSPC: no space left on device"
  return errno === undefined ? String(cause) : `a file could not be read or written (WASI error ${String(errno)})`
}

const codeOf = (cause: unknown): string =>
  typeof cause === "object" && cause !== null && "code" in cause && typeof cause.code === "string" ? cause.code : ""

const onDisk = <A>(folder: string, run: () => A): Effect.Effect<A, StoreUnavailable> =>
  Effect.try({ try: run, catch: (error) => new StoreUnavailable({ store: folder, reason: reasonOf(error) }) })

const classify = (cause: unknown, operation: string): SqlError.SqlErrorReason => {
  const props = { cause, message: reasonOf(cause), operation }
  const code = codeOf(cause)
  if (code === "23505") return new SqlError.UniqueViolation({ ...props, constraint: "unknown" })
  if (code.startsWith("23")) return new SqlError.ConstraintError(props)
  if (code.startsWith("42")) return new SqlError.SqlSyntaxError(props)
  if (code === "40P01") return new SqlError.DeadlockError(props)
  if (code === "40001") return new SqlError.SerializationError(props)
  if (code === "57014") return new SqlError.StatementTimeoutError(props)
  return new SqlError.UnknownError(props)
}

const compiler = Statement.makeCompiler({
  dialect: "pg",
  placeholder: (i) => `$${i}`,
  onIdentifier: Statement.defaultEscape('"'),
  onRecordUpdate: (placeholders, alias, columns, values, returning) => [
    `(values ${placeholders}) AS ${alias}${columns}${returning === undefined ? "" : ` RETURNING ${returning[0]}`}`,
    returning === undefined ? values.flat() : [...values.flat(), ...returning[1]]
  ],
  onCustom: () => ["", []]
})

interface Row {
  readonly [column: string]: unknown
}

const hexOf = (bytes: Uint8Array): string =>
  `\\x${Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("hex")}`

/** An array in PostgreSQL's notation. A text is taken to be in that notation already. */
const arrayOf = <A>(element: (value: A) => string) => {
  type Nested = A | string | null | ReadonlyArray<Nested>
  const isArray: (value: Nested) => value is ReadonlyArray<Nested> = Array.isArray
  const text = (value: Nested): string =>
    isArray(value)
      ? `{${value.map(text).join(",")}}`
      : value === null
        ? "null"
        : typeof value === "string"
          ? value
          : element(value)
  return text
}

/** The types `int[]` and `bytea[]`, by their numbers in PostgreSQL's catalogue. */
const int4Array = 1007
const byteaArray = 1001

/** PGlite's own go byte by byte, and quote each number: a ledger is hundreds of thousands of them. */
const serializers = {
  [types.BYTEA]: hexOf,
  [int4Array]: arrayOf<number>(String),
  [byteaArray]: arrayOf<Uint8Array>((bytes) => `"\\${hexOf(bytes)}"`)
}

const makeConnection = (db: PGlite): SqlConnection.Connection => {
  const attempt = <A>(operation: string, run: () => Promise<A>) =>
    Effect.tryPromise({ try: run, catch: (cause) => new SqlError.SqlError({ reason: classify(cause, operation) }) })
  const rows: SqlConnection.Connection["execute"] = (sql, params, transform) =>
    Effect.map(
      attempt("execute", () => db.query<Row>(sql, [...params], { serializers })),
      (result) => (transform === undefined ? result.rows : transform(result.rows))
    )
  const values: SqlConnection.Connection["executeValues"] = (sql, params) =>
    Effect.map(
      attempt("executeValues", () =>
        db.query<ReadonlyArray<unknown>>(sql, [...params], { rowMode: "array", serializers })
      ),
      (result) => result.rows
    )
  return {
    execute: rows,
    executeUnprepared: rows,
    executeRaw: (sql, params) => attempt("executeRaw", () => db.query(sql, [...params], { serializers })),
    executeValues: values,
    executeValuesUnprepared: values,
    executeStream: (sql, params, transform) =>
      Stream.unwrap(Effect.map(rows(sql, params, transform), Stream.fromIterable))
  }
}

const open = (folder: string | undefined, image: Blob | undefined) =>
  Effect.acquireRelease(
    Effect.tryPromise({
      try: () =>
        PGlite.create({
          ...(folder === undefined ? {} : { dataDir: folder }),
          ...(image === undefined ? {} : { loadDataDir: image }),
          // As @effect/sql-pg does, so that one code reads both.
          parsers: {
            [types.INT8]: (text: string) => BigInt(text),
            [types.BYTEA]: (text: string) => new Uint8Array(Buffer.from(text.slice(2), "hex"))
          }
        }),
      catch: (cause) => new StoreUnavailable({ store: folder ?? "memory", reason: reasonOf(cause) })
    }),
    // A close that fails (a full disk) loses nothing: what was committed is in the log, and whoever opens it next replays
    // that. What made it fail has failed something before, which says so.
    (db) => Effect.ignore(Effect.tryPromise(() => db.close()))
  )

const mebibyte = 1024 * 1024
const roomToOpen = 128 * mebibyte
const roomToWrite = 48 * mebibyte

const freeBytes = (folder: string): number => {
  const { bavail, bsize } = fs.statfsSync(folder)
  return bavail * bsize
}

const fullDisk = (folder: string, free: number) =>
  `the disk of ${folder} has ${Math.floor(free / mebibyte)} MB left; free some space and start again. Nothing is lost`

/**
 * PostgreSQL's answer to a full disk is to halt, and in WebAssembly it spins instead. So there must be room for another
 * segment of its log before anything is written; looked at once a second.
 */
const makeRoomCheck = (folder: string | undefined): Effect.Effect<void, SqlError.SqlError> => {
  let lookedAt = 0
  return Effect.suspend(() => {
    if (folder === undefined || performance.now() - lookedAt < 1000) return Effect.void
    const free = freeBytes(folder)
    if (free < roomToWrite) {
      const cause = new Error(fullDisk(folder, free))
      return new SqlError.SqlError({ reason: new SqlError.UnknownError({ cause, message: cause.message }) })
    }
    lookedAt = performance.now()
    return Effect.void
  })
}

/** Tables whose rows are written again and again, and PostgreSQL's own, which staging tables come and go in. */
const rewritten = "activation claim destination dirty ledger postponed receipt receipt_told rejection sync told_value"
  .split(" ")
  .map((table) => `tributary.${table}`)
const catalogue = ["pg_attribute", "pg_class", "pg_depend", "pg_statistic", "pg_type"]

/** Transactions after which they are vacuumed. */
const transactionsPerVacuum = 500

/**
 * PGlite has no autovacuum: each row that is rewritten would leave its old self behind for good. So its session vacuums
 * between two transactions, now and then.
 */
const makeVacuum = (db: PGlite): Effect.Effect<void> => {
  let transactions = 0
  const statement = `vacuum ${[...rewritten, ...catalogue].join(", ")}`
  return Effect.suspend(() => {
    if (++transactions % transactionsPerVacuum !== 0) return Effect.void
    // Where it fails (a full disk, tables that are yet to be made), the next one does the same work.
    return Effect.ignore(Effect.tryPromise(() => db.exec(statement)))
  })
}

/** One session: a transaction has it to itself, and other queries wait. */
const makeClient = Effect.fnUntraced(function* (db: PGlite, folder: string | undefined) {
  const connection = makeConnection(db)
  const session = Semaphore.makeUnsafe(1)
  const room = makeRoomCheck(folder)
  const vacuum = makeVacuum(db)
  return yield* SqlClient.make({
    driver: "pglite",
    compiler,
    acquirer: Effect.as(
      Effect.acquireRelease(session.take(1), () => session.release(1)),
      connection
    ),
    borrower: (use) => Effect.andThen(room, session.withPermits(1)(use(connection))),
    transactionAcquirer: Effect.andThen(
      room,
      Effect.as(
        Effect.tap(
          Effect.acquireRelease(session.take(1), () => session.release(1), { interruptible: true }),
          () => vacuum
        ),
        connection
      )
    ),
    spanAttributes: [["db.system.name", "postgresql"]]
  })
})

/**
 * Takes away what a process that was killed while it opened the store has left, and nobody else cleans up. The lock
 * says that no other process has it open.
 */
const clear = (folder: string, data: string, unfinished: string) =>
  onDisk(folder, () => {
    // Killed while the files were laid out: nothing was ever written to them.
    if (fs.existsSync(unfinished)) fs.rmSync(data, { recursive: true, force: true })
    if (!fs.existsSync(data)) fs.writeFileSync(unfinished, "")
    // Killed between the making and the writing of it: PostgreSQL does not start beside an empty one.
    fs.rmSync(path.join(data, "postmaster.pid"), { force: true })
  })

/** What the store knows of people is for its owner alone: the folder, and every file that this process makes in it. */
const prepare = (folder: string) => {
  // A thread has no mask of its own.
  if (isMainThread) process.umask(0o077)
  fs.mkdirSync(folder, { recursive: true, mode: 0o700 })
  fs.chmodSync(folder, 0o700)
  // The lock of versions before: a process number, which says nothing of another container's.
  fs.rmSync(path.join(folder, "tributary.lock"), { force: true })
}

/** PGlite lays its files out for everybody to read. */
const closeToOthers = (data: string) => {
  if ((fs.statSync(path.join(data, "PG_VERSION")).mode & 0o077) === 0) return
  for (const entry of fs.readdirSync(data, { recursive: true, withFileTypes: true })) {
    fs.chmodSync(path.join(entry.parentPath, entry.name), entry.isDirectory() ? 0o700 : 0o600)
  }
  fs.chmodSync(data, 0o700)
}

/**
 * The database in a folder.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerFolder = (folder: string): Layer.Layer<SqlClient.SqlClient, StoreLocked | StoreUnavailable> =>
  Layer.effect(
    SqlClient.SqlClient,
    Effect.gen(function* () {
      yield* onDisk(folder, () => prepare(folder))
      yield* Effect.catchTag(
        Lock.take(folder),
        "LockFailed",
        ({ reason }) => new StoreUnavailable({ store: folder, reason })
      )
      const free = freeBytes(folder)
      if (free < roomToOpen) return yield* new StoreUnavailable({ store: folder, reason: fullDisk(folder, free) })
      const data = path.join(folder, "pgdata")
      const unfinished = path.join(folder, "pgdata.unfinished")
      yield* clear(folder, data, unfinished)
      const db = yield* open(data, undefined)
      yield* onDisk(folder, () => {
        fs.rmSync(unfinished, { force: true })
        closeToOthers(data)
      })
      return yield* makeClient(db, folder)
    })
  ).pipe(Layer.provide(Reactivity.layer))

/**
 * A database in memory, gone with its scope: for tests. An image of an earlier one saves its start-up.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerMemory = (image?: Blob): Layer.Layer<SqlClient.SqlClient | Pglite, StoreUnavailable> =>
  Layer.effectContext(
    Effect.gen(function* () {
      const db = yield* open(undefined, image)
      return Context.make(SqlClient.SqlClient, yield* makeClient(db, undefined)).pipe(Context.add(Pglite, { db }))
    })
  ).pipe(Layer.provide(Reactivity.layer))

/**
 * The database itself, to take an image of it.
 *
 * @category services
 * @since 0.1.0
 */
export class Pglite extends Context.Service<Pglite, { readonly db: PGlite }>()("@tributary/runtime/store/Pglite") {}
