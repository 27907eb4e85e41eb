/**
 * Laws about a vendor that fails: every failure has one class, and none is taken for success.
 *
 * @since 0.1.0
 */
import { Effect, Exit, Option } from "effect"
import type { SandboxResponse } from "../../contract/Sandbox.ts"
import { drafts, inWords, type Lab, type Way } from "../Lab.ts"
import { answerOf, everyWay, expect, isTaken, type Law, once, type Result, tagsOf, warmUp } from "../Law.ts"

/** An answer that says nothing but its status. */
const bare = (status: number, headers: Record<string, string> = {}): SandboxResponse => ({
  status,
  headers: { "content-type": "application/json", ...headers },
  body: { error: "conformance" }
})

/** What the plugin makes of one item to which every answer is this one. */
const against = (way: Way, lab: Lab, answer: (real: () => SandboxResponse) => SandboxResponse | "reset") => {
  lab.interfere((_, __, real) => answer(real))
  return answerOf(way, drafts(1))
}

/** From now on the request of this number, counted from 0, gets a 503; the others are the sandbox's. */
const failAt = (lab: Lab, step: number): void => {
  let asked = 0
  lab.interfere(() => (asked++ === step ? bare(503) : undefined))
}

/** A status, and the classes that it may have. Outcomes of the single item count as well as the batch's failure. */
const ofStatus = (
  name: string,
  statuses: ReadonlyArray<number>,
  sentence: string,
  classes: ReadonlyArray<string>
): Law =>
  everyWay(name, sentence, (way, lab) =>
    Effect.forEach(
      statuses,
      Effect.fnUntraced(function* (status) {
        yield* lab.pass("61 seconds")
        const result = yield* against(way, lab, () => bare(status))
        const tags = tagsOf(result)
        yield* expect(tags.length > 0 && tags.every((tag) => classes.includes(tag)), () => {
          return `${status} is ${inWords(result)}, and should be ${classes.join(" or ")}.`
        })
      }),
      { discard: true }
    )
  )

/** How long the answer asks to wait, as the plugin understood it. */
const waitOf = (result: Result): number | undefined => {
  if (Exit.isSuccess(result)) {
    const [outcome] = result.value
    return outcome?._tag === "Retry" ? outcome.afterMillis : undefined
  }
  const error = Option.getOrUndefined(Exit.findErrorOption(result))
  return error?._tag === "Throttled" || error?._tag === "Unavailable" ? error.retryAfterMillis : undefined
}

const patience = (name: string, sentence: string, header: (nowMillis: number) => string): Law =>
  everyWay(
    name,
    sentence,
    Effect.fnUntraced(function* (way, lab) {
      const now = yield* Effect.clockWith((clock) => clock.currentTimeMillis)
      const result = yield* against(way, lab, () => bare(429, { "retry-after": header(now) }))
      const wait = waitOf(result) ?? 0
      yield* expect(wait >= 119_000 && wait <= 86_400_000, () => {
        return `"Retry-After: ${header(now)}" is ${inWords(result)} with a wait of ${waitOf(result)} ms.`
      })
    })
  )

/** Answers in the place of a real one that had a body: the same status, and another body. */
const bodies = (name: string, sentence: string, change: (text: string) => ReadonlyArray<unknown>): Law =>
  everyWay(
    name,
    sentence,
    Effect.fnUntraced(function* (way, lab) {
      yield* warmUp(way, lab)
      const real: Array<string> = []
      lab.interfere((_, __, answer) => {
        const { body } = answer()
        real.push(body === undefined ? "" : typeof body === "string" ? body : JSON.stringify(body))
        return undefined
      })
      yield* answerOf(way, drafts(1))
      // A vendor whose answers are empty cannot be told from one that was cut off.
      if (real.every((text) => text === "" || text === "{}")) return
      for (const [no] of real.entries()) {
        const text = real[no] ?? ""
        if (text === "" || text === "{}") continue
        for (const body of change(text)) {
          yield* lab.pass("61 seconds")
          let asked = 0
          lab.interfere((_, __, answer) => (asked++ === no ? { ...answer(), body } : undefined))
          const result = yield* answerOf(way, drafts(1))
          yield* expect(!(Exit.isSuccess(result) && result.value.some(({ _tag }) => isTaken(_tag))), () => {
            return `${JSON.stringify(body)?.slice(0, 80)} in the place of ${text.slice(0, 80)} is taken for success.`
          })
        }
      }
    })
  )

const page = "<!DOCTYPE html><html><head><title>Sign in</title></head><body>Welcome to the guest network.</body></html>"

/**
 * @category laws
 * @since 0.1.0
 */
export const failures: ReadonlyArray<Law> = [
  ofStatus("unauthorized", [401], "401 stops the destination: the credentials are wrong.", ["Unauthorized"]),
  ofStatus("forbidden", [403], "403 stops the destination, or rejects the item; it is not tried for ever.", [
    "Unauthorized",
    "Misconfigured",
    "ListGone",
    "Rejected",
    "BatchRejected"
  ]),
  ofStatus("not-found", [404, 405], "404 and 405 stop the destination or the list, or reject the item.", [
    "Misconfigured",
    "ListGone",
    "Unauthorized",
    "Rejected",
    "BatchRejected"
  ]),
  ofStatus("too-large", [413], "413 halves the batch, or rejects the item.", [
    "PayloadTooLarge",
    "BatchRejected",
    "Rejected"
  ]),
  ofStatus("throttled", [429], "429 asks for patience.", ["Throttled", "Retry"]),
  ofStatus("unavailable", [500, 502, 503, 504], "5xx is tried again later.", ["Unavailable", "Throttled", "Retry"]),
  ofStatus("timed-out", [408], "408 is tried again later.", ["Unavailable", "Throttled", "Retry"]),
  ofStatus("bad-request", [400, 422], "Another 4xx is refused, and not tried for ever.", [
    "BatchRejected",
    "Rejected",
    "Misconfigured",
    "PayloadTooLarge",
    "Unauthorized"
  ]),
  everyWay("redirected", "A redirection is not a success.", (way, lab) =>
    Effect.forEach(
      [301, 302, 304, 307],
      Effect.fnUntraced(function* (status) {
        yield* lab.pass("61 seconds")
        const result = yield* against(way, lab, () => bare(status, { location: "https://example.com/" }))
        yield* expect(!tagsOf(result).some(isTaken), () => `${status} is ${inWords(result)}.`)
      }),
      { discard: true }
    )
  ),
  patience("retry-after-seconds", "Retry-After in seconds is heard.", () => "120"),
  patience("retry-after-date", "Retry-After as a date is heard.", (now) => new Date(now + 120_500).toUTCString()),
  everyWay("reset", "After a connection that breaks, everybody is sent again.", (way, lab) =>
    Effect.flatMap(
      against(way, lab, () => "reset"),
      (result) =>
        expect(
          tagsOf(result).every((tag) => tag === "Unavailable" || tag === "Retry"),
          () => `It is ${inWords(result)}.`
        )
    )
  ),
  everyWay(
    "one-request",
    "A failure is one request: a plugin does not try again by itself.",
    Effect.fnUntraced(function* (way, lab) {
      yield* warmUp(way, lab)
      yield* against(way, lab, () => bare(503))
      yield* expect(
        lab.seen.length === 1,
        () => `One item against a vendor that is down made ${lab.seen.length} requests.`
      )
    })
  ),
  everyWay(
    "every-step",
    "Every request of a delivery counts: where a later one fails, it is not delivered.",
    Effect.fnUntraced(function* (way, lab) {
      yield* warmUp(way, lab)
      yield* answerOf(way, drafts(1))
      const steps = lab.seen.length
      for (let step = 0; step < steps; step++) {
        yield* lab.pass("61 seconds")
        failAt(lab, step)
        const result = yield* answerOf(way, drafts(1))
        yield* expect(
          !tagsOf(result).some(isTaken),
          () => `Request ${step + 1} of ${steps} got a 503, and it is ${inWords(result)}.`
        )
      }
    })
  ),
  everyWay(
    "in-doubt",
    "Where an earlier request was taken, the failure of a later one does not say that nothing was.",
    Effect.fnUntraced(function* (way, lab) {
      yield* warmUp(way, lab)
      yield* answerOf(way, drafts(1))
      const steps = lab.seen.length
      for (let step = 1; step < steps; step++) {
        const before = yield* lab.holds
        yield* lab.pass("61 seconds")
        failAt(lab, step)
        const result = yield* answerOf(way, [{ no: 100 + step }])
        const error = Exit.isFailure(result) ? Option.getOrUndefined(Exit.findErrorOption(result)) : undefined
        const isSure = error?._tag === "Unavailable" && error.nothingTaken === true
        const after = yield* lab.holds
        yield* expect(
          !isSure || before === after,
          () => `Request ${step + 1} got a 503 after a write, and it says nothing was taken.`
        )
      }
    })
  ),
  bodies("empty-body", "A success without the body that belongs to it is not a success.", () => [""]),
  bodies("html", "A page in the place of an answer is not a success.", () => [page]),
  bodies("truncated", "An answer that is cut off is not a success.", (text) =>
    text.length < 2 ? [] : [text.slice(0, text.length >> 1)]
  ),
  bodies("other-json", "JSON of another shape is not a success.", () => [null, [], { unexpected: true }, 42]),
  everyWay("huge", "A huge answer is classified, and the reason that is kept of it is short.", (way, lab) =>
    Effect.forEach(
      [200, 400, 500],
      Effect.fnUntraced(function* (status) {
        yield* lab.pass("61 seconds")
        const result = yield* against(way, lab, () => ({ status, body: `{"error":"${"x".repeat(2_000_000)}"}` }))
        const words = inWords(result)
        yield* expect(words.length < 2000 && !tagsOf(result).some(isTaken), () => {
          return `${status} with two million characters: a reason of ${words.length} characters, ${words.slice(0, 60)}…`
        })
      }),
      { discard: true }
    )
  ),
  once("quota", "What a vendor's headers say of the quota is read without a fault, whatever stands in them.", (lab) =>
    Effect.forEach(
      ["", "0", "-1", "1e999", "abc", "5, 7", "2026-01-01", "99999999999999999999", "NaN"],
      Effect.fnUntraced(function* (value) {
        for (const status of [200, 429, 500]) {
          const headers = new Proxy<Record<string, string>>({}, { get: () => value })
          const result = yield* Effect.exit(
            Effect.sync(() =>
              lab.bound.quota?.(
                { status, headers, text: "", json: undefined, receivedAt: 1_767_225_600_000 },
                { method: "POST", path: "/" }
              )
            )
          )
          const quota = Exit.isSuccess(result) ? result.value : { remaining: Number.NaN, resetMillis: 0 }
          yield* expect(
            quota === undefined ||
              [quota.remaining, quota.resetMillis].every((count) => Number.isFinite(count) && count >= 0),
            () =>
              `Headers of "${value}" with a ${status} are ${Exit.isSuccess(result) ? JSON.stringify(quota) : "a crash"}.`
          )
        }
      }),
      { discard: true }
    )
  )
]
