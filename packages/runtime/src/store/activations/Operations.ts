/**
 * Operations: what an operator may do to an activation (R34, R36, R38).
 *
 * @since 0.1.0
 */
import { IdSet } from "@tributary/core/runtime"
import { Effect } from "effect"
import { SqlClient, type SqlError } from "effect/sql"
import { lane, mark, marksOf } from "../dirty/DirtySets.ts"
import * as News from "../dirty/News.ts"
import * as Exits from "./Exits.ts"
import { markEverybody } from "./Reach.ts"
import { forgetJobs } from "../ledger/Receipts.ts"
import * as SentSets from "../sent/SentSets.ts"
import { transaction } from "../sql/Transaction.ts"

type Operation<A = void> = Effect.Effect<A, SqlError.SqlError, SqlClient.SqlClient>

/** Lets nothing more be sent for it, until `resume`. */
export const pause = (activation: number): Operation =>
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    yield* sql`update tributary.activation set paused = true where no = ${activation}`
  })

/** Undoes `pause` and `empty`, and lets a destination that stopped, or waits, try again. */
export const resume = (activation: number): Operation =>
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    yield* transaction(
      Effect.gen(function* () {
        yield* sql`update tributary.activation set paused = false where no = ${activation}`
        const filled = yield* sql`update tributary.activation set leaving = null, cause = 'filled again'
          where no = ${activation} and not removed and leaving is not null returning 1`
        if (filled.length > 0) yield* markEverybody(activation)
      })
    )
    yield* sql`update tributary.destination d set stopped = null, rests_until = null
      from tributary.activation a where a.no = ${activation} and d.id = a.destination`
  })

/** Sends everybody's exit, one by one or by deleting the list. Nobody comes back until `resume` (R19). */
export const leave = (activation: number, mode: Exits.ExitMode): Operation =>
  transaction(Exits.begin(activation, mode, mode === "exit" ? "emptied" : "list deleted"))

/** Lets a held sync run, whatever it removes. Returns whether it was held. */
export const approve = (activation: number): Operation<boolean> =>
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    const rows = yield* sql`update tributary.activation set approved = true, held = null, cause = 'approved'
      where no = ${activation} and held is not null returning 1`
    return rows.length > 0
  })

/**
 * Has everything sent again: what is sent already, and what was rejected too. The ledger keeps who was sent an entry, so
 * that whoever exits before then is still sent the exit.
 */
export const resync = (activation: number): Operation =>
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    yield* transaction(
      Effect.gen(function* () {
        yield* SentSets.sendAgain(activation)
        yield* sql`update tributary.activation set cause = 'resync' where no = ${activation}`
        yield* sql`delete from tributary.rejection where activation_no = ${activation}`
        yield* markEverybody(activation)
      })
    )
  })

/** Takes everything as sent, without sending: the next sync of the activation fills its ledger. */
export const baseline = (activation: number): Operation =>
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    yield* transaction(
      Effect.gen(function* () {
        yield* sql`update tributary.activation set baseline_due = true where no = ${activation}`
        yield* markEverybody(activation)
      })
    )
  })

/** Forgets rejections, so that they are tried again: of one activation, of one profile, or all. Returns how many. */
export const retry = (filter: {
  readonly activation: number | undefined
  readonly profile: number | undefined
}): Operation<number> =>
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    return yield* transaction(
      Effect.gen(function* () {
        const rows = yield* sql<{ activation_no: number; profile_no: number }>`
          delete from tributary.rejection
          where (${filter.activation ?? null}::int is null or activation_no = ${filter.activation ?? null}::int)
            and (${filter.profile ?? null}::int is null or profile_no = ${filter.profile ?? null}::int)
          returning activation_no, profile_no`
        yield* News.announce([...new Set(rows.map((row) => row.activation_no))])
        yield* mark(rows.flatMap((row) => marksOf(row.activation_no, lane.live, IdSet.from([row.profile_no]))))
        return rows.length
      })
    )
  })

/** The vendor's list was deleted: everybody is sent again, to a new list (R19). */
export const forgetList = (activation: number): Operation =>
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    yield* transaction(
      Effect.gen(function* () {
        yield* sql`delete from tributary.ledger where activation_no = ${activation}`
        yield* sql`delete from tributary.told_value where activation_no = ${activation}`
        yield* forgetJobs(activation)
        yield* sql`update tributary.activation set list_id = null, list_name = null, cause = 'the list was deleted downstream' where no = ${activation}`
        yield* markEverybody(activation)
      })
    )
  })
