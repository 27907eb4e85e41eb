/**
 * How often changes are sent to a list destination.
 *
 * A vendor says how often a list can take an update; an operator may want it less often, never more often. A cadence
 * returns one thing: given when the last sync ended, when the next one is due. It keeps no clock and no
 * state, so the answer is the same after a restart, and a night of downtime leaves one sync due, not eight.
 *
 * @since 0.1.0
 */
import { DateTime, Duration, Option, Result, Schema } from "effect"

/**
 * A fixed interval between two syncs of one list.
 *
 * @category models
 * @since 0.1.0
 */
export interface Cadence {
  /** Time from one settled sync to the next. */
  readonly every: Duration.Duration
}

/**
 * The operator asked for syncs more often than the vendor allows.
 *
 * @category errors
 * @since 0.1.0
 */
export class CadenceTooFast extends Schema.TaggedError<CadenceTooFast>()("CadenceTooFast", {
  destination: Schema.String,
  asked: Schema.String,
  minimum: Schema.String
}) {
  override get message(): string {
    return (
      `${this.destination} accepts list changes at most once every ${this.minimum}, but "every" asks for ${this.asked}. ` +
      `Set "every" to ${this.minimum} or more, or leave it out.`
    )
  }
}

/**
 * Once an hour: what a list gets when neither plugin nor operator says otherwise.
 *
 * @category constructors
 * @since 0.1.0
 */
export const hourly: Cadence = { every: Duration.hours(1) }

/**
 * A cadence of the given interval.
 *
 * @example
 * ```ts
 * const adwords = Cadence.every("6 hours")
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const every = (interval: Duration.Input): Cadence => ({ every: Duration.fromInputUnsafe(interval) })

/**
 * The cadence asked for, or the reason why the vendor's minimum forbids it.
 *
 * @category combinators
 * @since 0.1.0
 */
export const notFasterThan = (
  asked: Cadence,
  minimum: Cadence,
  destination: string
): Result.Result<Cadence, CadenceTooFast> =>
  Duration.isGreaterThanOrEqualTo(asked.every, minimum.every)
    ? Result.succeed(asked)
    : Result.fail(
        new CadenceTooFast({
          destination,
          asked: inWords(asked.every),
          minimum: inWords(minimum.every)
        })
      )

/**
 * When the next sync is due: at once if there was none, else one interval after the last was settled.
 *
 * **Gotchas**
 *
 * The interval starts when the last sync *settled*. Counted from its start, a first upload longer than the interval
 * would be followed by the next one without a pause.
 *
 * @category combinators
 * @since 0.1.0
 */
export const nextDue = (cadence: Cadence, lastSettled: Option.Option<DateTime.Utc>, now: DateTime.Utc): DateTime.Utc =>
  Option.match(lastSettled, {
    onNone: () => now,
    onSome: (settled) => DateTime.addDuration(settled, cadence.every)
  })

/** `6 hours`, `1 hour 30 minutes`. */
const inWords = (duration: Duration.Duration): string => {
  const { days, hours, minutes, seconds } = Duration.parts(duration)
  const parts = Object.entries({ day: days, hour: hours, minute: minutes, second: seconds })
  const words = parts
    .filter(([, count]) => count > 0)
    .map(([unit, count]) => `${count} ${unit}${count === 1 ? "" : "s"}`)
  return words.length === 0 ? Duration.format(duration) : words.join(" ")
}
