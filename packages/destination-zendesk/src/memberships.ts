/**
 * Memberships: which users belong to an organization. They are only ever added.
 *
 * @since 0.1.0
 */
import { type Client, type DeliveryError, Outcome } from "@tributary/core"
import { Effect } from "effect"
import * as Api from "./api.ts"
import { Refused } from "./refusal.ts"

/** The vendor's limit on `show_many`. */
const idsPerRequest = 100
/** Characters of ids in one address, well below what proxies take (8 kB), percent-encoded. */
const idsLength = 4000

/**
 * The external ids to ask for together.
 *
 * **Details**
 *
 * Zendesk separates ids by commas, so an id that holds one cannot be asked for: it would read as two others, and the
 * wrong users would join.
 *
 * @category combinators
 * @since 0.1.0
 */
export const askTogether = (externalIds: ReadonlyArray<string>): ReadonlyArray<ReadonlyArray<string>> => {
  const groups: Array<Array<string>> = []
  let group: Array<string> = []
  let length = 0
  for (const id of new Set(externalIds)) {
    if (id === "" || id.includes(",")) continue
    const size = encodeURIComponent(id).length + 3
    if (group.length === idsPerRequest || (group.length > 0 && length + size > idsLength)) {
      groups.push(group)
      group = []
      length = 0
    }
    group.push(id)
    length += size
  }
  return group.length === 0 ? groups : [...groups, group]
}

/**
 * Puts the users with these external ids into the organization, those that Zendesk knows and that are not in it.
 *
 * One that Zendesk refuses does not keep the others out.
 *
 * @category requests
 * @since 0.1.0
 */
export const complete = Effect.fnUntraced(function* (
  client: Client.Client,
  organization: number,
  externalIds: ReadonlyArray<string>
): Effect.fn.Return<void, Refused | DeliveryError.DeliveryError> {
  const groups = askTogether(externalIds)
  const known = (yield* Effect.forEach(groups, (ids) => Api.findUsers(client, ids))).flat()
  if (known.length === 0) return
  const members = yield* Api.findMembers(client, organization)
  const missing = [...new Set(known)].filter((user) => !members.has(user))
  const outcomes = yield* Effect.forEach(
    missing,
    (user) =>
      Api.addMember(client, organization, user).pipe(
        Effect.as(Outcome.delivered),
        Effect.catchTag("Refused", (refused) => Effect.succeed(refused.outcome))
      ),
    { concurrency: 5 }
  )
  const outcome = together(outcomes)
  if (outcome._tag !== "Delivered") return yield* new Refused({ outcome, fields: [], duplicates: [] })
})

/**
 * One outcome for all memberships of an organization: a refusal before a delay, because a delay ends by itself.
 *
 * @category combinators
 * @since 0.1.0
 */
export const together = (outcomes: ReadonlyArray<Outcome.Outcome>): Outcome.Outcome => {
  const refused = outcomes.filter((outcome) => outcome._tag === "Rejected")
  const [first] = refused
  if (first !== undefined) {
    return Outcome.rejected(
      `Zendesk took the organization, and refused ${refused.length} of ${outcomes.length} new memberships. ` +
        `The first: ${first.reason}`
    )
  }
  return outcomes.find((outcome) => outcome._tag === "Retry") ?? Outcome.delivered
}
