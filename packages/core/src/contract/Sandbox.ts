/**
 * Sandboxes: a fake vendor that keeps the vendor's documented rules.
 *
 * A sandbox is written from the vendor's documents, never from the plugin's mapping: it refuses what the vendor
 * refuses, and a test reads from its state what the vendor would now hold. It is a function from a request to an
 * answer, with a state and a clock from outside, so it runs in a test, on a port of its own, or inside the demo.
 *
 * @since 0.1.0
 */
import type { Json } from "./Json.ts"

/**
 * A request as the vendor sees it.
 *
 * @category models
 * @since 0.1.0
 */
export interface SandboxRequest {
  readonly method: string
  /** Without the query. */
  readonly path: string
  readonly query: URLSearchParams
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | undefined>>
  readonly body: string
}

/**
 * The vendor's answer. A string body is sent as it is, anything else as JSON.
 *
 * @category models
 * @since 0.1.0
 */
export interface SandboxResponse {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: unknown
}

/**
 * A fake vendor.
 *
 * @category models
 * @since 0.1.0
 */
export interface Sandbox<out State = unknown> {
  readonly title: string
  /** Settings with which the plugin talks to this sandbox, secrets in clear text: none of them is real. */
  readonly settings: (baseUrl: string) => { readonly [key: string]: Json }
  /** Answers a request that arrives at `now`, epoch milliseconds. */
  readonly handle: (request: SandboxRequest, now: number) => SandboxResponse
  /** What the vendor holds at `now`, as plain data. */
  readonly state: (now: number) => State
}

/**
 * A request counter over a fixed or a sliding window, as vendors keep them.
 *
 * @category models
 * @since 0.1.0
 */
export interface Window {
  /** Counts a request, unless it is one too many. */
  readonly take: (now: number) => boolean
  readonly remaining: (now: number) => number
  /** Milliseconds until there is room for all again (fixed) or for one more (sliding). */
  readonly resetMillis: (now: number) => number
}

/**
 * A counter that starts again at every multiple of the window.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fixedWindow = (count: number, windowMillis: number): Window => {
  let start = 0
  let used = 0
  const roll = (now: number) => {
    const current = Math.floor(now / windowMillis) * windowMillis
    if (current !== start) {
      start = current
      used = 0
    }
  }
  return {
    take: (now) => {
      roll(now)
      if (used >= count) return false
      used++
      return true
    },
    remaining: (now) => {
      roll(now)
      return count - used
    },
    resetMillis: (now) => {
      roll(now)
      return start + windowMillis - now
    }
  }
}

/**
 * A counter that looks back one window from every request.
 *
 * @category constructors
 * @since 0.1.0
 */
export const slidingWindow = (count: number, windowMillis: number): Window => {
  const times: Array<number> = []
  const roll = (now: number) => {
    while (times.length > 0 && times[0]! <= now - windowMillis) times.shift()
  }
  return {
    take: (now) => {
      roll(now)
      if (times.length >= count) return false
      times.push(now)
      return true
    },
    remaining: (now) => {
      roll(now)
      return count - times.length
    },
    resetMillis: (now) => {
      roll(now)
      return times.length < count ? 0 : times[0]! + windowMillis - now
    }
  }
}
