/**
 * The difference between two results of a computation.
 *
 * @since 0.1.0
 */
import { Context, Layer } from "effect"
import * as IdSet from "../sets/IdSet.ts"

/**
 * Who is new, and who is gone.
 *
 * @category models
 * @since 0.1.0
 */
export interface Change {
  readonly entered: IdSet.IdSet
  readonly exited: IdSet.IdSet
}

/**
 * Set difference, both ways.
 *
 * @category services
 * @since 0.1.0
 */
export class Diff extends Context.Service<
  Diff,
  { readonly between: (before: IdSet.IdSet, after: IdSet.IdSet) => Change }
>()("@tributary/core/Diff") {
  static readonly layer = Layer.succeed(Diff, {
    between: (before, after) => ({
      entered: IdSet.difference(after, before),
      exited: IdSet.difference(before, after)
    })
  })
}
