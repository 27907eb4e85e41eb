/**
 * A configuration that has been checked: defaults filled in, every mistake found.
 *
 * @since 0.1.0
 */
import { Destination } from "@tributary/core"
import { Duration, Option, Result } from "effect"
import { type Activation, checkListNames, checkTraits, resolveActivation } from "./Activation.ts"
import { type ResolvedComputation, resolveComputation, type SourcedComputation } from "./Computations.ts"
import type { TributaryConfig } from "./defineConfig.ts"
import { BadConfig, type Fail, unique } from "./Mistakes.ts"
import * as Options from "./Options.ts"
import { type ResolvedProfiles, resolveProfiles } from "./Profiles.ts"
import * as Schedule from "./Schedule.ts"
import type { Profiles } from "./Source.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface Resolved {
  readonly space: string
  readonly profiles: ReadonlyArray<ResolvedProfiles>
  readonly computations: ReadonlyArray<ResolvedComputation>
  readonly destinations: ReadonlyArray<Destination.Destination>
  readonly activations: ReadonlyArray<Activation>
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
  checkListNames(resolved.activations, fail)
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

const keepMillis = (keep: Duration.Input, fail: Fail): number => {
  const millis = Option.getOrElse(Option.map(Duration.fromInput(keep), Duration.toMillis), () => 0)
  if (millis < Duration.toMillis(Duration.days(1))) {
    fail("keep", `"${Schedule.written(keep)}" is not a duration of at least a day; write for example "90 days"`)
  }
  return millis
}
