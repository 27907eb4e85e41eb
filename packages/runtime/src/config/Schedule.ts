/**
 * When something is evaluated: at an interval, or by the clock.
 *
 * @since 0.1.0
 */
import { Cadence } from "@tributary/core/runtime"
import { Cron, DateTime, Duration, Option, Result } from "effect"
import type { Fail } from "./Mistakes.ts"

/**
 * How an operator writes it: `every: "5 minutes"`, or `cron: "0 6 * * *"` with an IANA zone (UTC where left out).
 *
 * @category models
 * @since 0.1.0
 */
export interface ScheduleOptions {
  /** Time between two runs, at least a second. Default: `1 hour`. */
  readonly every?: Duration.Input
  /** A cron line in place of `every`: `0 6 * * *`. */
  readonly cron?: string
  /** The IANA time zone of `cron`: `Europe/Berlin`. Default: `UTC`. */
  readonly timeZone?: string
}

/**
 * @category models
 * @since 0.1.0
 */
export type Schedule =
  | { readonly _tag: "Every"; readonly cadence: Cadence.Cadence }
  | { readonly _tag: "Cron"; readonly cron: Cron.Cron; readonly text: string }

/**
 * The schedule, or what is wrong with it. Default: every hour.
 *
 * @category constructors
 * @since 0.1.0
 */
export const parse = (options: ScheduleOptions): Result.Result<Schedule, string> => {
  if (options.every !== undefined && options.cron !== undefined) {
    return Result.fail(`has both "every" and "cron"; keep one of them`)
  }
  if (options.cron !== undefined) {
    return Result.mapBoth(Cron.parse(options.cron, options.timeZone ?? "UTC"), {
      onFailure: (error) => `cron "${options.cron}" cannot be read: ${error.message}`,
      onSuccess: (cron): Schedule => ({ _tag: "Cron", cron, text: options.cron ?? "" })
    })
  }
  const every = Duration.fromInput(options.every ?? Duration.hours(1))
  return Option.match(every, {
    onNone: () => Result.fail(`every "${written(options.every)}" is not a duration; write for example "5 minutes"`),
    onSome: (duration) =>
      Duration.isGreaterThanOrEqualTo(duration, Duration.seconds(1))
        ? Result.succeed<Schedule>({ _tag: "Every", cadence: { every: duration } })
        : Result.fail(`every must be one second at least`)
  })
}

/**
 * The schedule; `fail` receives what is wrong with it.
 *
 * @category constructors
 * @since 0.1.0
 */
export const resolve = (options: ScheduleOptions, path: string, fail: Fail): Schedule =>
  Result.match(parse(options), {
    onFailure: (message): Schedule => {
      fail(path, message)
      return { _tag: "Every", cadence: Cadence.hourly }
    },
    onSuccess: (schedule) => schedule
  })

/**
 * A value as somebody wrote it, for a message.
 *
 * @category combinators
 * @since 0.1.0
 */
export const written = (value: unknown): string =>
  typeof value === "string" ? value : (JSON.stringify(value) ?? String(value))

/**
 * When the next run is due: at once if there was none. A night of downtime leaves one run due, not a burst (R16).
 *
 * @category combinators
 * @since 0.1.0
 */
export const nextDue = (schedule: Schedule, last: Option.Option<DateTime.Utc>, now: DateTime.Utc): DateTime.Utc =>
  schedule._tag === "Every"
    ? Cadence.nextDue(schedule.cadence, last, now)
    : Option.match(last, {
        onNone: () => now,
        onSome: (at) => DateTime.fromDateUnsafe(Cron.next(schedule.cron, at))
      })

/**
 * The schedule in words: `every 5m`, or the cron line.
 *
 * @category combinators
 * @since 0.1.0
 */
export const describe = (schedule: Schedule): string =>
  schedule._tag === "Every" ? `every ${Duration.format(schedule.cadence.every)}` : `cron ${schedule.text}`
