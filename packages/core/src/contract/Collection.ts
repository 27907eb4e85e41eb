/**
 * Collections: the two kinds of profiles.
 *
 * @since 0.1.0
 */
import { Schema } from "effect"

/**
 * Whether profiles are users or accounts.
 *
 * @category models
 * @since 0.1.0
 */
export const Collection = Schema.Literals(["users", "accounts"])

/**
 * @category models
 * @since 0.1.0
 */
export type Collection = typeof Collection.Type
