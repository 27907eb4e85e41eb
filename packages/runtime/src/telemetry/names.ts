/**
 * Names of spans, attributes and metrics: all of them in one place, as an operator's dashboards depend on them.
 *
 * They follow OpenTelemetry: lower case, dots between namespaces, plural nouns for what is counted. Spans stand at the
 * entry points of the engine, and metrics are written once for a whole run. Neither is on the hot path, which handles
 * tens of thousands of profiles a second: see decision 0012.
 *
 * @since 0.1.0
 */

/**
 * Spans, one for each entry point of the engine.
 *
 * @category constants
 * @since 0.1.0
 */
export const span = {
  /** One import of one set of profiles. */
  import: "tributary.import",
  /** One evaluation of one computation. */
  evaluate: "tributary.evaluate",
  /** One sync of the event activations of one destination. */
  syncEvents: "tributary.sync.events",
  /** One sync of one list. */
  syncList: "tributary.sync.list",
  /** One round of questions about the open jobs of one destination. */
  poll: "tributary.poll",
  preview: "tributary.preview",
  check: "tributary.check"
} as const

/**
 * Attributes of spans and metrics. None of them names a person, or holds a secret.
 *
 * @category constants
 * @since 0.1.0
 */
export const attribute = {
  source: "tributary.source",
  computation: "tributary.computation",
  destination: "tributary.destination",
  activation: "tributary.activation",
  /** What became of an item: `identify`, `track`, `group`, `add`, `discard`, `rejected`, `postponed`. */
  outcome: "tributary.outcome"
} as const

/**
 * Metrics.
 *
 * @category constants
 * @since 0.1.0
 */
export const metric = {
  /** A counter of calls and members, by activation and outcome. */
  items: "tributary.sync.items"
} as const
