/**
 * The gate that a destination's requests pass, one at a time or many at once, never more than its limits allow.
 *
 * A vendor counts a request somewhere between its sending and its answer, and nobody here knows when. So a request
 * holds its place in a window from the moment it is sent until one window *after its answer*: whatever the vendor's
 * clock and window (fixed or sliding), it cannot count one too many. The price is one round trip per window.
 *
 * @since 0.1.0
 */
import { Clock, Context, Effect, Latch, Layer, Semaphore } from "effect"
import type { Quota, RateLimit } from "./RateLimit.ts"

/**
 * What a destination's requests pass.
 *
 * @category models
 * @since 0.1.0
 */
export interface Gate {
  /** Runs one request when the limits allow it. */
  readonly request: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
  /** Waits until this many records may be sent, and counts them as sent. */
  readonly records: (count: number) => Effect.Effect<void>
  /** Lets nothing through for this long: `Retry-After`, or a quota that is used up. */
  readonly pause: (millis: number) => Effect.Effect<void>
  /** Learns from what an answer says of the quota. */
  readonly observe: (quota: Quota) => Effect.Effect<void>
}

/** A window over weighted uses; a use is `open` until it is `closed`, and counts for one window from then. */
class UseWindow {
  private open = 0
  private closedTotal = 0
  private readonly closed: Array<{ readonly until: number; readonly weight: number }> = []
  readonly count: number
  readonly windowMillis: number

  constructor(count: number, windowMillis: number) {
    this.count = count
    this.windowMillis = windowMillis
  }

  /** 0 where the weight fits now; else milliseconds to wait, or `undefined` where an answer must come first. */
  waitFor(weight: number, now: number): number | undefined {
    while (this.closed.length > 0 && this.closed[0]!.until <= now) this.closedTotal -= this.closed.shift()!.weight
    const used = this.open + this.closedTotal
    if (used + weight <= this.count || used === 0) return 0
    let freed = used
    for (const use of this.closed) {
      freed -= use.weight
      if (freed + weight <= this.count || freed === 0) return use.until - now
    }
    return undefined
  }

  begin(weight: number) {
    this.open += weight
  }

  end(weight: number, now: number) {
    this.open -= weight
    this.closedTotal += weight
    this.closed.push({ until: now + this.windowMillis, weight })
  }
}

const makeGate = Effect.fnUntraced(function* (limits: ReadonlyArray<RateLimit>): Effect.fn.Return<Gate> {
  const turnstile = yield* Semaphore.make(1)
  const recordTurnstile = yield* Semaphore.make(1)
  const answered = yield* Latch.make(false)
  const requestWindows: Array<UseWindow> = []
  const recordWindows: Array<UseWindow> = []
  let concurrency = Number.POSITIVE_INFINITY
  for (const limit of limits) {
    if (limit._tag === "Requests") requestWindows.push(new UseWindow(limit.count, limit.windowMillis))
    else if (limit._tag === "Records") recordWindows.push(new UseWindow(limit.count, limit.windowMillis))
    else concurrency = Math.min(concurrency, limit.count)
  }
  let inFlight = 0
  let blockedUntil = 0

  /** How long the next request must wait; `undefined` until some answer has come. */
  const wait = (now: number): number | undefined => {
    let longest = Math.max(0, blockedUntil - now)
    if (inFlight >= concurrency) return undefined
    for (const window of requestWindows) {
      const millis = window.waitFor(1, now)
      if (millis === undefined) return undefined
      longest = Math.max(longest, millis)
    }
    return longest
  }

  // One at a time: the first to come is the first to go, and only it has to watch the windows. A wait can be interrupted,
  // so that a stop does not sit out a long `Retry-After`; what is entered is left for certain.
  const enter = Effect.acquireUseRelease(
    Effect.interruptible(turnstile.take(1)),
    () =>
      Effect.gen(function* () {
        while (true) {
          const millis = wait(yield* Clock.currentTimeMillis)
          if (millis === 0) break
          if (millis === undefined) {
            yield* answered.close
            if (wait(yield* Clock.currentTimeMillis) === undefined) yield* Effect.interruptible(answered.await)
          } else yield* Effect.interruptible(Effect.sleep(millis))
        }
        inFlight++
        for (const window of requestWindows) window.begin(1)
      }),
    () => turnstile.release(1)
  )
  const leave = Effect.gen(function* () {
    const now = yield* Clock.currentTimeMillis
    inFlight--
    for (const window of requestWindows) window.end(1, now)
    yield* answered.open
  })

  const pause = Effect.fnUntraced(function* (millis: number) {
    const now = yield* Clock.currentTimeMillis
    // Whole milliseconds: clocks know no less, and waiting for a fraction of one would be to ask again and again.
    blockedUntil = Math.max(blockedUntil, now + Math.ceil(millis))
  })

  return {
    request: (effect) =>
      Effect.acquireUseRelease(
        enter,
        () => effect,
        () => leave
      ),
    records: (count) =>
      recordWindows.length === 0
        ? Effect.void
        : recordTurnstile.withPermits(1)(
            Effect.gen(function* () {
              for (const window of recordWindows) {
                const weight = Math.min(count, window.count)
                const millis = window.waitFor(weight, yield* Clock.currentTimeMillis) ?? window.windowMillis
                if (millis > 0) yield* Effect.sleep(millis)
                window.begin(weight)
                window.end(weight, yield* Clock.currentTimeMillis)
              }
            })
          ),
    pause,
    // Answers to requests in flight are still to be counted by the vendor, so they come off what is left.
    observe: (quota) => (quota.remaining - Math.max(0, inFlight - 1) > 0 ? Effect.void : pause(quota.resetMillis))
  }
})

/**
 * Gates by name: all activations of a destination pass the same one (R28).
 *
 * @category services
 * @since 0.1.0
 */
export class RateLimiter extends Context.Service<
  RateLimiter,
  {
    /** The gate of this name; made with these limits the first time it is asked for. */
    readonly gate: (name: string, limits: ReadonlyArray<RateLimit>) => Effect.Effect<Gate>
  }
>()("@tributary/core/RateLimiter") {
  static readonly layer = Layer.sync(RateLimiter, () => {
    const gates = new Map<string, Gate>()
    return {
      gate: Effect.fnUntraced(function* (name, limits) {
        const known = gates.get(name)
        if (known !== undefined) return known
        const gate = yield* makeGate(limits)
        gates.set(name, gate)
        return gate
      })
    }
  })
}
