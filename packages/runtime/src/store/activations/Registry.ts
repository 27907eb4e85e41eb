/**
 * Registry: what the configuration asks for, entered into the store.
 *
 * The configuration is the source of truth, and applying it is a diff too: new activations start with everybody dirty,
 * removed ones keep what they sent, or send exits (R39), and a key never changes its meaning.
 *
 * @since 0.1.0
 */
import { Json } from "@tributary/core"
import { IdSet } from "@tributary/core/runtime"
import { Effect } from "effect"
import { SqlClient, type SqlError } from "effect/sql"
import type { Activation } from "../../config/Activation.ts"
import type { ResolvedComputation } from "../../config/Computations.ts"
import { BadConfig } from "../../config/Mistakes.ts"
import type { Resolved } from "../../config/Resolved.ts"
import { markEverybody } from "./Reach.ts"
import { lane, mark, marksOf } from "../dirty/DirtySets.ts"
import * as News from "../dirty/News.ts"
import * as SentSets from "../sent/SentSets.ts"
import * as Exits from "./Exits.ts"
import { transaction } from "../sql/Transaction.ts"

/**
 * Numbers of what was registered.
 *
 * @category models
 * @since 0.1.0
 */
export interface Registered {
  readonly activations: ReadonlyMap<string, number>
  readonly added: ReadonlyArray<string>
  readonly removed: ReadonlyArray<string>
  /** Activations whose mapping changed: what was sent stays as it was until `resync`. */
  readonly remapped: ReadonlyArray<string>
  /** Removed activations that people are to exit, at a destination that the configuration does not have any more. */
  readonly stranded: ReadonlyArray<Stranded>
}

/**
 * @category models
 * @since 0.1.0
 */
export interface Stranded {
  readonly activation: string
  readonly destination: string
}

type Mistake = { readonly path: string; readonly message: string }

/**
 * Enters a configuration.
 *
 * @category combinators
 * @since 0.1.0
 */
export const register = Effect.fnUntraced(function* (
  resolved: Resolved
): Effect.fn.Return<Registered, BadConfig | SqlError.SqlError, SqlClient.SqlClient> {
  const sql = yield* SqlClient.SqlClient
  return yield* transaction(
    Effect.gen(function* () {
      const mistakes: Array<Mistake> = []
      for (const destination of resolved.destinations) {
        yield* sql`insert into tributary.destination (id, plugin) values (${destination.id}, ${destination.plugin.name})
          on conflict (id) do update set plugin = excluded.plugin`
      }
      const computations = new Map<ResolvedComputation, number>()
      for (const computation of resolved.computations) {
        computations.set(computation, yield* registerComputation(computation, mistakes))
      }
      // What came while it was away was looked at by nobody: should it return, everything is read.
      yield* sql`update tributary.computation set removed = true, position = null
        where not removed and no <> all(${[...computations.values()]}::int[])`
      yield* sql`delete from tributary.newcomer n using tributary.computation c
        where c.no = n.computation_no and c.removed`
      const activations = new Map<string, number>()
      const added: Array<string> = []
      const remapped: Array<string> = []
      for (const activation of resolved.activations) {
        const computation = computations.get(activation.computation)
        if (computation === undefined) continue
        const { change, no } = yield* registerActivation(activation, computation, mistakes)
        activations.set(activation.id, no)
        if (change === "added") added.push(activation.id)
        if (change === "remapped") remapped.push(activation.id)
      }
      if (mistakes.length > 0) return yield* new BadConfig({ mistakes })
      const removed = yield* sql<{ no: number; id: string; on_removal: string }>`
        update tributary.activation set removed = true
        where not removed and no <> all(${[...activations.values()]}::int[]) returning no, id, on_removal`
      for (const { no, on_removal } of removed) {
        if (on_removal === "exit" || on_removal === "delete") yield* Exits.begin(no, on_removal, "removed")
      }
      const stranded = yield* sql<Stranded>`select id as activation, destination from tributary.activation
        where removed and leaving is not null
          and destination <> all(${resolved.destinations.map(({ id }) => id)}::text[]) order by id`
      return { activations, added, removed: removed.map((row) => row.id), remapped, stranded }
    })
  )
})

const kindInWords = (kind: string) => (kind === "audience" ? "an audience" : "a computed trait")

/** A key is for ever: it keeps its kind, and once its computation is removed only the same one may take it up again. */
const registerComputation = Effect.fnUntraced(function* (computation: ResolvedComputation, mistakes: Array<Mistake>) {
  const sql = yield* SqlClient.SqlClient
  const { collection, key, kind, name } = computation
  const [known] = yield* sql<{ no: number; kind: string; name: string; removed: boolean }>`
    select no, kind, name, removed from tributary.computation where collection = ${collection} and key = ${key} for update`
  if (known === undefined) {
    const [row] = yield* sql<{ no: number }>`insert into tributary.computation (collection, key, kind, name)
      values (${collection}, ${key}, ${kind}, ${name}) returning no`
    return row?.no ?? 0
  }
  const path = `computation "${key}"`
  if (known.kind !== kind) {
    const message = `this key is ${kindInWords(known.kind)} in the store, and a key never changes its meaning; set another "key"`
    mistakes.push({ path, message })
  } else if (known.removed && known.name !== name) {
    const message = `this key belonged to "${known.name}", which was removed, and a key is not used again; set another "key"`
    mistakes.push({ path, message })
  }
  yield* sql`update tributary.computation set name = ${name}, removed = false where no = ${known.no}`
  return known.no
})

const mappingOf = (activation: Activation): string =>
  JSON.stringify([activation.calls, activation.events, activation.traits, activation.identifiers])

const registerActivation = Effect.fnUntraced(function* (
  activation: Activation,
  computation: number,
  mistakes: Array<Mistake>
) {
  const sql = yield* SqlClient.SqlClient
  const { collection, destination, form, id } = activation
  const mapping = mappingOf(activation)
  const [known] = yield* sql<{
    no: number
    destination: string
    form: string
    computation_no: number
    collection: string
    removed: boolean
    mapping: string
    per: string | null
  }>`select no, destination, form, computation_no, collection, removed, mapping, told_as->>'per' as per
     from tributary.activation where id = ${id} for update`
  if (known === undefined) {
    const [row] = yield* sql<{ no: number }>`
      insert into tributary.activation
        (id, destination, form, computation_no, collection, baseline_due, mapping, on_removal, told_as)
      values (${id}, ${destination.id}, ${form}, ${computation}, ${collection}, ${!activation.historical}, ${mapping},
        ${activation.onRemoval}, ${Exits.toText(activation)}::text::jsonb)
      returning no`
    const no = row?.no ?? 0
    yield* markEverybody(no)
    return { no, change: "added" as const }
  }
  const isSame =
    known.destination === destination.id &&
    known.form === form &&
    known.computation_no === computation &&
    known.collection === collection
  if (!isSame) {
    const message = `the store knows this id with another destination, computation or form, and what was sent belongs to that one; set another "id"`
    mistakes.push({ path: `activation "${id}"`, message })
  }
  yield* sql`update tributary.activation set removed = false, mapping = ${mapping},
    on_removal = ${activation.onRemoval}, told_as = ${Exits.toText(activation)}::text::jsonb
    where no = ${known.no}`
  // A ledger of identifiers is none of records, nor the other way round: what was sent is sent again (R44).
  const isSentOtherwise = form === "event" && (known.per ?? "identifier") !== activation.per
  if (isSentOtherwise) yield* SentSets.sendAgain(known.no)
  if (isSentOtherwise && !known.removed) yield* markEverybody(known.no)
  if (known.removed) {
    yield* sql`update tributary.activation set leaving = null, cause = 'added again' where no = ${known.no}`
    yield* markEverybody(known.no)
    return { no: known.no, change: "added" as const }
  }
  return { no: known.no, change: known.mapping === mapping ? ("same" as const) : ("remapped" as const) }
})

/**
 * Where a destination's plugin or settings are not what they were, makes those dirty for whom something was rejected:
 * it may be taken now (R34). Only the owner of the destination calls this.
 *
 * @category combinators
 * @since 0.1.0
 */
export const reviseRejections = Effect.fnUntraced(function* (
  destination: string,
  version: string
): Effect.fn.Return<void, SqlError.SqlError, SqlClient.SqlClient> {
  const sql = yield* SqlClient.SqlClient
  const fingerprint = String(Json.fingerprint(version))
  yield* transaction(
    Effect.gen(function* () {
      const changed = yield* sql`update tributary.destination set version = ${fingerprint}
        where id = ${destination} and version is distinct from ${fingerprint} returning 1`
      if (changed.length === 0) return
      const rows = yield* sql<{ activation_no: number; profile_no: number }>`
        select distinct r.activation_no, r.profile_no from tributary.rejection r
        join tributary.activation a on a.no = r.activation_no where a.destination = ${destination} and not a.removed`
      yield* News.announce([...new Set(rows.map((row) => row.activation_no))])
      yield* mark(rows.flatMap((row) => marksOf(row.activation_no, lane.backfill, IdSet.from([row.profile_no]))))
    })
  )
})
