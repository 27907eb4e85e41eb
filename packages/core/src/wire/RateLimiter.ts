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
 * There is one gate for a destination (decision 0017). Its forms pass it by a way of their own each, which adds limits
 * and takes none away.
 *
 * @since 0.1.0
 */
import { Clock, Context, Effect, Layer } from "effect"
import { Budgets, type Keeper } from "./Budgets.ts"
import type { Throttled, Unavailable } from "../contract/DeliveryError.ts"
import type * as RateLimit from "../contract/RateLimit.ts"
import * as Reply from "../contract/Reply.ts"
import * as Elapsed from "./Elapsed.ts"
import { Closure, Places, type Restriction } from "./Restriction.ts"
import { Turnstile } from "./Turnstile.ts"
import { Budget, UseWindow } from "./UseWindow.ts"

/**
 * What an answer says to the gate.
 *
 * @category models
 * @since 0.1.0
 */
export interface Heard {
  /** What is left of the quota. */
  readonly quota?: RateLimit.Quota | undefined
  /** Whether the vendor has taken the request, and so would have said what is left if it ever did. */
  readonly isTaken: boolean
  /** Lets nothing through for so long: to the endpoint that answered, or at all. */
  readonly pause?: { readonly millis: number; readonly scope: "endpoint" | "destination" } | undefined
}

/**
 * What a destination's requests pass.
 *
 * @category models
 * @since 0.1.0
 */
export interface Gate {
  /**
   * Runs one request when the limits allow it. Fails where that is more than a minute away. What its answer says counts
   * before anybody takes its place.
   */
  readonly request: <A, E, R>(
    effect: Effect.Effect<A, E, R>,
    endpoint?: string,
    hear?: (answer: A, receivedAt: number) => Heard
  ) => Effect.Effect<A, E | Throttled | Unavailable, R>
  /** Runs what sends so many records, when the limits allow it. Fails where that is more than a minute away. */
  readonly records: (
    count: number
  ) => <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E | Throttled | Unavailable, R>
  /** Lets nothing through this way for so long. */
  readonly pause: (millis: number) => Effect.Effect<void>
  /** Learns from what an answer says of the quota. */
  readonly observe: (quota: RateLimit.Quota) => Effect.Effect<void>
  /** Requests that the limits allow in the long run, without those of single endpoints. */
  readonly perSecond: number
  /** The way of one form through this gate, with limits of its own; made with these the first time it is asked for. */
  readonly narrowed: (form: string, limits: ReadonlyArray<RateLimit.RateLimit>) => Gate
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

/**
 * How a gate is made.
 *
 * @category models
 * @since 0.1.0
 */
export interface GateOptions {
  /** Whether answers say what is left of a quota. Then the first request goes alone. Default: false. */
  readonly hasQuota?: boolean
}

/** From this length a window outlives a process. */
const budgetMillis = 3_600_000

const bounded = (millis: number) =>
  Number.isNaN(millis) ? 0 : Math.ceil(Math.min(Math.max(0, millis), Reply.longestRetryAfterMillis))

const makeGate = (
  name: string,
  limits: ReadonlyArray<RateLimit.RateLimit>,
  { hasQuota = false }: GateOptions,
  keeper: Keeper,
  onBudget: (budget: Budget) => void
): Gate => {
  const requests = new Turnstile()
  const records = new Turnstile()
  const closure = new Closure()
  requests.restrict("", [closure])
  if (hasQuota) requests.expectQuota()
  let hasRecords = false

  const restrictionOf = (limit: RateLimit.RateLimit, owner: string): Restriction => {
    if (limit._tag === "Concurrent") return new Places(limit)
    if (limit.windowMillis < budgetMillis) return new UseWindow(limit)
    const budget = new Budget(limit, keeper, owner)
    onBudget(budget)
    return budget
  }
  const restrict = (form: string, own: ReadonlyArray<RateLimit.RateLimit>) => {
    const owner = form === "" ? name : `${name} ${form}`
    for (const limit of own) {
      const turnstile = limit._tag === "Records" ? records : requests
      hasRecords ||= limit._tag === "Records"
      turnstile.restrict(form, [restrictionOf(limit, owner)])
    }
  }

  const ways = new Map<string, Gate>()
  const way = (form: string, its: Closure, perSecond: number): Gate => ({
    request: (effect, endpoint = "", hear) =>
      requests.pass(
        form,
        endpoint,
        1,
        (passage) =>
          hear === undefined
            ? effect
            : Effect.tap(effect, (answer) =>
                Effect.withFiber((fiber) => {
                  const clock = fiber.getRef(Clock.Clock)
                  const now = Elapsed.millisUnsafe(clock)
                  const { isTaken, pause, quota } = hear(answer, clock.currentTimeMillisUnsafe())
                  if (quota !== undefined) requests.hear(quota, passage, now)
                  else if (isTaken) requests.hearNothing(passage, now)
                  if (pause?.scope === "endpoint") {
                    requests.close(requests.familyOf(endpoint), bounded(pause.millis), now)
                  } else if (pause !== undefined) closure.close(bounded(pause.millis), now)
                  return Effect.void
                })
              ),
        Lane
      ),
    records: (count) => (effect) => (hasRecords ? records.pass(form, "", count, () => effect, Lane) : effect),
    pause: (millis) => Effect.map(Elapsed.millis, (now) => its.close(bounded(millis), now)),
    observe: (quota) => Effect.map(Elapsed.millis, (now) => requests.hear(quota, undefined, now)),
    perSecond,
    narrowed: (inner, own) => {
      const known = ways.get(inner)
      if (known !== undefined) return known
      const its = new Closure()
      requests.restrict(inner, [its])
      restrict(inner, own)
      const made = way(inner, its, Math.min(perSecond, perSecondOf(own)))
      ways.set(inner, made)
      return made
    }
  })

  restrict("", limits)
  return way("", closure, perSecondOf(limits))
}

const perSecondOf = (limits: ReadonlyArray<RateLimit.RateLimit>): number =>
  limits.reduce(
    (least, limit) =>
      limit._tag === "Requests" && limit.endpoint === undefined && limit.windowMillis < budgetMillis
        ? Math.min(least, (limit.count / limit.windowMillis) * 1000)
        : least,
    Number.POSITIVE_INFINITY
  )

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
    readonly gate: (
      name: string,
      limits: ReadonlyArray<RateLimit.RateLimit>,
      options?: GateOptions
    ) => Effect.Effect<Gate>
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
        gate: (name, limits, options = {}) =>
          Effect.sync(() => {
            const known = gates.get(name)
            if (known !== undefined) return known
            const made = makeGate(name, limits, options, keeper, (budget) => void budgets.push(budget))
            gates.set(name, made)
            return made
          })
      }
    })
  )
}
