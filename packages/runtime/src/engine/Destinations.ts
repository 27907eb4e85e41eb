/**
 * Destinations at work: settings read, connected, and each activation as the reconciler sees it.
 *
 * @since 0.1.0
 */
import { type Call, type Client, type Destination, type Member, RateLimit } from "@tributary/core"
import { Connection, type Plan, RateLimiter, type Reconciler } from "@tributary/core/runtime"
import { Effect } from "effect"
import type { HttpClient } from "effect/http"
import type { SqlClient } from "effect/sql"
import * as Lease from "../ownership/Lease.ts"
import type { Activation } from "./Activation.ts"

/**
 * A destination that can be delivered to.
 *
 * @category models
 * @since 0.1.0
 */
export interface Connected {
  readonly destination: Destination.Destination
  readonly bound: Destination.Bound
  /** By form: both pass the destination's gate, and each may have limits of its own beside it. */
  readonly forms: { readonly event: Line; readonly list: Line }
  /** Lets requests out only while this process owns the destination. */
  readonly lease: Lease.Lease
}

/**
 * The way out for one form: a client, and the gate that its requests pass.
 *
 * @category models
 * @since 0.1.0
 */
export interface Line {
  readonly client: Client.Client
  readonly gate: RateLimiter.Gate
}

/**
 * The limits of a destination: the plugin's, where a cap replaces the one that it is about (R28).
 *
 * @category combinators
 * @since 0.1.0
 */
export const limitsOf = ({ options, plugin }: Destination.Destination): ReadonlyArray<RateLimit.RateLimit> =>
  RateLimit.capped(plugin.limits, options.cap)

/**
 * What the body of a request may weigh.
 *
 * @category combinators
 * @since 0.1.0
 */
export const mostBytes = ({ plugin }: Destination.Destination, form: "event" | "list"): number | undefined =>
  plugin[form]?.batch.bytes

/**
 * Reads a destination's settings and connects it.
 *
 * @category constructors
 * @since 0.1.0
 */
export const connect = Effect.fnUntraced(function* (
  destination: Destination.Destination
): Effect.fn.Return<
  Connected,
  Destination.BadSettings,
  HttpClient.HttpClient | Connection.TokenStore | RateLimiter.RateLimiter | SqlClient.SqlClient
> {
  const bound = yield* destination.bind
  const limiter = yield* RateLimiter.RateLimiter
  const open = yield* Connection.open(bound.client, destination.id)
  const lease = yield* Lease.make
  const shared = yield* limiter.gate(destination.id, limitsOf(destination), { hasQuota: bound.quota !== undefined })
  const line = (form: "event" | "list"): Line => {
    const declared = destination.plugin[form]
    const gate = shared.narrowed(form, declared?.limits ?? [])
    const client = open({
      gate,
      quota: bound.quota,
      throttle: bound.throttle,
      mayLeave: lease.check,
      mostBytes: mostBytes(destination, form),
      timeout: declared?.timeout
    })
    return { gate, client }
  }
  return { destination, bound, forms: { event: line("event"), list: line("list") }, lease }
})

/**
 * The activation as the reconciler sees it.
 *
 * @category constructors
 * @since 0.1.0
 */
export const taskOf = (activation: Activation, space: string): Plan.Task => ({
  activation: activation.no,
  activationId: activation.id,
  title: activation.computation.name,
  personas: {
    computation_class: activation.computation.kind,
    computation_id: `${activation.computation.kind === "audience" ? "aud" : "tra"}_${activation.computation.key}`,
    computation_key: activation.computation.key,
    namespace: space,
    space_id: space
  },
  calls: activation.calls,
  per: activation.per,
  events: activation.events,
  identifiers: activation.identifiers,
  newIdentifiers: activation.newIdentifiers,
  traits: activation.traits
})

/**
 * What the reconciler needs of a form beside its tasks.
 *
 * @category models
 * @since 0.1.0
 */
export type FormWork = Pick<Reconciler.Work, "declaration" | "context" | "gate" | "keys" | "version" | "form">

/**
 * The plugin's version and the settings, as text without secrets: under another one, what was rejected is tried again.
 *
 * @category combinators
 * @since 0.1.0
 */
export const versionOf = ({ bound, destination }: Connected): string =>
  `${destination.plugin.version} ${bound.settingsText}`

/**
 * What the reconciler needs to deliver to the event form.
 *
 * @category constructors
 * @since 0.1.0
 */
export const eventWork = (connected: Connected, client = connected.forms.event.client): FormWork | undefined => {
  const { bound, destination, forms } = connected
  const { event } = bound
  const declared = destination.plugin.event
  if (event === undefined || declared === undefined) return undefined
  const context: Destination.Context<unknown> = { client, settings: bound.settings }
  const { prepare } = event
  return {
    declaration: destination.plugin,
    context,
    gate: forms.event.gate,
    keys: bound.keys,
    version: versionOf(connected),
    form: {
      _tag: "Event",
      coalesce: declared.coalesce,
      groupUsers: declared.groupUsers,
      prepare: prepare === undefined ? undefined : (fields) => prepare(fields, context),
      route: {
        label: (call: Call.Call) => call.type,
        batch: declared.batch,
        send: (calls) => event.deliver(calls, context)
      }
    }
  }
}

/**
 * What the reconciler needs to deliver to one list.
 *
 * @category constructors
 * @since 0.1.0
 */
export const listWork = (
  connected: Connected,
  listId: string,
  client = connected.forms.list.client
): FormWork | undefined => {
  const { bound, destination, forms } = connected
  const { list } = bound
  const declared = destination.plugin.list
  if (list === undefined || declared === undefined) return undefined
  const context: Destination.Context<unknown> = { client, settings: bound.settings }
  const route = (
    label: "add" | "discard",
    send: Reconciler.Route<Member.Member>["send"]
  ): Reconciler.Route<Member.Member> => ({ label: () => label, batch: declared.batch, send })
  return {
    declaration: destination.plugin,
    context,
    gate: forms.list.gate,
    keys: bound.keys,
    version: versionOf(connected),
    form: {
      _tag: "List",
      add: route("add", (members) => list.add(listId, members, context)),
      discard: route("discard", (members) => list.discard(listId, members, context))
    }
  }
}
