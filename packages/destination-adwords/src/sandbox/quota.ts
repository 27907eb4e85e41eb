/**
 * The quota of a Cloud project: requests a minute and a day, for each family of methods, shared by all its customers.
 *
 * Nothing in an answer tells what is left; a request too many is refused with 429 and the name of the quota (source:
 * developers.google.com/data-manager/api/devguides/limits).
 *
 * @since 0.1.0
 */
import { Sandbox } from "@tributary/core"
import { refuse } from "./answers.ts"

/**
 * How many requests one family of methods takes.
 *
 * @category models
 * @since 0.1.0
 */
export interface Allowance {
  readonly perMinute: number
  readonly perDay: number
}

/**
 * The families: `mutate` is ingest, remove and removeAll; `read` is the status; `manageMutate` and `manageRead` are user
 * lists.
 *
 * @category models
 * @since 0.1.0
 */
export interface Allowances {
  readonly mutate: Allowance
  readonly read: Allowance
  readonly manageMutate: Allowance
  readonly manageRead: Allowance
}

/**
 * What a Cloud project has unless Google grants it more.
 *
 * @category constants
 * @since 0.1.0
 */
export const standard: Allowances = {
  mutate: { perMinute: 300, perDay: 100_000 },
  read: { perMinute: 300, perDay: 100_000 },
  manageMutate: { perMinute: 300, perDay: 50_000 },
  manageRead: { perMinute: 300, perDay: 50_000 }
}

const names = {
  mutate: "IngestionMutateRequests",
  read: "IngestionReadRequests",
  manageMutate: "ManagementMutateRequests",
  manageRead: "ManagementReadRequests"
}

const pacific = new Intl.DateTimeFormat("en-CA", { timeZone: "America/Los_Angeles", dateStyle: "short" })

/**
 * Daily quotas start anew at midnight Pacific time, as those of other Google APIs do. That is a full hour of UTC, so the
 * date is asked for once an hour.
 */
const pacificDate = () => {
  let hour = Number.NaN
  let date = ""
  return (now: number): string => {
    const current = Math.floor(now / 3_600_000)
    if (current !== hour) {
      hour = current
      date = pacific.format(now)
    }
    return date
  }
}

/**
 * Counts requests; answers the refusal of one too many.
 *
 * @category constructors
 * @since 0.1.0
 */
export const makeQuota = (allowances: Allowances) => {
  const dateOf = pacificDate()
  const family = (name: keyof Allowances) => {
    const minute = Sandbox.fixedWindow(allowances[name].perMinute, 60_000)
    let date = ""
    let used = 0
    const over = (window: "Minute" | "Day", requestId: string) =>
      refuse(429, "RESOURCE_EXHAUSTED", `Quota exceeded for quota metric '${names[name]}' of the project.`, {
        requestId,
        reason: "RESOURCE_EXHAUSTED",
        metadata: { quota_limit: `${names[name]}Per${window}PerProject` }
      })
    return (now: number, requestId: string): Sandbox.SandboxResponse | undefined => {
      if (dateOf(now) !== date) {
        date = dateOf(now)
        used = 0
      }
      if (used >= allowances[name].perDay) return over("Day", requestId)
      if (!minute.take(now)) return over("Minute", requestId)
      used++
      return undefined
    }
  }
  return {
    mutate: family("mutate"),
    read: family("read"),
    manageMutate: family("manageMutate"),
    manageRead: family("manageRead")
  }
}
