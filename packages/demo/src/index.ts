/**
 * The demo, as `tributary demo` runs it and as a program can.
 *
 * @since 0.1.0
 */
import { Console, Effect } from "effect"
import { demo, type DemoError, type DemoOptions } from "./Play.ts"
import { render } from "./Report.ts"

export { demo, DemoDiffers, type DemoError, type DemoOptions, DemoStopped } from "./Play.ts"
export { type DemoReport, render } from "./Report.ts"

/**
 * Runs the demo, prints its report, and returns the exit code of the process.
 *
 * @category commands
 * @since 0.1.0
 */
export const run = Effect.fnUntraced(function* (options: DemoOptions): Effect.fn.Return<0, DemoError> {
  const report = yield* demo(options)
  yield* Console.log(options.json ? JSON.stringify(report, null, 2) : render(report))
  return 0
})
