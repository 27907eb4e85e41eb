/**
 * The store: PGlite in a folder, or PostgreSQL where `DATABASE_URL` says so. One SQL serves both.
 *
 * @since 0.1.0
 */
import { PgClient } from "@effect/sql-pg"
import { Duration, Effect, Layer, Option, Redacted } from "effect"
import { SqlClient } from "effect/sql"
import * as Migrations from "./Migrations.ts"
import type { StoreLocked } from "./Lock.ts"
import { layerFolder, layerMemory, StoreUnavailable } from "./Pglite.ts"
import { sqlReason } from "./failures.ts"

/**
 * Where the store is.
 *
 * @category models
 * @since 0.1.0
 */
export type Location =
  | { readonly _tag: "Folder"; readonly folder: string }
  | { readonly _tag: "Postgres"; readonly url: Redacted.Redacted }

/**
 * A location in words, without user name and password.
 *
 * @category combinators
 * @since 0.1.0
 */
export const describe = (location: Location): string => {
  if (location._tag === "Folder") return location.folder
  const text = Redacted.value(location.url)
  if (!URL.canParse(text)) return "DATABASE_URL"
  const url = new URL(text)
  return `${url.protocol}//${url.host}${url.pathname}`
}

/**
 * How long a transaction may say nothing. A process that falls asleep in one, or whose machine is gone, would keep what
 * it has locked, and whoever takes its destinations over would wait for ever. Nothing is waited for in a transaction, so
 * one that is silent for so long has nobody to end it: PostgreSQL does.
 */
const longestSilence = Duration.seconds(10)

const migrated = (location: Location) => (layer: Layer.Layer<SqlClient.SqlClient, StoreLocked | StoreUnavailable>) =>
  Layer.effectDiscard(
    Migrations.run.pipe(
      Effect.mapError(
        (error) =>
          new StoreUnavailable({
            store: describe(location),
            reason: error._tag === "SqlError" ? sqlReason(error) : error.message
          })
      )
    )
  ).pipe(Layer.provideMerge(layer))

/**
 * The store with its tables up to date.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (location: Location): Layer.Layer<SqlClient.SqlClient, StoreLocked | StoreUnavailable> =>
  location._tag === "Folder"
    ? migrated(location)(layerFolder(location.folder))
    : migrated(location)(
        PgClient.layer({
          url: location.url,
          maxConnections: 16,
          connectTimeout: "10 seconds",
          applicationName: "tributary",
          startupParameters: { idle_in_transaction_session_timeout: `${Duration.toMillis(longestSilence)}ms` }
        }).pipe(
          Layer.catchTag("SqlError", (error) =>
            Layer.effectContext(new StoreUnavailable({ store: describe(location), reason: sqlReason(error) }))
          )
        )
      )

/**
 * An empty store in memory, gone with its scope: for commands that only look.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerScratch: Layer.Layer<SqlClient.SqlClient, StoreLocked | StoreUnavailable> = migrated({
  _tag: "Folder",
  folder: "memory"
})(layerMemory())

/**
 * The location that the environment and the command line ask for: `DATABASE_URL`, else a folder.
 *
 * @category constructors
 * @since 0.1.0
 */
export const locate = (databaseUrl: Option.Option<Redacted.Redacted>, folder: string): Location =>
  Option.match(databaseUrl, {
    onNone: (): Location => ({ _tag: "Folder", folder }),
    onSome: (url): Location => ({ _tag: "Postgres", url })
  })
