import { RateLimit, Sandbox } from "@tributary/core"
import { RateLimiter } from "@tributary/core/runtime"
import { Effect } from "effect"
import type { Case } from "../support/Case.ts"

const caps = [30, 100, 500]

/** Requests that a vendor takes of a gate in so many seconds, and how many it would have refused. */
const taken = (cap: number, seconds: number) =>
  Effect.gen(function* () {
    const limiter = yield* RateLimiter.RateLimiter
    const gate = yield* limiter.gate(`cap ${cap}`, [RateLimit.requests(cap, "1 second")])
    const windows = [Sandbox.fixedWindow(cap, 1000), Sandbox.slidingWindow(cap, 1000)]
    let accepted = 0
    let refused = 0
    const until = performance.now() + seconds * 1000
    const request = Effect.sync(() => {
      const now = performance.now()
      if (now > until) return
      accepted++
      if (windows.map((window) => window.take(now)).includes(false)) refused++
    }).pipe(Effect.andThen(Effect.sleep("2 millis")))
    const client = Effect.gen(function* () {
      while (performance.now() < until) yield* gate.request(request)
    })
    yield* Effect.all(
      Array.from({ length: 32 }, () => client),
      { concurrency: "unbounded", discard: true }
    )
    return { accepted, refused }
  }).pipe(Effect.provide(RateLimiter.RateLimiter.layer), Effect.runPromise)

const limiter: Case = {
  name: "limiter",
  title: "Limiter: a destination at its cap, answers after 2 ms",
  run: async ({ scale }) => {
    const seconds = Math.max(3, Math.round(20 * scale))
    const rows = []
    for (const cap of caps) {
      const { accepted, refused } = await taken(cap, seconds)
      const rate = accepted / seconds
      rows.push({
        what: `cap ${cap}/s`,
        figure: rate,
        unit: "requests/s",
        reference: { what: "the cap", figure: cap },
        goal: { words: "98–100 % of the cap, none too many", isReached: rate >= 0.98 * cap && refused === 0 },
        parameters: `${seconds} s, ${refused} refused by a fixed or a sliding window`
      })
    }
    return rows
  }
}

export default limiter
