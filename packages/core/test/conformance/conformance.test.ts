// Every law holds for a plugin that keeps the contract, and breaks for one with a mistake that it is there for.
import { type Declaration, DeliveryError, Outcome, RateLimit, Setting } from "@tributary/core"
import { check, conformance, laws, type Subject } from "@tributary/core/testing"
import { assert, describe, it } from "vitest"
import { Duration, Effect, Option, Redacted, Schema } from "effect"
import { HttpClientRequest } from "effect/http"
import { key, makePlugin, makeSandbox, parts, type Parts } from "./pigeon.ts"

const options = { sandbox: makeSandbox, refused: { type: "email", value: "no such address" } }

conformance(makePlugin(), options)

const right: Parts = { ...parts }

/** A mistake in some parts of the plugin. */
const mistake = (change: Partial<Parts>) => (): Subject => {
  Object.assign(parts, change)
  return makePlugin()
}

/** A mistake in what is declared. */
const declares = (change: Partial<Declaration.Declaration>) => (): Subject => {
  const { declaration, sandboxed } = makePlugin()
  return { declaration: { ...declaration, ...change }, sandboxed }
}

const { event, list } = makePlugin().declaration
if (event === undefined || list === undefined) throw new Error("Pigeon has both forms.")

/** One status in another class. */
const classed = (status: number, wrong: DeliveryError.DeliveryError) =>
  mistake({ failure: (reply) => (reply.status === status ? wrong : right.failure(reply)) })

const unavailable = new DeliveryError.Unavailable({ reason: "wrong" })
const misconfigured = new DeliveryError.Misconfigured({ reason: "wrong" })

/** A plugin that looks at the status, and never at the body. */
const statusOnly = mistake({
  outcomes: (reply) =>
    reply.status === 200
      ? Effect.succeed(Outcome.all(Array.from({ length: 10 }), Outcome.delivered))
      : Effect.fail(right.failure(reply))
})

const deaf = mistake({
  failure: (reply) => (reply.status === 429 ? new DeliveryError.Throttled({ reason: "later" }) : right.failure(reply))
})

const writing = (change: (person: ReturnType<Parts["person"]>, value: unknown) => unknown) =>
  mistake({
    person: (call) => {
      const person = right.person(call)
      const traits = Object.fromEntries(
        Object.entries(Object(person.traits)).map(([name, value]) => [name, change(person, value)])
      )
      return { ...person, traits }
    }
  })

let counter = 0

const mistakes: Readonly<Record<string, () => Subject>> = {
  name: declares({ name: "My Plugin" }),
  contract: declares({ contract: 2 }),
  forms: declares({ identifiers: ["email", "email"] }),
  batch: declares({ event: { ...event, batch: { items: 0 } } }),
  limits: declares({ event: { ...event, limits: [RateLimit.on("events", RateLimit.requests(5, "1 second"))] } }),
  cadence: declares({ list: { ...list, refreshAfter: Duration.minutes(30) } }),
  described: declares({ settings: Schema.Struct({ key: Setting.secret }) }),
  settings: mistake({
    settings: Schema.Struct({
      account: Schema.optionalKey(Setting.hostLabel),
      apiKey: Setting.secret,
      baseUrl: Schema.optionalKey(Setting.baseUrl)
    }).check(
      Schema.makeFilter(
        ({ account, apiKey }) => account !== undefined || `account of ${Redacted.value(apiKey)} is missing`
      )
    ) as unknown as Parts["settings"]
  }),
  address: mistake({
    settings: Schema.Struct({
      account: Schema.String as typeof Setting.hostLabel,
      apiKey: Setting.secret,
      baseUrl: Schema.optionalKey(Setting.baseUrl)
    })
  }),
  one: mistake({
    deliver: (calls, context) =>
      calls.length === 1 ? Effect.succeed([Outcome.rejected("alone")]) : right.deliver(calls, context)
  }),
  "full-batch": mistake({ batch: { items: 11 } }),
  outcomes: mistake({
    deliver: (calls, context) => Effect.map(right.deliver(calls, context), (outcomes) => outcomes.slice(0, 2))
  }),
  identifiers: declares({ identifiers: ["user_id", "phone"] }),
  who: mistake({ idOf: () => "email:somebody" }),
  required: mistake({ person: (call) => ({ ...right.person(call), name: "nobody" }) }),
  traits: mistake({ person: (call) => ({ ...right.person(call), traits: {} }) }),
  event: mistake({ event: (call) => ({ ...Object(right.event(call)), name: "Event" }) }),
  pure: mistake({ person: (call) => ({ ...right.person(call), at: counter++ }) }),
  unharmed: mistake({
    person: (call) => {
      Object.assign(call.identifier, { value: call.identifier.value.toLowerCase() })
      return right.person(call)
    }
  }),
  "own-host": mistake({
    send: (client, request) =>
      Effect.andThen(
        Effect.ignore(right.send(client, HttpClientRequest.get("https://statistics.example/hit"))),
        right.send(client, request)
      )
  }),
  readable: mistake({
    body: (body, request) =>
      request.url.startsWith("/people")
        ? HttpClientRequest.bodyText(request, `${JSON.stringify(body)}\n}`, "application/json")
        : right.body(body, request)
  }),
  twice: mistake({
    deliver: (calls, context) =>
      Effect.map(right.deliver(calls, context), (outcomes) =>
        outcomes.map((outcome, i) =>
          calls.slice(0, i).some((call) => call.identifier.value === calls[i]?.identifier.value)
            ? Outcome.rejected("twice")
            : outcome
        )
      )
  }),
  neighbours: mistake({
    deliver: (calls, context) =>
      Effect.map(right.deliver(calls, context), (outcomes) =>
        outcomes.some(({ _tag }) => _tag === "Rejected")
          ? Outcome.all(outcomes, Outcome.rejected("one of them"))
          : outcomes
      )
  }),
  repeat: writing(() => counter++),
  changes: mistake({ deliver: (calls) => Effect.succeed(Outcome.all(calls, Outcome.delivered)) }),
  patient: mistake({ deliver: (calls, context) => Effect.delay(right.deliver(calls, context), "1 second") }),
  cancelled: mistake({ deliver: (calls, context) => Effect.uninterruptible(right.deliver(calls, context)) }),
  text: writing((_, value) => (typeof value === "string" ? value.normalize("NFKD").replace(/[^ -~]/g, "") : value)),
  numbers: writing((_, value) => (typeof value === "number" ? Number(value.toFixed(2)) : value)),
  dates: writing((_, value) =>
    typeof value === "string" && value.includes("T") ? new Date(value).toLocaleDateString("en-US") : value
  ),
  gone: writing((_, value) => {
    if (value === null) throw new TypeError("null has no value")
    return value
  }),
  long: mistake({
    deliver: (calls, context) =>
      JSON.stringify(calls).length > 50_000 ? Effect.fail(misconfigured) : right.deliver(calls, context)
  }),
  strangers: mistake({
    path: (call) => (call === undefined ? "/people" : `/people/${call.identifier.value}`)
  }),
  unauthorized: classed(401, unavailable),
  forbidden: classed(403, unavailable),
  "not-found": classed(404, unavailable),
  "too-large": classed(413, misconfigured),
  throttled: classed(429, misconfigured),
  unavailable: classed(502, misconfigured),
  "timed-out": classed(408, new DeliveryError.BatchRejected({ reason: "wrong" })),
  "bad-request": classed(422, unavailable),
  redirected: mistake({
    outcomes: (reply) =>
      reply.status < 400 && reply.status >= 300 ? Effect.succeed([Outcome.delivered]) : right.outcomes(reply)
  }),
  "retry-after-seconds": deaf,
  "retry-after-date": deaf,
  reset: mistake({
    send: (client, request) =>
      Effect.catchTag(right.send(client, request), "Unavailable", () => Effect.fail(misconfigured))
  }),
  "one-request": mistake({
    send: (client, request) =>
      Effect.flatMap(right.send(client, request), (reply) =>
        reply.status === 503 ? right.send(client, request) : Effect.succeed(reply)
      )
  }),
  "every-step": mistake({
    change: (client, id, ids, add) =>
      Effect.catchTag(right.change(client, id, ids, add), "Unavailable", () => Effect.succeed("j1"))
  }),
  "in-doubt": mistake({ later: (error) => error }),
  "empty-body": statusOnly,
  html: statusOnly,
  truncated: statusOnly,
  "other-json": statusOnly,
  huge: mistake({ failure: (reply) => new DeliveryError.Unavailable({ reason: reply.text }) }),
  quota: mistake({
    quota: ({ headers }) => ({ remaining: Number(headers["x-remaining"]), resetMillis: Number(headers["x-reset"]) })
  }),
  secrets: mistake({ failure: (reply) => new DeliveryError.Unauthorized({ reason: `${reply.status} for ${key}` }) }),
  "secret-places": mistake({
    client: (settings) => right.client(settings),
    send: (client, request) =>
      right.send(client, HttpClientRequest.setUrlParam(request, "key", Redacted.value(Redacted.make(key))))
  }),
  masked: mistake({
    deliver: (calls, context) =>
      Effect.andThen(Effect.logDebug(`telling ${calls[0].identifier.value}`), right.deliver(calls, context))
  }),
  found: mistake({ find: () => Effect.succeedNone }),
  "list-names": mistake({
    find: (name, { client }) =>
      Effect.map(right.send(client, HttpClientRequest.get(`/lists?name=${name}`)), ({ json }) => {
        const found = Schema.decodeUnknownOption(Schema.Struct({ lists: Schema.Array(Schema.String) }))(json)
        return Option.flatMap(found, ({ lists }) => Option.fromUndefinedOr(lists[0]))
      })
  }),
  "no-list": mistake({ find: () => Effect.succeedSome("l1") }),
  "find-fails": mistake({
    find: (name, context) => Effect.orElseSucceed(right.find(name, context), () => Option.none())
  }),
  "create-fails": mistake({ create: (name, context) => Effect.orElseSucceed(right.create(name, context), () => "l1") }),
  renamed: mistake({ rename: () => Effect.void }),
  removed: mistake({ remove: () => Effect.void }),
  "list-gone": mistake({ failure: (reply) => (reply.status === 404 ? misconfigured : right.failure(reply)) }),
  "every-identifier": mistake({ some: (ids) => ids.slice(0, 10) }),
  undone: mistake({ discard: (_, members) => Effect.succeed(Outcome.all(members, Outcome.delivered)) }),
  "stranger-discarded": mistake({
    discard: (id, members, context) =>
      Effect.map(right.discard(id, members, context), (outcomes) =>
        outcomes.map((outcome) => (outcome._tag === "Delivered" ? Outcome.rejected("who is that?") : outcome))
      )
  }),
  receipts: mistake({ poll: () => Effect.succeed({ _tag: "Pending" }) }),
  polls: mistake({
    poll: (receipt, context) =>
      Effect.orElseSucceed(right.poll(receipt, context), () => ({ _tag: "Finished", unattributed: [] }))
  }),
  prepared: mistake({
    prepare: (fields, { client }) =>
      Effect.forEach(
        fields,
        (field) =>
          Effect.flatMap(
            right.send(client, right.body({ key: field.key }, HttpClientRequest.post("/fields"))),
            (made) => (made.status === 201 ? Effect.void : Effect.fail(right.failure(made)))
          ),
        { discard: true }
      )
  }),
  "prepare-fails": mistake({ prepare: (fields, context) => Effect.ignore(right.prepare(fields, context)) })
}

describe("a law catches the mistake that it is there for", () => {
  it("there is a mistake for every law", () => {
    assert.deepStrictEqual(Object.keys(mistakes).toSorted(), laws.map(({ name }) => name).toSorted())
    assert.isAtLeast(laws.length, 30)
  })

  for (const law of laws) {
    it(`${law.name}: ${law.sentence}`, async () => {
      try {
        const plugin = mistakes[law.name]?.()
        if (plugin === undefined) return assert.fail("There is no mistake for this law.")
        const result = await Effect.runPromise(Effect.result(check(law, plugin, options)))
        assert.strictEqual(result._tag, "Failure", "the law holds although the mistake is there")
      } finally {
        Object.assign(parts, right)
      }
    })
  }
})
