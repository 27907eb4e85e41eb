/**
 * Settle groups: answered batches of one claim that are settled in one transaction.
 *
 * @since 0.1.0
 */
import { Effect, Latch, type Semaphore } from "effect"
import type { Claim, Fenced, Ledger, LedgerError } from "./Ledger.ts"
import { type Results, settlementOf } from "./Results.ts"

/**
 * Turns of the event loop that a settlement waits for its neighbours. It takes no time, but what has arrived is read.
 * A transaction for each batch would cost more than the batch; waiting for a number of batches would let one slow
 * answer hold back the others (bench `event`).
 */
const turnsToWait = 4

interface Group {
  readonly results: Array<Results>
  readonly settled: Latch.Latch
}

const newGroup = (): Group => ({ results: [], settled: Latch.makeUnsafe(false) })

/**
 * Settles the batches of one claim as they are answered. Each call returns when its batch is settled.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (
  ledger: Ledger["Service"],
  claim: Claim,
  /** Items still to be answered of each profile, where that is not one. */
  open: Map<number, number>,
  /** Shared by the claims of a run: their transactions would wait for each other's rows. */
  oneAtATime: Semaphore.Semaphore
): ((results: Results) => Effect.Effect<void, LedgerError | Fenced>) => {
  const state = { group: newGroup() }
  const returned = new Set<number>()

  const settle = ({ results }: Group) =>
    Effect.suspend(() => {
      state.group = newGroup()
      return ledger.settle(claim, settlementOf(results, claim, open, returned))
    })

  return Effect.fnUntraced(function* (results: Results) {
    const { group } = state
    group.results.push(results)
    // The first of a group settles it; the rest wait for that.
    if (group.results.length > 1) return yield* group.settled.await
    for (let turn = 0; turn < turnsToWait; turn++) yield* Effect.yieldNow
    yield* oneAtATime.withPermits(1)(settle(group))
    yield* group.settled.open
  })
}
