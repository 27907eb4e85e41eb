/**
 * Preview: what a sync would do, with nothing sent and nothing written (R37).
 *
 * The sync is done for real inside a transaction that is always rolled back, and its requests are made by the plugin
 * itself, through a client that keeps them instead of sending them. So a preview cannot differ from the sync.
 *
 * @since 0.1.0
 */
import { type Destination, Json } from "@tributary/core"
import { Connection, type Diff, Ledger, RateLimiter, Reconciler, type Results } from "@tributary/core/runtime"
import { Effect, flow, Option, type Scope } from "effect"
import { HttpClient, HttpClientError, type HttpClientRequest } from "effect/http"
import type { SqlClient } from "effect/sql"
import type * as Config from "../config/Activation.ts"
import type { BadConfig } from "../config/Mistakes.ts"
import type { Resolved } from "../config/Resolved.ts"
import { EvaluationError, evaluate } from "../store/computations/Evaluation.ts"
import * as Holds from "../store/activations/Holds.ts"
import * as Lease from "../ownership/Lease.ts"
import { importProfiles } from "../store/profiles/Import.ts"
import { register } from "../store/activations/Registry.ts"
import { toLedgerError } from "../store/sql/failures.ts"
import { look, type Read } from "../sources/Look.ts"
import type { SourceError } from "../sources/Source.ts"
import { inSession, type Session, stage } from "../sources/Staging.ts"
import { rolledBack } from "../store/sql/Transaction.ts"
import { readBeforeSync } from "../store/activations/ActivationStates.ts"
import { keepNextEvaluation } from "../store/computations/Computations.ts"
import { span } from "../telemetry/names.ts"
import type { Activation } from "./Activation.ts"
import { unheld } from "./Clearance.ts"
import { listName } from "./Lists.ts"
import { readComputation, readProfiles } from "./Refresh.ts"
import { type Connected, eventWork, type FormWork, limitsOf, listWork, taskOf } from "./Destinations.ts"

/**
 * A request as it would leave, secrets blotted out.
 *
 * @category models
 * @since 0.1.0
 */
export interface PreviewedRequest {
  readonly method: string
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: unknown
}

/**
 * What a sync would do.
 *
 * @category models
 * @since 0.1.0
 */
export interface Previewed {
  readonly activation: string
  readonly destination: string
  readonly counts: Readonly<Record<Results.Label, number>>
  /** Items that could not be sent, by reason. */
  readonly unsendable: ReadonlyArray<{ readonly reason: string; readonly count: number }>
  /** Batches, each at least one request. */
  readonly batches: number
  /** How long they take at the limits, in seconds. */
  readonly seconds: number
  /** Why the sync would wait for `approve`. */
  readonly held: string | undefined
  /** Whether everything would be taken as sent, because of `historical: false` or `baseline`. */
  readonly isBaseline: boolean
  readonly requests: ReadonlyArray<PreviewedRequest>
}

/**
 * @category models
 * @since 0.1.0
 */
export interface PreviewOptions {
  readonly folder: string
  /** Items of each kind to show the requests of. */
  readonly sample: number
}

type PreviewError =
  | BadConfig
  | Destination.BadSettings
  | SourceError
  | EvaluationError
  | Ledger.LedgerError
  | Ledger.Fenced
  | Ledger.Uncleared

/**
 * Previews one activation.
 *
 * @category combinators
 * @since 0.1.0
 */
export const preview = Effect.fn(span.preview)(
  function* (
    resolved: Resolved,
    activation: Config.Activation,
    options: PreviewOptions
  ): Effect.fn.Return<
    Previewed,
    PreviewError,
    | SqlClient.SqlClient
    | Diff.Diff
    | Ledger.Ledger
    | Reconciler.Reconciler
    | RateLimiter.RateLimiter
    | Session
    | Scope.Scope
  > {
    const captured: Array<PreviewedRequest> = []
    const connected = yield* connectCapturing(activation.destination, captured)
    const { computation } = activation
    // Sources are read before the transaction: none is open across a network call.
    const reading = { folder: options.folder, full: true }
    const staged = yield* Effect.forEach(resolved.profiles, (profiles) =>
      Effect.map(stageAll(readProfiles(profiles, reading)), (rows) => ({ profiles, rows }))
    )
    const result = yield* stageAll(readComputation(computation, reading))
    const previewed = yield* rolledBack(
      Effect.gen(function* () {
        const registered = yield* register(resolved)
        for (const { profiles, rows } of staged) yield* importProfiles(profiles, rows)
        yield* keepNextEvaluation
        yield* evaluate(computation, result)
        const no = registered.activations.get(activation.id) ?? 0
        return yield* plan(connected, { ...activation, no }, resolved.space, options, captured)
      })
    ).pipe(Effect.catchTag("SqlError", toLedgerError))
    return previewed ?? (yield* new Ledger.LedgerError({ reason: "the destination has no such form" }))
  },
  flow(inSession, Effect.catchTag("SqlError", toLedgerError))
)

const stageAll = (read: Read) =>
  Effect.flatMap(look({ ...read, changes: undefined }, undefined, []), ({ rows }) =>
    stage(rows, read.columns, read.source)
  )

const plan = Effect.fnUntraced(function* (
  connected: Connected,
  activation: Activation,
  space: string,
  options: PreviewOptions,
  captured: Array<PreviewedRequest>
) {
  const ledger = yield* Ledger.Ledger
  const reconciler = yield* Reconciler.Reconciler
  const { no } = activation
  const destination = connected.destination.id
  const { epoch, isBaselineDue, listId } = yield* readBeforeSync(no)
  const owner = { destination, epoch }
  const form = activation.form === "event" ? eventWork(connected) : listWork(connected, listId ?? "(the new list's id)")
  if (form === undefined) return undefined
  const work: Reconciler.Work = {
    ...form,
    owner,
    tasks: [taskOf(activation, space)],
    mode: "deliver",
    phases: [[no]],
    mayRun: unheld,
    patience: 1,
    failures: 0,
    isStopping: () => false,
    onProgress: () => undefined
  }
  const counts = { identify: 0, track: 0, group: 0, add: 0, discard: 0 }
  const unsendable = new Map<string, number>()
  const sample = Reconciler.emptyPlan()
  const keep = <A>(kept: Array<A>, items: ReadonlyArray<A>) =>
    kept.push(...items.slice(0, options.sample - kept.length))
  while (true) {
    const claim = yield* ledger.claim(owner, { activations: [no], liveOnly: false, limit: 20_000 })
    if (Option.isNone(claim)) break
    const planned = yield* reconciler.plan(work, claim.value)
    for (const { payload } of planned.calls) counts[payload.type]++
    counts.add += planned.adds.length
    counts.discard += planned.discards.length
    for (const { reason, settles } of planned.unsendable) {
      unsendable.set(reason, (unsendable.get(reason) ?? 0) + settles.length)
    }
    for (const call of planned.calls) {
      const same = sample.calls.filter(({ payload }) => payload.type === call.payload.type)
      if (same.length < options.sample) sample.calls.push(call)
    }
    keep(sample.adds, planned.adds)
    keep(sample.discards, planned.discards)
  }
  const held = yield* Holds.check(activation, { owner, keys: form.keys, identifierTypes: form.declaration.identifiers })
  if (activation.form === "list" && listId === null && counts.add > 0) {
    yield* sendList(connected, activation)
  }
  yield* sendSample(form, sample)
  const { batches, seconds } = estimate(connected, activation, counts)
  const previewed: Previewed = {
    activation: activation.id,
    destination,
    counts,
    unsendable: [...unsendable].map(([reason, count]) => ({ reason, count })),
    batches,
    seconds,
    held,
    isBaseline: isBaselineDue,
    requests: captured
  }
  return previewed
})

/** Each kind's sample as one batch: every request is made, and none goes further than the capturing client. */
const sendSample = Effect.fnUntraced(function* (form: FormWork, sample: Reconciler.ClaimPlan) {
  const send = <A>(route: Reconciler.Route<A>, items: ReadonlyArray<{ readonly payload: A }>) => {
    const [first, ...rest] = items.slice(0, route.batch.items)
    return first === undefined
      ? Effect.void
      : Effect.exit(route.send([first.payload, ...rest.map((item) => item.payload)]))
  }
  if (form.form._tag === "Event") {
    // A vendor that takes one record a request is shown one request per record.
    const { route } = form.form
    for (let from = 0; from < sample.calls.length; from += route.batch.items) {
      yield* send(route, sample.calls.slice(from))
    }
  } else {
    yield* send(form.form.discard, sample.discards)
    yield* send(form.form.add, sample.adds)
  }
})

const sendList = ({ bound, forms }: Connected, activation: Activation) => {
  const context = { client: forms.list.client, settings: bound.settings }
  return bound.list === undefined ? Effect.void : Effect.exit(bound.list.create(listName(activation), context))
}

const estimate = (
  { destination }: Connected,
  activation: Activation,
  counts: Readonly<Record<Results.Label, number>>
) => {
  const declared = activation.form === "event" ? destination.plugin.event : destination.plugin.list
  const size = declared?.batch.items ?? 1
  const calls = counts.identify + counts.track + counts.group
  const batches = Math.ceil(calls / size) + Math.ceil(counts.add / size) + Math.ceil(counts.discard / size)
  const items = calls + counts.add + counts.discard
  const seconds = [...limitsOf(destination), ...(declared?.limits ?? [])].map((limit) => {
    if (limit._tag === "Concurrent") return 0
    const needed = limit._tag === "Requests" ? batches : items
    return (Math.max(0, needed - limit.count) * limit.windowMillis) / limit.count / 1000
  })
  return { batches, seconds: Math.ceil(Math.max(0, ...seconds)) }
}

/** The destination with its own mapping and settings, and a client that keeps requests instead of sending them. */
const connectCapturing = Effect.fnUntraced(function* (
  destination: Destination.Destination,
  captured: Array<PreviewedRequest>
) {
  const bound = yield* destination.bind
  const gate = yield* (yield* RateLimiter.RateLimiter).gate(`preview ${destination.id}`, [])
  const capturing = HttpClient.make((request) => {
    captured.push(shown(request, bound.client.authorization._tag !== "None"))
    return Effect.fail(
      new HttpClientError.HttpClientError({
        reason: new HttpClientError.TransportError({ request, description: "a preview sends nothing" })
      })
    )
  })
  const connect = yield* Connection.open(
    { baseUrl: bound.client.baseUrl, authorization: { _tag: "None" } },
    destination.id
  ).pipe(Effect.provideService(HttpClient.HttpClient, capturing), Effect.provide(Connection.TokenStore.layerMemory))
  const client = connect({ gate })
  const line = { client, gate }
  const connected: Connected = { destination, bound, forms: { event: line, list: line }, lease: yield* Lease.make }
  return connected
})

const shown = (request: HttpClientRequest.HttpClientRequest, isSigned: boolean): PreviewedRequest => {
  const headers = Object.fromEntries(
    Object.entries(request.headers).flatMap(([name, value]) => (typeof value === "string" ? [[name, value]] : []))
  )
  const { body } = request
  const text = body._tag === "Uint8Array" ? new TextDecoder().decode(body.body) : undefined
  const query = request.urlParams.params.map(
    ([name, value]) => `${name}=${typeof value === "string" ? encodeURIComponent(value) : "<redacted>"}`
  )
  return {
    method: request.method,
    url: query.length === 0 ? request.url : `${request.url}?${query.join("&")}`,
    headers: isSigned ? { ...headers, authorization: "<redacted>" } : headers,
    body: text === undefined ? null : asJson(text)
  }
}

const asJson = (text: string): unknown => {
  try {
    return Json.parse(text)
  } catch {
    return text // form-encoded, for example
  }
}
