/**
 * `tributary demo`.
 *
 * @since 0.1.0
 */
import { Console, Effect } from "effect"
import { demo as play } from "../demo/Demo.ts"
import { render } from "../demo/Report.ts"
import { exitCode, type Run } from "./Exit.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface DemoFlags {
  readonly seed: number
  readonly customers: number
  readonly keep: boolean
  readonly json: boolean
}

/**
 * @category commands
 * @since 0.1.0
 */
export const demo = (flags: DemoFlags): Run =>
  Effect.gen(function* () {
    const report = yield* play(flags)
    yield* Console.log(flags.json ? JSON.stringify(report, null, 2) : render(report))
    return exitCode.done
  })
