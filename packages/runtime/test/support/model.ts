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
  | { readonly do: "resync" | "baseline" | "pause" | "resume" | "remove" | "restore"; readonly activation: string }
  | { readonly do: "sync"; readonly vendor: Vendor }

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

const ids = (...names: ReadonlyArray<string>) => new Set(names)

/** Three people in two companies, with something to tell of each. */
export const startingCompany = (): Company => ({
  customers: new Map([
    ["u1", { emails: ids("e1"), companies: ids("c1"), phone: "", name: "Ada" }],
    ["u2", { emails: ids("e2", "e3"), companies: ids("c1"), phone: "p2", name: "Bea" }],
    ["u3", { emails: ids(), companies: ids("c2"), phone: "", name: "Cleo" }]
  ]),
  companies: new Map([
    ["c1", { name: "Acme" }],
    ["c2", { name: "Bolt" }]
  ]),
  members: new Map([
    ["Buyers", ids("u1", "u2")],
    ["Vips", ids("u2")],
    ["Key accounts", ids("c1")]
  ]),
  values: new Map([
    [
      "Revenue",
      new Map([
        ["u1", "450"],
        ["u3", "1"]
      ])
    ],
    ["Score", new Map([["u2", `"a"`]])],
    ["Seats", new Map([["c1", "12"]])]
  ])
})

/** Changes the company; commands to the operator or the vendor change nothing here, and impossible ones nothing either. */
export const happen = (company: Company, command: Command): void => {
  const { companies, customers, members, values } = company
  const dropEmail = (email: string) => customers.forEach((person) => person.emails.delete(email))
  const person = "who" in command ? customers.get(command.who) : undefined
  switch (command.do) {
    case "arrive":
      if (person !== undefined) return
      dropEmail(command.email)
      customers.set(command.who, {
        emails: ids(command.email),
        companies: ids(command.company),
        phone: "",
        name: `new ${command.who}`
      })
      return
    case "delete":
      customers.delete(command.who)
      return
    case "give":
      if (person === undefined) return
      dropEmail(command.value)
      person.emails.add(command.value)
      return
    case "take":
      dropEmail(command.value)
      return
    case "phone":
      if (person === undefined) return
      for (const other of customers.values()) if (other.phone === command.value) other.phone = ""
      person.phone = command.value
      return
    case "unlink":
      person?.emails.clear()
      return
    case "merge": {
      const other = customers.get(command.with)
      if (person === undefined || other === undefined || person === other) return
      customers.delete(command.who)
      person.emails.forEach((email) => other.emails.add(email))
      person.companies.forEach((id) => other.companies.add(id))
      if (other.phone === "") other.phone = person.phone
      return
    }
    case "join":
      person?.companies.add(command.with)
      return
    case "leave":
      person?.companies.delete(command.with)
      return
    case "name": {
      const named = person ?? companies.get(command.who)
      if (named !== undefined) named.name = command.name
      return
    }
    case "enter":
      members.get(command.audience)?.add(command.who)
      return
    case "exit":
      members.get(command.audience)?.delete(command.who)
      return
    case "set":
      values.get(command.trait)?.set(command.who, command.json)
  }
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
}

/** What the vendor is expected to hear, as a line: activation's key, kind, identifier, value. */
export interface News {
  readonly line: string
  /** A resync's: the value that it had before. */
  readonly isAgain: boolean
}

interface Owned {
  readonly collection: Collection
  /** `email:e1` */
  readonly name: string
  owner: string
  gone: boolean
}

const spelled = (value: unknown): string =>
  JSON.stringify(value, (_, part: unknown) =>
    typeof part === "object" && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : part
  )

/** The lines of a message that the vendor heard. */
export const linesOf = ({ event, identifier, properties, traits, type }: Message): ReadonlyArray<string> =>
  Object.entries((properties ?? traits) as Message)
    .filter(([key]) => key !== "email" && key !== "audience_key" && key !== "trait_key")
    .map(([key, value]) => `${key} ${type}${event === undefined ? "" : ` ${event}`} ${identifier} ${spelled(value)}`)

export class Model {
  readonly configured: Set<string>
  readonly paused = new Set<string>()
  readonly baselines = new Set<string>()
  /** Activations that the store knows: an operator can name no other. */
  readonly known = new Set<string>()
  private readonly identifiers = new Map<string, Owned>()
  private readonly names = new Map<string, string>()
  private readonly told = new Map<string, string>()
  private readonly again = new Set<string>()
  private readonly rejected = new Map<string, string>()
  private readonly activations: ReadonlyArray<Told>
  private readonly requiresName: boolean

  constructor(activations: ReadonlyArray<Told>, requiresName: boolean) {
    this.activations = activations
    this.requiresName = requiresName
    this.configured = new Set(activations.map(({ id }) => id))
  }

  /** Everything that is told is to be told once more, and what was rejected is tried again (R38). */
  resync(id: string): void {
    for (const key of this.told.keys()) if (key.startsWith(`${id} `)) this.again.add(key)
    for (const key of this.rejected.keys()) if (key.startsWith(`${id} `)) this.rejected.delete(key)
  }

  /** What a sync tells a vendor in that state: calls, and list requests. */
  sync(
    company: Company,
    vendor: Vendor
  ): { readonly calls: ReadonlyArray<News>; readonly members: ReadonlyArray<string> } {
    this.meet(company)
    const calls: Array<News> = []
    const members: Array<string> = []
    for (const activation of this.activations) {
      if (!this.configured.has(activation.id)) continue
      this.known.add(activation.id)
      if (this.baselines.delete(activation.id)) this.takeAsTold(company, activation)
      if (this.paused.has(activation.id)) continue
      if (activation.kinds.length === 0) members.push(...this.listRequests(company, activation, vendor))
      else for (const kind of activation.kinds) calls.push(...this.calls(company, activation, kind, vendor))
    }
    return { calls, members }
  }

  /** Who holds which identifier now. One that nobody holds keeps its last holder, whose name goes with its exit. */
  private meet(company: Company): void {
    for (const identifier of this.identifiers.values()) identifier.gone = true
    const hold = (collection: Collection, name: string, owner: string) =>
      this.identifiers.set(`${collection} ${name}`, { collection, name, owner, gone: false })
    for (const [id, { emails, name, phone }] of company.customers) {
      this.names.set(id, name)
      hold("users", `user_id:${id}`, id)
      for (const email of emails) hold("users", `email:${email}`, id)
      if (phone !== "") hold("users", `phone:${phone}`, id)
    }
    for (const [id, { name }] of company.companies) {
      this.names.set(id, name)
      hold("accounts", `group_id:${id}`, id)
    }
  }

  private concerned({ to }: Told): ReadonlyArray<Owned> {
    return [...this.identifiers.values()].filter(({ collection }) => collection === to)
  }

  /** What should be known of an identifier: its holder's value, or nothing. */
  private wanted(company: Company, { computation, of, over, to }: Told, { gone, owner }: Owned): string | undefined {
    if (gone) return undefined
    if (of === "trait") {
      const json = company.values.get(computation)?.get(owner) ?? ""
      return json === "" || json === "null" ? undefined : spelled(JSON.parse(json))
    }
    const members = company.members.get(computation) ?? ids()
    const matching = over === to ? [owner] : [...(company.customers.get(owner)?.companies ?? [])]
    return matching.some((id) => members.has(id)) ? "true" : undefined
  }

  private takeAsTold(company: Company, activation: Told): void {
    for (const kind of activation.kinds.length === 0 ? ["member"] : activation.kinds) {
      for (const identifier of this.concerned(activation)) {
        const key = `${activation.id} ${kind} ${identifier.name}`
        const wanted = this.wanted(company, activation, identifier)
        if (wanted === undefined) this.told.delete(key)
        else this.told.set(key, wanted)
        this.again.delete(key)
        this.rejected.delete(key)
      }
    }
  }

  private calls(company: Company, activation: Told, kind: string, vendor: Vendor): ReadonlyArray<News> {
    const news: Array<News> = []
    for (const identifier of this.concerned(activation)) {
      const key = `${activation.id} ${kind} ${identifier.name}`
      const wanted = this.wanted(company, activation, identifier)
      const told = this.told.get(key)
      const isAgain = this.again.has(key) && wanted === told
      if (wanted === told && !isAgain) {
        // Nothing is owed, so an old refusal of something else means nothing (R34).
        this.rejected.delete(key)
        continue
      }
      const value = wanted ?? (activation.of === "audience" ? "false" : "null")
      const name = this.requiresName ? (this.names.get(identifier.owner) ?? "") : "not asked for"
      const attempt = name === "" ? "missing" : `${value} as ${name}`
      if (this.rejected.get(key) === attempt) continue
      if (name === "" || vendor === `reject ${identifier.name.split(":")[0]}`) {
        this.rejected.set(key, attempt)
        continue
      }
      if (vendor !== "well" && !vendor.startsWith("reject")) {
        if (vendor !== `retry ${identifier.name.split(":")[0]}` && vendor.startsWith("retry")) {
          // The neighbours of one that is to be tried later (R33).
        } else continue
      }
      if (wanted === undefined) this.told.delete(key)
      else this.told.set(key, wanted)
      this.again.delete(key)
      this.rejected.delete(key)
      const event =
        activation.of === "trait" ? "Trait Computed" : value === "true" ? "Audience Entered" : "Audience Exited"
      const label = kind === "track" ? `track ${event}` : kind
      news.push({ line: `${activation.key} ${label} ${identifier.name} ${value}`, isAgain })
    }
    return news
  }

  /** Per profile: what must go, and where something is new, the member with all of its identifiers (R15). */
  private listRequests(company: Company, activation: Told, vendor: Vendor): ReadonlyArray<string> {
    if (vendor === "503" || vendor === "429") return []
    const requests: Array<string> = []
    const keyOf = (identifier: Owned) => `${activation.id} member ${identifier.name}`
    const owners = new Set(this.concerned(activation).map(({ owner }) => owner))
    for (const owner of owners) {
      const own = this.concerned(activation).filter((identifier) => identifier.owner === owner)
      const wanted = own.filter((identifier) => this.wanted(company, activation, identifier) !== undefined)
      const leaving = own.filter((identifier) => this.told.has(keyOf(identifier)) && !wanted.includes(identifier))
      const isNews = wanted.some((identifier) => !this.told.has(keyOf(identifier)) || this.again.has(keyOf(identifier)))
      const request = (verb: string, identifiers: ReadonlyArray<Owned>) =>
        requests.push(
          `${activation.id} ${verb} ${identifiers
            .map(({ name }) => name)
            .toSorted()
            .join(" ")}`
        )
      if (leaving.length > 0) request("discard", leaving)
      for (const identifier of leaving) {
        this.told.delete(keyOf(identifier))
        this.again.delete(keyOf(identifier))
      }
      if (!isNews || (this.requiresName && this.names.get(owner) === "")) continue
      request("add", wanted)
      for (const identifier of wanted) {
        this.told.set(keyOf(identifier), "true")
        this.again.delete(keyOf(identifier))
      }
    }
    return requests
  }
}
