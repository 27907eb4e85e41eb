/**
 * What a program imports that runs the engine itself, as the demo does: the store, a space, a sync, and the command.
 *
 * Unstable: names and shapes here change with any version. A configuration needs none of it.
 *
 * @since 0.1.0
 */
export { main } from "./cli/Program.ts"
export * as Mistakes from "./config/Mistakes.ts"
export * as Resolved from "./config/Resolved.ts"
export * as Receipts from "./engine/Receipts.ts"
export * as Space from "./engine/Space.ts"
export * as Synced from "./engine/Synced.ts"
export * as SyncOnce from "./engine/SyncOnce.ts"
export * as Ownership from "./ownership/Ownership.ts"
export { sqlReason } from "./store/sql/failures.ts"
export * as Lock from "./store/sql/Lock.ts"
export * as Pglite from "./store/sql/Pglite.ts"
export * as Store from "./store/sql/Store.ts"
