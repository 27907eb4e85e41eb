/**
 * The contract of a destination plugin.
 *
 * A plugin is a value: what it needs (settings, identifiers, properties), what its vendor takes (calls, batches,
 * limits), and pure mappings to the vendor's wire form and back. Everything else — retries, limits, tokens, tracing,
 * preview, order — is the runtime's. The types carry the declaration: a `deliver` sees only the calls that were
 * declared, and a computed trait cannot be activated on a list.
 *
 * @since 0.1.0
 */
import { Duration, Effect, Schema } from "effect"
import type { CallKind } from "./Call.ts"
import type { ClientSpec } from "./Client.ts"
import { type Configurable, mistakesOf, resolve } from "./Configurable.ts"
import {
  type Contract,
  type Declaration,
  type EventDeclaration,
  type ListDeclaration,
  timeoutOf
} from "./Declaration.ts"
import type { Filled, Requirements } from "./Enrichment.ts"
import type { AnyEventForm, AnyListForm, EventForm, ListForm } from "./Form.ts"
import type { IdentifierType } from "./Identifier.ts"
import type { Json } from "./Json.ts"
import type { Quota, RateLimit, Scope } from "./RateLimit.ts"
import type { Reply, RequestLine } from "./Reply.ts"
import type { BoundKeys, KeyOf, Keys } from "./Key.ts"

// A plugin that requires nothing imports no Enrichment, and its declaration names this type all the same.
export type { Filled } from "./Enrichment.ts"
export { contract, mismatch } from "./Declaration.ts"
export type { Batch, Contract, Declaration, EventDeclaration, ListDeclaration } from "./Declaration.ts"
export type { AnyEventForm, AnyListForm, Context, EventForm, Field, ListForm, ListName, NonEmpty } from "./Form.ts"

/**
 * At the type level: has an event form that takes these calls.
 *
 * @category models
 * @since 0.1.0
 */
export interface HasEvent<out K extends CallKind> {
  readonly event: { readonly calls: ReadonlyArray<K> }
}

/**
 * At the type level: has a list form.
 *
 * @category models
 * @since 0.1.0
 */
export interface HasList {
  readonly list: true
}

/**
 * A destination whose settings are decoded: what the runtime delivers through.
 *
 * @category models
 * @since 0.1.0
 */
export interface Bound {
  readonly client: ClientSpec
  readonly settings: unknown
  readonly quota: ((reply: Reply, request: RequestLine) => Quota | undefined) | undefined
  readonly throttle: ((reply: Reply, request: RequestLine) => Scope) | undefined
  /** By what the vendor matches identifiers, by type; a type without a key is matched as it is spelled. */
  readonly keys: BoundKeys
  readonly event: AnyEventForm | undefined
  readonly list: AnyListForm | undefined
  /** What the settings were, as text without secrets: a rejection under other settings is tried again. */
  readonly settingsText: string
}

/**
 * Settings that do not decode: every mistake with its path.
 *
 * @category errors
 * @since 0.1.0
 */
export class BadSettings extends Schema.TaggedError<BadSettings>()("BadSettings", {
  destination: Schema.String,
  mistakes: Schema.Array(Schema.String)
}) {
  override get message(): string {
    return this.mistakes.map((mistake) => `destination "${this.destination}": ${mistake}`).join("\n")
  }
}

/**
 * What an operator may say of a destination beside its settings.
 *
 * @category models
 * @since 0.1.0
 */
export interface DestinationOptions {
  /** Replaces the limit that it is about, within the vendor's other limits (R28, `RateLimit.capped`). */
  readonly cap?: RateLimit
}

/**
 * A plugin with settings: "our Braze workspace".
 *
 * @category models
 * @since 0.1.0
 */
export interface Destination<out Forms = unknown> {
  readonly _tag: "Destination"
  readonly id: string
  readonly plugin: Declaration
  readonly options: DestinationOptions
  /** Reads the settings from the environment and decodes them. */
  readonly bind: Effect.Effect<Bound, BadSettings>
  /** Only at the type level: which forms the plugin has. */
  readonly forms?: Forms
}

/**
 * A destination plugin: what a package exports.
 *
 * @category models
 * @since 0.1.0
 */
export interface Plugin<S extends Schema.ConstraintDecoder<unknown>, T extends string, P, out Forms = unknown> {
  readonly _tag: "Plugin"
  readonly declaration: Declaration
  readonly settings: S
  /** Adds the event form: one call per identifier, in batches. */
  readonly event: <const K extends CallKind>(
    form: EventForm<S["Type"], T, K, P>
  ) => Plugin<S, T, P, Forms & HasEvent<K>>
  /** Adds the list form: batched adds and discards, on a cadence. */
  readonly list: (form: ListForm<S["Type"], T, P>) => Plugin<S, T, P, Forms & HasList>
  /** The plugin with settings, under the operator's name for it. */
  readonly destination: (
    id: string,
    settings: Configurable<S["Encoded"]>,
    options?: DestinationOptions
  ) => Destination<Forms>
  /** The plugin with a sandbox's settings, whose secrets stand in clear text because none of them is real. */
  readonly sandboxed: (id: string, settings: Readonly<Record<string, Json>>) => Destination<Forms>
}

/**
 * What a plugin is made from.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options<S extends Schema.ConstraintDecoder<unknown>, T extends string, R extends Requirements> {
  /** The version of the contract that the plugin is made for: 1. */
  readonly contract: Contract
  readonly title: string
  /** Of the plugin, as its `package.json` has it. */
  readonly version: string
  /** Secrets as `Setting.secret`, addresses as `Setting.baseUrl`. */
  readonly settings: S
  readonly client: (settings: S["Type"]) => ClientSpec
  /**
   * What the vendor allows an account, whichever form asks: both forms pass one gate. `[]` where it publishes nothing.
   * Limits that differ for an endpoint are declared with `RateLimit.on`, those of a form with the form.
   */
  readonly limits: ReadonlyArray<RateLimit>
  /** How long a request may take, its answer included: 1 second to 5 minutes. Default: 30 seconds. */
  readonly timeout?: Duration.Input
  /** What an answer says of the quota: headers in the vendor's dialect, translated. */
  readonly quota?: (reply: Reply, request: RequestLine) => Quota | undefined
  /**
   * What a 429 is about, before anybody waits for it: the `item`, which the plugin gives `Outcome.retry` while all
   * else goes on; the `endpoint`, where only what goes there waits; or the `destination`. Default: the destination.
   */
  readonly throttle?: (reply: Reply, request: RequestLine) => Scope
  readonly requires: {
    /** The identifier types that the vendor takes (R20). */
    readonly identifiers: ReadonlyArray<T>
    /**
     * By what the vendor matches identifiers of each type, where that is not the spelling itself (R43). Equal keys are
     * one entry of the destination's ledger.
     */
    readonly keys?: Keys<T, S["Type"]>
    /** The properties without which the vendor takes nothing, and how to fill them (R24). */
    readonly properties: R
  }
}

/**
 * A plugin, to which `.event(…)`, `.list(…)` or both are added.
 *
 * @example
 * ```ts
 * export const Zendesk = Destination.make("zendesk", { contract: 1, title: "Zendesk", … }).event({ calls: ["identify", "group"], … })
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = <
  S extends Schema.ConstraintDecoder<unknown>,
  const T extends IdentifierType,
  const R extends Requirements
>(
  name: string,
  options: Options<S, T, R>
): Plugin<S, T, Filled<R>> => build(name, options, {})

const hour = Duration.hours(1)

const bindKeys = <T extends string, S>(keys: Keys<T, S> | undefined, settings: S): BoundKeys => {
  const bound: Record<string, BoundKeys[string]> = {}
  for (const [type, keyOf] of Object.entries<KeyOf<S> | undefined>(keys ?? {})) {
    if (keyOf !== undefined) bound[type] = (value) => keyOf(value, settings)
  }
  return bound
}

const build = <S extends Schema.ConstraintDecoder<unknown>, T extends string, R extends Requirements, F>(
  name: string,
  options: Options<S, T, R>,
  forms: { readonly event?: AnyEventForm; readonly list?: AnyListForm } & {
    readonly eventDeclaration?: EventDeclaration
    readonly listDeclaration?: ListDeclaration
  }
): Plugin<S, T, Filled<R>, F> => {
  timeoutOf(name, options.timeout)
  const declaration: Declaration = {
    name,
    title: options.title,
    version: options.version,
    contract: options.contract,
    settings: options.settings,
    identifiers: options.requires.identifiers,
    keyed: Object.keys(options.requires.keys ?? {}),
    requirements: options.requires.properties,
    limits: options.limits ?? [], // a plugin in JavaScript may have left it out
    event: forms.eventDeclaration,
    list: forms.listDeclaration
  }
  const bound = (settings: S["Type"], settingsText: string): Bound => ({
    client: options.client(settings),
    settings,
    quota: options.quota,
    throttle: options.throttle,
    keys: bindKeys(options.requires.keys, settings),
    event: forms.event,
    list: forms.list,
    settingsText
  })
  return {
    _tag: "Plugin",
    declaration,
    settings: options.settings,
    event: (form) =>
      build(name, options, {
        ...forms,
        event: form,
        eventDeclaration: {
          calls: form.calls,
          batch: form.batch,
          limits: form.limits ?? [],
          timeout: timeoutOf(name, form.timeout ?? options.timeout),
          per: form.per ?? "identifier",
          coalesce: form.coalesce ?? false,
          groupUsers: form.groupUsers ?? false,
          prepares: form.prepare !== undefined,
          polls: form.poll !== undefined
        }
      }),
    list: (form) =>
      build(name, options, {
        ...forms,
        list: form,
        listDeclaration: {
          cadence: Duration.max(hour, Duration.fromInputUnsafe(form.cadence ?? hour)),
          batch: form.batch,
          limits: form.limits ?? [],
          timeout: timeoutOf(name, form.timeout ?? options.timeout),
          acceptsHistorical: form.acceptsHistorical ?? true,
          renames: form.rename !== undefined,
          removes: form.remove !== undefined,
          polls: form.poll !== undefined,
          refreshAfter: form.refreshAfter === undefined ? undefined : Duration.fromInputUnsafe(form.refreshAfter)
        }
      }),
    destination: (id, input, destinationOptions = {}) => ({
      _tag: "Destination",
      id,
      plugin: declaration,
      options: destinationOptions,
      bind: Effect.gen(function* () {
        const mistakes: Array<string> = []
        const encoded = yield* resolve(input, [], mistakes)
        if (mistakes.length > 0) return yield* new BadSettings({ destination: id, mistakes })
        return bound(yield* decode(id, options.settings, encoded), JSON.stringify(encoded))
      })
    }),
    sandboxed: (id, input) => ({
      _tag: "Destination",
      id,
      plugin: declaration,
      options: {},
      bind: Effect.map(decode(id, Schema.toCodecJson(options.settings), input), (settings) =>
        bound(settings, JSON.stringify(settings))
      )
    })
  }
}

const decode = <A>(id: string, schema: Schema.ConstraintDecoder<A>, input: unknown): Effect.Effect<A, BadSettings> =>
  Schema.decodeUnknownEffect(schema)(input, { errors: "all" }).pipe(
    Effect.mapError((error) => new BadSettings({ destination: id, mistakes: mistakesOf(error) }))
  )
