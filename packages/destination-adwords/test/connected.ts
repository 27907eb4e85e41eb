// The plugin on a sandbox over loopback HTTP, as the runtime would run it.
import { NodeHttpClient } from "@effect/platform-node"
import { Outcome, type Sandbox } from "@tributary/core"
import { Connection, RateLimiter } from "@tributary/core/runtime"
import { connect, serve } from "@tributary/core/testing"
import { Effect, Layer, Schema } from "effect"
import { Adwords } from "../src/index.ts"
import * as AdwordsSandbox from "../src/sandbox/index.ts"

export const services = Layer.mergeAll(
  NodeHttpClient.layerUndici,
  Connection.TokenStore.layerMemory,
  RateLimiter.RateLimiter.layer
)

const secret = Schema.RedactedFromValue(Schema.String)
const word = Schema.Literals(["granted", "denied"])

/** Settings in clear text, as a sandbox gives them. */
const Clear = Schema.Struct({
  baseUrl: Schema.String,
  tokenUrl: Schema.String,
  accountId: Schema.String,
  loginAccountId: Schema.optionalKey(Schema.String),
  oauth: Schema.optionalKey(Schema.Struct({ clientId: Schema.String, clientSecret: secret, refreshToken: secret })),
  serviceAccount: Schema.optionalKey(Schema.Struct({ clientEmail: Schema.String, privateKey: secret })),
  termsOfServiceAccepted: Schema.Literal(true),
  consent: Schema.optionalKey(
    Schema.Struct({ adUserData: Schema.optionalKey(word), adPersonalization: Schema.optionalKey(word) })
  ),
  defaultCountry: Schema.optionalKey(Schema.String),
  addresses: Schema.optionalKey(Schema.Boolean),
  membershipDays: Schema.optionalKey(Schema.Finite),
  uploadKeyType: Schema.optionalKey(Schema.Literals(["CONTACT_ID", "MOBILE_ID", "USER_ID"])),
  keySpace: Schema.optionalKey(Schema.Literals(["IOS", "ANDROID"])),
  appId: Schema.optionalKey(Schema.String)
})

interface Seen {
  readonly method: string
  readonly url: string
  readonly headers: Readonly<Record<string, string | undefined>>
  readonly body: unknown
}

/** A connected plugin: its list form, its sandbox, and the API requests that were seen. */
export const connected = Effect.fnUntraced(function* (
  options: AdwordsSandbox.SandboxOptions = {},
  settings: Partial<typeof Clear.Encoded> = {}
) {
  const sandbox = AdwordsSandbox.make(options)
  const seen: Array<Seen> = []
  const recorded: Sandbox.Sandbox<AdwordsSandbox.State> = {
    ...sandbox,
    handle: (request, now) => {
      if (request.path !== "/token") {
        const query = request.query.toString()
        seen.push({
          method: request.method,
          url: query === "" ? request.path : `${request.path}?${query}`,
          headers: request.headers,
          body: request.body === "" ? undefined : JSON.parse(request.body)
        })
      }
      return sandbox.handle(request, now)
    }
  }
  const { baseUrl } = yield* serve(recorded)
  const clear = yield* Schema.decodeUnknownEffect(Clear)({ ...sandbox.settings(baseUrl), ...settings })
  const { bound, context } = yield* connect(Adwords.destination(baseUrl, clear))
  const list = bound.list
  if (list === undefined) return yield* Effect.die("Adwords has a list form")
  return { baseUrl, sandbox, seen, list, context }
})

/** A member as the runtime makes it. */
export const member = (identifiers: Readonly<Record<string, ReadonlyArray<string>>>) => ({ identifiers, required: {} })

export const receipts = (outcomes: ReadonlyArray<Outcome.Outcome>) =>
  outcomes.map((outcome) => (outcome._tag === "Accepted" ? outcome.receipt : outcome._tag))
