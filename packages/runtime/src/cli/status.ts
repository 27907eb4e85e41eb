/**
 * `tributary status`.
 *
 * @since 0.1.0
 */
import { Cadence, Wording } from "@tributary/core/runtime"
import { Console, DateTime, Effect, Option } from "effect"
import type { Activation } from "../config/Activation.ts"
import * as Schedule from "../config/Schedule.ts"
import { activations, type ActivationStatus, failedSources } from "../store/views/Status.ts"
import { exitCode, type Run } from "./Exit.ts"
import { confirmationNotes, type Trouble, troubleNotes } from "./Notes.ts"
import { type SessionFlags, withSession } from "./Session.ts"
import { table, time } from "./Table.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface StatusFlags extends SessionFlags {
  readonly json: boolean
}

/**
 * @category commands
 * @since 0.1.0
 */
export const status = (flags: StatusFlags): Run =>
  withSession(flags, ({ resolved }) =>
    Effect.gen(function* () {
      const rows = yield* activations
      const failed = yield* failedSources
      const now = yield* DateTime.now
      const withNext = rows.map(({ dirty: pending, ...row }) => {
        const configured = resolved.activations.find(({ id }) => id === row.activation)
        return { ...row, pending, next_sync_at: configured === undefined ? null : nextSync(configured, row, now) }
      })
      const unregistered = resolved.activations
        .filter(({ id }) => !rows.some((row) => row.activation === id))
        .map(({ id }) => id)
      if (flags.json) {
        yield* Console.log(
          JSON.stringify({ activations: withNext, failedSources: failed, neverSynced: unregistered }, null, 2)
        )
        return exitCode.done
      }
      if (withNext.length === 0) {
        yield* Console.log(`Nothing was synced yet; "tributary sync" does it now.`)
        return exitCode.done
      }
      yield* Console.log(
        table(
          [
            { heading: "activation" },
            { heading: "state" },
            { heading: "members", numeric: true },
            { heading: "sent", numeric: true },
            { heading: "unconfirmed", numeric: true },
            { heading: "pending", numeric: true },
            { heading: "rejected", numeric: true },
            { heading: "last sync" },
            { heading: "next sync" }
          ],
          withNext.map((row) => [
            row.activation,
            row.state,
            Wording.count(row.size),
            Wording.count(row.sent),
            Wording.count(row.unconfirmed),
            Wording.count(row.pending),
            Wording.count(row.rejected),
            time(row.last_sync_at),
            row.next_sync_at === null ? "." : time(row.next_sync_at)
          ])
        )
      )
      const notes = [
        ...unregistered.map((id) => `${id} was never synced; "tributary sync" does it now.`),
        ...troubleNotes(withNext.flatMap(troubleOf)),
        ...withNext.flatMap(confirmationNotes),
        ...withNext.flatMap((row) => (row.error === null ? [] : [row.error])),
        ...failed.map((source) => source.error)
      ]
      if (notes.length > 0) yield* Console.log(`\n${[...new Set(notes)].join("\n")}`)
      yield* Console.log(
        `\nTimes are UTC. "members" and "pending" count profiles, "sent" and "unconfirmed" count identifiers.`
      )
      return exitCode.done
    })
  )

/** What waits, and why: stopped and held by their state, anything else by how its last sync ended. */
const troubleOf = (row: Omit<ActivationStatus, "dirty"> & { readonly pending: number }): ReadonlyArray<Trouble> => {
  const { activation, destination, last_sync, reason, state } = row
  if (reason !== null && (state === "stopped" || state === "held")) {
    return [{ activation, destination, kind: state, reason }]
  }
  if (reason !== null && state === "waiting") return [{ activation, destination, kind: "postponed", reason }]
  const result = state === "active" && row.pending > 0 ? last_sync?.result : undefined
  return result?._tag === "GaveUp" || result?._tag === "Waiting"
    ? [{ activation, destination, kind: "postponed", reason: result.reason }]
    : []
}

/** While `start` runs: a list by its cadence, events when their computation is evaluated next. */
const nextSync = (activation: Activation, row: Omit<ActivationStatus, "dirty">, now: DateTime.Utc): Date | null => {
  if (row.state !== "active") return null
  const last = (at: Date | null) => Option.map(Option.fromNullishOr(at), DateTime.fromDateUnsafe)
  const due =
    activation.form === "list"
      ? Cadence.nextDue(activation.cadence, last(row.settled_at), now)
      : Schedule.nextDue(activation.computation.schedule, last(row.evaluated_at), now)
  return DateTime.toDateUtc(due)
}
