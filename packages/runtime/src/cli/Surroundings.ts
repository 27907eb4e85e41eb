/**
 * What is around a command: its working directory, its environment, and where its progress goes.
 *
 * A command takes these from here and never from `process`, so that one process can run several commands one after the
 * other, each in a folder of its own. What a command prints goes to the `Console`.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import { pathToFileURL } from "node:url"

/**
 * Where a line can be drawn again and again, if it is a terminal.
 *
 * @category models
 * @since 0.1.0
 */
export interface Output {
  readonly write: (text: string) => unknown
  readonly isTTY?: boolean
  readonly columns?: number
}

/**
 * @category models
 * @since 0.1.0
 */
export interface Around {
  /** The working directory: paths on the command line are relative to it. */
  readonly folder: string
  /** The environment. What a `.env` beside the configuration adds is written to it. */
  readonly environment: Record<string, string | undefined>
  /** Standard error, for progress. */
  readonly progress: Output
  /** Imports a configuration by its absolute path. */
  readonly load: (file: string) => Promise<unknown>
}

/**
 * Those of the process, unless others are provided.
 *
 * @category services
 * @since 0.1.0
 */
export const Surroundings = Context.Reference<Around>("@tributary/runtime/cli/Surroundings", {
  defaultValue: () => ({
    folder: process.cwd(),
    environment: process.env,
    progress: process.stderr,
    load: (file) => import(pathToFileURL(file).href)
  })
})
