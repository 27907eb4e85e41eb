/**
 * Allowances: what a vendor's answers say is left of its quota, and how much of that is spoken for.
 *
 * An answer says what was left when the vendor counted its request, and others were under way by then. What is left for
 * sure is that number less all requests that were under way at any moment between the sending of the request and its
 * answer. Each new request takes one off. So requests in flight never add up to more than the vendor has (R28).
 *
 * @since 0.1.0
 */
import * as RateLimit from "../contract/RateLimit.ts"
import * as Reply from "../contract/Reply.ts"
import type { Restriction } from "./Restriction.ts"

/**
 * What is left of one quota: of the destination, or of a family of endpoints.
 *
 * **Details**
 *
 * While nobody knows what is left (before the first answer, and once a used-up quota is whole again) one request goes
 * alone and finds out. A vendor that stops saying so is not held back by what it said before.
 *
 * @category models
 * @since 0.1.0
 */
export class Allowance implements Restriction {
  readonly endpoint: string | undefined
  /** Requests that the vendor takes for sure. */
  private left = 0
  private until = 0
  private begun = 0
  private ended = 0
  /** How many had ended when `until` was heard. */
  private endedThen = -1

  constructor(endpoint?: string) {
    this.endpoint = endpoint
  }

  concerns(endpoint: string): boolean {
    return this.endpoint === undefined || RateLimit.covers(this.endpoint, endpoint)
  }

  /** Where a request stands among the others, when it begins. */
  get mark(): number {
    return this.ended
  }

  get isIdle(): boolean {
    return this.begun === this.ended
  }

  waitFor(_: number, now: number): number | undefined {
    if (this.left > 0) return 0
    if (now < this.until) return this.until - now
    return this.isIdle ? 0 : undefined
  }

  isOpenTo(now: number): boolean {
    return this.left <= 0 && now < this.until && !this.isIdle
  }

  begin() {
    this.left--
    this.begun++
  }

  end() {
    this.ended++
  }

  /** Counts a request that began before the vendor was heard of this quota for the first time. */
  adopt() {
    this.begun++
  }

  /** Hears what the answer to a request says, whose `mark` is what it was when the request began. */
  hear({ remaining, resetMillis }: RateLimit.Quota, mark: number, now: number) {
    if (!(remaining >= 0)) return
    const sure = remaining - Math.max(0, this.begun - mark - 1)
    // Less than was sure: somebody else uses the quota too, or it is another one.
    this.left = remaining < this.left ? sure : Math.max(this.left, sure)
    // Whole milliseconds: waiting for a fraction of one would be to ask again and again.
    const until = now + Math.ceil(Math.min(Math.max(0, resetMillis || 0), Reply.longestRetryAfterMillis))
    // Of requests that were under way together nobody knows which the vendor counted last.
    this.until = mark > this.endedThen ? until : Math.max(this.until, until)
    this.endedThen = this.ended
  }

  /** Hears an answer that says nothing of the quota. */
  hearNothing(now: number) {
    if (this.left <= 0 && now >= this.until) this.left = Number.POSITIVE_INFINITY
  }
}
