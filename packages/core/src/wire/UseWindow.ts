/**
 * Windows of a rate limit: what was used in each, and how long the next use has to wait.
 *
 * @since 0.1.0
 */
import { Clock, Effect } from "effect"
import type { Keeper } from "./Budgets.ts"
import type { Unavailable } from "../contract/DeliveryError.ts"
import * as RateLimit from "../contract/RateLimit.ts"

/**
 * Whoever would have to wait longer at the gate fails with `Throttled`, and holds up nobody meanwhile: a minute.
 *
 * @category constants
 * @since 0.1.0
 */
export const longestWaitAtGateMillis = 60_000

/** The backlog may be so late before it stops catching up: timers are late by a millisecond or two. */
const catchUpMillis = 50

/**
 * A window over weighted uses; a use is `open` until it is `closed`, and counts for one window from then.
 *
 * @category models
 * @since 0.1.0
 */
export class UseWindow {
  private open = 0
  private closedTotal = 0
  private readonly closed: Array<{ readonly until: number; readonly weight: number }> = []
  private evenlyFrom = 0
  readonly limit: RateLimit.Counted

  constructor(limit: RateLimit.Counted) {
    this.limit = limit
  }

  /** What is heavier than the window counts as the whole of it. */
  protected share(weight: number): number {
    return Math.min(weight, this.limit.count)
  }

  /** 0 where the weight fits now; else milliseconds to wait, or `undefined` where an answer must come first. */
  waitFor(asked: number, now: number, lane: "live" | "backfill"): number | undefined {
    const { count } = this.limit
    const weight = this.share(asked)
    while (this.closed.length > 0 && this.closed[0]!.until <= now) this.closedTotal -= this.closed.shift()!.weight
    const used = this.open + this.closedTotal
    if (used + weight <= count || used === 0) {
      const isEven = lane === "backfill" && used * 2 > count && this.limit.windowMillis <= longestWaitAtGateMillis
      return isEven ? Math.max(0, Math.ceil(this.evenlyFrom - now)) : 0
    }
    let freed = used
    for (const use of this.closed) {
      freed -= use.weight
      if (freed + weight <= count || freed === 0) return use.until - now
    }
    return undefined
  }

  begin(weight: number, now: number) {
    this.open += this.share(weight)
    const each = this.limit.windowMillis / this.limit.count
    this.evenlyFrom = Math.max(this.evenlyFrom + each * this.share(weight), now - catchUpMillis)
  }

  end(weight: number, now: number) {
    this.open -= this.share(weight)
    this.close(this.share(weight), now)
  }

  protected close(weight: number, now: number) {
    this.closedTotal += weight
    this.closed.push({ until: now + this.limit.windowMillis, weight })
  }
}

/**
 * A window that a restart does not forget: it takes blocks from its keeper before it uses them.
 *
 * @category models
 * @since 0.1.0
 */
export class Budget extends UseWindow {
  private isLoaded = false
  private reserved = 0
  private credit = 0
  private readonly keeper: Keeper
  private readonly name: string

  constructor(limit: RateLimit.Counted, keeper: Keeper, gate: string) {
    super(limit)
    this.keeper = keeper
    this.name = `${gate}: ${RateLimit.describe(limit)}`
  }

  /** What has to be done before the weight may be used; `undefined` where enough is reserved. */
  reserve(asked: number, now: number): Effect.Effect<void, Unavailable> | undefined {
    if (!this.isLoaded) return this.load(now)
    const weight = this.share(asked)
    if (this.credit >= weight) return undefined
    const block = Math.max(weight, Math.min(50, Math.ceil(this.limit.count / 200)))
    return Effect.map(this.keeper.reserve(this.name, block, now), () => {
      this.reserved = block
      this.credit = block
    })
  }

  private load(now: number) {
    return Effect.map(this.keeper.load(this.name, now - this.limit.windowMillis, now), (blocks) => {
      if (this.isLoaded) return
      this.isLoaded = true
      for (const { at, weight } of blocks) this.close(weight, at)
    })
  }

  override begin(weight: number, now: number) {
    super.begin(weight, now)
    this.credit -= this.share(weight)
  }

  /** Closes the open block: the rest of it was not used. */
  readonly giveBack = Effect.suspend(() =>
    this.reserved === 0
      ? Effect.void
      : Effect.flatMap(Clock.currentTimeMillis, (now) => this.keeper.close(this.name, this.reserved - this.credit, now))
  )
}
