/**
 * What an author of a plugin imports: the contract, and nothing else.
 *
 * @since 0.1.0
 */
export * as Call from "./contract/Call.ts"
export * as Client from "./contract/Client.ts"
export * as Collection from "./contract/Collection.ts"
export * as Configurable from "./contract/Configurable.ts"
export * as Declaration from "./contract/Declaration.ts"
export * as DeliveryError from "./contract/DeliveryError.ts"
export * as Destination from "./contract/Destination.ts"
export * as Enrichment from "./contract/Enrichment.ts"
export * as Form from "./contract/Form.ts"
export * as Identifier from "./contract/Identifier.ts"
export * as Json from "./contract/Json.ts"
export * as Key from "./contract/Key.ts"
export * as Member from "./contract/Member.ts"
export * as Outcome from "./contract/Outcome.ts"
export * as RateLimit from "./contract/RateLimit.ts"
export * as Reply from "./contract/Reply.ts"
export * as Sandbox from "./contract/Sandbox.ts"
export * as Setting from "./contract/Setting.ts"
