/**
 * What the runtime imports beside the contract. It may change with any version: a plugin that uses it breaks.
 *
 * @since 0.1.0
 */
export * as Activation from "./activation/Activation.ts"
export * as Budgets from "./wire/Budgets.ts"
export * as Cadence from "./scheduling/Cadence.ts"
export * as Computation from "./activation/Computation.ts"
export * as Connection from "./wire/Connection.ts"
export * as Delivery from "./sync/Delivery.ts"
export * as Diff from "./diff/Diff.ts"
export * as Enricher from "./enrichment/Enricher.ts"
export * as EventPlan from "./sync/EventPlan.ts"
export * as Fingerprints from "./sets/Fingerprints.ts"
export * as IdSet from "./sets/IdSet.ts"
export * as Ledger from "./sync/Ledger.ts"
export * as ListPlan from "./sync/ListPlan.ts"
export * as Plan from "./sync/Plan.ts"
export * as RateLimiter from "./wire/RateLimiter.ts"
export * as Reconciler from "./sync/Reconciler.ts"
export * as Reference from "./reference/Reference.ts"
export * as Results from "./sync/Results.ts"
export * as SandboxServer from "./sandbox/SandboxServer.ts"
export * as Scheduler from "./scheduling/Scheduler.ts"
export * as SyncResult from "./sync/SyncResult.ts"
export * as Wording from "./wording/Wording.ts"
