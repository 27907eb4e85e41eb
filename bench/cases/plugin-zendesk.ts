import { Zendesk } from "@tributary/destination-zendesk"
import { Effect, Redacted } from "effect"
import type { Case } from "../support/Case.ts"
import { alone, identify } from "../support/alone.ts"

const pluginZendesk: Case = {
  name: "plugin-zendesk",
  title: "Zendesk plugin alone: one request for each call, 32 at a time",
  run: async ({ scale }) => {
    const count = Math.max(2_000, Math.round(30_000 * scale))
    const { bare, parameters, plugin } = await alone({
      status: 200,
      answer: `{"user":{"id":1,"user_fields":{"revenue":1}}}`,
      token: `{"access_token":"bench-access-token","refresh_token":"bench-refresh-token","token_type":"bearer","expires_in":172800}`,
      destination: (baseUrl) =>
        Zendesk.destination("zendesk", {
          subdomain: "bench",
          baseUrl,
          tokenUrl: `${baseUrl}/oauth/tokens`,
          oauth: {
            clientId: "c",
            clientSecret: Redacted.make("bench-secret"),
            refreshToken: Redacted.make("bench-refresh")
          }
        }),
      items: Array.from({ length: count }, (_, i) => identify(i)),
      batch: 1,
      concurrency: 32,
      deliver: ({ event }, context, calls) => event?.deliver(calls, context) ?? Effect.succeed([])
    })
    return [
      {
        what: "calls",
        figure: plugin,
        unit: "calls/s",
        reference: { what: "bare undici with the same bodies", figure: bare },
        goal: { words: "9 k a second and 50 % of bare undici", isReached: plugin >= 9_000 && plugin >= 0.5 * bare },
        parameters
      }
    ]
  }
}

export default pluginZendesk
