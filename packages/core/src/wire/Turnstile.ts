/**
 * Turnstiles: requests pass their restrictions in order, the first to come first, news before the backlog (R31).
 *
 * Requests wait in line with those that pass the same restrictions, so that a form or an endpoint at its limit holds up
 * nothing that goes elsewhere.
 *
 * @since 0.1.0
 */
import { Clock, type Context, DateTime, Effect, Latch, Semaphore } from "effect"
import { Throttled, type Unavailable } from "../contract/DeliveryError.ts"
import * as RateLimit from "../contract/RateLimit.ts"
import { Allowance } from "./Allowance.ts"
import * as Elapsed from "./Elapsed.ts"
import { Closure, type Lane, type Restriction } from "./Restriction.ts"
import { Budget, longestWaitAtGateMillis } from "./UseWindow.ts"

/**
 * What is passing: its weight, its restrictions, and where it stood when it began.
 *
 * @category models
 * @since 0.1.0
 */
export interface Passage {
  readonly endpoint: string
  readonly weight: number
  /** Passages that had ended when it began. */
  readonly endedBefore: number
  restrictions: ReadonlyArray<Restriction>
  /** By allowance, where it stood among the requests that the allowance counts. */
  marks: Map<Allowance, number> | undefined
}

/** Where requests under the same restrictions wait for each other: the first to come is the first to go, in each lane. */
interface Line {
  readonly live: Semaphore.Semaphore
  readonly backfill: Semaphore.Semaphore
  waiting: number
  liveWaiting: number
  /** What holds up the first of its news. */
  heldBy: Restriction | undefined
}

interface Way {
  readonly key: string
  readonly restrictions: ReadonlyArray<Restriction>
  readonly line: Line
}

interface Wait {
  readonly millis: number | undefined
  readonly by: Restriction | undefined
}

/** What wants to pass. */
interface Ask {
  readonly form: string
  readonly endpoint: string
  readonly weight: number
  readonly lane: Lane
}

/** Families of endpoints whose allowances are remembered: a plugin may name the path of each record. */
const mostAllowances = 100

/**
 * Lets weights through restrictions.
 *
 * @category models
 * @since 0.1.0
 */
export class Turnstile {
  /** For everybody (`""`), and by form. */
  private readonly fixed = new Map<string, ReadonlyArray<Restriction>>()
  private readonly closures = new Map<string, Closure>()
  private readonly allowances = new Map<string, Allowance>()
  private readonly lines = new Map<string, Line>()
  private readonly ways = new Map<string, Way>()
  private readonly passing = new Set<Passage>()
  private readonly changed = Latch.makeUnsafe(false)
  private allowance: Allowance | undefined
  private hasEndpoints = false
  private ended = 0
  private liveWaiting = 0

  /** Adds restrictions of everybody (`""`) or of a form. */
  restrict(form: string, restrictions: ReadonlyArray<Restriction>) {
    this.fixed.set(form, [...(this.fixed.get(form) ?? []), ...restrictions])
    this.hasEndpoints ||= restrictions.some(({ endpoint }) => endpoint !== undefined)
    this.ways.clear()
  }

  /** Closes a family of endpoints for so long. */
  close(endpoint: string, millis: number, now: number) {
    const closure = this.closures.get(endpoint) ?? new Closure(endpoint)
    closure.close(millis, now)
    this.closures.set(endpoint, closure)
    this.changed.openUnsafe()
  }

  /** The narrowest family that a limit is declared for, or the endpoint itself. */
  familyOf(endpoint: string): string {
    const declared = [...this.fixed.values()].flat().flatMap(({ endpoint: family }) => family ?? [])
    const families = declared.filter((family) => RateLimit.covers(family, endpoint))
    return families.toSorted((a, b) => b.length - a.length)[0] ?? endpoint
  }

  /** Lets one request go alone until its answer has said what is left. */
  expectQuota() {
    this.allowanceOf(undefined)
  }

  /** Hears what an answer says of a quota; without its passage, as the answer to one of those in flight. */
  hear(quota: RateLimit.Quota, passage: Passage | undefined, now: number) {
    const allowance = this.allowanceOf(quota.endpoint)
    const mark = passage?.marks?.get(allowance) ?? allowance.mark
    allowance.hear(quota, mark, now)
    this.changed.openUnsafe()
  }

  /** Hears an answer that says nothing of any quota. */
  hearNothing({ marks }: Passage, now: number) {
    for (const allowance of marks?.keys() ?? []) allowance.hearNothing(now)
  }

  /** Runs what has a weight when its restrictions allow it. */
  pass<A, E, R>(
    form: string,
    endpoint: string,
    weight: number,
    use: (passage: Passage) => Effect.Effect<A, E, R>,
    lane: Context.Reference<Lane>
  ): Effect.Effect<A, E | Throttled | Unavailable, R> {
    const enter = Effect.withFiber((fiber) =>
      this.enter({ form, endpoint, weight, lane: fiber.getRef(lane) }, Elapsed.millisUnsafe(fiber.getRef(Clock.Clock)))
    )
    return Effect.acquireUseRelease(enter, use, (passage) => this.leave(passage))
  }

  private allowanceOf(endpoint: string | undefined): Allowance {
    const known = endpoint === undefined ? this.allowance : this.allowances.get(endpoint)
    if (known !== undefined) return known
    const allowance = new Allowance(endpoint)
    if (endpoint === undefined) {
      this.allowance = allowance
      this.restrict("", [allowance])
    } else {
      if (this.allowances.size >= mostAllowances) this.forgetOne()
      this.allowances.set(endpoint, allowance)
    }
    // What has ended since such a passage began may be uncounted in its answer, too.
    for (const passage of this.passing) {
      if (!allowance.concerns(passage.endpoint)) continue
      allowance.adopt()
      passage.restrictions = [...passage.restrictions, allowance]
      passage.marks = new Map([...(passage.marks ?? []), [allowance, passage.endedBefore - this.ended]])
    }
    return allowance
  }

  private forgetOne() {
    for (const [endpoint, allowance] of this.allowances) {
      if (allowance.isIdle) return this.allowances.delete(endpoint)
    }
    return false
  }

  private wayTo(form: string, endpoint: string, now: number): Way {
    let way = this.ways.get(form)
    if (way === undefined) {
      const own = form === "" ? [] : (this.fixed.get(form) ?? [])
      way = this.wayOf(form, [...(this.fixed.get("") ?? []), ...own])
      this.ways.set(form, way)
    }
    const isWhole = !this.hasEndpoints && this.closures.size === 0 && this.allowances.size === 0
    return isWhole ? way : this.narrowed(way, form, endpoint, now)
  }

  /** The restrictions that concern an endpoint, and the line of those that have the same. */
  private narrowed({ key, line, restrictions }: Way, form: string, endpoint: string, now: number): Way {
    const concerned: Array<Restriction> = []
    let name = form
    const consider = (restriction: Restriction, its: string) => {
      if (restriction.endpoint !== undefined) {
        if (!RateLimit.covers(restriction.endpoint, endpoint)) return
        name += `\n${its} ${restriction.endpoint}`
      }
      concerned.push(restriction)
    }
    restrictions.forEach((restriction, i) => consider(restriction, String(i)))
    for (const [family, closure] of this.closures) {
      if (closure.until <= now) this.closures.delete(family)
      else consider(closure, "closed")
    }
    for (const allowance of this.allowances.values()) consider(allowance, "left")
    return name === key ? { key, line, restrictions: concerned } : this.wayOf(name, concerned)
  }

  private wayOf(key: string, restrictions: ReadonlyArray<Restriction>): Way {
    let line = this.lines.get(key)
    if (line === undefined) {
      line = {
        live: Semaphore.makeUnsafe(1),
        backfill: Semaphore.makeUnsafe(1),
        waiting: 0,
        liveWaiting: 0,
        heldBy: undefined
      }
      this.lines.set(key, line)
    }
    return { key, line, restrictions }
  }

  /** How long to wait, and for what; no time is known until some answer has come. */
  private waitFor(restrictions: ReadonlyArray<Restriction>, { lane, weight }: Ask, now: number): Wait {
    let longest: Wait = { millis: 0, by: undefined }
    for (const by of restrictions) {
      const millis = by.waitFor(weight, now, lane)
      if (millis === undefined) return { millis, by }
      if (millis > (longest.millis ?? 0)) longest = { millis, by }
    }
    return longest
  }

  /** Whether news waits for the same as the backlog would. */
  private isBehindNews({ line, restrictions }: Way): boolean {
    if (this.liveWaiting === 0) return false
    if (line.liveWaiting > 0) return true
    for (const { heldBy, liveWaiting } of this.lines.values()) {
      if (liveWaiting > 0 && heldBy !== undefined && restrictions.includes(heldBy)) return true
    }
    return false
  }

  // Where nobody waits and there is room, which is nearly always, a request goes through without a turn.
  private enter(ask: Ask, now: number): Effect.Effect<Passage, Throttled | Unavailable> {
    const way = this.wayTo(ask.form, ask.endpoint, now)
    const isFree =
      way.line.waiting === 0 &&
      !way.restrictions.some((restriction) => restriction instanceof Budget) &&
      this.waitFor(way.restrictions, ask, now).millis === 0 &&
      !(ask.lane === "backfill" && this.isBehindNews(way))
    return isFree ? Effect.succeed(this.begin(way.restrictions, ask, now)) : this.enterInTurn(ask)
  }

  private readonly enterInTurn = Effect.fnUntraced({ self: this }, function* (ask: Ask) {
    while (true) {
      const passage = yield* this.waitInLine(this.wayTo(ask.form, ask.endpoint, yield* Elapsed.millis), ask)
      if (passage !== undefined) return passage
    }
  })

  /** Nothing where the restrictions have become others, and so the line. */
  private waitInLine({ key, line }: Way, ask: Ask): Effect.Effect<Passage | undefined, Throttled | Unavailable> {
    const isLive = ask.lane === "live"
    const turn = line[ask.lane]
    line.waiting++
    if (isLive) {
      line.liveWaiting++
      this.liveWaiting++
    }
    return Effect.interruptible(turn.take(1)).pipe(
      Effect.andThen(Effect.ensuring(this.watch(line, ask), turn.release(1))),
      Effect.ensuring(
        Effect.sync(() => {
          line.waiting--
          if (line.waiting === 0 && key !== ask.form) this.lines.delete(key)
          if (!isLive) return
          this.liveWaiting--
          if (--line.liveWaiting === 0) line.heldBy = undefined
          this.changed.openUnsafe()
        })
      )
    )
  }

  // Only the first of a line watches. A wait can be interrupted, so that a stop does not sit it out.
  private readonly watch = Effect.fnUntraced({ self: this }, function* (line: Line, ask: Ask) {
    while (true) {
      const now = yield* Elapsed.millis
      const way = this.wayTo(ask.form, ask.endpoint, now)
      if (way.line !== line) return undefined
      const look = () => this.waitFor(way.restrictions, ask, now)
      const isBehind = () => ask.lane === "backfill" && this.isBehindNews(way)
      const { by, millis } = look()
      if (ask.lane === "live" && line.heldBy !== by) {
        line.heldBy = by
        this.changed.openUnsafe()
      }
      const mayShrink = by?.isOpenTo?.(now) === true
      if (millis !== undefined && millis > longestWaitAtGateMillis && !mayShrink) return yield* spent(millis, by)
      if (millis === undefined || mayShrink || isBehind()) {
        this.changed.closeUnsafe()
        const hearing = Effect.interruptible(this.changed.await)
        if (look().millis === undefined || isBehind()) yield* hearing
        else if (mayShrink && millis !== undefined) yield* Effect.timeoutOption(hearing, millis)
      } else if (millis > 0) {
        yield* Effect.interruptible(Effect.sleep(millis))
      } else {
        const reservation = way.restrictions
          .map((each) => (each instanceof Budget ? each.reserve(ask.weight) : undefined))
          .find((each) => each !== undefined)
        if (reservation === undefined) return this.begin(way.restrictions, ask, now)
        yield* reservation
      }
    }
  })

  /** Nothing may come between a look and this: other lines share the restrictions. */
  private begin(restrictions: ReadonlyArray<Restriction>, { endpoint, weight }: Ask, now: number): Passage {
    let marks: Map<Allowance, number> | undefined
    for (const restriction of restrictions) {
      if (restriction instanceof Allowance) (marks ??= new Map()).set(restriction, restriction.mark)
      restriction.begin(weight, now)
    }
    const passage: Passage = {
      endpoint,
      weight,
      endedBefore: this.ended,
      restrictions,
      marks
    }
    this.passing.add(passage)
    return passage
  }

  private leave(passage: Passage) {
    return Effect.withFiber((fiber) => {
      const now = Elapsed.millisUnsafe(fiber.getRef(Clock.Clock))
      this.passing.delete(passage)
      this.ended++
      for (const restriction of passage.restrictions) restriction.end(passage.weight, now)
      return this.changed.open
    })
  }
}

const spent = Effect.fnUntraced(function* (millis: number, by: Restriction | undefined) {
  const until = DateTime.formatIso(DateTime.makeUnsafe((yield* Clock.currentTimeMillis) + millis))
  const reason =
    by?.limit === undefined ? "the destination asked to wait" : `${RateLimit.describe(by.limit)} are used up`
  const scope = by?.endpoint === undefined ? {} : { scope: "endpoint" as const }
  return yield* new Throttled({ reason: `${reason}, until ${until}`, retryAfterMillis: millis, ...scope })
})
