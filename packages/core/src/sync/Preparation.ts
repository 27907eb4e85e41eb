/**
 * Preparation: fields that a vendor must be made ready for before a value of theirs is sent.
 *
 * What was prepared is kept in the store, so a field is prepared once and not once a run.
 *
 * @since 0.1.0
 */
import { Effect, Semaphore } from "effect"
import type { Call } from "../contract/Call.ts"
import { type DeliveryError, Unavailable } from "../contract/DeliveryError.ts"
import type { Field } from "../contract/Destination.ts"
import type { Fenced, Ledger, LedgerError } from "./Ledger.ts"
import type * as Plan from "./Plan.ts"
import type { Work } from "./Work.ts"

/**
 * Makes the vendor ready for the traits of these calls. Batches wait for each other here, as they share fields.
 *
 * @category models
 * @since 0.1.0
 */
export type Preparation = (calls: ReadonlyArray<Call>) => Effect.Effect<void, DeliveryError>

/**
 * The preparation of a run.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function* (
  ledger: Ledger["Service"],
  { form, owner, tasks }: Work
): Effect.fn.Return<Preparation, LedgerError | Fenced> {
  const prepared = new Set(yield* ledger.prepared(owner.destination))
  const prepare = form._tag === "Event" ? form.prepare : undefined
  if (prepare === undefined) return () => Effect.void
  const oneAtATime = Semaphore.makeUnsafe(1)
  const missing = Effect.fnUntraced(function* (calls: ReadonlyArray<Call>) {
    const [first, ...rest] = newFields(calls, tasks, prepared)
    if (first === undefined) return
    yield* prepare([first, ...rest])
    const names = [first, ...rest].map(fieldName)
    yield* ledger
      .markPrepared(owner, names)
      .pipe(Effect.mapError((error) => new Unavailable({ reason: error.message })))
    for (const name of names) prepared.add(name)
  })
  return (calls) => oneAtATime.withPermits(1)(missing(calls))
})

const fieldName = (field: Field): string => `${field.collection}:${field.key}`

/** Traits in these calls that the vendor was not made ready for, each once, with a value that is about to be sent. */
const newFields = (
  calls: ReadonlyArray<Call>,
  tasks: ReadonlyArray<Plan.Task>,
  prepared: ReadonlySet<string>
): ReadonlyArray<Field> => {
  const titles = new Map(tasks.map((task) => [task.personas.computation_key, task.title]))
  const fields = new Map<string, Field>()
  for (const call of calls) {
    if (call.type === "track") continue
    for (const [key, sample] of Object.entries(call.traits)) {
      if (sample === null) continue
      const collection = call.type === "group" ? "accounts" : "users"
      const field: Field = { key, title: titles.get(key) ?? key, collection, sample }
      const name = fieldName(field)
      if (!prepared.has(name) && !fields.has(name)) fields.set(name, field)
    }
  }
  return [...fields.values()]
}
