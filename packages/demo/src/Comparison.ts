/**
 * What the vendors hold, compared with what they should.
 *
 * @since 0.1.0
 */
import { Json } from "@tributary/core"
import { type BrazePerson, type Expected, membership, type ZendeskRecord } from "./Expected.ts"
import type { States } from "./Vendors.ts"

/**
 * What was compared at one vendor.
 *
 * @category models
 * @since 0.1.0
 */
export interface Check {
  readonly vendor: string
  /** Such as `people`, `list members`. */
  readonly what: string
  /** Records that the database says the vendor should hold. */
  readonly expected: number
  /** In words, such as `Braze, external_id c00012: …`. */
  readonly differences: ReadonlyArray<string>
}

/**
 * Compares all three vendors, each record and each value of it.
 *
 * @category constructors
 * @since 0.1.0
 */
export const compare = (expected: Expected, states: States): ReadonlyArray<Check> => [
  braze(expected, states.braze),
  ads(expected, states.ads),
  ...zendesk(expected, states.zendesk)
]

const braze = (expected: Expected, state: States["braze"]): Check => {
  const found = (profiles: States["braze"]["users"]): Map<string, BrazePerson> =>
    new Map(
      Object.entries(profiles).map(([key, { attributes, events }]) => {
        const { email: _, ...rest } = attributes
        return [key, { attributes: rest, events: events.map((event) => event.name) }]
      })
    )
  const all = expected.brazeUsers.size
  return {
    vendor: "Braze",
    what: "people",
    expected: all,
    differences: [
      ...records("Braze, external_id", expected.brazeUsers, found(state.users), personDifferences),
      // Profiles that no id leads to would show in the count alone.
      ...(state.count === all ? [] : [`Braze holds ${state.count} profiles, the database says ${all}`])
    ]
  }
}

const personDifferences = (wanted: BrazePerson, found: BrazePerson): ReadonlyArray<string> => [
  ...valueDifferences(wanted.attributes, found.attributes),
  ...valueDifferences({ events: wanted.events }, { events: found.events })
]

const ads = (expected: Expected, state: States["ads"]): Check => {
  const differences: Array<string> = []
  const lists = new Map(state.lists.map((list) => [list.displayName, new Set(list.members)]))
  for (const [name, wanted] of expected.lists) {
    const members = lists.get(name)
    if (members === undefined) {
      if (wanted.size > 0) differences.push(`Google Ads has no list "${name}"`)
      continue
    }
    for (const [hash, address] of wanted) {
      if (!members.has(hash)) differences.push(`Google Ads, list "${name}": ${address} is missing`)
    }
    for (const hash of members) {
      if (!wanted.has(hash))
        differences.push(`Google Ads, list "${name}": the address of hash ${hash} should not be there`)
    }
  }
  for (const name of lists.keys()) {
    if (!expected.lists.has(name)) differences.push(`Google Ads has a list "${name}" that nobody asked for`)
  }
  return {
    vendor: "Google Ads",
    what: "list members",
    expected: [...expected.lists.values()].reduce((sum, members) => sum + members.size, 0),
    differences
  }
}

const zendesk = (expected: Expected, state: States["zendesk"]): ReadonlyArray<Check> => {
  const users = new Map(
    state.users.map((user) => [user.external_id ?? `(none) ${user.id}`, { name: user.name, fields: user.user_fields }])
  )
  const organizations = new Map(
    state.organizations.map(({ external_id, id, name, organization_fields }) => [
      external_id ?? `(none) ${id}`,
      { name, fields: organization_fields }
    ])
  )
  const idOf = new Map(state.organizations.map(({ external_id, id }) => [id, external_id ?? ""]))
  const held = new Set(
    state.users.flatMap((user) =>
      user.organization_ids.map((id) => membership(user.external_id ?? "", idOf.get(id) ?? ""))
    )
  )
  const memberships = [
    ...[...held]
      .filter((pair) => !expected.memberships.has(pair))
      .map((pair) => `Zendesk, membership: ${pair} should not be there`),
    ...expected.dueMemberships
      .filter(({ organization, user }) => users.has(user) && organizations.has(organization))
      .map(({ organization, user }) => membership(user, organization))
      .filter((pair) => !held.has(pair))
      .map((pair) => `Zendesk, membership: ${pair} is missing`)
  ]
  return [
    {
      vendor: "Zendesk",
      what: "users",
      expected: expected.zendeskUsers.size,
      differences: [...records("Zendesk, user", expected.zendeskUsers, users, recordDifferences), ...memberships]
    },
    {
      vendor: "Zendesk",
      what: "organizations",
      expected: expected.organizations.size,
      differences: records("Zendesk, organization", expected.organizations, organizations, recordDifferences)
    }
  ]
}

const recordDifferences = (wanted: ZendeskRecord, found: ZendeskRecord): ReadonlyArray<string> => [
  ...valueDifferences({ name: wanted.name }, { name: found.name }),
  ...valueDifferences(wanted.fields, found.fields)
]

const records = <A>(
  title: string,
  wanted: ReadonlyMap<string, A>,
  found: ReadonlyMap<string, A>,
  differ: (wanted: A, found: A) => ReadonlyArray<string>
): ReadonlyArray<string> => {
  const differences: Array<string> = []
  for (const [key, record] of wanted) {
    const held = found.get(key)
    if (held === undefined) differences.push(`${title} ${key} is missing`)
    else differences.push(...differ(record, held).map((text) => `${title} ${key}: ${text}`))
  }
  for (const key of found.keys()) {
    if (!wanted.has(key)) differences.push(`${title} ${key} should not be there`)
  }
  return differences
}

interface Values {
  readonly [name: string]: Json.Json
}

const valueDifferences = (wanted: Values, found: Values): ReadonlyArray<string> =>
  [...new Set([...Object.keys(wanted), ...Object.keys(found)])].flatMap((name) => {
    const [should, is] = [shown(wanted[name]), shown(found[name])]
    return should === is ? [] : [`${name} is ${is}, the database says ${should}`]
  })

const shown = (value: Json.Json | undefined): string => (value === undefined ? "not set" : Json.canonical(value))
