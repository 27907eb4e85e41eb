// The plugin, connected to its sandbox over HTTP on this machine, with every request that the sandbox saw.
import { NodeHttpClient } from "@effect/platform-node"
import { type Call, type DeliveryError, type Destination, type Outcome, type RateLimit } from "@tributary/core"
import { Connection, RateLimiter } from "@tributary/core/runtime"
import { connect, serve } from "@tributary/core/testing"
import { Effect, Layer, Redacted, Schema } from "effect"
import { Zendesk } from "../src/index.ts"
import * as Sandbox from "../src/sandbox/index.ts"

export const layers = () =>
  Layer.mergeAll(NodeHttpClient.layerUndici, Connection.TokenStore.layerMemory, RateLimiter.RateLimiter.layer)

export interface Seen {
  readonly method: string
  readonly path: string
  readonly query: { readonly [key: string]: string }
  readonly body: unknown
}

const SandboxSettings = Schema.Struct({
  subdomain: Schema.String,
  oauth: Schema.Struct({ clientId: Schema.String, clientSecret: Schema.String, refreshToken: Schema.String }),
  baseUrl: Schema.String,
  tokenUrl: Schema.String
})

export const make = Effect.fnUntraced(function* (
  options: Sandbox.Options = {},
  limits: ReadonlyArray<RateLimit.RateLimit> = []
) {
  const seen: Array<Seen> = []
  const served = yield* serve(
    Sandbox.make({
      ...options,
      intercept: (request, now) => {
        const { method, path, query, body } = request
        if (path.startsWith("/api/")) {
          seen.push({
            method,
            path,
            query: Object.fromEntries(query),
            body: body === "" ? undefined : JSON.parse(body)
          })
        }
        return options.intercept?.(request, now)
      }
    })
  )
  const clear = yield* Schema.decodeUnknownEffect(SandboxSettings)(served.sandbox.settings(served.baseUrl))
  const destination = Zendesk.destination("zendesk", {
    ...clear,
    oauth: {
      clientId: clear.oauth.clientId,
      clientSecret: Redacted.make(clear.oauth.clientSecret),
      refreshToken: Redacted.make(clear.oauth.refreshToken)
    }
  })
  const { bound, context } = yield* connect(destination, limits)
  const form = bound.event
  if (form === undefined) return yield* Effect.die(new Error("Zendesk has an event form."))
  return {
    seen,
    state: (now = 0) => served.sandbox.state(now),
    deliver: (call: Call.Call): Effect.Effect<ReadonlyArray<Outcome.Outcome>, DeliveryError.DeliveryError> =>
      form.deliver([call], context),
    prepare: (...fields: Destination.NonEmpty<Destination.Field>): Effect.Effect<void, DeliveryError.DeliveryError> =>
      form.prepare === undefined ? Effect.die(new Error("Zendesk prepares fields.")) : form.prepare(fields, context)
  }
})

const common = {
  required: { name: "Ada Lovelace" },
  messageId: "m-1",
  timestamp: "2026-11-23T12:00:00.000Z",
  siblings: [],
  joins: [],
  existingOnly: false,
  personas: {
    computation_class: "trait",
    computation_id: "c-1",
    computation_key: "total_revenue_180_days",
    namespace: "acme",
    space_id: "acme"
  }
} as const

export const identify = (
  type: "user_id" | "email",
  value: string,
  traits: Call.Identify["traits"],
  name = common.required.name
): Call.Identify<"user_id" | "email", { readonly name: string }> => ({
  ...common,
  type: "identify",
  identifier: { type, value },
  required: { name },
  traits
})

export const group = (
  groupId: string,
  traits: Call.Group["traits"],
  users: ReadonlyArray<string> = [],
  name = "Analytical Engines Ltd"
): Call.Group<"group_id", { readonly name: string }> => ({
  ...common,
  type: "group",
  identifier: { type: "group_id", value: groupId },
  required: { name },
  groupId,
  traits,
  users
})
