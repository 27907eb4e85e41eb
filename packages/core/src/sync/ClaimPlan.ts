/**
 * Claim plans: what is pending for the profiles of one claim. Read, compared and enriched; neither sent nor settled.
 *
 * @since 0.1.0
 */
import { Effect } from "effect"
import type { Call } from "../contract/Call.ts"
import type { Enricher } from "../enrichment/Enricher.ts"
import * as EventPlan from "./EventPlan.ts"
import type { Claim, Fenced, Intent, Ledger, LedgerError } from "./Ledger.ts"
import * as ListPlan from "./ListPlan.ts"
import type { Member } from "../contract/Member.ts"
import type * as Plan from "./Plan.ts"
import { append } from "./ShortLists.ts"
import * as Spans from "../telemetry/Spans.ts"
import type { Work } from "./Work.ts"

/**
 * What is pending for the profiles of one claim.
 *
 * @category models
 * @since 0.1.0
 */
export interface ClaimPlan {
  readonly calls: Array<Plan.Item<Call>>
  readonly adds: Array<Plan.Item<Member>>
  readonly discards: Array<Plan.Item<Member>>
  readonly unsendable: Array<Plan.Unsendable>
  readonly obsolete: Array<Plan.LedgerKey>
  readonly covered: Array<Plan.Settlement>
  /** Where the vendor matches by keys, all that the claimed profiles have: of these the plan is true now. */
  readonly held: Array<number>
}

/**
 * A plan with nothing in it yet.
 *
 * @category constructors
 * @since 0.1.0
 */
export const emptyPlan = (): ClaimPlan => ({
  calls: [],
  adds: [],
  discards: [],
  unsendable: [],
  obsolete: [],
  covered: [],
  held: []
})

/**
 * Profiles that are planned in one go. A large claim is planned in slices: answers are read, and news is sent, meanwhile
 * (bench `event` and `list`, whose claims are thousands).
 */
const profilesPerSlice = 256

/**
 * Reads a claim and compares it: what should be sent with what was sent.
 *
 * @category constructors
 * @since 0.1.0
 */
export const planClaim = Effect.fn(Spans.plan)(function* (
  ledger: Ledger["Service"],
  enricher: Enricher["Service"],
  work: Work,
  claim: Claim
): Effect.fn.Return<ClaimPlan, LedgerError | Fenced> {
  const tasks = work.tasks.filter((task) => claim.byActivation.has(task.activation))
  const tasksOf = (profile: number) =>
    claim.byActivation.size === 1
      ? tasks
      : tasks.filter((task) => claim.byActivation.get(task.activation)?.has(profile) === true)
  const isEvent = work.form._tag === "Event"
  const reading = yield* ledger.read(claim, {
    identifierTypes: work.declaration.identifiers,
    keys: work.keys,
    joins: tasks.some((task) => task.per === "profile"),
    traits:
      Object.keys(work.declaration.requirements).length > 0 ||
      tasks.some((task) => Object.keys(task.traits).length > 0),
    users: work.form._tag === "Event" && work.form.groupUsers !== false,
    reached: work.form._tag === "Event" && work.form.groupUsers === "known",
    kinds: isEvent ? ["identify", "track", "group"] : ["member"]
  })
  const terms: Plan.Terms = {
    requirements: work.mode === "baseline" ? {} : work.declaration.requirements,
    coalesce: work.form._tag === "Event" && work.form.coalesce,
    identifierTypes: work.declaration.identifiers,
    version: work.version,
    enricher
  }
  const standingOf = (task: Plan.Task, profile: Plan.KnownProfile): Plan.Standing => {
    const standing = reading.standing(task.activation, profile.no)
    // A baseline takes as sent whatever should be, what was rejected included.
    return work.mode === "baseline" ? { ...standing, rejected: () => undefined } : standing
  }
  const hasKeys = Object.keys(work.keys).length > 0
  const planned = emptyPlan()
  let count = 0
  for (const profile of reading.profiles) {
    if (++count % profilesPerSlice === 0) yield* Effect.yieldNow
    const own = tasksOf(profile.no)
    if (hasKeys) for (const { no } of profile.identifiers) planned.held.push(no)
    if (isEvent) {
      const due = EventPlan.plan(
        profile,
        own.map((task) => [task, standingOf(task, profile)]),
        terms
      )
      append(planned.calls, due.items)
      append(planned.unsendable, due.unsendable)
      append(planned.obsolete, due.obsolete)
      append(planned.covered, due.covered)
    } else {
      for (const task of own) {
        const due = ListPlan.plan(profile, task, standingOf(task, profile), terms)
        append(planned.adds, due.adds)
        append(planned.discards, due.discards)
        append(planned.unsendable, due.unsendable)
        append(planned.obsolete, due.obsolete)
      }
    }
  }
  return planned
})

/**
 * What is about to be sent.
 *
 * @category combinators
 * @since 0.1.0
 */
export const intentsOf = ({ adds, calls, discards }: ClaimPlan): ReadonlyArray<Intent> => [
  ...calls,
  ...adds,
  ...discards
]
