/**
 * Lists downstream: found before they are created, and renamed with their audience (R19).
 *
 * @since 0.1.0
 */
import { DeliveryError, type Destination } from "@tributary/core"
import { type Ledger } from "@tributary/core/runtime"
import { Effect, Option } from "effect"
import type { SqlClient, SqlError } from "effect/sql"
import { fenced } from "../ownership/Ownership.ts"
import * as Lists from "../store/activations/Lists.ts"
import type { Activation } from "./Activation.ts"
import type { Connected } from "./Destinations.ts"

/**
 * What an activation's list is called downstream.
 *
 * @category constructors
 * @since 0.1.0
 */
export const listName = ({
  computation,
  listName: name
}: Pick<Activation, "computation" | "listName">): Destination.ListName => ({
  name,
  description: `Audience "${computation.name}", kept by Tributary`
})

/**
 * The vendor's id of an activation's list: the one that is known, else one of its name, else a new one.
 *
 * @category constructors
 * @since 0.1.0
 */
export const ensureList = Effect.fnUntraced(function* (
  connected: Connected,
  activation: Activation,
  owner: Ledger.Ownership
): Effect.fn.Return<string, DeliveryError.DeliveryError | Ledger.Fenced | SqlError.SqlError, SqlClient.SqlClient> {
  const { list } = connected.bound
  if (list === undefined) return yield* new DeliveryError.Misconfigured({ reason: "The plugin has no list form." })
  const context: Destination.Context<unknown> = {
    client: connected.forms.list.client,
    settings: connected.bound.settings
  }
  const { no } = activation
  const wanted = listName(activation)
  const known = yield* Lists.read(no)
  const keep = (id: string) => fenced(owner, Lists.keep(no, { id, name: wanted.name }))
  if (known.id === null) {
    const found = yield* list.find(wanted.name, context)
    const id = Option.isSome(found) ? found.value : yield* list.create(wanted, context)
    yield* keep(id)
    return id
  }
  if (known.name !== wanted.name && list.rename !== undefined) {
    yield* list.rename(known.id, wanted, context)
    yield* keep(known.id)
  }
  return known.id
})

/**
 * Deletes a list downstream. One that is gone already is as good as deleted.
 *
 * @category combinators
 * @since 0.1.0
 */
export const removeList = Effect.fnUntraced(function* (
  connected: Connected,
  listId: string | null
): Effect.fn.Return<void, DeliveryError.DeliveryError> {
  const { list } = connected.bound
  if (listId === null) return
  if (list?.remove === undefined) {
    const reason = `${connected.destination.plugin.title} cannot delete lists; empty it instead.`
    return yield* new DeliveryError.Misconfigured({ reason })
  }
  const context = { client: connected.forms.list.client, settings: connected.bound.settings }
  yield* Effect.catchTag(list.remove(listId, context), "ListGone", () => Effect.void)
})
