/**
 * Holds: a sync that would remove too many waits for an operator (R36).
 *
 * A source that breaks looks like an audience that everybody exited, and a column that turns empty like people who gave
 * up their addresses. So before anything is sent, what is about to be removed is counted against what was sent.
 *
 * @since 0.1.0
 */
import { IdSet, type Ledger, Wording } from "@tributary/core/runtime"
import { Effect } from "effect"
import { SqlClient, type SqlError } from "effect/sql"
import type { Activation } from "../../config/Activation.ts"
import { pending } from "../dirty/DirtySets.ts"
import { wanted } from "./Reach.ts"
import * as Removals from "./Removals.ts"

/**
 * An activation with its policy; without one it is never held.
 *
 * @category models
 * @since 0.1.0
 */
export interface Held extends Removals.Sent, Pick<Activation, "hold"> {}

/**
 * Holds the activation, or lets go of it, as its pending changes ask for. Returns why it is held.
 *
 * @category combinators
 * @since 0.1.0
 */
export const check = Effect.fnUntraced(function* (
  activation: Held,
  counting: Removals.Counting
): Effect.fn.Return<string | undefined, SqlError.SqlError | Ledger.Fenced, SqlClient.SqlClient> {
  const sql = yield* SqlClient.SqlClient
  const { hold, no } = activation
  const [row] = yield* sql<{ approved: boolean; held: string | null }>`
    select approved, held from tributary.activation where no = ${no}`
  const mayHold = hold !== undefined && row?.approved !== true
  const reason = mayHold ? yield* reasonToHold(activation, hold, counting) : undefined
  if ((row?.held ?? undefined) !== reason) {
    yield* sql`update tributary.activation set held = ${reason ?? null}::text where no = ${no}`
  }
  return reason
})

/** Identifiers of nobody stand for keys: no profile has their number. */
const nobody = IdSet.from([0])

const reasonToHold = Effect.fnUntraced(function* (
  activation: Held,
  { least, share }: NonNullable<Activation["hold"]>,
  counting: Removals.Counting
) {
  const present = yield* wanted(activation.no)
  const concerned = IdSet.difference(yield* pending(activation.no), nobody)
  if (concerned.size === 0 || (present.size > 0 && concerned.size < least)) return undefined
  const { emptied, identifiers, profiles, sent } = yield* Removals.count(activation, counting, concerned, present)
  if (profiles === 0) return undefined
  if (present.size === 0) {
    const all = `${Wording.plural(profiles, "profile that was", "profiles that were")} sent`
    return `its source turned empty: all ${all} (${Wording.plural(identifiers, "identifier")}) would be removed`
  }
  if (profiles < least) return undefined
  const removed = `${Wording.plural(identifiers, "identifier")} of ${Wording.plural(profiles, "profile")}`
  if (identifiers > share * sent) {
    const percent = Math.round((identifiers / sent) * 100)
    return `it would remove ${removed}, ${percent} % of the identifiers sent (allowed: ${Math.round(share * 100)} %)`
  }
  const types = yield* emptied
  return types.length === 0 ? undefined : `it would remove ${removed}: no ${types.join(", no ")} that was sent remains`
})
