/**
 * Laws about lists and about jobs.
 *
 * @since 0.1.0
 */
import { Effect, Exit, Option } from "effect"
import type { JobResult } from "../../contract/Outcome.ts"
import { type Broken, drafts, inWords, type Lab, type Way } from "../Lab.ts"
import { answerOf, everyWay, expect, expectTaken, isTaken, type Law, once, tagsOf } from "../Law.ts"

const other = { name: "Conformance, another one", description: "Made by a conformance test" }
const renamed = { name: "Conformance, renamed", description: "Made by a conformance test" }

type List = NonNullable<Lab["bound"]["list"]>

/** A law about a plugin's list form. */
const ofList = (
  name: string,
  sentence: string,
  check: (list: List, lab: Lab) => Effect.Effect<void, Broken>,
  needs: (list: NonNullable<Lab["declaration"]["list"]>) => boolean = () => true
): Law =>
  once(
    name,
    sentence,
    (lab) => (lab.bound.list === undefined ? Effect.void : check(lab.bound.list, lab)),
    ({ list }) => list !== undefined && needs(list)
  )

const failed = (exit: Exit.Exit<unknown, unknown>): string =>
  Exit.isFailure(exit) ? String(exit.cause).slice(0, 300) : JSON.stringify(exit.value)

const wayOf = (lab: Lab, name: "add" | "discard"): ReadonlyArray<Way> => lab.ways.filter((way) => way.name === name)

const pollOf = (way: Way, lab: Lab) =>
  way.name === "add" || way.name === "discard" ? lab.bound.list?.poll : lab.bound.event?.poll

/**
 * @category laws
 * @since 0.1.0
 */
export const lists: ReadonlyArray<Law> = [
  ofList(
    "found",
    "A list that was created is found by its name, and by its name only.",
    Effect.fnUntraced(function* (list, lab) {
      const id = yield* Effect.exit(list.create(other, lab.context))
      const found = yield* Effect.exit(list.find(other.name, lab.context))
      yield* expect(
        Exit.isSuccess(id) && Exit.isSuccess(found) && Option.getOrUndefined(found.value) === id.value,
        () => {
          return `Created: ${failed(id)}. Found: ${failed(found)}.`
        }
      )
      yield* expect(Exit.isSuccess(id) && id.value !== lab.list, () => "Two lists have one id.")
    })
  ),
  ofList(
    "list-names",
    "A list's name may hold any characters, and the list is found by it.",
    Effect.fnUntraced(function* (list, lab) {
      for (const name of ["50% off & more?", "Zoë / 日本 #1", `the "best" ones`]) {
        const id = yield* Effect.exit(list.create({ name, description: "" }, lab.context))
        const found = yield* Effect.exit(list.find(name, lab.context))
        yield* expect(
          Exit.isSuccess(id) && Exit.isSuccess(found) && Option.getOrUndefined(found.value) === id.value,
          () => `"${name}" is created: ${failed(id)}. Found: ${failed(found)}.`
        )
      }
    })
  ),
  ofList(
    "no-list",
    "A name that no list has is nothing, and no error.",
    Effect.fnUntraced(function* (list, lab) {
      const found = yield* Effect.exit(list.find("Conformance, and nobody made it", lab.context))
      yield* expect(Exit.isSuccess(found) && Option.isNone(found.value), () => `It found ${failed(found)}.`)
    })
  ),
  ofList(
    "find-fails",
    "A vendor that is down while a list is looked for is an error, and not a list that is missing.",
    Effect.fnUntraced(function* (list, lab) {
      lab.interfere(() => ({ status: 503, body: { error: "conformance" } }))
      const found = yield* Effect.exit(list.find("Conformance", lab.context))
      yield* expect(Exit.isFailure(found) && !Exit.hasDies(found), () => `It is ${failed(found)}.`)
    })
  ),
  ofList(
    "create-fails",
    "A vendor that is down while a list is created is an error.",
    Effect.fnUntraced(function* (list, lab) {
      lab.interfere(() => ({ status: 503, body: { error: "conformance" } }))
      const created = yield* Effect.exit(list.create(other, lab.context))
      yield* expect(Exit.isFailure(created) && !Exit.hasDies(created), () => `It is ${failed(created)}.`)
    })
  ),
  ofList(
    "renamed",
    "A list that was renamed is found by its new name, and not by the old one.",
    Effect.fnUntraced(function* (list, lab) {
      const done = yield* Effect.exit(list.rename?.(lab.list, renamed, lab.context) ?? Effect.void)
      const now = yield* Effect.exit(list.find(renamed.name, lab.context))
      const before = yield* Effect.exit(list.find("Conformance", lab.context))
      yield* expect(
        Exit.isSuccess(now) &&
          Option.getOrUndefined(now.value) === lab.list &&
          Exit.isSuccess(before) &&
          Option.isNone(before.value),
        () => `Renamed: ${failed(done)}. By the new name: ${failed(now)}. By the old one: ${failed(before)}.`
      )
    }),
    (list) => list.renames
  ),
  ofList(
    "removed",
    "A list that was removed is not found, and removing it again does no harm.",
    Effect.fnUntraced(function* (list, lab) {
      const done = yield* Effect.exit(list.remove?.(lab.list, lab.context) ?? Effect.void)
      const found = yield* Effect.exit(list.find("Conformance", lab.context))
      yield* expect(Exit.isSuccess(done) && Exit.isSuccess(found) && Option.isNone(found.value), () => {
        return `Removed: ${failed(done)}. Found: ${failed(found)}.`
      })
      const again = yield* Effect.exit(list.remove?.(lab.list, lab.context) ?? Effect.void)
      const error = Exit.isFailure(again) ? Option.getOrUndefined(Exit.findErrorOption(again)) : undefined
      yield* expect(Exit.isSuccess(again) || error?._tag === "ListGone", () => `Removed again: ${failed(again)}.`)
    }),
    (list) => list.removes
  ),
  ofList(
    "list-gone",
    "Sending to a list that was deleted downstream is ListGone: the runtime creates it again.",
    Effect.fnUntraced(function* (list, lab) {
      yield* Effect.exit(list.remove?.(lab.list, lab.context) ?? Effect.void)
      for (const way of wayOf(lab, "add")) {
        const result = yield* answerOf(way, drafts(1))
        yield* expect(tagsOf(result).includes("ListGone"), () => `It is ${inWords(result)}.`)
      }
    }),
    (list) => list.removes
  ),
  everyWay(
    "every-identifier",
    "Every identifier of a member reaches the vendor, however many there are.",
    (way, lab) =>
      Effect.forEach(
        way.types,
        Effect.fnUntraced(function* (type) {
          const more = (count: number) => Array.from({ length: count }, (_, i) => way.value(type, 200 + i))
          const sent: Array<string> = []
          for (const count of [24, 23, 24]) {
            yield* lab.pass("61 seconds")
            lab.seen.length = 0
            yield* answerOf(way, [{ no: 199, type, more: more(count) }])
            sent.push(lab.seen.map(({ body, url }) => `${url} ${body}`).join("\n"))
          }
          // After the first time all of them are known, so only the last one makes a difference.
          yield* expect(sent[1] !== sent[2] && sent[1] !== "", () => `The 25th ${type} of a member changes nothing.`)
        }),
        { discard: true }
      ),
    (name) => name === "add" || name === "discard"
  ),
  everyWay(
    "undone",
    "Who is discarded is out again: added once more, the vendor holds what it held.",
    Effect.fnUntraced(function* (discard, lab) {
      const held: Array<string> = []
      for (const way of [...wayOf(lab, "add"), discard, ...wayOf(lab, "add")]) {
        yield* answerOf(way, drafts(Math.min(2, way.batch.items)))
        yield* lab.pass("25 hours")
        held.push(yield* lab.holds)
      }
      const [added, discarded, again] = held
      yield* expect(added !== discarded, () => `Discarding changes nothing: ${discarded}`)
      yield* expect(added === again, () => `Added it holds ${added}\nadded again ${again}`)
    }),
    (name) => name === "discard"
  ),
  everyWay(
    "stranger-discarded",
    "Who is not on the list is discarded without harm.",
    (way, lab) =>
      Effect.flatMap(answerOf(way, [{ no: 41 }]), (result) =>
        Effect.andThen(lab.holds, expectTaken(result, "An unknown member"))
      ),
    (name) => name === "discard"
  ),
  everyWay(
    "receipts",
    "A receipt leads to a result.",
    Effect.fnUntraced(function* (way, lab) {
      const result = yield* answerOf(way, drafts(1))
      const receipts = Exit.isSuccess(result)
        ? result.value.flatMap((o) => (o._tag === "Accepted" ? [o.receipt] : []))
        : []
      if (receipts.length === 0) return
      const form = pollOf(way, lab)
      yield* expect(form !== undefined, () => "It answers accepted, and has no poll.")
      for (const receipt of receipts) {
        let last: Exit.Exit<JobResult, unknown> = Exit.succeed({ _tag: "Pending" })
        for (let asked = 0; asked < 30 && Exit.isSuccess(last) && last.value._tag === "Pending"; asked++) {
          yield* lab.pass("1 hour")
          last = yield* Effect.exit(form?.(receipt, lab.context) ?? Effect.succeed<JobResult>({ _tag: "Pending" }))
        }
        yield* expect(
          Exit.isSuccess(last) && last.value._tag === "Finished",
          () => `After 30 hours it is ${failed(last)}.`
        )
      }
    })
  ),
  everyWay(
    "polls",
    "A vendor that is down while it is asked about a job leaves the job open.",
    Effect.fnUntraced(function* (way, lab) {
      const result = yield* answerOf(way, drafts(1))
      const receipts = Exit.isSuccess(result)
        ? result.value.flatMap((o) => (o._tag === "Accepted" ? [o.receipt] : []))
        : []
      lab.interfere(() => ({ status: 503, body: { error: "conformance" } }))
      for (const receipt of receipts) {
        const asked = lab.seen.length
        const polled = yield* Effect.exit(
          pollOf(way, lab)?.(receipt, lab.context) ?? Effect.succeed<JobResult>({ _tag: "Pending" })
        )
        // A plugin that knows the answer without asking may give it.
        if (lab.seen.length === asked) continue
        yield* expect(!Exit.hasDies(polled) && !(Exit.isSuccess(polled) && polled.value._tag !== "Pending"), () => {
          return `It is ${failed(polled)}.`
        })
      }
    })
  ),
  everyWay(
    "prepared",
    "Making the vendor ready for a trait that it knows does no harm.",
    Effect.fnUntraced(function* (way, lab) {
      const { event } = lab.bound
      const collection = way.name === "group" ? "accounts" : "users"
      const field = { key: "conformance_score", title: "Conformance", collection, sample: 1 } as const
      const context = lab.context
      for (let time = 0; time < 2; time++) {
        const prepared = yield* Effect.exit(event?.prepare?.([field], context) ?? Effect.void)
        yield* expect(
          Exit.isSuccess(prepared),
          () => `The ${time === 0 ? "first" : "second"} time: ${failed(prepared)}.`
        )
      }
      const result = yield* answerOf(way, drafts(1))
      yield* expect(tagsOf(result).every(isTaken), () => `Then a call is ${inWords(result)}.`)
    }),
    (name) => name === "identify" || name === "group"
  ),
  everyWay(
    "prepare-fails",
    "A vendor that is down while it is made ready is an error, and nobody is sent.",
    Effect.fnUntraced(function* (way, lab) {
      const prepare = lab.bound.event?.prepare
      if (prepare === undefined) return
      lab.interfere(() => ({ status: 503, body: { error: "conformance" } }))
      const collection = way.name === "group" ? "accounts" : "users"
      const field = { key: "conformance_score", title: "Conformance", collection, sample: 1 } as const
      const prepared = yield* Effect.exit(prepare([field], lab.context))
      yield* expect(Exit.isFailure(prepared) && !Exit.hasDies(prepared), () => `It is ${failed(prepared)}.`)
    }),
    (name) => name === "identify" || name === "group"
  )
]
