import { Effect } from "effect"
import type { Case } from "../support/Case.ts"
import { alone, identify } from "../support/alone.ts"
import { braze } from "../support/world.ts"

const pluginBraze: Case = {
  name: "plugin-braze",
  title: "Braze plugin alone: calls in hand → requests on the wire → outcomes, 75 a request, 32 at a time",
  run: async ({ scale }) => {
    const count = Math.max(15_000, Math.round(300_000 * scale))
    const { bare, parameters, plugin } = await alone({
      status: 201,
      answer: `{"message":"success","attributes_processed":75}`,
      destination: braze,
      items: Array.from({ length: count }, (_, i) => identify(i)),
      batch: 75,
      concurrency: 32,
      deliver: ({ event }, context, calls) => event?.deliver(calls, context) ?? Effect.succeed([])
    })
    return [
      {
        what: "identifies",
        figure: plugin,
        unit: "identifies/s",
        reference: { what: "bare undici with the same bodies", figure: bare },
        goal: {
          words: "275 k a second and 30 % of bare undici",
          isReached: plugin >= 275_000 && plugin >= 0.3 * bare
        },
        parameters
      }
    ]
  }
}

export default pluginBraze
