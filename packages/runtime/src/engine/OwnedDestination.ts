/**
 * Destinations that this process owns.
 *
 * @since 0.1.0
 */
import type { Ledger } from "@tributary/core/runtime"
import type { Activation } from "./Activation.ts"
import type { Connected } from "./Destinations.ts"

/**
 * A destination that this process owns, with its activations.
 *
 * @category models
 * @since 0.1.0
 */
export interface OwnedDestination {
  readonly connected: Connected
  /** Proves that it is owned, in every write. */
  readonly owner: Ledger.Ownership
  readonly activations: ReadonlyArray<Activation>
  /** The space's id. */
  readonly space: string
}
