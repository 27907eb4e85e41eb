/**
 * What a plugin's tests need: a sandbox on a port, and a client as the runtime would make it.
 *
 * @since 0.1.0
 */
export { CannotListen, serve, type Served } from "./serve.ts"
export { connect, type Connected } from "./connect.ts"
