import { Effect } from "effect"
import type { Case } from "../support/Case.ts"
import { alone } from "../support/alone.ts"
import { google } from "../support/world.ts"

const pluginGoogle: Case = {
  name: "plugin-google",
  title: "Google Ads plugin alone: members with an address and a phone number, hashed, 10,000 a request",
  run: async ({ scale }) => {
    const count = Math.max(20_000, Math.round(400_000 * scale))
    const { bare, parameters, plugin } = await alone({
      status: 200,
      answer: `{"requestId":"r1"}`,
      token: `{"access_token":"bench-access-token","token_type":"bearer","expires_in":3600}`,
      destination: google,
      items: Array.from({ length: count }, (_, i) => ({
        identifiers: { email: [`Ada.${i}@Example.com`], phone: [`+336${String(i).padStart(8, "0")}`] },
        required: {}
      })),
      batch: 10_000,
      concurrency: 8,
      deliver: ({ list }, context, members) => list?.add("7", members, context) ?? Effect.succeed([])
    })
    return [
      {
        what: "members",
        figure: plugin,
        unit: "members/s",
        reference: { what: "bare undici with the same bodies, hashed before", figure: bare },
        goal: { words: "300 k a second", isReached: plugin >= 300_000 },
        parameters
      }
    ]
  }
}

export default pluginGoogle
