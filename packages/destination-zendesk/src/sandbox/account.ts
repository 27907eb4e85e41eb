// What one Zendesk account holds: plain maps, so that millions of users cost little.
import type { Json } from "@tributary/core"
import type { Field } from "./fields.ts"
import type { Identity } from "./identities.ts"

/** How often a record was written in the current minute. */
export interface Writes {
  minute: number
  writes: number
}

export interface User extends Writes {
  readonly id: number
  readonly createdAt: number
  name: string
  readonly identities: Array<Identity>
  /** What the index of the search knows of addresses, and from when until when: it lags behind. */
  readonly indexed: Array<{ readonly value: string; readonly from: number; until: number | undefined }>
  externalId: string | undefined
  readonly role: "end-user" | "agent"
  tags: ReadonlyArray<string>
  fields: Record<string, Json.Json>
  /** Ids of organizations, the default one first. */
  organizations: ReadonlyArray<number>
}

export interface Organization extends Writes {
  readonly id: number
  readonly createdAt: number
  name: string
  externalId: string | undefined
  fields: Record<string, Json.Json>
  /** Membership ids by user id. */
  readonly members: Map<number, number>
}

export interface Account {
  readonly users: Map<number, User>
  /** By the external id in lower case. */
  readonly usersByExternalId: Map<string, User>
  /** By the e-mail address in lower case. */
  readonly usersByEmail: Map<string, User>
  readonly organizations: Map<number, Organization>
  readonly organizationsByExternalId: Map<string, Organization>
  readonly organizationsByName: Map<string, Organization>
  readonly memberships: Map<number, { readonly user: User; readonly organization: Organization }>
  readonly userFields: Map<string, Field>
  readonly organizationFields: Map<string, Field>
  mails: number
  lastId: number
}

export const emptyAccount = (): Account => ({
  users: new Map(),
  usersByExternalId: new Map(),
  usersByEmail: new Map(),
  organizations: new Map(),
  organizationsByExternalId: new Map(),
  organizationsByName: new Map(),
  memberships: new Map(),
  userFields: new Map(),
  organizationFields: new Map(),
  mails: 0,
  lastId: 1000
})

export const nextId = (account: Account): number => ++account.lastId

/** Counts a write of one record, unless it is one too many in this minute. */
export const countWrite = (record: Writes, limit: number, now: number): boolean => {
  const minute = Math.floor(now / 60_000)
  if (record.minute !== minute) {
    record.minute = minute
    record.writes = 0
  }
  if (record.writes >= limit) return false
  record.writes++
  return true
}

export const unwritten: Writes = { minute: -1, writes: 0 }
