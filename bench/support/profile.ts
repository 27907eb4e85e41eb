// Where this process spends its time, by part of the engine: what a sample's nearest file of ours, or of a library, is.
import { Effect } from "effect"
import { Session } from "node:inspector/promises"

type Parts = ReadonlyArray<readonly [string, RegExp]>

const ways: Parts = [
  ["plan", /core\/src\/(EventPlan|ListPlan|Plan|ClaimPlan|Enrichment|Json)\.ts/],
  ["read", /store\/Readings\.ts|core\/src\/Fingerprints\.ts/],
  [
    "settle and claim",
    /store\/(Settlements|SentSets|Intents|Claims|DirtySets|SqlLedger)\.ts|core\/src\/(Results|IdSet)\.ts|roaring/
  ],
  ["plugin", /destination-/],
  [
    "request",
    /core\/src\/(Connection|Exchange|TimeLimit|RateLimiter|Reply|Signer)\.ts|Transport\.ts|undici|effect\/dist\/http/
  ],
  ["reconciler", /core\/src\/(Reconciler|Delivery|Batches)\.ts/],
  ["PostgreSQL's driver", /sql-pg|pglite|effect\/dist\/sql/]
]

/** Of a plugin alone, where there is no store. */
export const requestParts: Parts = [
  ["the plugin", /destination-/],
  ["reading answers", /core\/src\/Reply\.ts|SchemaParser|SchemaAST/],
  [
    "signing, gate, time limit, body",
    /core\/src\/(Connection|Exchange|TimeLimit|RateLimiter|Signer)\.ts|Transport\.ts|effect\/dist\/http/
  ],
  ["Effect's fibers", /effect\/dist/],
  ["undici and sockets", /undici|node:(net|internal\/stream|async_hooks|internal\/process|events)/]
]

interface Shares {
  /** Of the time, in per cent; the process waited for the rest. */
  readonly busy: number
  /** Parts of what it was busy with. */
  readonly text: string
}

/** Runs an effect under the profiler. */
export const profiled = <A, E, R>(
  effect: Effect.Effect<A, E, R>,
  parts: Parts = ways
): Effect.Effect<{ readonly value: A; readonly shares: Shares }, E, R> =>
  Effect.gen(function* () {
    const session = new Session()
    session.connect()
    yield* Effect.promise(async () => {
      await session.post("Profiler.enable")
      await session.post("Profiler.setSamplingInterval", { interval: 500 })
      await session.post("Profiler.start")
    })
    const value = yield* effect
    const { profile } = yield* Effect.promise(() => session.post("Profiler.stop"))
    session.disconnect()
    const nodes = new Map(profile.nodes.map((node) => [node.id, node]))
    const parents = new Map(profile.nodes.flatMap((node) => (node.children ?? []).map((child) => [child, node.id])))
    const spent = new Map<string, number>()
    let total = 0
    for (const [i, sample] of (profile.samples ?? []).entries()) {
      const micros = profile.timeDeltas?.[i] ?? 0
      const { functionName: leaf, url: file } = nodes.get(sample)?.callFrame ?? {}
      // The profiler's own start and end.
      if (file === "node:inspector") continue
      let part = leaf === "(idle)" ? "idle" : leaf === "(garbage collector)" ? "garbage" : undefined
      for (let at: number | undefined = sample; part === undefined && at !== undefined; at = parents.get(at)) {
        const url = nodes.get(at)?.callFrame.url ?? ""
        part = parts.find(([, pattern]) => pattern.test(url))?.[0]
      }
      total += micros
      spent.set(part ?? "the rest", (spent.get(part ?? "the rest") ?? 0) + micros)
    }
    const busy = total - (spent.get("idle") ?? 0)
    spent.delete("idle")
    const text = [...spent]
      .toSorted(([, a], [, b]) => b - a)
      .map(([part, micros]) => `${part} ${Math.round((micros / busy) * 100)} %`)
      .join(", ")
    return { value, shares: { busy: (busy / total) * 100, text } }
  })
