// What every tool should hold in the end, worked out from the company's last state alone, and what it holds instead.
import { createHash } from "node:crypto"
import type { Company } from "./Company.ts"
import type { Vendors } from "./Vendors.ts"

const hash = (email: string) => createHash("sha256").update(email).digest("hex")

/** Every difference, in words. */
export const differences = (company: Company, vendors: Vendors, now: number): ReadonlyArray<string> => {
  const found: Array<string> = []
  /** `true` where it should be, and nowhere else; who never was told has nothing. */
  const flag = (where: string, should: boolean, is: unknown) => {
    if (should ? is !== true : is === true) found.push(`${where} is ${String(is)}, should be ${String(should)}`)
  }
  const owners = new Map([
    ...[...company.people].flatMap(([, person]) => person.ids.map((id) => [id, person] as const)),
    ...[...company.emails].flatMap(([email, id]) => {
      const person = company.people.get(id)
      return person === undefined ? [] : [[email, person] as const]
    })
  ])
  // Everybody has an id, so at Braze an address stands on the record of an id and has none of its own (R44).
  const braze = vendors.braze.state(now)
  const ids = [...company.everKnown].filter((known) => !known.includes("@"))
  for (const known of ids) {
    const person = owners.get(known)
    const profile = braze.users[known]
    const attributes = profile?.attributes ?? {}
    const isShopper = person?.isShopper === true
    flag(`Braze ${known} shoppers`, isShopper, attributes["shoppers"])
    const isKey = person?.account !== undefined && company.keyAccounts.has(person.account)
    flag(`Braze ${known} key_accounts`, isKey, attributes["key_accounts"])
    if (attributes["revenue"] !== person?.revenue) {
      found.push(`Braze ${known} revenue is ${String(attributes["revenue"])}, should be ${String(person?.revenue)}`)
    }
    // Of somebody with several ids one record alone enters and exits.
    if (person?.ids.length !== 1) continue
    const last = profile?.events.at(-1)?.name
    if (isShopper ? last !== "Audience Entered" : last === "Audience Entered") {
      found.push(`Braze ${known} last event is ${String(last)}`)
    }
  }
  const strangers = Object.keys(braze.users).filter((known) => !company.everKnown.has(known))
  found.push(...strangers.map((known) => `Braze knows ${known}, whom nobody knows`))
  const records = Object.keys(braze.users).length
  if (braze.count !== records) found.push(`Braze holds ${braze.count} records for ${records} ids`)

  const zendeskUsers = new Map(vendors.zendesk.state(now).users.map((user) => [user.external_id ?? "", user]))
  for (const known of company.everKnown) {
    if (known.includes("@")) continue
    const fields = zendeskUsers.get(known)?.user_fields ?? {}
    flag(`Zendesk ${known} shoppers`, owners.get(known)?.isShopper === true, fields["shoppers"])
  }
  const organizations = new Map(
    vendors.zendesk.state(now).organizations.map((each) => [each.external_id ?? "", each.organization_fields])
  )
  for (let i = 0; i < 8; i++) {
    const fields = organizations.get(`a${i}`) ?? {}
    flag(`Zendesk a${i} key_accounts`, company.keyAccounts.has(`a${i}`), fields["key_accounts"])
  }

  const { lists, processing } = vendors.ads.state(now)
  if (processing > 0) found.push(`Google still processes ${processing} requests`)
  const wanted = new Set(
    [...company.emails].flatMap(([email, id]) =>
      company.people.get(id)?.isShopper === true ? [hash(email.toLowerCase())] : []
    )
  )
  const members = new Set(lists.filter((list) => list.displayName === "Shoppers").flatMap((list) => list.members))
  if (lists.length !== 1) found.push(`Google has ${lists.length} lists, should have 1`)
  for (const member of wanted) if (!members.has(member)) found.push(`Google lacks ${member.slice(0, 8)}…`)
  for (const member of members) if (!wanted.has(member)) found.push(`Google has ${member.slice(0, 8)}…, who left`)
  return found
}
