/**
 * Laws about what a plugin sends.
 *
 * @since 0.1.0
 */
import { Effect, Exit, Fiber } from "effect"
import { TestClock } from "effect/testing"
import type { NonEmpty } from "../../contract/Destination.ts"
import type { Draft } from "../Draft.ts"
import { Broken, drafts, inWords, type Lab, type Seen } from "../Lab.ts"
import { answerOf, everyWay, expect, expectTaken, isTaken, type Law, once, warmUp } from "../Law.ts"

/** A request as far as the plugin makes it: address and body, without what differs from sending to sending. */
const shape = ({ body, method, url }: Seen): string => `${method} ${url} ${body}`

const shapes = (lab: Lab): string => lab.seen.map(shape).join("\n")

/** What two tellings send. */
const compared = Effect.fnUntraced(function* (
  send: (drafts: NonEmpty<Draft>) => Effect.Effect<unknown, unknown>,
  lab: Lab,
  one: Draft,
  other: Draft
) {
  // What a first delivery needs is done before.
  for (const draft of [one, other]) {
    yield* Effect.exit(send([draft]))
    yield* lab.pass("61 seconds")
  }
  lab.seen.length = 0
  yield* Effect.exit(send([one]))
  const first = shapes(lab)
  lab.seen.length = 0
  yield* lab.pass("61 seconds")
  yield* Effect.exit(send([other]))
  return { first, second: shapes(lab) }
})

/** The event loop turned often enough for everything that does not wait on a clock. */
const settle = (isOver: () => boolean): Effect.Effect<void> =>
  Effect.gen(function* () {
    for (let turn = 0; turn < 2000 && !isOver(); turn++) {
      yield* Effect.promise(() => new Promise<void>((resolve) => void setImmediate(resolve)))
    }
  })

/**
 * @category laws
 * @since 0.1.0
 */
export const requests: ReadonlyArray<Law> = [
  everyWay("one", "The vendor takes a single item.", (way) =>
    Effect.flatMap(answerOf(way, drafts(1)), (result) => expectTaken(result, "One item"))
  ),
  everyWay("full-batch", "The vendor takes a full batch.", (way) =>
    Effect.flatMap(answerOf(way, drafts(way.batch.items)), (result) => expectTaken(result, `${way.batch.items} items`))
  ),
  everyWay("outcomes", "A batch has one outcome for each of its items, whatever its size.", (way, lab) =>
    Effect.forEach(
      [...new Set([1, 2, 3, 7, way.batch.items])].filter((size) => size <= way.batch.items),
      Effect.fnUntraced(function* (size) {
        const result = yield* answerOf(way, drafts(size))
        yield* expect(Exit.isSuccess(result) && result.value.length === size, () => {
          return `${size} items got ${Exit.isSuccess(result) ? `${result.value.length} outcomes` : inWords(result)}.`
        })
        yield* lab.pass("61 seconds")
      }),
      { discard: true }
    )
  ),
  everyWay("identifiers", "The vendor takes an item known by any one of the declared identifier types.", (way, lab) =>
    Effect.forEach(
      way.types,
      Effect.fnUntraced(function* (type) {
        yield* lab.pass("61 seconds")
        yield* expectTaken(yield* answerOf(way, drafts(1, { type })), `Known by ${type}`)
      }),
      { discard: true }
    )
  ),
  everyWay("who", "Who it is about reaches the vendor: somebody else is another request.", (way, lab, options) =>
    Effect.forEach(
      way.types,
      Effect.fnUntraced(function* (type) {
        // Only the identifier differs; what is filled in from the profile stays.
        const same = Object.fromEntries(
          Object.keys(lab.declaration.requirements).map((property) => [
            property,
            options.properties?.[property]?.(0) ?? "Same"
          ])
        )
        const { first, second } = yield* compared(
          way.send,
          lab,
          { no: 0, type, required: same },
          { no: 1, type, required: same }
        )
        yield* expect(
          first !== "" && first !== second,
          () => `Two people known by ${type} are the same request: ${first}`
        )
      }),
      { discard: true }
    )
  ),
  everyWay("required", "Every required property reaches the vendor.", (way, lab) =>
    Effect.forEach(
      way.name === "discard" ? [] : Object.keys(lab.declaration.requirements),
      Effect.fnUntraced(function* (property) {
        const { first, second } = yield* compared(
          way.send,
          lab,
          { no: 0 },
          { no: 0, required: { [property]: "Quite another value" } }
        )
        yield* expect(first !== second, () => `"${property}" is required and changes nothing: do not require it.`)
      }),
      { discard: true }
    )
  ),
  everyWay(
    "traits",
    "A trait's key and value reach the vendor.",
    Effect.fnUntraced(function* (way, lab) {
      const values = yield* compared(
        way.send,
        lab,
        { no: 0, traits: { first_key: "Oak" } },
        { no: 0, traits: { first_key: "Elm" } }
      )
      yield* expect(values.first !== values.second, () => "Two values of a trait are the same request.")
      const keys = yield* compared(
        way.send,
        lab,
        { no: 0, traits: { first_key: "Oak" } },
        { no: 0, traits: { second_key: "Oak" } }
      )
      yield* expect(keys.first !== keys.second, () => "Two keys of a trait are the same request.")
    }),
    (name) => name === "identify" || name === "track" || name === "group"
  ),
  everyWay(
    "event",
    "An event's name reaches the vendor.",
    Effect.fnUntraced(function* (way, lab) {
      const { first, second } = yield* compared(way.send, lab, { no: 0, event: "Entered" }, { no: 0, event: "Left" })
      yield* expect(first !== second, () => "Two events of different names are the same request.")
    }),
    (name) => name === "track"
  ),
  everyWay(
    "pure",
    "The same items make the same requests, byte for byte.",
    Effect.fnUntraced(function* (way, lab) {
      const size = Math.min(3, way.batch.items)
      // Ids that a look-up needs may have to be learnt first.
      yield* answerOf(way, drafts(size))
      const sent: Array<string> = []
      for (let time = 0; time < 2; time++) {
        yield* lab.pass("61 seconds")
        lab.seen.length = 0
        yield* answerOf(way, drafts(size))
        sent.push(shapes(lab))
      }
      yield* expect(sent[0] === sent[1], () => `The first time:\n${sent[0]}\nThe second time:\n${sent[1]}`)
    })
  ),
  everyWay("unharmed", "Items are read and not changed.", (way) =>
    Effect.flatMap(
      answerOf(way, drafts(Math.min(3, way.batch.items), { traits: { conformance_list: ["a", { b: 1 }] } })),
      (result) => expect(Exit.isSuccess(result), () => `Items that cannot be changed got ${inWords(result)}.`)
    )
  ),
  everyWay(
    "own-host",
    "Requests go to the vendor only, through the client that the plugin is given.",
    Effect.fnUntraced(function* (way, lab) {
      const usual = globalThis.fetch
      const strangers: Array<string> = []
      globalThis.fetch = (...args) => {
        strangers.push(String(args[0]))
        return usual(...args)
      }
      yield* Effect.ensuring(
        Effect.exit(way.send(drafts(1))),
        Effect.sync(() => {
          globalThis.fetch = usual
        })
      )
      const { origin } = new URL(lab.bound.client.baseUrl)
      strangers.push(...lab.asked.filter((url) => URL.canParse(url) && new URL(url).origin !== origin))
      yield* expect(strangers.length === 0 && lab.asked.length > 0, () => {
        return strangers.length === 0 ? "Nothing was asked through the client." : `It asked ${strangers.join(", ")}.`
      })
    })
  ),
  everyWay(
    "readable",
    "A request's body is what its content type says.",
    Effect.fnUntraced(function* (way, lab) {
      yield* answerOf(way, drafts(Math.min(2, way.batch.items)))
      for (const { body, headers, method, path } of lab.seen) {
        if (body === "") continue
        const type = headers["content-type"] ?? ""
        yield* expect(type !== "", () => `${method} ${path} has a body of no type.`)
        if (!type.includes("json")) continue
        yield* Effect.try({
          try: () => void JSON.parse(body),
          catch: () => new Broken({ reason: `${method} ${path} says it is JSON, and is not: ${body.slice(0, 200)}` })
        })
      }
    })
  ),
  everyWay(
    "twice",
    "Somebody who stands in a batch twice has two outcomes, and costs nobody theirs.",
    Effect.fnUntraced(function* (way) {
      const result = yield* way.deliver([{ no: 0 }, { no: 1 }, { no: 0 }])
      yield* expect(result.stop === undefined && result.outcomes.every((outcome) => isTaken(outcome?._tag)), () => {
        return `Two of three are the same: ${result.stop?.message ?? result.outcomes.map((o) => o?._tag).join(", ")}.`
      })
    })
  ),
  once(
    "neighbours",
    "An item that the vendor refuses costs its neighbours nothing, and is the one that is rejected.",
    Effect.fnUntraced(function* (lab, options) {
      const { refused } = options
      for (const way of lab.ways) {
        if (refused === undefined || !way.types.includes(refused.type) || way.name === "discard") continue
        for (const place of [0, 1, 2]) {
          yield* lab.pass("61 seconds")
          const three = [0, 1, 2].map((no) => (no === place ? { no, ...refused } : { no }))
          const [first = { no: 0 }, ...rest] = three
          const { outcomes, stop } = yield* way.deliver([first, ...rest])
          const tags = outcomes.map((outcome) => outcome?._tag)
          yield* expect(
            stop === undefined && tags.every((tag, i) => (i === place ? tag === "Rejected" : isTaken(tag))),
            () =>
              `A call of type ${way.name} with a bad item at place ${place + 1} of 3: ${stop?.message ?? tags.join(", ")}.`
          )
        }
      }
    }),
    (_, { refused }) => refused !== undefined
  ),
  everyWay(
    "repeat",
    "The same batch sent again leaves the vendor as it was.",
    Effect.fnUntraced(function* (way, lab) {
      const batch = drafts(Math.min(3, way.batch.items))
      yield* answerOf(way, batch)
      yield* lab.pass("1 hour")
      const before = yield* lab.holds
      yield* answerOf(way, batch)
      yield* lab.pass("1 hour")
      const after = yield* lab.holds
      yield* expect(before === after, () => `Sent once it holds ${before}\nsent twice ${after}`)
    }),
    (name) => name !== "track"
  ),
  everyWay(
    "changes",
    "What is sent changes what the vendor holds.",
    Effect.fnUntraced(function* (way, lab) {
      if (way.name === "discard") {
        const add = lab.ways.find(({ name }) => name === "add")
        if (add !== undefined) yield* answerOf(add, drafts(1))
        yield* lab.pass("25 hours")
      }
      const before = yield* lab.holds
      yield* answerOf(way, drafts(1))
      yield* lab.pass("25 hours")
      const after = yield* lab.holds
      yield* expect(before !== after, () => `It holds the same as before: ${after}`)
    })
  ),
  everyWay(
    "patient",
    "A plugin does not wait: patience, retries and limits are the runtime's.",
    Effect.fnUntraced(function* (way) {
      const fiber = yield* Effect.forkDetach(Effect.exit(way.send(drafts(1))))
      const isOver = () => fiber.pollUnsafe() !== undefined
      yield* settle(isOver)
      const before = isOver()
      if (!before) yield* TestClock.adjust("1 day")
      yield* settle(isOver)
      const after = isOver()
      if (!after) yield* Fiber.interrupt(fiber)
      yield* expect(before || !after, () => "It waited on the clock before it was done.")
    })
  ),
  everyWay(
    "cancelled",
    "A plugin that is interrupted stops at once and sends nothing more.",
    Effect.fnUntraced(function* (way, lab) {
      yield* warmUp(way, lab)
      lab.interfere(() => "silence")
      const fiber = yield* Effect.forkDetach(Effect.exit(way.send(drafts(1))))
      yield* settle(() => lab.seen.length > 0)
      const sent = lab.seen.length
      const stopping = yield* Effect.forkDetach(Fiber.interrupt(fiber))
      const isOver = () => stopping.pollUnsafe() !== undefined
      yield* settle(isOver)
      yield* expect(isOver(), () => "It goes on although it was interrupted.")
      yield* settle(() => lab.seen.length > sent)
      yield* expect(lab.seen.length === sent, () => `It sent ${lab.seen.length - sent} requests more.`)
    })
  )
]
