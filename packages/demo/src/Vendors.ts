/**
 * The demo's vendors: three sandboxes on this machine, and the environment that leads to them.
 *
 * @since 0.1.0
 */
import type { Json, Sandbox } from "@tributary/core"
import { SandboxServer } from "@tributary/core/runtime"
import * as AdwordsSandbox from "@tributary/destination-adwords/sandbox"
import * as BrazeSandbox from "@tributary/destination-braze/sandbox"
import * as ZendeskSandbox from "@tributary/destination-zendesk/sandbox"
import { ConfigProvider, Effect, type Scope } from "effect"

/**
 * @category models
 * @since 0.1.0
 */
export interface Sandboxes {
  readonly braze: Sandbox.Sandbox<BrazeSandbox.State>
  readonly ads: Sandbox.Sandbox<AdwordsSandbox.State>
  readonly zendesk: Sandbox.Sandbox<ZendeskSandbox.State>
}

/**
 * What the vendors hold at one moment.
 *
 * @category models
 * @since 0.1.0
 */
export interface States {
  readonly braze: BrazeSandbox.State
  readonly ads: AdwordsSandbox.State
  readonly zendesk: ZendeskSandbox.State
}

/**
 * Sandboxes with the vendors' usual rules. Only Zendesk's plan is larger than any that one can buy, because at 2,500
 * requests a minute a demo of some thousand customers would spend its time waiting.
 *
 * @category constructors
 * @since 0.1.0
 */
export const sandboxes = (): Sandboxes => ({
  braze: BrazeSandbox.make(),
  ads: AdwordsSandbox.make(),
  zendesk: ZendeskSandbox.make({ requestsPerMinute: 6_000 })
})

/**
 * Vendors at work.
 *
 * @category models
 * @since 0.1.0
 */
export interface Vendors {
  readonly environment: ConfigProvider.ConfigProvider
  /** Requests answered so far, by the destination's id in the configuration. */
  readonly requests: () => Readonly<Record<string, number>>
  readonly states: (now: number) => States
}

/**
 * Serves the sandboxes on free ports until the scope closes.
 *
 * @category constructors
 * @since 0.1.0
 */
export const open = Effect.fnUntraced(function* ({
  ads,
  braze,
  zendesk
}: Sandboxes): Effect.fn.Return<Vendors, SandboxServer.CannotListen, Scope.Scope> {
  const served = {
    braze: yield* SandboxServer.serve(braze),
    ads: yield* SandboxServer.serve(ads),
    zendesk: yield* SandboxServer.serve(zendesk)
  }
  const setting = ({ baseUrl, sandbox }: SandboxServer.Served<unknown>, ...path: ReadonlyArray<string>): string =>
    textAt(sandbox.settings(baseUrl), path)
  return {
    environment: ConfigProvider.fromUnknown({
      BRAZE_URL: served.braze.baseUrl,
      BRAZE_API_KEY: setting(served.braze, "apiKey"),
      ADS_URL: served.ads.baseUrl,
      ADS_TOKEN_URL: setting(served.ads, "tokenUrl"),
      ADS_ACCOUNT_ID: setting(served.ads, "accountId"),
      ADS_CLIENT_ID: setting(served.ads, "oauth", "clientId"),
      ADS_CLIENT_SECRET: setting(served.ads, "oauth", "clientSecret"),
      ADS_REFRESH_TOKEN: setting(served.ads, "oauth", "refreshToken"),
      ZENDESK_URL: served.zendesk.baseUrl,
      ZENDESK_CLIENT_ID: setting(served.zendesk, "oauth", "clientId"),
      ZENDESK_CLIENT_SECRET: setting(served.zendesk, "oauth", "clientSecret"),
      ZENDESK_REFRESH_TOKEN: setting(served.zendesk, "oauth", "refreshToken")
    }),
    requests: () => ({
      braze: served.braze.requests(),
      ads: served.ads.requests(),
      zendesk: served.zendesk.requests()
    }),
    states: (now) => ({ braze: braze.state(now), ads: ads.state(now), zendesk: zendesk.state(now) })
  }
})

/** A text in a sandbox's settings; one that is missing stays empty, and the plugin's settings name it. */
const textAt = (settings: { readonly [key: string]: Json.Json }, path: ReadonlyArray<string>): string => {
  let value: unknown = settings
  for (const key of path) value = isRecord(value) ? value[key] : undefined
  return typeof value === "string" ? value : ""
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null
