/**
 * The plugin contract and the pure heart of Tributary.
 *
 * @since 0.1.0
 */
export * as Activation from "./Activation.ts"
export * as Cadence from "./Cadence.ts"
export * as Call from "./Call.ts"
export * as Client from "./Client.ts"
export * as Computation from "./Computation.ts"
export * as Connection from "./Connection.ts"
export * as DeliveryError from "./DeliveryError.ts"
export * as Destination from "./Destination.ts"
export * as Enrichment from "./Enrichment.ts"
export * as Identifier from "./Identifier.ts"
export * as Json from "./Json.ts"
export * as Member from "./Member.ts"
export * as Outcome from "./Outcome.ts"
export * as RateLimit from "./RateLimit.ts"
export * as RateLimiter from "./RateLimiter.ts"
export * as Reply from "./Reply.ts"
export * as Sandbox from "./Sandbox.ts"
export * as Setting from "./Setting.ts"
