import { assert, it } from "@effect/vitest"
import { Console, Effect } from "effect"
import * as fs from "node:fs"
import { describe } from "vitest"
import { demo, type DemoOptions, type DemoReport, render } from "../src/index.ts"
import { sandboxes, type Sandboxes } from "../src/Vendors.ts"

const options: DemoOptions = { seed: 3, customers: 150, keep: false, json: true }

const differencesOf = (changed: Partial<Sandboxes>) =>
  demo(options, { ...sandboxes(), ...changed }).pipe(
    Effect.flip,
    Effect.map((error) => (error._tag === "DemoDiffers" ? error : assert.fail(error.message)))
  )

/** What a demo prints, beside its report. */
const heard = Effect.fnUntraced(function* (wanted: DemoOptions) {
  const lines: Array<string> = []
  const console = yield* Console.Console
  const log = (...args: ReadonlyArray<unknown>) => {
    lines.push(...args.join(" ").split("\n"))
  }
  const report = yield* Effect.provideService(demo(wanted), Console.Console, { ...console, log })
  return { report, lines }
})

let played: ReturnType<typeof play> | undefined
const play = () => Effect.runPromise(heard({ ...options, json: false }))
/** One demo for all tests that only look at it. */
const usual = Effect.promise(() => (played ??= play()))

// Live time: the demo brings a clock of its own, and keeps the vendors' limits in real seconds.
describe("demo", () => {
  it.live("a small shop ends with every sandbox holding what the database says", () =>
    Effect.gen(function* () {
      const { report } = yield* usual
      assert.deepStrictEqual(
        report.agreed.map(({ vendor, what }) => `${vendor} ${what}`),
        ["Braze people", "Google Ads list members", "Zendesk users", "Zendesk organizations"]
      )
      for (const { count, what } of report.agreed) assert.isAbove(count, 0, what)
      assert.strictEqual(report.happened.merged, 2)
      assert.include(render(report), "Every sandbox holds what the database says")
    })
  )

  it.live("the second sync sends changes only", () =>
    Effect.gen(function* () {
      const { report } = yield* usual
      const [first, second] = report.syncs.map((sync) =>
        sync.destinations.flatMap((each) => each.activations).reduce((sum, { counts }) => sum + counts.identify, 0)
      )
      assert.isAbove(second ?? 0, 0)
      assert.isBelow(second ?? 0, (first ?? 0) / 2)
    })
  )

  it.live("what is printed fits a terminal of 100 columns, and the store goes with the demo", () =>
    Effect.gen(function* () {
      const { lines, report } = yield* usual
      assert.isAbove(lines.length, 10)
      for (const line of [...lines, ...render(report).split("\n")]) assert.isAtMost(line.length, 100, line)
      const folder = /opens in (\S+),/.exec(lines.join(" "))?.[1]
      assert.isDefined(folder)
      assert.isFalse(fs.existsSync(folder ?? ""))
    })
  )

  it.live("the same seed sends the same; as JSON nothing is printed, and the store can be kept", () =>
    Effect.gen(function* () {
      const sent = ({ syncs }: DemoReport) =>
        syncs.map((sync) =>
          sync.destinations.flatMap((each) =>
            each.activations.map(({ activation, counts }) => ({ activation, counts }))
          )
        )
      const { lines, report } = yield* heard({ ...options, keep: true })
      yield* Effect.addFinalizer(() => Effect.sync(() => fs.rmSync(report.folder ?? "", { recursive: true })))
      assert.deepStrictEqual(sent(report), sent((yield* usual).report))
      assert.deepStrictEqual(lines, [])
      assert.isTrue(fs.existsSync(`${report.folder}/store/pgdata`))
    })
  )

  it.live("a Braze that forgets a value fails the demo, and the difference is named", () =>
    Effect.gen(function* () {
      const { braze } = sandboxes()
      const error = yield* differencesOf({
        braze: {
          ...braze,
          handle: (request, now) =>
            braze.handle(
              { ...request, body: request.body.replace(/"total_revenue_180_days":[0-9.]+/, '"lost":1') },
              now
            )
        }
      })
      assert.strictEqual(error.sync, "First sync")
      assert.match(error.message, /Braze, external_id \S+: total_revenue_180_days is not set, the database says \d/)
      assert.match(error.message, /Braze, external_id \S+: lost is 1, the database says not set/)
      assert.include(error.message, "report it with the seed, 3")
    })
  )

  it.live("a Google that loses a removal fails the demo after the second sync", () =>
    Effect.gen(function* () {
      const { ads } = sandboxes()
      const error = yield* differencesOf({
        ads: {
          ...ads,
          handle: (request, now) =>
            request.path === "/v1/audienceMembers:remove"
              ? ads.handle(
                  { ...request, body: JSON.stringify({ ...JSON.parse(request.body), validateOnly: true }) },
                  now
                )
              : ads.handle(request, now)
        }
      })
      assert.strictEqual(error.sync, "A day later")
      assert.match(error.message, /Google Ads, list "[^"]+": the address of hash [0-9a-f]{64} should not be there/)
    })
  )

  it.live("a Zendesk that ticks no box fails the demo, and the user is named", () =>
    Effect.gen(function* () {
      const { zendesk } = sandboxes()
      const error = yield* differencesOf({
        zendesk: {
          ...zendesk,
          state: (now) => {
            const state = zendesk.state(now)
            return { ...state, users: state.users.map((user, i) => (i === 0 ? { ...user, user_fields: {} } : user)) }
          }
        }
      })
      assert.match(error.message, /Zendesk, user \S+: first_time_shoppers is not set, the database says true/)
      assert.strictEqual(error.differences.length, 1)
    })
  )

  it.live("too small a shop is refused with the smallest that goes", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(demo({ ...options, customers: 10 }))
      assert.include(error.message, "Ask for 50 or more")
    })
  )
})
