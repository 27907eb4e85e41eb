/**
 * The configuration: what is sent where.
 *
 * @since 0.1.0
 */
import type { Destination } from "@tributary/core"
import type { Activation } from "@tributary/core/runtime"
import type { Duration } from "effect"
import type { SourcedAudience, SourcedComputation } from "./Computations.ts"
import type { Profiles } from "./Source.ts"

/**
 * An activation of a computation that has a source.
 *
 * @category models
 * @since 0.1.0
 */
export type SourcedActivation =
  | Activation.EventActivation<SourcedComputation>
  | Activation.ListActivation<SourcedAudience>

/**
 * @category models
 * @since 0.1.0
 */
export interface ConfigOptions {
  /** The space's id, sent to destinations in `context.personas.space_id`. */
  readonly space: string
  /** Which computation goes to which destination, and how: `Activation.events(…)` and `Activation.list(…)`. */
  readonly activations: ReadonlyArray<SourcedActivation>
  /** Profiles to import that no computation is over: the accounts of users, for example. */
  readonly profiles?: ReadonlyArray<Profiles>
  /** Destinations that have no activation any more, kept until everybody has exited them (R39). */
  readonly destinations?: ReadonlyArray<Destination.Destination>
  /** How long the record of syncs and of changes is kept. Default: 90 days. */
  readonly keep?: Duration.Input
}

/**
 * A configuration as a module exports it.
 *
 * @category models
 * @since 0.1.0
 */
export interface TributaryConfig extends ConfigOptions {
  readonly _tag: "TributaryConfig"
}

/**
 * The configuration: the default export of `tributary.config.ts`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const defineConfig = (options: ConfigOptions): TributaryConfig => ({ _tag: "TributaryConfig", ...options })
