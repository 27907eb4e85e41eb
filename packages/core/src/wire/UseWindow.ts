/**
 * Windows of a rate limit: what was used in each, and how long the next use has to wait.
 *
 * @since 0.1.0
 */
import { Clock, Effect } from "effect"
import type { Block, Keeper } from "./Budgets.ts"
import type { Unavailable } from "../contract/DeliveryError.ts"
import * as RateLimit from "../contract/RateLimit.ts"
import * as Elapsed from "./Elapsed.ts"
import type { Lane, Restriction } from "./Restriction.ts"

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
export class UseWindow implements Restriction {
  private open = 0
  private closedTotal = 0
  private readonly closed: Array<{ readonly until: number; readonly weight: number }> = []
  private evenlyFrom = 0
  readonly limit: RateLimit.Counted
  readonly endpoint: string | undefined

  constructor(limit: RateLimit.Counted) {
    this.limit = limit
    this.endpoint = limit.endpoint
  }

  /** What is heavier than the window counts as the whole of it. */
  protected share(weight: number): number {
    return Math.min(weight, this.limit.count)
  }

  /** 0 where the weight fits now; else milliseconds to wait, or `undefined` where an answer must come first. */
  waitFor(asked: number, now: number, lane: Lane): number | undefined {
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
  reserve(asked: number): Effect.Effect<void, Unavailable> | undefined {
    if (!this.isLoaded) return this.load
    const weight = this.share(asked)
    if (this.credit >= weight) return undefined
    const block = Math.max(weight, Math.min(50, Math.ceil(this.limit.count / 200)))
    return Effect.flatMap(Clock.currentTimeMillis, (wall) =>
      Effect.map(this.keeper.reserve(this.name, block, wall), () => {
        this.reserved = block
        this.credit = block
      })
    )
  }

  private readonly load = Effect.suspend(() =>
    Effect.flatMap(Clock.currentTimeMillis, (wall) =>
      Effect.flatMap(this.keeper.load(this.name, wall - this.limit.windowMillis, wall), (blocks) =>
        Effect.map(Elapsed.millis, (now) => this.remember(blocks, wall, now))
      )
    )
  )

  /** What is kept has the time of a wall clock. One that was ahead at the time counts as now, and not until it is reached. */
  private remember(blocks: ReadonlyArray<Block>, wall: number, now: number) {
    if (this.isLoaded) return
    this.isLoaded = true
    for (const { at, weight } of blocks) this.close(weight, now - Math.max(0, wall - at))
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
