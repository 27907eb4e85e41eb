// People whose addresses have several spellings, are shared, and move: and what a vendor should have of them, worked out
// from the people alone.
import * as fc from "fast-check"
import { normal } from "./matching.ts"

export interface Person {
  /** As they are spelled; "none" is no address. */
  readonly emails: Set<string>
  phone: string
  isVip: boolean
  score: number | "refused" | undefined
}

export type Crowd = Map<string, Person>

/** What happens to the people, at the vendor, or to the process. */
export type Command =
  | { readonly do: "arrive" | "delete" | "enter" | "exit" | "respell"; readonly who: string }
  | { readonly do: "give" | "phone"; readonly who: string; readonly value: string }
  | { readonly do: "take"; readonly value: string }
  | { readonly do: "merge"; readonly who: string; readonly with: string }
  | { readonly do: "score"; readonly who: string; readonly score: Person["score"] }
  | { readonly do: "upgrade" }
  | { readonly do: "sync"; readonly vendor: "well" | "429" | "503" | "520"; readonly killedAt: number | undefined }

export const inWords = (command: Command): string =>
  Object.values(command)
    .filter((part) => part !== undefined)
    .join(" ")

/** The spellings of an address that the vendor takes for one, in a ring. */
const ring = (name: string) => [
  `${name}@x.example`,
  `${name.toUpperCase()}@X.example`,
  `${name[0]}.${name.slice(1)}@x.example`
]
const rings = ["e1", "e2", "e3", "e4"].map(ring)
const phones = ["", "+49 1", "491", "+49-2", "492", "999 1"]

export const startingCrowd = (): Crowd =>
  new Map([
    ["u1", { emails: new Set(["e1@x.example"]), phone: "+49 1", isVip: true, score: 1 }],
    ["u2", { emails: new Set(["E2@X.example", "e3@x.example"]), phone: "", isVip: true, score: undefined }],
    ["u3", { emails: new Set<string>(), phone: "", isVip: false, score: 2 }]
  ])

/** Changes the people; impossible commands change nothing. */
export const happen = (crowd: Crowd, command: Command): void => {
  const person = "who" in command ? crowd.get(command.who) : undefined
  const drop = (value: string) => crowd.forEach(({ emails }) => emails.delete(value))
  switch (command.do) {
    case "arrive":
      if (person === undefined) {
        crowd.set(command.who, { emails: new Set(), phone: "", isVip: true, score: undefined })
      }
      return
    case "delete":
      return void crowd.delete(command.who)
    case "enter":
    case "exit":
      if (person !== undefined) person.isVip = command.do === "enter"
      return
    case "score":
      if (person !== undefined) person.score = command.score
      return
    case "take":
      return drop(command.value)
    case "give":
      if (person === undefined) return
      drop(command.value)
      return void person.emails.add(command.value)
    case "phone":
      if (person === undefined) return
      for (const other of crowd.values()) if (other.phone === command.value) other.phone = ""
      person.phone = command.value
      return
    case "respell": {
      const [old] = person?.emails ?? []
      const spellings = rings.find((each) => each.some((spelling) => spelling === old))
      if (person === undefined || old === undefined || spellings === undefined) return
      const isTaken = (spelling: string) => [...crowd.values()].some(({ emails }) => emails.has(spelling))
      const other = spellings.find((spelling) => !isTaken(spelling))
      if (other === undefined) return
      person.emails.delete(old)
      return void person.emails.add(other)
    }
    case "merge": {
      const into = crowd.get(command.with)
      if (person === undefined || into === undefined || into === person) return
      crowd.delete(command.who)
      for (const email of person.emails) into.emails.add(email)
      if (into.phone === "") into.phone = person.phone
    }
  }
}

/** What the vendor knows a person by, and takes. */
export const keysOf = ({ emails, phone }: Person): ReadonlySet<string> =>
  new Set([
    ...[...emails].filter((email) => email.includes("@")).map((email) => `email:${normal("email", email)}`),
    ...(phone === "" || phone.startsWith("999") ? [] : [`phone:${normal("phone", phone)}`])
  ])

const users = fc.constantFrom("u1", "u2", "u3", "u4")
const emails = fc.constantFrom(...rings.flat(), "none")

const one = <const K extends Command["do"], A extends Record<string, fc.Arbitrary<any>>>(kind: K, fields: A) =>
  fc.record({ do: fc.constant(kind), ...fields }) as unknown as fc.Arbitrary<Command>

export const commands: fc.Arbitrary<Command> = fc.oneof(
  {
    weight: 10,
    arbitrary: one("sync", {
      vendor: fc.oneof(
        { weight: 3, arbitrary: fc.constant("well") },
        { weight: 1, arbitrary: fc.constantFrom("429", "503", "520") }
      ),
      killedAt: fc.oneof(
        { weight: 4, arbitrary: fc.constant(undefined) },
        { weight: 1, arbitrary: fc.integer({ min: 1, max: 4 }) }
      )
    })
  },
  { weight: 3, arbitrary: one("respell", { who: users }) },
  { weight: 5, arbitrary: one("give", { who: users, value: emails }) },
  { weight: 2, arbitrary: one("take", { value: emails }) },
  { weight: 2, arbitrary: one("phone", { who: users, value: fc.constantFrom(...phones) }) },
  { weight: 1, arbitrary: one("arrive", { who: users }) },
  { weight: 1, arbitrary: one("delete", { who: users }) },
  { weight: 1, arbitrary: one("merge", { who: users, with: users }) },
  { weight: 3, arbitrary: one("enter", { who: users }) },
  { weight: 3, arbitrary: one("exit", { who: users }) },
  { weight: 2, arbitrary: one("score", { who: users, score: fc.constantFrom(1, 2, "refused", undefined) }) },
  { weight: 1, arbitrary: one("upgrade", {}) }
)
