// The plugin before its sandbox, on a port, with every request and answer held against HubSpot's documents.
import type { Call, Destination, Sandbox } from "@tributary/core"
import { Connection, RateLimiter } from "@tributary/core/runtime"
import { connect, serve } from "@tributary/core/testing"
import { Effect, Layer } from "effect"
import { FetchHttpClient } from "effect/http"
import { assert } from "vitest"
import { HubSpot } from "../../src/index.ts"
import * as Sandboxes from "../../src/sandbox/index.ts"
import { official, violations } from "./official.ts"

type Answer = (request: Sandbox.SandboxRequest) => Sandbox.SandboxResponse | undefined

const connected = Effect.fnUntraced(function* (options: Sandboxes.Options) {
  const seen: Array<{ method: string; path: string; body: unknown }> = []
  const sandbox = official(Sandboxes.make(options))
  const interference: { answer: Answer } = { answer: () => undefined }
  const { baseUrl } = yield* serve({
    ...sandbox,
    handle: (request: Sandbox.SandboxRequest, now: number) => {
      const { body, method, path } = request
      seen.push({ method, path, body: body === "" ? undefined : JSON.parse(body) })
      return interference.answer(request) ?? sandbox.handle(request, now)
    }
  })
  const settings = sandbox.settings(baseUrl)
  const { bound, context } = yield* connect(HubSpot.sandboxed("hubspot", settings))
  const { event, list } = bound
  if (event === undefined || list === undefined) return yield* Effect.die(new Error("HubSpot has both forms."))
  /** What somebody else does in the account. */
  const others = (method: string, path: string, body: unknown = "") =>
    sandbox.handle(
      {
        method,
        path,
        query: new URLSearchParams(),
        headers: { authorization: `Bearer ${String(settings["accessToken"])}` },
        body: body === "" ? "" : JSON.stringify(body)
      },
      0
    )
  return { bound, context, event, list, seen, others, interference, state: () => sandbox.state(0) }
})

/** Runs a test before a new sandbox. */
export const run = <A, E>(
  test: (hubspot: Effect.Success<ReturnType<typeof connected>>) => Effect.Effect<A, E>,
  options: Sandboxes.Options = {}
) =>
  Effect.flatMap(connected(options), test).pipe(
    Effect.scoped,
    Effect.provide(
      Layer.mergeAll(FetchHttpClient.layer, Connection.TokenStore.layerMemory, RateLimiter.RateLimiter.layer)
    ),
    Effect.andThen(Effect.sync(() => assert.deepStrictEqual(violations.splice(0), []))),
    Effect.runPromise
  )

export const identify = (email: string, traits: Call.Identify["traits"]): Call.Identify => ({
  type: "identify",
  identifier: { type: "email", value: email },
  siblings: [],
  joins: [],
  existingOnly: false,
  required: {},
  messageId: `m-${email}`,
  timestamp: "2026-11-23T12:00:00.000Z",
  personas: {
    computation_class: "trait",
    computation_id: "tra_seats",
    computation_key: "seats",
    namespace: "acme",
    space_id: "acme"
  },
  traits
})

export const seats: Destination.Field = { key: "seats", title: "Seats", collection: "users", sample: 12 }
export const isVip: Destination.Field = { key: "is_vip", title: "VIP", collection: "users", sample: true }

export const member = (...email: ReadonlyArray<string>) => ({ identifiers: { email }, required: {} })
