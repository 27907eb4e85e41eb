/**
 * The gate that a destination's requests pass, one at a time or many at once, never more than its limits allow.
 *
 * A vendor counts a request somewhere between its sending and its answer, and nobody here knows when. So a request
 * holds its place in a window from the moment it is sent until one window *after its answer*: whatever the vendor's
 * clock and window (fixed or sliding), it cannot count one too many. The price is one round trip per window.
 *
 * **Why not `effect/persistence/RateLimiter`**
 *
 * It counts a request when it is sent, so a vendor whose window begins elsewhere counts one too many (decision 0002). It
 * has no lanes, so news would wait behind a backlog (R31). It counts in memory or in Redis, so a budget of a day would
 * need Redis. This one uses 98 % of a cap and is not refused (bench `limiter`, decision 0010), and where there is room a
 * request passes without a fiber or a timer of its own (bench `plugin-zendesk`, decision 0012).
 *
 * News passes before the backlog of a first sync (R31). The backlog uses what is left of every window, and is sent evenly
 * once half of a window is used: after a burst there would be no place for news until the burst is forgotten.
 *
 * @since 0.1.0
 */
import { Clock, Context, DateTime, Effect, Latch, Layer, Semaphore } from "effect"
import { Budgets, type Keeper } from "./Budgets.ts"
import { Throttled, type Unavailable } from "../contract/DeliveryError.ts"
import * as RateLimit from "../contract/RateLimit.ts"
import * as Reply from "../contract/Reply.ts"
import { Budget, longestWaitAtGateMillis, UseWindow } from "./UseWindow.ts"

/**
 * What a destination's requests pass.
 *
 * @category models
 * @since 0.1.0
 */
export interface Gate {
  /** Runs one request when the limits allow it. Fails where that is more than a minute away. */
  readonly request: <A, E, R>(
    effect: Effect.Effect<A, E, R>,
    endpoint?: string
  ) => Effect.Effect<A, E | Throttled | Unavailable, R>
  /** Runs what sends so many records, when the limits allow it. Fails where that is more than a minute away. */
  readonly records: (
    count: number
  ) => <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E | Throttled | Unavailable, R>
  /** Lets nothing through for this long: `Retry-After`, or a quota that is used up. */
  readonly pause: (millis: number) => Effect.Effect<void>
  /** Learns from what an answer says of the quota. */
  readonly observe: (quota: RateLimit.Quota) => Effect.Effect<void>
  /** Requests that the limits allow in the long run, without those of single endpoints. */
  readonly perSecond: number
}

/**
 * Whether what is sent is news, or the backlog of a first sync. Read where a request comes to the gate.
 *
 * @category references
 * @since 0.1.0
 */
export const Lane = Context.Reference<"live" | "backfill">("@tributary/core/RateLimiter/Lane", {
  defaultValue: () => "live"
})

/** From this length a window outlives a process. */
const budgetMillis = 3_600_000

/** Where requests to the same endpoints wait for each other: the first to come is the first to go, in each lane. */
interface Queue {
  readonly live: Semaphore.Semaphore
  readonly backfill: Semaphore.Semaphore
  waiting: number
  liveWaiting: number
}

/** The windows that a request counts in, and where it waits for them. */
interface Way {
  readonly windows: ReadonlyArray<UseWindow>
  readonly queue: Queue
}

/** Lets weights through windows, in order. `blockedUntil` is asked on every way in. */
const makeTurnstile = (
  windows: ReadonlyArray<UseWindow>,
  concurrency: number,
  blockedUntil: () => number
): {
  readonly pass: (
    weight: number,
    endpoint: string
  ) => <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E | Throttled | Unavailable, R>
  readonly inFlight: () => number
} => {
  const changed = Latch.makeUnsafe(false)
  const queues = new Map<string, Queue>()
  const hasEndpoints = windows.some(({ limit }) => limit.endpoint !== undefined)
  const all: Way = { windows, queue: queueOf("") }
  let inFlight = 0

  function queueOf(key: string): Queue {
    const known = queues.get(key)
    if (known !== undefined) return known
    const queue: Queue = {
      live: Semaphore.makeUnsafe(1),
      backfill: Semaphore.makeUnsafe(1),
      waiting: 0,
      liveWaiting: 0
    }
    queues.set(key, queue)
    return queue
  }

  const wayTo = (endpoint: string): Way => {
    if (!hasEndpoints) return all
    const concerned = windows.filter(({ limit }) => RateLimit.concerns(limit, endpoint))
    return { windows: concerned, queue: queueOf(concerned.map(({ limit }) => RateLimit.describe(limit)).join()) }
  }

  /** How long to wait, and for what; no time is known until some answer has come. */
  const waitFor = (
    concerned: ReadonlyArray<UseWindow>,
    weight: number,
    now: number,
    lane: "live" | "backfill"
  ): { readonly millis: number | undefined; readonly limit: RateLimit.Counted | undefined } => {
    if (inFlight >= concurrency) return { millis: undefined, limit: undefined }
    let millis = Math.max(0, blockedUntil() - now)
    let limit: RateLimit.Counted | undefined
    for (const window of concerned) {
      const wait = window.waitFor(weight, now, lane)
      if (wait === undefined) return { millis: undefined, limit: window.limit }
      if (wait > millis) {
        millis = wait
        limit = window.limit
      }
    }
    return { millis, limit }
  }

  const spent = (millis: number, limit: RateLimit.Counted | undefined, now: number) => {
    const until = DateTime.formatIso(DateTime.makeUnsafe(now + millis))
    const reason = limit === undefined ? "the destination asked to wait" : `${RateLimit.describe(limit)} are used up`
    return new Throttled({ reason: `${reason}, until ${until}`, retryAfterMillis: millis })
  }

  /** Nothing may come between a look and this: other queues share the windows. */
  const begin = (concerned: ReadonlyArray<UseWindow>, weight: number, now: number) => {
    inFlight++
    for (const window of concerned) window.begin(weight, now)
  }

  // Only the first of a queue watches the windows. A wait can be interrupted, so that a stop does not sit it out.
  const enterInTurn = Effect.fnUntraced(function* (
    weight: number,
    { queue, windows: concerned }: Way,
    lane: "live" | "backfill"
  ) {
    const turn = queue[lane]
    queue.waiting++
    if (lane === "live") queue.liveWaiting++
    yield* Effect.interruptible(turn.take(1)).pipe(
      Effect.andThen(
        Effect.gen(function* () {
          while (true) {
            const now = yield* Clock.currentTimeMillis
            const mustHear = () =>
              waitFor(concerned, weight, now, lane).millis === undefined ||
              (lane === "backfill" && queue.liveWaiting > 0)
            const { limit, millis } = waitFor(concerned, weight, now, lane)
            if (millis !== undefined && millis > longestWaitAtGateMillis) return yield* spent(millis, limit, now)
            if (mustHear()) {
              yield* changed.close
              if (mustHear()) yield* Effect.interruptible(changed.await)
            } else if (millis !== undefined && millis > 0) {
              yield* Effect.interruptible(Effect.sleep(millis))
            } else {
              const reservation = concerned
                .map((each) => (each instanceof Budget ? each.reserve(weight, now) : undefined))
                .find((each) => each !== undefined)
              if (reservation === undefined) return begin(concerned, weight, now)
              yield* reservation
            }
          }
        }).pipe(Effect.ensuring(turn.release(1)))
      ),
      Effect.ensuring(
        Effect.suspend(() => {
          queue.waiting--
          if (lane === "backfill") return Effect.void
          queue.liveWaiting--
          return changed.open
        })
      )
    )
    return concerned
  })

  // Where nobody waits and there is room, which is nearly always, a request goes through without a turn: no generator,
  // no semaphore (bench `plugin-zendesk`). It reads the fiber for the same reason.
  const enter = (weight: number, endpoint: string) =>
    Effect.withFiber((fiber) => {
      const way = wayTo(endpoint)
      const lane = fiber.getRef(Lane)
      const now = fiber.getRef(Clock.Clock).currentTimeMillisUnsafe()
      const isFree =
        way.queue.waiting === 0 &&
        !way.windows.some((window) => window instanceof Budget) &&
        waitFor(way.windows, weight, now, lane).millis === 0
      if (!isFree) return enterInTurn(weight, way, lane)
      begin(way.windows, weight, now)
      return Effect.succeed(way.windows)
    })

  const exit = (weight: number, concerned: ReadonlyArray<UseWindow>) =>
    Effect.withFiber((fiber) => {
      const now = fiber.getRef(Clock.Clock).currentTimeMillisUnsafe()
      inFlight--
      for (const window of concerned) window.end(weight, now)
      return changed.open
    })

  return {
    pass: (weight, endpoint) => (effect) =>
      Effect.acquireUseRelease(
        enter(weight, endpoint),
        () => effect,
        (concerned) => exit(weight, concerned)
      ),
    inFlight: () => inFlight
  }
}

const makeGate = (
  name: string,
  limits: ReadonlyArray<RateLimit.RateLimit>,
  keeper: Keeper
): { readonly gate: Gate; readonly budgets: ReadonlyArray<Budget> } => {
  const requestWindows: Array<UseWindow> = []
  const recordWindows: Array<UseWindow> = []
  const budgets: Array<Budget> = []
  let concurrency = Number.POSITIVE_INFINITY
  let perSecond = Number.POSITIVE_INFINITY
  for (const limit of limits) {
    if (limit._tag === "Concurrent") {
      concurrency = Math.min(concurrency, limit.count)
      continue
    }
    const window = limit.windowMillis >= budgetMillis ? new Budget(limit, keeper, name) : new UseWindow(limit)
    if (window instanceof Budget) budgets.push(window)
    else if (limit._tag === "Requests" && limit.endpoint === undefined) {
      perSecond = Math.min(perSecond, (limit.count / limit.windowMillis) * 1000)
    }
    if (limit._tag === "Records") recordWindows.push(window)
    else requestWindows.push(window)
  }
  let blockedUntil = 0
  const requests = makeTurnstile(requestWindows, concurrency, () => blockedUntil)
  const records = makeTurnstile(recordWindows, Number.POSITIVE_INFINITY, () => 0)
  const pause = Effect.fnUntraced(function* (millis: number) {
    const now = yield* Clock.currentTimeMillis
    if (Number.isNaN(millis)) return
    // Whole milliseconds: clocks know no less, and waiting for a fraction of one would be to ask again and again.
    blockedUntil = Math.max(blockedUntil, now + Math.ceil(Math.min(millis, Reply.longestRetryAfterMillis)))
  })
  const gate: Gate = {
    request: (effect, endpoint = "") => requests.pass(1, endpoint)(effect),
    records: (count) => (effect) => (recordWindows.length === 0 ? effect : records.pass(count, "")(effect)),
    pause,
    // Answers to requests in flight are still to be counted by the vendor, so they come off what is left.
    observe: (quota) =>
      quota.remaining - Math.max(0, requests.inFlight() - 1) > 0 ? Effect.void : pause(quota.resetMillis),
    perSecond
  }
  return { gate, budgets }
}

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
    readonly gate: (name: string, limits: ReadonlyArray<RateLimit.RateLimit>) => Effect.Effect<Gate>
  }
>()("@tributary/core/RateLimiter") {
  static readonly layer = Layer.effect(
    RateLimiter,
    Effect.gen(function* () {
      const keeper = yield* Budgets
      const gates = new Map<string, Gate>()
      const budgets: Array<Budget> = []
      yield* Effect.addFinalizer(() => Effect.forEach(budgets, (budget) => budget.giveBack, { discard: true }))
      return {
        gate: (name, limits) =>
          Effect.sync(() => {
            const known = gates.get(name)
            if (known !== undefined) return known
            const made = makeGate(name, limits, keeper)
            gates.set(name, made.gate)
            budgets.push(...made.budgets)
            return made.gate
          })
      }
    })
  )
}
