/**
 * Exits: activations that everybody is to exit, because they were removed from the configuration (R39) or because an
 * operator emptied them (R19).
 *
 * Nobody is wanted then, and the ledger says who was sent an entry: a sync sends their exits as it sends any others. An
 * activation that was removed is not in the configuration any more, so the store keeps how it was sent.
 *
 * @since 0.1.0
 */
import { DateTime, Effect, Option, Schema } from "effect"
import { SqlClient, type SqlError } from "effect/sql"
import { Policy } from "../../config/Options.ts"
import { forgetJobs } from "../ledger/Receipts.ts"
import { markEverybody } from "./Reach.ts"

/**
 * How everybody exits: one by one, or with the list, which is deleted.
 *
 * @category models
 * @since 0.1.0
 */
export type ExitMode = "exit" | "delete"

const SentAs = Schema.Struct({
  id: Schema.String,
  form: Schema.Literals(["event", "list"]),
  collection: Schema.Literals(["users", "accounts"]),
  calls: Schema.Array(Schema.Literals(["identify", "track", "group"])),
  // Stores from before have none.
  per: Schema.Literals(["identifier", "profile"]).pipe(
    Schema.withDecodingDefaultKey(Effect.succeed<"identifier">("identifier"))
  ),
  events: Schema.Struct({ entered: Schema.String, exited: Schema.String, computed: Schema.String }),
  identifiers: Schema.Record(Schema.String, Policy),
  newIdentifiers: Schema.Boolean,
  traits: Schema.Record(Schema.String, Schema.String),
  listName: Schema.String,
  computation: Schema.Struct({
    kind: Schema.Literals(["audience", "trait"]),
    key: Schema.String,
    name: Schema.String
  })
})

/**
 * How an activation is sent, as the store keeps it.
 *
 * @category combinators
 * @since 0.1.0
 */
export const toText = (activation: typeof SentAs.Type): string => JSON.stringify(Schema.encodeSync(SentAs)(activation))

/**
 * Activations of a destination that were removed, and whose exits are not all sent.
 *
 * @category constructors
 * @since 0.1.0
 */
export const removed = Effect.fnUntraced(function* (
  destination: string
): Effect.fn.Return<
  ReadonlyArray<{ readonly no: number; readonly sentAs: typeof SentAs.Type }>,
  SqlError.SqlError,
  SqlClient.SqlClient
> {
  const sql = yield* SqlClient.SqlClient
  const rows = yield* sql<{ no: number; told_as: unknown }>`
    select no, told_as from tributary.activation
    where destination = ${destination} and removed and leaving is not null order by no`
  return rows.flatMap(({ no, told_as }) =>
    Option.match(Schema.decodeUnknownOption(SentAs)(told_as), {
      onNone: () => [],
      onSome: (sentAs) => [{ no, sentAs }]
    })
  )
})

/**
 * From now on everybody is to exit. Runs inside the caller's transaction.
 *
 * @category combinators
 * @since 0.1.0
 */
export const begin = Effect.fnUntraced(function* (
  activation: number,
  mode: ExitMode,
  cause: string
): Effect.fn.Return<void, SqlError.SqlError, SqlClient.SqlClient> {
  const sql = yield* SqlClient.SqlClient
  yield* sql`update tributary.activation set leaving = ${mode}, cause = ${cause}, held = null,
    leaving_at = ${yield* DateTime.nowAsDate}::timestamptz where no = ${activation}`
  yield* markEverybody(activation)
})

/**
 * How everybody is to exit an activation, if they are to.
 *
 * @category constructors
 * @since 0.1.0
 */
export const of = Effect.fnUntraced(function* (activation: number) {
  const sql = yield* SqlClient.SqlClient
  const [row] = yield* sql<{ leaving: ExitMode | null; list_id: string | null }>`
    select leaving, list_id from tributary.activation where no = ${activation}`
  return row?.leaving == null ? undefined : { mode: row.leaving, listId: row.list_id }
})

/**
 * All exits are sent. An activation that was removed is done with, unless a job of its exits is open: the vendor may say
 * that it failed. One that an operator emptied stays empty until `resume`.
 *
 * @category combinators
 * @since 0.1.0
 */
export const end = Effect.fnUntraced(function* (activations: ReadonlyArray<number>) {
  const sql = yield* SqlClient.SqlClient
  yield* sql`update tributary.activation a set leaving = null
    where no = any(${activations}::int[]) and removed and leaving is not null
      and not exists (select 1 from tributary.receipt_told t where t.activation_no = a.no)`
})

/**
 * Whether one of these was removed and is still to be exited. Asked every few seconds.
 *
 * @category guards
 * @since 0.1.0
 */
export const areOpen = Effect.fnUntraced(function* (activations: ReadonlyArray<number>) {
  const sql = yield* SqlClient.SqlClient
  const rows = yield* sql`select 1 from tributary.activation
    where no = any(${activations}::int[]) and removed and leaving is not null limit 1`
  return rows.length > 0
})

/**
 * The list is deleted downstream, and with it everybody's membership.
 *
 * @category combinators
 * @since 0.1.0
 */
export const listDeleted = Effect.fnUntraced(function* (activation: number) {
  const sql = yield* SqlClient.SqlClient
  yield* sql`delete from tributary.ledger where activation_no = ${activation}`
  yield* forgetJobs(activation)
  yield* sql`delete from tributary.told_value where activation_no = ${activation}`
  yield* sql`delete from tributary.rejection where activation_no = ${activation}`
  yield* sql`delete from tributary.postponed where activation_no = ${activation}`
  yield* sql`update tributary.dirty set bits = '' where activation_no = ${activation}`
  yield* sql`update tributary.activation set list_id = null, list_name = null where no = ${activation}`
  yield* end([activation])
})
