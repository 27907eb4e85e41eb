/**
 * Phases: one group of activations is worked off before the backlog of the next begins.
 *
 * Within a phase a few pipelines claim and send side by side. While they send a backlog, news is looked for and sent
 * beside it (R31), that of later phases too.
 *
 * @since 0.1.0
 */
import { Effect, Latch, Option } from "effect"
import { Lane } from "../wire/RateLimiter.ts"
import type { Backoff } from "./Backoff.ts"
import type { Take } from "./Claims.ts"
import type { Places } from "./Flight.ts"
import type { Claim, Fenced, LedgerError } from "./Ledger.ts"

/** How often to look for news while a backlog is sent. */
const lookForNews = "100 millis"

/**
 * The parts of a run that phases are made of.
 *
 * @category models
 * @since 0.1.0
 */
export interface Parts {
  readonly phases: ReadonlyArray<ReadonlyArray<number>>
  /** Claims worked on at a time. */
  readonly pipelines: number
  readonly backoff: Backoff
  readonly take: Take
  /** Plans a claim, sends it and settles it. */
  readonly send: (claim: Claim, places: Places) => Effect.Effect<void, LedgerError | Fenced>
}

/**
 * Works off all phases, or as many as it can before the run is ending.
 *
 * @category constructors
 * @since 0.1.0
 */
export const run = Effect.fnUntraced(function* ({
  backoff,
  phases,
  pipelines,
  send,
  take
}: Parts): Effect.fn.Return<void, LedgerError | Fenced> {
  /** Claims that the pipelines work on, by lane. */
  const underWay = { live: 0, backfill: 0 }

  const pipeline = Effect.fnUntraced(function* (activations: ReadonlyArray<number>) {
    while (true) {
      yield* backoff.rested
      if (backoff.isEnding()) return
      const claim = yield* take(activations, "all")
      if (Option.isNone(claim)) return
      const lane = claim.value.isLive ? "live" : "backfill"
      underWay[lane]++
      yield* Effect.provideService(send(claim.value, "backlog"), Lane, lane)
      underWay[lane]--
    }
  })

  /** News of this phase, else of a later one: people's before accounts', as in the phases. */
  const takeNews = Effect.fnUntraced(function* (phase: number) {
    for (let next = phase; next < phases.length && !backoff.isEnding() && underWay.backfill > 0; next++) {
      // Live claims of this phase are under way: those of the next wait for them.
      if (next > phase && underWay.live > 0) break
      const claim = yield* take(phases[next] ?? [], "live")
      if (Option.isSome(claim)) return claim
    }
    return Option.none<Claim>()
  })

  /** Sends news until the pipelines are through, and returns how many claims that were. */
  const news = Effect.fnUntraced(function* (phase: number, pipelinesDone: Latch.Latch) {
    let found = 0
    while (!pipelinesDone.isOpen()) {
      yield* backoff.rested
      const claim = yield* takeNews(phase)
      if (Option.isSome(claim)) {
        found++
        yield* send(claim.value, "news")
      } else yield* Effect.timeoutOption(pipelinesDone.await, lookForNews)
    }
    return found
  })

  for (const [phase, activations] of phases.entries()) {
    let found = 1
    // News that could not be sent went back to the dirty sets, where the pipelines may have looked before.
    while (found > 0) {
      const done = Latch.makeUnsafe(false)
      const pipes = Effect.all(
        Array.from({ length: pipelines }, () => pipeline(activations)),
        { concurrency: "unbounded", discard: true }
      )
      const [, count] = yield* Effect.all([Effect.ensuring(pipes, done.open), news(phase, done)], { concurrency: 2 })
      found = count
    }
  }
})
