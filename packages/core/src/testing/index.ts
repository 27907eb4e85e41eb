/**
 * What a plugin's tests need: the laws that every plugin keeps, a sandbox on a port, and a client as the runtime would
 * make it.
 *
 * @since 0.1.0
 */
export { check, conformance, laws } from "./conformance.ts"
export { connect, type Connected } from "./connect.ts"
export type { Draft, Values } from "./Draft.ts"
export { Broken, type Options, type Subject } from "./Lab.ts"
export type { Law } from "./Law.ts"
export { CannotListen, serve, type Served } from "../sandbox/SandboxServer.ts"
