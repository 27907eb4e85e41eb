/**
 * Names of the core's spans.
 *
 * A span begins where a folder is entered: once for a run, a claim or a connection. Nothing that is done for each
 * profile, item or request has one, as it would cost more than what it measures (bench `event`, `plugin-zendesk`).
 *
 * @since 0.1.0
 */

/**
 * One run of the reconciler for a destination.
 *
 * @category constants
 * @since 0.1.0
 */
export const run = "Reconciler.run"

/**
 * A claim read, compared and enriched.
 *
 * @category constants
 * @since 0.1.0
 */
export const plan = "Reconciler.plan"

/**
 * A claim's batches sent and settled.
 *
 * @category constants
 * @since 0.1.0
 */
export const send = "Reconciler.send"

/**
 * The connection of a destination opened.
 *
 * @category constants
 * @since 0.1.0
 */
export const open = "Connection.open"
