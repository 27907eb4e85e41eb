/**
 * Budgets: limits over so long a time that a restart must not forget what was used of them.
 *
 * A gate reserves a block before it uses any of it. After a crash the open block counts as used, so that whatever
 * happens a vendor is never asked more than its day allows.
 *
 * @since 0.1.0
 */
import { Context, Effect } from "effect"
import type { Unavailable } from "../contract/DeliveryError.ts"

/**
 * A part of a budget that was used.
 *
 * @category models
 * @since 0.1.0
 */
export interface Block {
  readonly weight: number
  /** Epoch milliseconds, not before the last of it was used. */
  readonly at: number
}

/**
 * Where budgets are kept. Names are those of a gate and a limit.
 *
 * @category models
 * @since 0.1.0
 */
export interface Keeper {
  /** What was used since a time, oldest first. A block that was left open counts as used now. */
  readonly load: (name: string, since: number, now: number) => Effect.Effect<ReadonlyArray<Block>, Unavailable>
  /** Closes the block that is open, if one is, and enters a new one of this weight. */
  readonly reserve: (name: string, weight: number, now: number) => Effect.Effect<void, Unavailable>
  /** Closes the block that is open, of which so much was used. */
  readonly close: (name: string, used: number, now: number) => Effect.Effect<void>
}

/**
 * The keeper in use. By default there is none, and a budget lasts as long as the process.
 *
 * @category references
 * @since 0.1.0
 */
export const Budgets = Context.Reference<Keeper>("@tributary/core/Budgets", {
  defaultValue: () => ({
    load: () => Effect.succeed([]),
    reserve: () => Effect.void,
    close: () => Effect.void
  })
})
