/**
 * The store's own database as a source: its queries run in place, and no row leaves it.
 *
 * @since 0.1.0
 */
import { Stream } from "effect"
import type { Query } from "../config/Query.ts"
import { failing, type Place, type Shape, type Source, type SourceRows } from "./Source.ts"

/**
 * @category constants
 * @since 0.1.0
 */
export const shape: Shape = { title: "the query", hasAllColumns: true, isChecked: false }

const inStore = (query: Query): SourceRows => ({ _tag: "InStore", query })

/**
 * Opens a query on the store's own database.
 *
 * @category constructors
 * @since 0.1.0
 */
export const open = (query: Query | undefined, place: Place): Source => ({
  rows:
    query === undefined ? { _tag: "Stream", stream: Stream.fail(failing(place)("it has no query")) } : inStore(query),
  changes: inStore,
  shape
})
