/**
 * Activations at work: how each is delivered, and its number in the store.
 *
 * @since 0.1.0
 */
import type * as Config from "../config/Activation.ts"

/**
 * An activation as a sync needs it. One that was removed from the configuration has no more than this.
 *
 * @category models
 * @since 0.1.0
 */
export interface Activation extends Pick<
  Config.Activation,
  | "id"
  | "form"
  | "collection"
  | "calls"
  | "per"
  | "events"
  | "identifiers"
  | "newIdentifiers"
  | "traits"
  | "listName"
  | "hold"
  | "cadence"
> {
  readonly no: number
  readonly computation: Pick<Config.Activation["computation"], "kind" | "key" | "name">
}
