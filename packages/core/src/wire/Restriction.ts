/**
 * Restrictions: what a request passes, each of which may make it wait.
 *
 * All times are of `Elapsed`, in milliseconds.
 *
 * @since 0.1.0
 */
import type * as RateLimit from "../contract/RateLimit.ts"

/**
 * News, or the backlog of a first sync (R31).
 *
 * @category models
 * @since 0.1.0
 */
export type Lane = "live" | "backfill"

/**
 * What a request passes.
 *
 * @category models
 * @since 0.1.0
 */
export interface Restriction {
  /** What it keeps, where it is a declared limit. */
  readonly limit?: RateLimit.RateLimit | undefined
  /** The family of endpoints that it is for; `undefined` for all. */
  readonly endpoint?: string | undefined
  /** 0 where the weight may pass now; else milliseconds to wait, or `undefined` where an answer must come first. */
  readonly waitFor: (weight: number, now: number, lane: Lane) => number | undefined
  /** Whether an answer can make the wait shorter. */
  readonly isOpenTo?: ((now: number) => boolean) | undefined
  readonly begin: (weight: number, now: number) => void
  readonly end: (weight: number, now: number) => void
}

/**
 * Places for so many requests at a time.
 *
 * @category models
 * @since 0.1.0
 */
export class Places implements Restriction {
  private taken = 0
  readonly limit: Extract<RateLimit.RateLimit, { readonly _tag: "Concurrent" }>

  constructor(limit: Extract<RateLimit.RateLimit, { readonly _tag: "Concurrent" }>) {
    this.limit = limit
  }

  waitFor(): number | undefined {
    return this.taken < this.limit.count ? 0 : undefined
  }

  begin() {
    this.taken++
  }

  end() {
    this.taken--
  }
}

/**
 * Nothing passes until a time: what `Retry-After` asks for.
 *
 * @category models
 * @since 0.1.0
 */
export class Closure implements Restriction {
  until = 0
  readonly endpoint: string | undefined

  constructor(endpoint?: string) {
    this.endpoint = endpoint
  }

  close(millis: number, now: number) {
    this.until = Math.max(this.until, now + millis)
  }

  waitFor(_: number, now: number): number {
    return Math.max(0, this.until - now)
  }

  begin() {}

  end() {}
}
