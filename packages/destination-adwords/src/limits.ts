/**
 * What Google allows, and how long a used-up quota lasts.
 *
 * Google counts requests a minute and a day for the whole Cloud project and tells of neither in headers. A refusal names
 * the quota (`IngestionMutateRequestsPerDayPerProject`; source: developers.google.com/data-manager/api/devguides/limits).
 * The page leaves open when a day begins; other Google APIs state midnight Pacific time, daylight saving included
 * (developers.google.com/android-publisher/quotas), and that is assumed here.
 *
 * @since 0.1.0
 */
import { RateLimit } from "@tributary/core"

/**
 * The quota of one Cloud project, which everything shares that is signed by its credentials.
 *
 * @category models
 * @since 0.1.0
 */
export const limits: ReadonlyArray<RateLimit.RateLimit> = [
  RateLimit.requests(300, "1 minute"),
  RateLimit.requests(100_000, "1 day")
]

const second = 1000
const hour = 3_600_000
const day = 24 * hour

const clock = new Intl.DateTimeFormat("en-US", {
  timeZone: "America/Los_Angeles",
  hourCycle: "h23",
  hour: "numeric",
  minute: "numeric",
  second: "numeric"
})

/** Milliseconds since the clocks of California showed 00:00, were every day 24 hours long. */
const sinceMidnight = (time: number): number => {
  const part = { hour: 0, minute: 0, second: 0 }
  for (const { type, value } of clock.formatToParts(time)) {
    if (type === "hour" || type === "minute" || type === "second") part[type] = Number(value)
  }
  return part.hour * hour + part.minute * 60 * second + part.second * second + (time % second)
}

/**
 * Milliseconds from `time` (epoch milliseconds) to the next midnight in California, days of 23 and 25 hours included.
 *
 * @category combinators
 * @since 0.1.0
 */
export const untilPacificMidnight = (time: number): number => {
  const guess = day - sinceMidnight(time)
  const past = sinceMidnight(time + guess)
  return past === 0 ? guess : past < day / 2 ? guess - past : guess + day - past
}

/**
 * Milliseconds to wait after a 429: until midnight Pacific time for a daily quota; for one a minute what the answer
 * asks for, else a minute.
 *
 * @category combinators
 * @since 0.1.0
 */
export const waitMillis = (quotaLimit: string | undefined, askedMillis: number | undefined, time: number): number =>
  quotaLimit !== undefined && /per_?day/i.test(quotaLimit) ? untilPacificMidnight(time) : (askedMillis ?? 60 * second)
