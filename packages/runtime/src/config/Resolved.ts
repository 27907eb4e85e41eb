/**
 * A configuration that has been checked: defaults filled in, every mistake found.
 *
 * @since 0.1.0
 */
import { type Call, Destination } from "@tributary/core"
import { type Activation, Cadence, Computation, type Plan } from "@tributary/core/runtime"
import { Duration, Option, Result, Schema } from "effect"
import * as Changes from "./Changes.ts"
import type { SourcedComputation } from "./Computations.ts"
import type { SourcedActivation, TributaryConfig } from "./defineConfig.ts"
import * as Options from "./Options.ts"
import * as Schedule from "./Schedule.ts"
import type { Profiles, Rows } from "./Source.ts"

/**
 * The configuration is wrong: every mistake with its path.
 *
 * @category errors
 * @since 0.1.0
 */
export class BadConfig extends Schema.TaggedError<BadConfig>()("BadConfig", {
  mistakes: Schema.Array(Schema.Struct({ path: Schema.String, message: Schema.String }))
}) {
  override get message(): string {
    const count = this.mistakes.length === 1 ? "a mistake" : `${this.mistakes.length} mistakes`
    return `The configuration has ${count}:\n${this.mistakes.map((m) => `  - ${m.path}: ${m.message}`).join("\n")}`
  }
}

/**
 * Profiles to import.
 *
 * @category models
 * @since 0.1.0
 */
export interface ResolvedProfiles {
  readonly name: string
  readonly collection: Computation.Collection
  readonly rows: Rows
  readonly id: string
  readonly identifiers: Readonly<Record<string, string>>
  readonly traits: Readonly<Record<string, string>>
  readonly account: string | undefined
  readonly schedule: Schedule.Schedule
  readonly changes: Changes.Changes | undefined
}

/**
 * A computation to evaluate.
 *
 * @category models
 * @since 0.1.0
 */
export interface ResolvedComputation {
  readonly kind: "audience" | "trait"
  readonly key: string
  readonly name: string
  readonly collection: Computation.Collection
  readonly rows: Rows
  readonly id: string
  readonly value: string
  readonly schedule: Schedule.Schedule
  readonly changes: Changes.Changes | undefined
}

/**
 * An activation to keep in step.
 *
 * @category models
 * @since 0.1.0
 */
export interface ResolvedActivation {
  readonly id: string
  readonly form: "event" | "list"
  readonly destination: Destination.Destination
  readonly computation: ResolvedComputation
  /** Whose identifiers are told: those of users for an account audience told as users. */
  readonly collection: Computation.Collection
  readonly calls: ReadonlyArray<Call.CallKind>
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

/**
 * How an activation is told: what a sync needs of it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Told extends Pick<
  ResolvedActivation,
  | "id"
  | "form"
  | "collection"
  | "calls"
  | "events"
  | "identifiers"
  | "newIdentifiers"
  | "traits"
  | "listName"
  | "hold"
  | "cadence"
> {
  readonly computation: Pick<ResolvedComputation, "kind" | "key" | "name">
}

/**
 * @category models
 * @since 0.1.0
 */
export interface Resolved {
  readonly space: string
  readonly profiles: ReadonlyArray<ResolvedProfiles>
  readonly computations: ReadonlyArray<ResolvedComputation>
  readonly destinations: ReadonlyArray<Destination.Destination>
  readonly activations: ReadonlyArray<ResolvedActivation>
  /** Milliseconds for which syncs and changes are remembered. */
  readonly keepMillis: number
}

type Mistakes = Array<{ path: string; message: string }>

/**
 * Checks a configuration as far as that is possible without a database.
 *
 * @category constructors
 * @since 0.1.0
 */
export const resolve = (config: TributaryConfig): Result.Result<Resolved, BadConfig> => {
  const mistakes: Mistakes = []
  const fail = (path: string, message: string) => {
    mistakes.push({ path, message })
  }
  if (typeof config.space !== "string" || !/^[A-Za-z0-9_-]{1,100}$/.test(config.space)) {
    fail("space", "must be 1 to 100 letters, digits, hyphens or underscores")
  }
  const sources = new Set<Profiles>([
    ...(config.profiles ?? []),
    ...config.activations.map((activation) => activation.computation.of)
  ])
  const computations = new Map<SourcedComputation, ResolvedComputation>()
  for (const { computation } of config.activations) {
    if (!computations.has(computation)) computations.set(computation, resolveComputation(computation, fail))
  }
  const resolved: Resolved = {
    space: config.space,
    // Accounts first: users name the accounts that they belong to.
    profiles: [...sources]
      .toSorted((a, b) => (a.collection === b.collection ? 0 : a.collection === "accounts" ? -1 : 1))
      .map((source) => resolveProfiles(source, fail)),
    computations: [...computations.values()],
    destinations: [
      ...new Set([...config.activations.map((activation) => activation.destination), ...(config.destinations ?? [])])
    ],
    keepMillis: keepMillis(config.keep ?? Duration.days(90), fail),
    activations: config.activations.flatMap((activation, i) => {
      const computation = computations.get(activation.computation)
      const schema = activation._tag === "EventActivation" ? Options.EventOptions : Options.ListOptions
      const misshapen = Options.mistakesIn(schema, activation.options)
      for (const { message, path } of misshapen) fail(`activations[${i}] "${activation.id}"${path}`, message)
      if (computation === undefined || misshapen.length > 0) return []
      return [resolveActivation(activation, i, computation, fail)]
    })
  }
  for (const activation of resolved.activations) checkTraits(activation, resolved.profiles, fail)
  unique(
    resolved.profiles.map((p) => p.name),
    (name) => fail(`profiles "${name}"`, `there are two sets of this name; set "name" on one of them`)
  )
  for (const { id, plugin } of resolved.destinations) {
    const mismatch = Destination.mismatch(plugin)
    if (mismatch !== undefined) fail(`destination "${id}"`, mismatch)
  }
  unique(
    resolved.destinations.map((d) => d.id),
    (id) => fail(`destination "${id}"`, "there are two destinations of this id; give each its own")
  )
  unique(
    resolved.activations.map((a) => a.id),
    (id) => fail(`activation "${id}"`, `there are two activations of this id; set "id" on one of them`)
  )
  unique(
    resolved.computations.map((c) => `${c.collection} ${c.key}`),
    (key) =>
      fail(
        `computation "${key.split(" ")[1]}"`,
        `there are two computations of this key over ${key.split(" ")[0]}; set "key" on one`
      )
  )
  return mistakes.length === 0 ? Result.succeed(resolved) : Result.fail(new BadConfig({ mistakes }))
}

/** A mapped trait that no profile has would be left out of every payload without a word. */
const checkTraits = (activation: ResolvedActivation, profiles: ReadonlyArray<ResolvedProfiles>, fail: Fail) => {
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

type Fail = (path: string, message: string) => void

const unique = (names: ReadonlyArray<string>, onDuplicate: (name: string) => void) => {
  const seen = new Set<string>()
  const reported = new Set<string>()
  for (const name of names) {
    if (seen.has(name) && !reported.has(name)) {
      reported.add(name)
      onDuplicate(name)
    }
    seen.add(name)
  }
}

const keepMillis = (keep: Duration.Input, fail: Fail): number => {
  const millis = Option.getOrElse(Option.map(Duration.fromInput(keep), Duration.toMillis), () => 0)
  if (millis < Duration.toMillis(Duration.days(1))) {
    fail("keep", `"${Schedule.written(keep)}" is no duration of a day at least; write for example "90 days"`)
  }
  return millis
}

const hourly: Schedule.Schedule = { _tag: "Every", cadence: Cadence.hourly }

const scheduleOf = (options: Schedule.ScheduleOptions, path: string, fail: Fail): Schedule.Schedule =>
  Result.match(Schedule.parse(options), {
    onFailure: (message) => {
      fail(path, message)
      return hourly
    },
    onSuccess: (schedule) => schedule
  })

const resolveProfiles = (profiles: Profiles, fail: Fail): ResolvedProfiles => {
  const { account, id, identifiers, traits } = profiles.options
  const path = `profiles "${profiles.name}"`
  if (Object.keys(identifiers).length === 0)
    fail(path, `has no identifiers; name at least one, such as { user_id: "id" }`)
  return {
    name: profiles.name,
    collection: profiles.collection,
    rows: profiles.rows,
    id: id ?? "id",
    identifiers,
    traits: isList(traits) ? Object.fromEntries(traits.map((trait) => [trait, trait])) : (traits ?? {}),
    account,
    schedule: scheduleOf(profiles.options, path, fail),
    changes: Changes.resolve(profiles.rows.changes, path, fail)
  }
}

const isList = (traits: unknown): traits is ReadonlyArray<string> => Array.isArray(traits)

const resolveComputation = (computation: SourcedComputation, fail: Fail): ResolvedComputation => {
  const path = `computation "${computation.key}"`
  if (typeof computation.key !== "string" || !Computation.keyPattern.test(computation.key)) {
    const { key, name } = computation
    fail(path, new Computation.BadKey({ name: String(name), key: Schedule.written(key) }).message)
  }
  return {
    kind: computation._tag === "Audience" ? "audience" : "trait",
    key: computation.key,
    name: computation.name,
    collection: computation.collection,
    rows: computation.rows,
    id: computation.id,
    value: computation.value,
    schedule: scheduleOf(computation.schedule, path, fail),
    changes: Changes.resolve(computation.rows.changes, path, fail)
  }
}

const isPolicy = Schema.is(Options.Policy)

const resolveActivation = (
  activation: SourcedActivation,
  index: number,
  computation: ResolvedComputation,
  fail: Fail
): ResolvedActivation => {
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
  ResolvedActivation,
  "form" | "collection" | "calls" | "events" | "traits" | "historical" | "cadence" | "listName" | "onRemoval"
>

const defaultEvents = (kind: ResolvedComputation["kind"]) =>
  kind === "trait"
    ? { entered: "Trait Computed", exited: "Trait Computed", computed: "Trait Computed" }
    : { entered: "Audience Entered", exited: "Audience Exited", computed: "Trait Computed" }

const eventPart = (
  activation: Activation.EventActivation<SourcedComputation>,
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
      `an account trait is told as group calls only, which ${title} ${takes.includes("group") ? "takes: leave out accounts" : "does not take"}`
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
    events: { ...defaultEvents(computation.kind), ...options.events },
    traits: options.traits ?? {},
    historical: options.historical ?? true,
    cadence: Cadence.hourly,
    listName: "",
    onRemoval: onRemovalOf(options.onRemoval, ["keep", "exit"], path, fail)
  }
}

const onRemovalOf = (
  asked: ResolvedActivation["onRemoval"] = "keep",
  possible: ReadonlyArray<ResolvedActivation["onRemoval"]>,
  path: string,
  fail: Fail
) => {
  if (!possible.includes(asked)) fail(`${path}.onRemoval`, `must be ${possible.join(" or ")}, and not ${asked}`)
  return asked
}

const listPart = (
  activation: Activation.ListActivation,
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
    fail(`${path}.every`, `"${Schedule.written(options.every)}" is no duration; write for example "6 hours"`)
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
