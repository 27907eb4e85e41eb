/**
 * Profiles as they are imported: checked, with defaults filled in.
 *
 * @since 0.1.0
 */
import type { Computation } from "@tributary/core/runtime"
import * as Changes from "./Changes.ts"
import type { Fail } from "./Mistakes.ts"
import * as Schedule from "./Schedule.ts"
import type { Profiles, Rows } from "./Source.ts"

/**
 * Profiles to import.
 *
 * @category models
 * @since 0.1.0
 */
export interface ResolvedProfiles {
  readonly name: string
  readonly collection: Computation.Collection
  readonly rows: Rows
  readonly id: string
  readonly identifiers: Readonly<Record<string, string>>
  readonly traits: Readonly<Record<string, string>>
  readonly account: string | undefined
  readonly schedule: Schedule.Schedule
  readonly changes: Changes.Changes | undefined
}

/**
 * Checks a set of profiles.
 *
 * @category constructors
 * @since 0.1.0
 */
export const resolveProfiles = (profiles: Profiles, fail: Fail): ResolvedProfiles => {
  const { account, id, identifiers, traits } = profiles.options
  const path = `profiles "${profiles.name}"`
  if (Object.keys(identifiers).length === 0)
    fail(path, `has no identifiers; name at least one, such as { user_id: "id" }`)
  return {
    name: profiles.name,
    collection: profiles.collection,
    rows: profiles.rows,
    id: id ?? "id",
    identifiers,
    traits: isList(traits) ? Object.fromEntries(traits.map((trait) => [trait, trait])) : (traits ?? {}),
    account,
    schedule: Schedule.resolve(profiles.options, path, fail),
    changes: Changes.resolve(profiles.rows.changes, path, fail)
  }
}

const isList = (traits: unknown): traits is ReadonlyArray<string> => Array.isArray(traits)
