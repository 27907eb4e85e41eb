/**
 * An activation: which computation is delivered to which destination, and how. Checked, with defaults filled in.
 *
 * What somebody writes is core's `EventActivation` or `ListActivation`. From here on there is this one type: the engine
 * and the store pick from it what they need.
 *
 * @since 0.1.0
 */
import type { Call, Destination } from "@tributary/core"
import { type Activation as Written, Cadence, type Computation, type Plan } from "@tributary/core/runtime"
import { Duration, Option, Result, Schema } from "effect"
import type { ResolvedComputation, SourcedComputation } from "./Computations.ts"
import type { SourcedActivation } from "./defineConfig.ts"
import type { Fail } from "./Mistakes.ts"
import * as Options from "./Options.ts"
import type { ResolvedProfiles } from "./Profiles.ts"
import * as Schedule from "./Schedule.ts"

/**
 * An activation to keep in step.
 *
 * @category models
 * @since 0.1.0
 */
export interface Activation {
  readonly id: string
  readonly form: "event" | "list"
  readonly destination: Destination.Destination
  readonly computation: ResolvedComputation
  /** Whose identifiers are sent: those of users for an account audience that is sent as users. */
  readonly collection: Computation.Collection
  readonly calls: ReadonlyArray<Call.CallKind>
  /** Whether calls are for identifiers, or for profiles whose identifiers the vendor joins (R44). */
  readonly per: "identifier" | "profile"
  readonly events: Plan.Task["events"]
  readonly identifiers: Plan.Task["identifiers"]
  readonly newIdentifiers: boolean
  readonly traits: Readonly<Record<string, string>>
  readonly historical: boolean
  readonly hold: { readonly share: number; readonly least: number } | undefined
  readonly onRemoval: "keep" | "exit" | "delete"
  /** Of a list. */
  readonly cadence: Cadence.Cadence
  readonly listName: string
}

const isPolicy = Schema.is(Options.Policy)

/**
 * Checks an activation whose options have the right shape.
 *
 * @category constructors
 * @since 0.1.0
 */
export const resolveActivation = (
  activation: SourcedActivation,
  index: number,
  computation: ResolvedComputation,
  fail: Fail
): Activation => {
  const path = `activations[${index}] "${activation.id}"`
  const { plugin } = activation.destination
  for (const [type, policy] of Object.entries(activation.options.identifiers ?? {})) {
    if (!plugin.identifiers.includes(type)) {
      fail(`${path}.identifiers.${type}`, `${plugin.title} takes ${plugin.identifiers.join(", ")}, and no ${type}`)
    }
    if (!isPolicy(policy)) {
      fail(`${path}.identifiers.${type}`, `must be "all", "latest", "first", "none" or { pick, max }`)
    }
  }
  const share = activation.options.hold === false ? 0 : (activation.options.hold?.share ?? 0.3)
  if (share < 0 || share > 1) fail(`${path}.hold.share`, "must be between 0 and 1")
  const common = {
    id: activation.id,
    destination: activation.destination,
    computation,
    identifiers: activation.options.identifiers ?? {},
    newIdentifiers: activation.options.newIdentifiers ?? true,
    hold: activation.options.hold === false ? undefined : { share, least: activation.options.hold?.least ?? 100 }
  }
  return activation._tag === "EventActivation"
    ? { ...common, ...eventPart(activation, computation, path, fail) }
    : { ...common, ...listPart(activation, computation, path, fail) }
}

type FormPart = Pick<
  Activation,
  "form" | "collection" | "calls" | "per" | "events" | "traits" | "historical" | "cadence" | "listName" | "onRemoval"
>

const defaultEvents = (kind: ResolvedComputation["kind"]) =>
  kind === "trait"
    ? { entered: "Trait Computed", exited: "Trait Computed", computed: "Trait Computed" }
    : { entered: "Audience Entered", exited: "Audience Exited", computed: "Trait Computed" }

const eventPart = (
  activation: Written.EventActivation<SourcedComputation>,
  computation: ResolvedComputation,
  path: string,
  fail: Fail
): FormPart => {
  const { options } = activation
  const { event, title } = activation.destination.plugin
  const takes = event?.calls ?? []
  if (event === undefined) fail(path, `${title} takes no events; use Activation.list`)
  const asUsers =
    computation.collection === "accounts" &&
    (options.accounts ?? (takes.includes("group") ? "group" : "users")) === "users"
  if (asUsers && computation.kind === "trait") {
    fail(
      path,
      `an account trait is sent as group calls only, which ${title} ${takes.includes("group") ? "takes: leave out accounts" : "does not take"}`
    )
  }
  const collection = computation.collection === "accounts" && !asUsers ? "accounts" : "users"
  const possible: ReadonlyArray<Call.CallKind> = collection === "accounts" ? ["group"] : ["identify", "track"]
  const calls: ReadonlyArray<Call.CallKind> =
    options.calls ?? possible.filter((call) => takes.includes(call)).slice(0, 1)
  for (const call of calls) {
    if (!takes.includes(call)) fail(`${path}.calls`, `${title} takes ${takes.join(", ") || "no calls"}, and no ${call}`)
    else if (!possible.includes(call)) {
      fail(`${path}.calls`, `${call} does not go with ${collection}; use ${possible.join(" or ")}`)
    }
  }
  if (calls.length === 0) fail(`${path}.calls`, `${title} takes none of ${possible.join(", ")}`)
  return {
    form: "event",
    collection,
    calls,
    per: options.per ?? event?.per ?? "identifier",
    events: { ...defaultEvents(computation.kind), ...options.events },
    traits: options.traits ?? {},
    historical: options.historical ?? true,
    cadence: Cadence.hourly,
    listName: "",
    onRemoval: onRemovalOf(options.onRemoval, ["keep", "exit"], path, fail)
  }
}

const onRemovalOf = (
  asked: Activation["onRemoval"] = "keep",
  possible: ReadonlyArray<Activation["onRemoval"]>,
  path: string,
  fail: Fail
) => {
  if (!possible.includes(asked)) fail(`${path}.onRemoval`, `must be ${possible.join(" or ")}, and not ${asked}`)
  return asked
}

const listPart = (
  activation: Written.ListActivation,
  computation: ResolvedComputation,
  path: string,
  fail: Fail
): FormPart => {
  const { options } = activation
  const { list, title } = activation.destination.plugin
  if (list === undefined) fail(path, `${title} has no lists; use Activation.events`)
  if (computation.kind === "trait") {
    fail(
      path,
      `"${computation.key}" is a computed trait, and lists take audiences only; use Activation.events, or an audience`
    )
  }
  const minimum: Cadence.Cadence = { every: list?.cadence ?? Duration.hours(1) }
  const asked = options.every === undefined ? Option.some(minimum.every) : Duration.fromInput(options.every)
  if (Option.isNone(asked))
    fail(`${path}.every`, `"${Schedule.written(options.every)}" is not a duration; write for example "6 hours"`)
  const cadence = Cadence.notFasterThan(
    { every: Option.getOrElse(asked, () => minimum.every) },
    minimum,
    activation.destination.id
  )
  if (Result.isFailure(cadence)) fail(`${path}.every`, cadence.failure.message)
  return {
    form: "list",
    collection: "users",
    calls: [],
    per: "identifier",
    events: defaultEvents(computation.kind),
    traits: {},
    historical: list?.acceptsHistorical === false ? false : (options.historical ?? true),
    cadence: Result.getOrElse(cadence, () => minimum),
    listName: options.name ?? computation.name,
    onRemoval: onRemovalOf(
      options.onRemoval,
      list?.removes === true ? ["keep", "exit", "delete"] : ["keep", "exit"],
      path,
      fail
    )
  }
}

/**
 * Checks the mapped traits of an activation: one that no profile has would be left out of every payload without a word.
 *
 * @category combinators
 * @since 0.1.0
 */
export const checkTraits = (activation: Activation, profiles: ReadonlyArray<ResolvedProfiles>, fail: Fail) => {
  const known = profiles
    .filter((source) => source.collection === activation.collection)
    .flatMap((source) => Object.keys(source.traits))
  for (const [name, trait] of Object.entries(activation.traits)) {
    if (!known.includes(trait)) {
      const has = known.length === 0 ? "have no traits" : `have ${known.join(", ")}`
      fail(
        `activation "${activation.id}".traits.${name}`,
        `${activation.collection} have no trait "${trait}"; they ${has}`
      )
    }
  }
}

/**
 * Checks that no two activations share a list at a destination: whoever exits the one audience would be removed while
 * still in the other. Names that differ in case or spaces alone count as one, as some vendors take them.
 *
 * @category combinators
 * @since 0.1.0
 */
export const checkListNames = (activations: ReadonlyArray<Activation>, fail: Fail) => {
  const lists = activations.filter(({ form }) => form === "list")
  const sharing = Map.groupBy(lists, ({ destination, listName }) =>
    JSON.stringify([destination.id, listName.normalize("NFC").trim().replaceAll(/\s+/g, " ").toLowerCase()])
  )
  for (const [first, ...others] of sharing.values()) {
    for (const other of others) {
      // Two of one id are a mistake of their own.
      if (first === undefined || first.id === other.id) continue
      fail(
        `activation "${other.id}".name`,
        `it would share the list "${other.listName}" of "${other.destination.id}" with activation "${first.id}", ` +
          `and each would remove the members of the other; give one of them another list with { name: "…" }`
      )
    }
  }
}
