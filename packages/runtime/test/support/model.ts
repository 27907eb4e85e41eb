// A naive model of what a vendor should hear, written from the rules: maps from identifiers to what was last told of them.
//
// It knows no dirty sets, no claims and no diffs. At each sync it looks at everybody, at each of their identifiers, and
// compares what should be told with what was.
import type { Message } from "./echo.ts"

export type Vendor = "well" | "503" | "429" | `reject ${string}` | `retry ${string}`

/** What happens in the company, at the vendor, or at the operator's desk. */
export type Command =
  | { readonly do: "arrive"; readonly who: string; readonly email: string; readonly company: string }
  | { readonly do: "delete" | "unlink"; readonly who: string }
  | { readonly do: "give" | "phone"; readonly who: string; readonly value: string }
  | { readonly do: "take"; readonly value: string }
  | { readonly do: "merge" | "join" | "leave"; readonly who: string; readonly with: string }
  | { readonly do: "name"; readonly who: string; readonly name: string }
  | { readonly do: "enter" | "exit"; readonly audience: string; readonly who: string }
  | { readonly do: "set"; readonly trait: string; readonly who: string; readonly json: string }
  | {
      readonly do: "resync" | "baseline" | "retry" | "pause" | "resume" | "remove" | "restore"
      readonly activation: string
    }
  /** A new version of the plugin: what the last one could not deliver is tried again. */
  | { readonly do: "upgrade" }
  | { readonly do: "sync"; readonly vendor: Vendor; readonly after: "1 minute" | "61 minutes" }

export const inWords = (command: Command): string => Object.values(command).join(" ")

export interface Person {
  readonly emails: Set<string>
  readonly companies: Set<string>
  phone: string
  name: string
}

/** The company's own tables. An empty name, phone or value is none. */
export interface Company {
  readonly customers: Map<string, Person>
  readonly companies: Map<string, { name: string }>
  readonly members: Map<string, Set<string>>
  readonly values: Map<string, Map<string, string>>
}

const named = <A>(entries: Readonly<Record<string, A>>) => new Map(Object.entries(entries))
const ids = (...names: ReadonlyArray<string>) => new Set(names)

/** Three people in two companies, with something to tell of each. */
export const startingCompany = (): Company => ({
  customers: named({
    u1: { emails: ids("e1"), companies: ids("c1"), phone: "", name: "Ada" },
    u2: { emails: ids("e2", "e3"), companies: ids("c1"), phone: "p2", name: "Bea" },
    u3: { emails: ids(), companies: ids("c2"), phone: "", name: "Cleo" }
  }),
  companies: named({ c1: { name: "Acme" }, c2: { name: "Bolt" } }),
  members: named({ Buyers: ids("u1", "u2"), Vips: ids("u2"), "Key accounts": ids("c1") }),
  values: named({
    Revenue: named({ u1: "450", u3: "1" }),
    Score: named({ u2: `"a"` }),
    Seats: named({ c1: "12" })
  })
})

/** Changes the company; commands to the operator or the vendor change nothing here, and impossible ones nothing either. */
export const happen = ({ companies, customers, members, values }: Company, command: Command): void => {
  const dropEmail = (email: string) => customers.forEach((person) => person.emails.delete(email))
  const person = "who" in command ? customers.get(command.who) : undefined
  if (command.do === "arrive" && person === undefined) {
    const { company, email, who } = command
    dropEmail(email)
    customers.set(who, { emails: ids(email), companies: ids(company), phone: "", name: `new ${who}` })
  }
  if (command.do === "delete") customers.delete(command.who)
  if (command.do === "unlink") person?.emails.clear()
  if (command.do === "take" || (command.do === "give" && person !== undefined)) dropEmail(command.value)
  if (command.do === "give") person?.emails.add(command.value)
  if (command.do === "phone" && person !== undefined) {
    for (const other of customers.values()) if (other.phone === command.value) other.phone = ""
    person.phone = command.value
  }
  if (command.do === "merge" && person !== undefined) {
    const other = customers.get(command.with)
    if (other === undefined || other === person) return
    customers.delete(command.who)
    person.emails.forEach((email) => other.emails.add(email))
    person.companies.forEach((id) => other.companies.add(id))
    if (other.phone === "") other.phone = person.phone
  }
  if (command.do === "join") person?.companies.add(command.with)
  if (command.do === "leave") person?.companies.delete(command.with)
  if (command.do === "name") {
    const named = person ?? companies.get(command.who)
    if (named !== undefined) named.name = command.name
  }
  if (command.do === "enter") members.get(command.audience)?.add(command.who)
  if (command.do === "exit") members.get(command.audience)?.delete(command.who)
  if (command.do === "set") values.get(command.trait)?.set(command.who, command.json)
}

type Collection = "users" | "accounts"

/** One activation of the test, as the model knows it. */
export interface Told {
  readonly id: string
  readonly computation: string
  readonly key: string
  readonly of: "audience" | "trait"
  readonly over: Collection
  /** Whose identifiers are told. */
  readonly to: Collection
  /** Call kinds, or none of a list. */
  readonly kinds: ReadonlyArray<string>
  /** Identifier types of which only one is told, or none (R23). */
  readonly policies: Readonly<Record<string, "latest" | "first" | "none">>
  /** Whether a new identifier is told of an unchanged value (R22). */
  readonly newIdentifiers: boolean
}

/** What a vendor is expected to hear, as a line: activation's key, kind, identifier, value. */
export interface News {
  readonly line: string
  /** A resync's: the value that it had before. */
  readonly isAgain: boolean
  /** Whether the vendor takes it. */
  readonly isTaken: boolean
  /** The call that it travels with where the vendor takes several values in one, once that call is refused. */
  readonly refusedWith?: string | undefined
}

/** A call of several values that is refused is sent again, each value in a call of its own (R33). */
const withSplit = (calls: ReadonlyArray<News>): ReadonlyArray<News> => {
  const refused = Map.groupBy(calls, ({ refusedWith }) => refusedWith)
  refused.delete(undefined)
  return [...calls, ...[...refused.values()].filter((together) => together.length > 1).flat()]
}

interface Owned {
  readonly collection: Collection
  /** `email:e1` */
  readonly name: string
  owner: string
  gone: boolean
  /** The sync that found it with its owner. */
  since: number
}

const spelled = (value: unknown): string =>
  JSON.stringify(value, (_, part: unknown) =>
    typeof part === "object" && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : part
  )

/** The lines of a message that the vendor heard. */
export const linesOf = ({ event, identifier, properties, traits, type, users }: Message): ReadonlyArray<string> =>
  Object.entries((properties ?? traits) as Message)
    .filter(([key]) => key !== "email" && key !== "audience_key" && key !== "trait_key")
    .map(([key, value]) => {
      const what = event === undefined ? type : `${type} ${event}`
      return `${key} ${what} ${identifier} ${withUsers(spelled(value), users ?? [])}`
    })

/** A plugin may ask for an account's users: then they are part of what is told. An exit is an exit, whoever is left. */
const withUsers = (value: string, users: ReadonlyArray<string>) =>
  users.length === 0 || value === "false" || value === "null" ? value : `${value} ${users.join(",")}`

export interface Plugin {
  readonly requiresName: boolean
  readonly groupUsers: boolean
  readonly coalesce: boolean
  readonly batch: number
}

const outcome = (vendor: Vendor, names: ReadonlyArray<string>): "ok" | "reject" | "retry" => {
  const [verb, type] = vendor.split(" ")
  if (vendor === "503" || vendor === "429") return "retry"
  if (type === undefined || !names.some((name) => name.startsWith(`${type}:`))) return "ok"
  return verb === "reject" ? "reject" : "retry"
}

const cadence = 60

export class Model {
  readonly configured: Set<string>
  readonly paused = new Set<string>()
  readonly baselines = new Set<string>()
  /** Activations that the store knows: an operator can name no other. */
  readonly known = new Set<string>()
  version = 1
  private minutes = 0
  private readonly settledAt = new Map<string, number>()
  private readonly identifiers = new Map<string, Owned>()
  private readonly names = new Map<string, string>()
  private readonly seen = new Map<string, { readonly value: string; readonly at: number }>()
  private readonly sent = new Map<string, string>()
  private readonly again = new Set<string>()
  private readonly rejected = new Map<string, string>()
  private readonly activations: ReadonlyArray<Told>
  private readonly plugin: Plugin

  constructor(activations: ReadonlyArray<Told>, plugin: Plugin) {
    this.activations = activations
    this.plugin = plugin
    this.configured = new Set(activations.map(({ id }) => id))
  }

  /** Everything that is told is to be told once more, and what was rejected is tried again (R38). */
  resync(id: string): void {
    for (const key of this.sent.keys()) if (key.startsWith(`${id} `)) this.again.add(key)
    this.retry(id)
  }

  retry(id: string): void {
    for (const key of this.rejected.keys()) if (key.startsWith(`${id} `)) this.rejected.delete(key)
  }

  /** What a sync after so many minutes tells a vendor in that state: calls, and list requests. */
  sync(company: Company, vendor: Vendor, minutes: number) {
    this.minutes += minutes
    this.meet(company)
    this.notice(company)
    const calls: Array<News> = []
    const members: Array<News> = []
    for (const activation of this.activations) {
      if (!this.configured.has(activation.id)) continue
      this.known.add(activation.id)
      if (activation.kinds.length === 0 && this.minutes < (this.settledAt.get(activation.id) ?? -cadence) + cadence)
        continue
      if (this.baselines.delete(activation.id)) this.takeAsTold(company, activation)
      if (this.paused.has(activation.id)) continue
      for (const kind of activation.kinds) calls.push(...this.calls(company, activation, kind, vendor))
      if (activation.kinds.length === 0) members.push(...this.listRequests(company, activation, vendor))
    }
    return { calls: withSplit(calls), members }
  }

  /** Who holds which identifier now. One that nobody holds keeps its last holder, whose name goes with its exit. */
  private meet(company: Company): void {
    const held = new Map<string, string>()
    const meet = (id: string, name: string, ...identifiers: ReadonlyArray<string>) => {
      this.names.set(id, name)
      // Identifiers that came at the same time stand in the order of their people, types and values.
      for (const identifier of identifiers.toSorted()) held.set(identifier, id)
    }
    for (const id of [...company.customers.keys()].toSorted()) this.names.set(id, this.names.get(id) ?? "")
    for (const id of this.names.keys()) {
      const person = company.customers.get(id)
      if (person === undefined) continue
      const phones = person.phone === "" ? [] : [`users phone:${person.phone}`]
      meet(id, person.name, `users user_id:${id}`, ...phones, ...[...person.emails].map((e) => `users email:${e}`))
    }
    for (const [id, { name }] of company.companies) meet(id, name, `accounts group_id:${id}`)
    for (const [key, known] of this.identifiers) {
      const owner = held.get(key)
      if (owner !== undefined && (known.gone || known.owner !== owner)) known.since = this.minutes
      known.gone = owner === undefined
      known.owner = owner ?? known.owner
    }
    for (const [key, owner] of held) {
      const collection = key.startsWith("users") ? "users" : "accounts"
      const name = key.slice(collection.length + 1)
      if (!this.identifiers.has(key)) {
        this.identifiers.set(key, { collection, name, owner, gone: false, since: this.minutes })
      }
    }
  }

  /** When a value of a trait came to be what it is: a computation that nobody asks for is not looked at. */
  private notice(company: Company): void {
    for (const [trait, values] of company.values) {
      const isAsked = this.activations.some(({ computation, id }) => computation === trait && this.configured.has(id))
      if (!isAsked) continue
      for (const id of this.names.keys()) {
        const isThere = company.customers.has(id) || company.companies.has(id)
        const json = isThere ? (values.get(id) ?? "") : ""
        const value = json === "" || json === "null" ? "" : spelled(JSON.parse(json))
        const key = `${trait} ${id}`
        if ((this.seen.get(key)?.value ?? "") !== value) this.seen.set(key, { value, at: this.minutes })
      }
    }
  }

  /** Whether the activation tells an identifier that is held of a value that is there. */
  private isChosen(activation: Told, identifier: Owned, isSent: (other: Owned) => boolean): boolean {
    const type = identifier.name.split(":")[0] ?? ""
    const siblings = this.concerned(activation).filter(({ gone, owner }) => !gone && owner === identifier.owner)
    if (!activation.newIdentifiers && !isSent(identifier) && siblings.some(isSent)) {
      const changedAt = this.seen.get(`${activation.computation} ${identifier.owner}`)?.at ?? 0
      if (identifier.since > changedAt) return false
    }
    const sameType = siblings.filter(({ name }) => name.startsWith(`${type}:`)).toSorted((a, b) => a.since - b.since)
    const policy = activation.policies[type]
    if (policy === undefined) return true
    return policy !== "none" && sameType.at(policy === "first" ? 0 : -1) === identifier
  }

  private concerned({ to }: Told): ReadonlyArray<Owned> {
    return [...this.identifiers.values()].filter(({ collection }) => collection === to)
  }

  /** What should be known of an identifier: its holder's value, or nothing. */
  private wanted(company: Company, activation: Told, { gone, owner }: Owned): string | undefined {
    const { computation, of, over, to } = activation
    if (gone) return undefined
    const users = (to === "accounts" && this.plugin.groupUsers ? [...company.customers] : [])
      .filter(([, { companies }]) => companies.has(owner))
      .map(([id]) => id)
      .toSorted()
    if (of === "trait") {
      const json = company.values.get(computation)?.get(owner) ?? ""
      return json === "" || json === "null" ? undefined : withUsers(spelled(JSON.parse(json)), users)
    }
    const members = company.members.get(computation) ?? ids()
    const matching = over === to ? [owner] : [...(company.customers.get(owner)?.companies ?? [])]
    return matching.some((id) => members.has(id)) ? withUsers("true", users) : undefined
  }

  private takeAsTold(company: Company, activation: Told): void {
    for (const kind of activation.kinds.length === 0 ? ["member"] : activation.kinds) {
      const before = new Set(this.sent.keys())
      const keyOf = (identifier: Owned) => `${activation.id} ${kind} ${identifier.name}`
      for (const identifier of this.concerned(activation)) {
        const wanted = this.wanted(company, activation, identifier)
        const isSent = (other: Owned) => before.has(keyOf(other))
        if (wanted === undefined || this.isChosen(activation, identifier, isSent)) this.tell(keyOf(identifier), wanted)
        else this.rejected.delete(keyOf(identifier))
      }
    }
  }

  private tell(key: string, value: string | undefined): void {
    if (value === undefined) this.sent.delete(key)
    else this.sent.set(key, value)
    this.again.delete(key)
    this.rejected.delete(key)
  }

  private nameOf(owner: string): string {
    return this.plugin.requiresName ? (this.names.get(owner) ?? "") : "not asked for"
  }

  private calls(company: Company, activation: Told, kind: string, vendor: Vendor): ReadonlyArray<News> {
    const news: Array<News> = []
    const before = new Set(this.sent.keys())
    const isSent = (other: Owned) => before.has(`${activation.id} ${kind} ${other.name}`)
    for (const identifier of this.concerned(activation)) {
      const key = `${activation.id} ${kind} ${identifier.name}`
      const wanted = this.wanted(company, activation, identifier)
      const sent = this.sent.get(key)
      const isAgain = this.again.has(key) && wanted === sent
      const isOpen = wanted === undefined || this.isChosen(activation, identifier, isSent)
      if (!isOpen || (wanted === sent && !isAgain)) {
        // Nothing is owed, so an old refusal of something else means nothing (R34).
        this.rejected.delete(key)
        continue
      }
      const value = wanted ?? (activation.of === "audience" ? "false" : "null")
      const name = this.nameOf(identifier.owner)
      const attempt = name === "" ? "missing" : `${value} as ${name} by ${this.version}`
      if (this.rejected.get(key) === attempt) continue
      const answer = name === "" ? "missing" : outcome(vendor, [identifier.name])
      if (answer === "ok") this.tell(key, wanted)
      else if (answer !== "retry") this.rejected.set(key, attempt)
      if (answer === "missing") continue
      const event =
        activation.of === "trait" ? "Trait Computed" : wanted === undefined ? "Audience Exited" : "Audience Entered"
      const label = kind === "track" ? `track ${event}` : kind
      const isRefused = answer !== "ok" && answer !== "retry" && kind !== "track"
      news.push({
        line: `${activation.key} ${label} ${identifier.name} ${value}`,
        isAgain,
        isTaken: answer === "ok",
        refusedWith: isRefused && this.plugin.coalesce ? `${kind} ${identifier.name}` : undefined
      })
    }
    return news
  }

  /** Per profile: what must go, and where something is new, the member with all of its identifiers (R15). */
  private listRequests(company: Company, activation: Told, vendor: Vendor): ReadonlyArray<News> {
    const news: Array<News> = []
    const keyOf = (identifier: Owned) => `${activation.id} member ${identifier.name}`
    for (const owner of new Set(this.concerned(activation).map(({ owner }) => owner))) {
      const own = this.concerned(activation).filter((identifier) => identifier.owner === owner)
      const isSent = (identifier: Owned) => this.sent.has(keyOf(identifier))
      const present = own.filter((identifier) => this.wanted(company, activation, identifier) !== undefined)
      const wanted = present.filter((identifier) => this.isChosen(activation, identifier, isSent))
      const leaving = own.filter((identifier) => isSent(identifier) && !present.includes(identifier))
      const entering = wanted.filter((identifier) => !isSent(identifier) || this.again.has(keyOf(identifier)))
      const due = [...leaving, ...entering]
      for (const identifier of own) if (!due.includes(identifier)) this.rejected.delete(keyOf(identifier))
      const request = (verb: string, identifiers: ReadonlyArray<Owned>, name: string) => {
        const attempt = `${verb} as ${name} by ${this.version}`
        const open = identifiers.filter((identifier) => this.rejected.get(keyOf(identifier)) !== attempt)
        if (open.length === 0) return
        const names = open.map((identifier) => identifier.name).toSorted()
        const answer = name === "" ? "missing" : outcome(vendor, names)
        for (const identifier of open) {
          if (answer === "ok") this.tell(keyOf(identifier), verb === "add" ? "true" : undefined)
          else if (answer !== "retry") this.rejected.set(keyOf(identifier), attempt)
        }
        if (answer !== "missing") {
          news.push({ line: `${activation.id} ${verb} ${names.join(" ")}`, isAgain: false, isTaken: answer === "ok" })
        }
      }
      if (leaving.length > 0) request("discard", leaving, "nobody")
      if (entering.length > 0) request("add", entering, this.nameOf(owner))
    }
    // What waits to be tried again keeps a list due.
    if (!news.some((request) => !request.isTaken) || vendor.startsWith("reject")) {
      this.settledAt.set(activation.id, this.minutes)
    }
    return news
  }
}
