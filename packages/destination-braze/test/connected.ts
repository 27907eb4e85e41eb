// The plugin against a sandbox, over HTTP: every request is noted, and a test may answer in the sandbox's place.
import { NodeHttpClient } from "@effect/platform-node"
import { type Destination, type Sandbox } from "@tributary/core"
import { Connection, RateLimiter } from "@tributary/core/runtime"
import { connect, serve } from "@tributary/core/testing"
import { Config, Effect, Layer, Redacted } from "effect"
import { Braze } from "../src/index.ts"
import type { BrazeCall } from "../src/refusal.ts"

export const Services = Layer.mergeAll(
  NodeHttpClient.layerUndici,
  Connection.TokenStore.layerMemory,
  RateLimiter.RateLimiter.layer
)

export interface Sent {
  readonly path: string
  readonly body: unknown
}

export const connected = Effect.fnUntraced(function* (sandbox: Sandbox.Sandbox) {
  const requests: Array<Sent> = []
  const answers: Array<Sandbox.SandboxResponse & { readonly path: string }> = []
  const { baseUrl } = yield* serve({
    ...sandbox,
    handle: (request, now) => {
      requests.push({ path: request.path, body: JSON.parse(request.body) })
      const planned = answers.findIndex(({ path }) => path === request.path)
      const [answer] = planned === -1 ? [] : answers.splice(planned, 1)
      return answer ?? sandbox.handle(request, now)
    }
  })
  const destination = Braze.destination("braze", {
    endpoint: "https://rest.fra-01.braze.eu",
    baseUrl,
    apiKey: Config.succeed(Redacted.make("braze-sandbox-key"))
  })
  const { bound, context } = yield* connect(destination, [])
  const form = bound.event
  if (form === undefined) return yield* Effect.die("Braze has an event form.")
  return {
    requests,
    answers,
    deliver: (...calls: ReadonlyArray<BrazeCall>) => form.deliver(nonEmpty(calls), context)
  }
})

const nonEmpty = <A>([first, ...rest]: ReadonlyArray<A>): Destination.NonEmpty<A> => {
  if (first === undefined) throw new Error("There is nothing to deliver.")
  return [first, ...rest]
}
