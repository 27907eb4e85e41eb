/**
 * Laboratories: a plugin before its sandbox, with everything between them in a law's hands.
 *
 * The plugin gets the client that the runtime would give it; below that client stands the sandbox, in this process. A
 * law sees every request, may answer in the sandbox's place, and turns the clock.
 *
 * @since 0.1.0
 */
import { Cause, Effect, Exit, Logger, Option, References, Schema, type Scope, Tracer } from "effect"
import { HttpClient, HttpClientError, type HttpClientRequest, HttpClientResponse } from "effect/http"
import { TestClock } from "effect/testing"
import type { CallKind } from "../contract/Call.ts"
import * as Connection from "../wire/Connection.ts"
import type { Batch, Declaration } from "../contract/Declaration.ts"
import type { DeliveryError } from "../contract/DeliveryError.ts"
import { deliver, type Delivered } from "../sync/Delivery.ts"
import type { Bound, Context, Destination, Field, NonEmpty } from "../contract/Destination.ts"
import type { Json } from "../contract/Json.ts"
import type { Outcome } from "../contract/Outcome.ts"
import { RateLimiter } from "../wire/RateLimiter.ts"
import type { Sandbox, SandboxRequest, SandboxResponse } from "../contract/Sandbox.ts"
import { type Draft, makeDrafter, traitKey, type Values } from "./Draft.ts"

/**
 * A law that does not hold, and what was seen.
 *
 * @category errors
 * @since 0.1.0
 */
export class Broken extends Schema.TaggedError<Broken>()("Broken", { reason: Schema.String }) {
  override get message(): string {
    return this.reason
  }
}

/**
 * What the kit needs of a plugin: any plugin has it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Subject {
  readonly declaration: Declaration
  readonly sandboxed: (id: string, settings: Readonly<Record<string, Json>>) => Destination
}

/**
 * How a plugin is tried.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options<State = unknown> extends Values {
  /** A new fake vendor for every trial. */
  readonly sandbox: () => Sandbox<State>
  /** Settings, where the sandbox's own will not do. Secrets in clear text. */
  readonly settings?: (baseUrl: string) => Readonly<Record<string, Json>>
  /** What the vendor holds, without what only counts requests. Default: the sandbox's whole state. */
  holds?(state: State): unknown
  /** The identifier types that these settings take. Default: all that are declared. */
  readonly identifierTypes?: ReadonlyArray<string>
  /** An identifier that the vendor refuses by itself. Without one, the laws about bad neighbours are not tried. */
  readonly refused?: { readonly type: string; readonly value: string }
}

/**
 * A request on its way to the vendor.
 *
 * @category models
 * @since 0.1.0
 */
export interface Seen extends SandboxRequest {
  readonly url: string
}

/**
 * What a law puts in the place of the sandbox's answer: an answer, a connection that breaks, or silence.
 *
 * @category models
 * @since 0.1.0
 */
export type Interference = SandboxResponse | "reset" | "silence" | undefined

/**
 * One way in which a plugin tells its vendor.
 *
 * @category models
 * @since 0.1.0
 */
export interface Way {
  readonly name: CallKind | "add" | "discard"
  /** The identifier types that it is told by. */
  readonly types: ReadonlyArray<string>
  readonly batch: Batch
  /** The value by which a person is known. */
  readonly value: (type: string, no: number) => string
  /** The plugin's own answer. */
  readonly send: (drafts: NonEmpty<Draft>) => Effect.Effect<ReadonlyArray<Outcome>, DeliveryError>
  /** The same, as the runtime takes it: a batch that is refused whole is halved. */
  readonly deliver: (drafts: NonEmpty<Draft>) => Effect.Effect<Delivered>
}

/**
 * A plugin before a sandbox of its own.
 *
 * @category models
 * @since 0.1.0
 */
export interface Lab {
  readonly declaration: Declaration
  readonly bound: Bound
  readonly context: Context<unknown>
  readonly ways: ReadonlyArray<Way>
  /** The list that `add` and `discard` are about. */
  readonly list: string
  /** The plugin's requests, and not those for tokens. */
  readonly seen: Array<Seen>
  /** Addresses that were asked for, also those that may not be. */
  readonly asked: Array<string>
  /** Answers in the sandbox's place; the request's number counts from 0. */
  readonly interfere: (answer: (request: Seen, no: number, real: () => SandboxResponse) => Interference) => void
  /** What the vendor holds. */
  readonly holds: Effect.Effect<string>
  readonly pass: (time: "61 seconds" | "1 hour" | "25 hours") => Effect.Effect<void>
  readonly secrets: ReadonlyArray<string>
  /** Everything that was logged, or written on a span. */
  readonly said: { readonly logs: Array<string>; readonly spans: Array<string> }
}

const home = "http://127.0.0.1:9"

const bodyOf = ({ body }: HttpClientRequest.HttpClientRequest): string => {
  if (body._tag === "Uint8Array") return new TextDecoder().decode(body.body)
  return body._tag === "Raw" && typeof body.body === "string" ? body.body : ""
}

const bodiless = new Set([204, 205, 304])

const asWeb = ({ body, headers, status }: SandboxResponse): Response => {
  const isText = typeof body === "string"
  return new Response(bodiless.has(status) || body === undefined ? null : isText ? body : JSON.stringify(body), {
    status,
    headers: { "content-type": isText ? "text/plain; charset=utf-8" : "application/json", ...headers }
  })
}

const texts = (value: unknown): ReadonlyArray<string> =>
  typeof value === "string"
    ? [value]
    : typeof value === "object" && value !== null
      ? Object.values(value).flatMap(texts)
      : []

/** Cannot be changed, all the way down: items belong to the reconciler, which tells them again after a failure. */
const frozen = <A>(value: A): A => {
  if (typeof value === "object" && value !== null) {
    for (const part of Object.values(value)) frozen(part)
    Object.freeze(value)
  }
  return value
}

/**
 * The settings that are redacted once they are decoded.
 *
 * @category combinators
 * @since 0.1.0
 */
export const secretsOf = (settings: Readonly<Record<string, Json>>, bound: Bound): ReadonlyArray<string> => {
  const shown = texts(JSON.parse(JSON.stringify(bound.settings)))
  return texts(settings).filter((text) => text.length > 3 && !shown.includes(text))
}

/**
 * Sets a plugin before a new sandbox.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function* <State>(
  subject: Subject,
  options: Options<State>
): Effect.fn.Return<Lab, Broken, Scope.Scope> {
  const { declaration } = subject
  const sandbox = options.sandbox()
  const settings = (options.settings ?? sandbox.settings)(home)
  const bound = yield* subject
    .sandboxed("conformance", settings)
    .bind.pipe(
      Effect.mapError((error) => new Broken({ reason: `The sandbox's settings are refused: ${error.message}` }))
    )
  const clock = yield* TestClock.testClockWith(Effect.succeed)
  const seen: Array<Seen> = []
  const asked: Array<string> = []
  const said = { logs: new Array<string>(), spans: new Array<string>() }
  let interference: Parameters<Lab["interfere"]>[0] = () => undefined

  const { authorization } = bound.client
  const tokenUrl = "tokenUrl" in authorization ? authorization.tokenUrl : undefined
  const vendor = HttpClient.make((request, url) =>
    Effect.suspend(() => {
      const arrived: Seen = {
        method: request.method,
        url: url.href,
        path: url.pathname,
        query: url.searchParams,
        headers: { ...request.headers },
        body: bodyOf(request)
      }
      const real = () => sandbox.handle(arrived, clock.currentTimeMillisUnsafe())
      if (url.href === tokenUrl) return Effect.succeed(HttpClientResponse.fromWeb(request, asWeb(real())))
      const no = seen.push(arrived) - 1
      const answer = interference(arrived, no, real) ?? real()
      if (answer === "silence") return Effect.never
      if (answer === "reset") {
        const cause = Object.assign(new Error("read ECONNRESET"), { code: "ECONNRESET" })
        const reason = new HttpClientError.TransportError({ request, cause })
        return Effect.fail(new HttpClientError.HttpClientError({ reason }))
      }
      return Effect.succeed(HttpClientResponse.fromWeb(request, asWeb(answer)))
    })
  )
  const gate = yield* Effect.flatMap(RateLimiter, (limiter) => limiter.gate("conformance", [])).pipe(
    Effect.provide(RateLimiter.layer)
  )
  const open = yield* Connection.open(bound.client, "conformance").pipe(
    Effect.provideService(HttpClient.HttpClient, vendor),
    Effect.provide(Connection.TokenStore.layerMemory)
  )
  const clientFor = (batch: Batch | undefined) =>
    open({ gate, quota: bound.quota, throttle: bound.throttle, mostBytes: batch?.bytes }).pipe(
      HttpClient.mapRequest((request) => {
        asked.push(request.url)
        return request
      })
    )
  const contextFor = (batch: Batch | undefined): Context<unknown> => ({
    client: clientFor(batch),
    settings: bound.settings
  })

  const logger = Logger.make((entry) => {
    said.logs.push(JSON.stringify([entry.message, Cause.pretty(entry.cause)]))
  })
  const tracer = Tracer.make({
    span: (options) => {
      const span = new Tracer.NativeSpan(options)
      const end = span.end.bind(span)
      span.end = (time, exit) => {
        said.spans.push(
          JSON.stringify([
            span.name,
            [...span.attributes],
            span.events,
            Exit.isFailure(exit) ? Cause.pretty(exit.cause) : ""
          ])
        )
        end(time, exit)
      }
      return span
    }
  })
  /** Everything that a plugin says is heard. */
  const heard = <A, E>(effect: Effect.Effect<A, E>): Effect.Effect<A, E> =>
    effect.pipe(
      Effect.withSpan("conformance"),
      Effect.withTracer(tracer),
      Effect.provide(Logger.layer([logger])),
      Effect.provideService(References.MinimumLogLevel, "All")
    )

  const drafter = makeDrafter(declaration, options)
  const prepared = new Set<string>()
  const { event, list } = bound
  const eventContext = contextFor(declaration.event?.batch)
  const listContext = contextFor(declaration.list?.batch)

  const way = <A>(
    name: Way["name"],
    types: ReadonlyArray<string>,
    batch: Batch,
    item: (type: string, draft: Draft) => A,
    tell: (items: NonEmpty<A>, drafts: NonEmpty<Draft>) => Effect.Effect<ReadonlyArray<Outcome>, DeliveryError>
  ): ReadonlyArray<Way> => {
    const [usual] = types
    if (usual === undefined) return []
    const send: Way["send"] = (drafts) =>
      Effect.suspend(() => {
        const [first, ...rest] = drafts
        const items: NonEmpty<A> = [
          frozen(item(first.type ?? usual, first)),
          ...rest.map((draft) => frozen(item(draft.type ?? usual, draft)))
        ]
        return heard(tell(items, drafts))
      })
    const value = (type: string, no: number) => drafter.value(type, { no })
    return [{ name, types, batch, value, send, deliver: (drafts) => deliver(drafts, send) }]
  }

  /** A vendor is made ready for a trait before its first delivery, as the runtime does it. */
  const prepare = Effect.fnUntraced(function* (kind: CallKind, drafts: NonEmpty<Draft>) {
    const collection = kind === "group" ? "accounts" : "users"
    const fields: Array<Field> = []
    for (const { no, traits = { [traitKey]: no } } of drafts) {
      for (const [key, sample] of Object.entries(traits)) {
        const name = `${collection} ${key}`
        if (sample === null || prepared.has(name)) continue
        prepared.add(name)
        fields.push({ key, title: `Conformance: ${key}`, collection, sample })
      }
    }
    const [first, ...rest] = fields
    if (event?.prepare !== undefined && first !== undefined) yield* event.prepare([first, ...rest], eventContext)
  })

  const types = options.identifierTypes ?? declaration.identifiers
  const people = types.filter((type) => type !== "group_id")
  const accounts = types.filter((type) => type === "group_id")
  const ways: Array<Way> = []
  if (event !== undefined && declaration.event !== undefined) {
    for (const kind of declaration.event.calls) {
      ways.push(
        ...way(
          kind,
          kind === "group" ? accounts : people,
          declaration.event.batch,
          (type, draft) => drafter.call(kind, type, draft),
          (calls, drafts) => Effect.andThen(prepare(kind, drafts), event.deliver(calls, eventContext))
        )
      )
    }
  }
  let listId = ""
  if (list !== undefined && declaration.list !== undefined) {
    const name = { name: "Conformance", description: "Made by a conformance test" }
    const created = yield* Effect.exit(list.create(name, listContext))
    if (Exit.isFailure(created)) {
      return yield* new Broken({ reason: `The list cannot be created: ${Cause.pretty(created.cause)}` })
    }
    listId = created.value
    for (const label of ["add", "discard"] as const) {
      ways.push(
        ...way(label, people, declaration.list.batch, drafter.member, (members) =>
          list[label](listId, members, listContext)
        )
      )
    }
  }
  const pass: Lab["pass"] = (time) => clock.adjust(time)
  yield* pass("61 seconds")
  seen.length = 0
  asked.length = 0
  const holds = (state: State): unknown => (options.holds === undefined ? state : options.holds(state))
  return {
    declaration,
    bound,
    context: listId === "" ? eventContext : listContext,
    ways,
    list: listId,
    seen,
    asked,
    interfere: (answer) => {
      interference = answer
    },
    holds: Effect.sync(() => JSON.stringify(holds(sandbox.state(clock.currentTimeMillisUnsafe())))),
    pass,
    secrets: secretsOf(settings, bound),
    said
  }
})

/**
 * The person of this number, and of those after it.
 *
 * @category constructors
 * @since 0.1.0
 */
export const drafts = (count: number, change: Partial<Draft> = {}): NonEmpty<Draft> => [
  { no: 0, ...change },
  ...Array.from({ length: count - 1 }, (_, i) => ({ ...change, no: i + 1 }))
]

/**
 * What an outcome, or a batch's failure, is called in a sentence.
 *
 * @category combinators
 * @since 0.1.0
 */
export const inWords = (result: Exit.Exit<ReadonlyArray<Outcome>, DeliveryError>): string => {
  if (Exit.isSuccess(result)) {
    return (
      result.value.map((o) => (o._tag === "Rejected" ? `Rejected (${o.reason})` : o._tag)).join(", ") || "no outcome"
    )
  }
  const error = Option.getOrUndefined(Exit.findErrorOption(result))
  return error === undefined
    ? (Cause.pretty(result.cause).split("\n")[0] ?? "a defect")
    : `${error._tag} (${error.reason})`
}
