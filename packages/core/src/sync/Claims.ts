/**
 * Claims of a run: how large each is, and which activation is served first.
 *
 * @since 0.1.0
 */
import { Effect, Option } from "effect"
import type { Batch } from "../contract/Destination.ts"
import type { Gate } from "../wire/RateLimiter.ts"
import type { Claim, Fenced, Ledger, LedgerError } from "./Ledger.ts"
import type { Work } from "./Work.ts"

/**
 * Claims worked on at a time: one is read while others are sent (bench `event`). Two where batches are large, as each
 * claim holds one or more of them, and a third takes a sixth more memory and gives nothing (bench `list`).
 *
 * @category combinators
 * @since 0.1.0
 */
export const atATime = (batch: Batch): number => (batch.items > 1_000 ? 2 : 3)

/** Profiles that are read at once. */
const mostProfiles = 20_000

/**
 * Profiles in one claim: what the limits allow in a second by all claims together, so that news of a claimed profile
 * does not wait for long; at least a few batches, so that few are half empty; and no more than is read at once. The
 * first claims of a run are small, so that requests leave while the next are read (bench `event`).
 */
const sizeOf = (batch: Batch, { perSecond }: Gate, earlier: number): number => {
  const least = batch.items * 8
  const most = Math.min(mostProfiles, Math.max(1_000, batch.items * 128), least * 2 ** earlier)
  return Math.ceil(Math.min(most, Math.max(least, (perSecond * batch.items) / atATime(batch))))
}

/**
 * Takes a claim of those activations that may run now, or none where nothing is due.
 *
 * @category models
 * @since 0.1.0
 */
export type Take = (
  activations: ReadonlyArray<number>,
  lanes: "all" | "live"
) => Effect.Effect<Option.Option<Claim>, LedgerError | Fenced>

/**
 * What takes the claims of a run.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (ledger: Ledger["Service"], work: Work, batch: Batch): Take => {
  const state = { taken: 0 }
  return Effect.fnUntraced(function* (activations, lanes) {
    const turn = state.taken++
    while (true) {
      const cleared = yield* work.mayRun(activations)
      const allowed = activations.filter((activation) => cleared.has(activation))
      if (allowed.length === 0) return Option.none()
      // Who is served first changes from claim to claim, so that no activation waits for another's backlog.
      const first = turn % allowed.length
      const claim = ledger.claim(work.owner, {
        activations: [...allowed.slice(first), ...allowed.slice(0, first)],
        liveOnly: lanes === "live",
        limit: sizeOf(batch, work.gate, turn),
        cleared
      })
      const taken = yield* Effect.catchTag(Effect.asSome(claim), "Uncleared", () => Effect.succeedNone)
      if (Option.isSome(taken)) return taken.value
    }
  })
}
