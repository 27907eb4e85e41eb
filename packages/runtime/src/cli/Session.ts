/**
 * Sessions: a command with its configuration and its store.
 *
 * @since 0.1.0
 */
import { Config, ConfigProvider, Effect, Layer, Option } from "effect"
import * as fs from "node:fs"
import * as path from "node:path"
import * as Space from "../engine/Space.ts"
import * as Store from "../store/sql/Store.ts"
import { type Loaded, load } from "./Load.ts"
import { Surroundings } from "./Surroundings.ts"

/**
 * Flags that every command with a configuration has.
 *
 * @category models
 * @since 0.1.0
 */
export interface SessionFlags {
  readonly config: string
  readonly store: Option.Option<string>
}

/**
 * Where the store of a configuration is: `DATABASE_URL`, else `--store`, else `.tributary` beside the configuration.
 *
 * @category constructors
 * @since 0.1.0
 */
export const locate = Effect.fnUntraced(function* (flags: SessionFlags, folder: string) {
  const url = yield* Config.option(Config.Redacted("DATABASE_URL")).pipe(Effect.orElseSucceed(() => Option.none()))
  const around = yield* Surroundings
  const inFolder = Option.match(flags.store, {
    onNone: () => path.join(folder, ".tributary"),
    onSome: (given) => path.resolve(around.folder, given)
  })
  return Store.locate(Option.isSome(flags.store) ? Option.none() : url, inFolder)
})

/**
 * Loads the configuration, opens the store, and runs the command on them.
 *
 * @category combinators
 * @since 0.1.0
 */
export const withSession = <A, E, R>(
  flags: SessionFlags,
  run: (loaded: Loaded) => Effect.Effect<A, E, R>
): Effect.Effect<
  A,
  E | Effect.Error<ReturnType<typeof load>> | Layer.Error<ReturnType<typeof Store.layer>>,
  Exclude<R, Layer.Success<typeof Space.layer> | Layer.Success<ReturnType<typeof Store.layer>>>
> =>
  loadedAt(flags, ({ loaded, location }) =>
    run(loaded).pipe(Effect.provide(Space.layer.pipe(Layer.provideMerge(Store.layer(location)))))
  )

/**
 * As `withSession`, for commands that only look: where there is no store yet they look at an empty one in memory, and
 * leave none behind.
 *
 * @category combinators
 * @since 0.1.0
 */
export const withScratchSession = <A, E, R>(
  flags: SessionFlags,
  run: (loaded: Loaded) => Effect.Effect<A, E, R>
): ReturnType<typeof withSession<A, E, R>> =>
  loadedAt(flags, ({ loaded, location }) => {
    const isNew = location._tag === "Folder" && !fs.existsSync(location.folder)
    const store = isNew ? Store.layerScratch : Store.layer(location)
    return run(loaded).pipe(Effect.provide(Space.layer.pipe(Layer.provideMerge(store))))
  })

/** Runs with the configuration and the place of its store. Settings come from the environment, a `.env` included. */
const loadedAt = Effect.fnUntraced(function* <A, E, R>(
  flags: SessionFlags,
  run: (at: { readonly loaded: Loaded; readonly location: Store.Location }) => Effect.Effect<A, E, R>
) {
  const loaded = yield* load(flags.config)
  const { environment } = yield* Surroundings
  return yield* locate(flags, loaded.folder).pipe(
    Effect.flatMap((location) => run({ loaded, location })),
    Effect.provideService(ConfigProvider.ConfigProvider, ConfigProvider.fromEnvRecord({ ...environment }))
  )
})
