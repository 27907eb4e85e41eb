/**
 * Computations as a config defines them: what they are called, and where their result comes from.
 *
 * @since 0.1.0
 */
import { Computation } from "@tributary/core/runtime"
import { Result } from "effect"
import { type Changes, type ChangesOptions, resolve as resolveChanges } from "./Changes.ts"
import type { Fail } from "./Mistakes.ts"
import type { Query } from "./Query.ts"
import { resolve as resolveSchedule, type Schedule, type ScheduleOptions, written } from "./Schedule.ts"
import type { FileSource, Profiles, Rows, SqlSource } from "./Source.ts"

/**
 * Where a computation's result comes from: a query, or a file.
 *
 * @category models
 * @since 0.1.0
 */
export type From =
  | {
      /** Returns a row per profile. */
      readonly query: Query
      /** The database to ask. Default: the one that the profiles come from. */
      readonly in?: SqlSource
      /** How that database says whose result may have changed. Default: it does not, and everything is read each time. */
      readonly changes?: ChangesOptions
    }
  | {
      /** A file that holds the result: `Source.csv(…)` or `Source.ndjson(…)`. */
      readonly file: FileSource
    }

/**
 * @category models
 * @since 0.1.0
 */
export type AudienceOptions = ScheduleOptions &
  From & {
    /** The profiles that the audience is of. */
    readonly of: Profiles
    /** Default: the snake_case of the name. Set it to rename an audience and keep its key. */
    readonly key?: string
    /** The column of the profile's id. Default: `id`. */
    readonly id?: string
  }

/**
 * @category models
 * @since 0.1.0
 */
export type ComputedTraitOptions = AudienceOptions & {
  /** The column of the value. Default: `value`. */
  readonly value?: string
}

/**
 * A computation with its source.
 *
 * @category models
 * @since 0.1.0
 */
export interface Sourced {
  readonly of: Profiles
  readonly rows: Rows
  readonly id: string
  readonly value: string
  readonly schedule: ScheduleOptions
}

/**
 * @category models
 * @since 0.1.0
 */
export type SourcedAudience = Computation.Audience & Sourced

/**
 * @category models
 * @since 0.1.0
 */
export type SourcedTrait = Computation.ComputedTrait & Sourced

/**
 * @category models
 * @since 0.1.0
 */
export type SourcedComputation = SourcedAudience | SourcedTrait

const rowsOf = (options: AudienceOptions): Rows =>
  "file" in options
    ? { origin: options.file.origin, query: undefined }
    : { origin: options.in?.origin ?? options.of.rows.origin, query: options.query, changes: options.changes }

const sourced = (options: ComputedTraitOptions): Sourced => ({
  of: options.of,
  rows: rowsOf(options),
  id: options.id ?? "id",
  value: options.value ?? "value",
  schedule: options
})

// A name that gives no key is a mistake of the config, which `defineConfig` reports with its path; until then the bad
// key stands for itself.
const keyOf = (name: string, explicit: string | undefined): string =>
  Result.match(Computation.keyOf(name, explicit), { onSuccess: (key) => key, onFailure: (error) => error.key })

/**
 * An audience.
 *
 * @example
 * ```ts
 * const firstTime = Audience.make("First time shopper", { of: users, every: "5 minutes", query: sql`select …` })
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const Audience = {
  make: (name: string, options: AudienceOptions): SourcedAudience => ({
    _tag: "Audience",
    name,
    key: keyOf(name, options.key),
    collection: options.of.collection,
    ...sourced(options)
  })
}

/**
 * A computed trait.
 *
 * @example
 * ```ts
 * const revenue = ComputedTrait.make("Total revenue 180 days", { of: users, every: "1 hour", query: sql`select …` })
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const ComputedTrait = {
  make: (name: string, options: ComputedTraitOptions): SourcedTrait => ({
    _tag: "ComputedTrait",
    name,
    key: keyOf(name, options.key),
    collection: options.of.collection,
    ...sourced(options)
  })
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
  readonly schedule: Schedule
  readonly changes: Changes | undefined
}

/**
 * Checks a computation.
 *
 * @category constructors
 * @since 0.1.0
 */
export const resolveComputation = (computation: SourcedComputation, fail: Fail): ResolvedComputation => {
  const path = `computation "${computation.key}"`
  if (typeof computation.key !== "string" || !Computation.keyPattern.test(computation.key)) {
    const { key, name } = computation
    fail(path, new Computation.BadKey({ name: String(name), key: written(key) }).message)
  }
  return {
    kind: computation._tag === "Audience" ? "audience" : "trait",
    key: computation.key,
    name: computation.name,
    collection: computation.collection,
    rows: computation.rows,
    id: computation.id,
    value: computation.value,
    schedule: resolveSchedule(computation.schedule, path, fail),
    changes: resolveChanges(computation.rows.changes, path, fail)
  }
}
