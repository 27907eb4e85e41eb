// The vendors, each a sandbox behind a port, with faults between it and the process under test.
import type { Sandbox } from "@tributary/core"
import { make as makeAds } from "@tributary/destination-adwords/sandbox"
import { make as makeBraze } from "@tributary/destination-braze/sandbox"
import { make as makeZendesk } from "@tributary/destination-zendesk/sandbox"
import { createServer, type Server, type ServerResponse } from "node:http"
import type { Random } from "./Random.ts"

/** What may befall a request: before the vendor took it, or after. */
const before = ["429", "429 with seconds", "429 with a date", "500", "503", "502 in HTML", "reset before"] as const
const after = ["reset after", "slow", "truncated", "cut off", "200 in HTML"] as const
export type Fault = (typeof before)[number] | (typeof after)[number]
export type Mishap = Fault | "job failed late" | "list deleted" | "account connected anew"

/** Where a process is killed, as a vendor sees it. */
export type Boundary = "arrived" | "taken" | "answered"

export interface Vendors {
  readonly environment: () => Readonly<Record<string, string>>
  readonly braze: ReturnType<typeof makeBraze>
  readonly ads: ReturnType<typeof makeAds>
  readonly zendesk: ReturnType<typeof makeZendesk>
  readonly requests: () => number
  readonly faults: ReadonlyMap<Mishap, number>
  /** Tellings that a vendor already had in just that form. */
  readonly again: () => number
  /** Tellings that a vendor took and whose answer nobody was sure to hear: these may come again. */
  readonly unheard: () => number
  /** Counts what was on the wire when a process was killed: at most so many requests of each vendor. */
  readonly killed: () => void
  /** An operator reads what a process said, and does what it asks for. */
  readonly heard: (output: string) => void
  /** From the next request on, calls `kill` at the n-th that reaches this boundary. */
  readonly killAt: (boundary: Boundary, n: number, kill: () => void) => void
  readonly calm: () => void
  readonly deleteList: () => void
  readonly close: () => Promise<void>
}

/** What the reconciler may have on the wire at a time, for each destination. */
const inFlight = 40

interface Telling {
  /** Who, where and what. */
  readonly key: string
  readonly value: string
}

const record = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null ? Object.fromEntries(Object.entries(value)) : {}
const items = (value: unknown): ReadonlyArray<Readonly<Record<string, unknown>>> =>
  Array.isArray(value) ? value.map(record) : []

/** What a request tells, in a form that can be compared with what was told before. */
const tellings = (vendor: string, path: string, body: unknown): ReadonlyArray<Telling> => {
  const sent = record(body)
  if (vendor === "BRAZE") {
    const who = (object: Readonly<Record<string, unknown>>) => String(object["external_id"] ?? object["email"])
    return [
      ...items(sent["attributes"]).flatMap((object) =>
        ["revenue", "shoppers", "key_accounts"].flatMap((key) =>
          key in object ? [{ key: `${who(object)} ${key}`, value: JSON.stringify(object[key]) }] : []
        )
      ),
      ...items(sent["events"]).map((event) => ({ key: `${who(event)} event`, value: String(event["name"]) }))
    ]
  }
  if (vendor === "ZENDESK") {
    // An organization is told again when its users change, though its fields are the same.
    const user = record(sent["user"])
    return Object.entries(record(user["user_fields"])).map(([field, value]) => ({
      key: `${String(user["external_id"])} ${field}`,
      value: JSON.stringify(value)
    }))
  }
  // A member is told with all its addresses, so a new one brings the others along: the set is what is told.
  const list = items(sent["destinations"])[0]?.["productDestinationId"]
  return items(sent["audienceMembers"]).map((member) => ({
    key: `${String(list)} ${JSON.stringify(member)}`,
    value: path.slice(path.indexOf(":"))
  }))
}

export const openVendors = async (
  random: Random,
  clock: { readonly now: () => number; readonly speed: number },
  faultRate: number,
  log: (line: string) => void
): Promise<Vendors> => {
  let isCalm = false
  let requests = 0
  let again = 0
  let unheard = 0
  let kill: { readonly boundary: Boundary; left: number; readonly run: () => void } | undefined
  const faults = new Map<Mishap, number>()
  const count = (fault: Mishap) => faults.set(fault, (faults.get(fault) ?? 0) + 1)
  const held = new Map<string, string>()
  const recent = new Map<string, Array<number>>()
  const uploads: Array<number> = []

  const braze = makeBraze({ limit: false })
  const ads = makeAds({
    jobFault: () => {
      if (isCalm || !random.chance(0.1)) return undefined
      count("job failed late")
      unheard += uploads.at(-1) ?? 0
      return "PROCESSING_ERROR_REASON_INTERNAL_ERROR"
    }
  })
  const zendesk = makeZendesk({ requestsPerMinute: 100_000, accessTokenSeconds: 172_800 })

  const reached = (boundary: Boundary) => {
    if (kill?.boundary !== boundary || --kill.left > 0) return
    const { run } = kill
    kill = undefined
    run()
  }

  const faultFor = (): Fault | undefined =>
    isCalm || !random.chance(faultRate) ? undefined : random.pick([...before, ...after])

  const take = (vendor: string, sandbox: Sandbox.Sandbox, request: Sandbox.SandboxRequest, isUnheard: boolean) => {
    let body: unknown
    try {
      body = JSON.parse(request.body)
    } catch {
      body = undefined
    }
    const sent = request.method === "POST" ? tellings(vendor, request.path, body) : []
    uploads.push(sent.length)
    const answer = sandbox.handle(request, clock.now())
    if (answer.status >= 300) return answer
    for (const { key, value } of sent) {
      const place = `${vendor} ${key}`
      if (held.get(place) === value) again++
      held.set(place, value)
    }
    if (isUnheard) unheard += sent.length
    const last = recent.get(vendor) ?? []
    recent.set(vendor, [...last, sent.length].slice(-inFlight))
    return answer
  }

  const answerWith = (response: ServerResponse, answer: Sandbox.SandboxResponse, fault: Fault | undefined) => {
    const text = typeof answer.body === "string" ? answer.body : JSON.stringify(answer.body ?? null)
    const headers = { "content-type": "application/json", ...answer.headers }
    if (fault === "200 in HTML") {
      response.writeHead(200, { "content-type": "text/html" }).end("<html><body>Welcome to the proxy</body></html>")
    } else if (fault === "truncated") {
      response.writeHead(answer.status, headers).end(text.slice(0, text.length >> 1))
    } else if (fault === "cut off") {
      response.writeHead(answer.status, { ...headers, "content-length": String(Buffer.byteLength(text) + 10) })
      response.write(text, () => response.destroy())
    } else {
      response.writeHead(answer.status, headers).end(text, () => reached("answered"))
    }
  }

  const refuse = (response: ServerResponse, fault: Fault) => {
    const later = new Date(clock.now() + 3_000).toUTCString()
    switch (fault) {
      case "reset before":
        return response.destroy()
      case "429":
        return response.writeHead(429).end()
      case "429 with seconds":
        return response.writeHead(429, { "retry-after": "2" }).end(`{"error":"rate limited"}`)
      case "429 with a date":
        return response.writeHead(429, { "retry-after": later }).end(`{"error":"rate limited"}`)
      case "502 in HTML":
        return response.writeHead(502, { "content-type": "text/html" }).end("<html>Bad gateway</html>")
      default:
        return response.writeHead(Number(fault)).end(`{"error":"try again"}`)
    }
  }

  const serve = async (vendor: string, sandbox: Sandbox.Sandbox): Promise<readonly [string, Server]> => {
    const server = createServer((incoming, response) => {
      const parts: Array<Buffer> = []
      incoming.on("error", () => undefined)
      incoming.on("data", (part: Buffer) => parts.push(part))
      incoming.on("end", () => {
        requests++
        const url = new URL(incoming.url ?? "/", "http://vendor")
        reached("arrived")
        const request: Sandbox.SandboxRequest = {
          method: incoming.method ?? "GET",
          path: url.pathname,
          query: url.searchParams,
          headers: Object.fromEntries(Object.entries(incoming.headers).map(([name, value]) => [name, String(value)])),
          body: Buffer.concat(parts).toString("utf8")
        }
        const fault = faultFor()
        if (fault !== undefined) count(fault)
        log(
          `${new Date(clock.now()).toISOString()} ${vendor} ${request.method} ${request.path} ${fault ?? "-"} ${request.body}`
        )
        if (before.some((each) => each === fault) && fault !== undefined) return refuse(response, fault)
        const answer = take(vendor, sandbox, request, fault !== undefined)
        reached("taken")
        if (fault === "reset after") return response.destroy()
        const tell = () => answerWith(response, answer, fault)
        return fault === "slow" ? setTimeout(tell, 40_000 / clock.speed) : tell()
      })
    })
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
    const address = server.address()
    return [`http://127.0.0.1:${typeof address === "object" ? address?.port : ""}`, server]
  }

  const [brazeUrl, brazeServer] = await serve("BRAZE", braze)
  const [adsUrl, adsServer] = await serve("ADS", ads)
  const [zendeskUrl, zendeskServer] = await serve("ZENDESK", zendesk)
  const adsSettings = record(ads.settings(adsUrl))
  const tokenUrl = String(adsSettings["tokenUrl"])
  const oauthOf = (name: string, oauth: Readonly<Record<string, unknown>>) => ({
    [`${name}_CLIENT_ID`]: String(oauth["clientId"]),
    [`${name}_CLIENT_SECRET`]: String(oauth["clientSecret"]),
    [`${name}_REFRESH_TOKEN`]: String(oauth["refreshToken"])
  })

  const connectZendesk = () => oauthOf("ZENDESK", record(record(zendesk.settings(zendeskUrl))["oauth"]))
  let zendeskAccount = connectZendesk()

  /** As somebody would in Google's own pages. */
  const deleteList = () => {
    const oauth = record(adsSettings["oauth"])
    const form = new URLSearchParams({
      grant_type: "refresh_token",
      client_id: String(oauth["clientId"]),
      client_secret: String(oauth["clientSecret"]),
      refresh_token: String(oauth["refreshToken"])
    })
    const call = (method: string, path: string, headers: Readonly<Record<string, string>>, body: string) =>
      ads.handle({ method, path, query: new URLSearchParams(), headers, body }, clock.now())
    const formType = { "content-type": "application/x-www-form-urlencoded" }
    const token = call("POST", new URL(tokenUrl).pathname, formType, form.toString())
    const access = record(token.body)["access_token"]
    for (const { id } of ads.state(clock.now()).lists) {
      const path = `/v1/accountTypes/GOOGLE_ADS/accounts/1234567890/userLists/${id}`
      const { status } = call("DELETE", path, { authorization: `Bearer ${String(access)}` }, "")
      if (status === 200) count("list deleted")
    }
  }

  return {
    environment: () => ({
      BRAZE_URL: brazeUrl,
      BRAZE_KEY: String(record(braze.settings(brazeUrl))["apiKey"]),
      ADS_URL: adsUrl,
      ADS_TOKEN_URL: tokenUrl,
      ZENDESK_URL: zendeskUrl,
      ...oauthOf("ADS", record(adsSettings["oauth"])),
      ...zendeskAccount
    }),
    heard: (output) => {
      // A token that was rotated and not heard of is lost by the vendor's rules. The message says what to do, and it is done.
      if (!output.includes("Reconnect the account")) return
      count("account connected anew")
      zendeskAccount = connectZendesk()
    },
    braze,
    ads,
    zendesk,
    requests: () => requests,
    faults,
    again: () => again,
    unheard: () => unheard,
    killed: () => {
      for (const last of recent.values()) unheard += last.reduce((sum, sent) => sum + sent, 0)
      recent.clear()
    },
    killAt: (boundary, n, run) => {
      kill = { boundary, left: n, run }
    },
    calm: () => {
      isCalm = true
      kill = undefined
    },
    deleteList,
    close: async () => {
      for (const server of [brazeServer, adsServer, zendeskServer]) {
        server.closeAllConnections()
        await new Promise((resolve) => server.close(resolve))
      }
    }
  }
}
