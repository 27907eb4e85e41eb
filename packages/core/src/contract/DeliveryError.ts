/**
 * The ways in which a whole batch can fail, a small closed set.
 *
 * A plugin classifies at the edge; what follows from each is the runtime's business. An item's own failure is an
 * `Outcome`, not an error.
 *
 * @since 0.1.0
 */
import { Schema } from "effect"

/**
 * The vendor asks for patience (429, or its own way of saying so). Everything is sent again later.
 *
 * @category errors
 * @since 0.1.0
 */
export class Throttled extends Schema.TaggedError<Throttled>()("Throttled", {
  /** Milliseconds until the vendor will listen again, where it says. */
  retryAfterMillis: Schema.optionalKey(Schema.Number),
  /** What has to wait. With `item` or `endpoint` the batch is tried again later, and all else goes on. Default: all. */
  scope: Schema.optionalKey(Schema.Literals(["item", "endpoint", "destination"])),
  reason: Schema.String
}) {
  override get message(): string {
    return `The destination asks for fewer requests: ${this.reason}`
  }
}

/**
 * The vendor could not be reached, or failed on its side (5xx, 408, reset, time-out). Everything is sent again later.
 *
 * **Details**
 *
 * After a reset or a time-out nobody knows whether the vendor took the batch, so it is sent again, exits included. With
 * `nothingTaken` the vendor has said that it did not, or was never reached.
 *
 * @category errors
 * @since 0.1.0
 */
export class Unavailable extends Schema.TaggedError<Unavailable>()("Unavailable", {
  retryAfterMillis: Schema.optionalKey(Schema.Number),
  nothingTaken: Schema.optionalKey(Schema.Boolean),
  reason: Schema.String
}) {
  override get message(): string {
    return `The destination is unavailable: ${this.reason}`
  }
}

/**
 * The credentials are refused. The destination stops until an operator fixes them.
 *
 * @category errors
 * @since 0.1.0
 */
export class Unauthorized extends Schema.TaggedError<Unauthorized>()("Unauthorized", { reason: Schema.String }) {
  override get message(): string {
    return `The destination refuses the credentials: ${this.reason}`
  }
}

/**
 * The request was too large (413). The runtime halves the batch; a single item that is too large is rejected.
 *
 * @category errors
 * @since 0.1.0
 */
export class PayloadTooLarge extends Schema.TaggedError<PayloadTooLarge>()("PayloadTooLarge", {
  reason: Schema.String
}) {
  override get message(): string {
    return `The destination finds the request too large: ${this.reason}`
  }
}

/**
 * The vendor refuses the batch whole and does not say for whose sake. The runtime halves the batch until it has found
 * the items that are refused by themselves, and rejects those.
 *
 * @category errors
 * @since 0.1.0
 */
export class BatchRejected extends Schema.TaggedError<BatchRejected>()("BatchRejected", { reason: Schema.String }) {
  override get message(): string {
    return `The destination refuses the batch: ${this.reason}`
  }
}

/**
 * The settings are wrong in a way that no retry fixes: a list that may not be written, terms not accepted, a wrong
 * host. The destination stops until an operator fixes them.
 *
 * @category errors
 * @since 0.1.0
 */
export class Misconfigured extends Schema.TaggedError<Misconfigured>()("Misconfigured", { reason: Schema.String }) {
  override get message(): string {
    return `The destination is misconfigured: ${this.reason}`
  }
}

/**
 * The list that was written to does not exist downstream any more.
 *
 * @category errors
 * @since 0.1.0
 */
export class ListGone extends Schema.TaggedError<ListGone>()("ListGone", { reason: Schema.String }) {
  override get message(): string {
    return `The list is gone: ${this.reason}`
  }
}

/**
 * Any failure of a whole batch.
 *
 * @category errors
 * @since 0.1.0
 */
export type DeliveryError =
  | Throttled
  | Unavailable
  | Unauthorized
  | PayloadTooLarge
  | BatchRejected
  | Misconfigured
  | ListGone

/**
 * A transient failure of a later step, when an earlier one was taken already: part of the batch stands at the vendor, so
 * all of it is in doubt.
 *
 * @category combinators
 * @since 0.1.0
 */
export const partway = <E extends DeliveryError>(error: E): E | Unavailable =>
  error._tag === "Throttled" || error._tag === "Unavailable"
    ? new Unavailable({
        reason: error.reason,
        ...(error.retryAfterMillis === undefined ? {} : { retryAfterMillis: error.retryAfterMillis })
      })
    : error
