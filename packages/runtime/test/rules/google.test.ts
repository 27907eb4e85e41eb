// Google end to end: the engine, the plugin, and a fake Google that fails records without saying whose they are.
import { assert, it } from "@effect/vitest"
import { Activation } from "@tributary/core/runtime"
import { serve } from "@tributary/core/testing"
import { Adwords } from "@tributary/destination-adwords"
import * as AdwordsSandbox from "@tributary/destination-adwords/sandbox"
import { Clock, Config, Effect, Redacted } from "effect"
import { TestClock } from "effect/testing"
import * as Summary from "../../src/cli/Summary.ts"
import { past } from "../../src/store/views/History.ts"
import { describeEveryStore } from "../support/stores.ts"
import { audience, inNewYear, type World } from "../support/world.ts"

const { internal, invalidFormat } = AdwordsSandbox.processingErrors
const secret = (text: string) => Config.succeed(Redacted.make(text))

const twenty = Array.from({ length: 20 }, (_, i) => `u${i + 1}`)

const connected = Effect.fnUntraced(function* (world: World, options: AdwordsSandbox.SandboxOptions) {
  const sandbox = AdwordsSandbox.make(options)
  const { baseUrl } = yield* serve(sandbox)
  const destination = Adwords.destination("ads", {
    baseUrl,
    tokenUrl: `${baseUrl}/token`,
    accountId: "1234567890",
    oauth: {
      clientId: "sandbox.apps.googleusercontent.com",
      clientSecret: secret("sandbox-client-secret"),
      refreshToken: secret("1//sandbox-refresh-token")
    },
    consent: { adUserData: "granted", adPersonalization: "granted" },
    termsOfServiceAccepted: true
  })
  const activations = [
    Activation.list(audience("Buyers"), destination, { hold: false, identifiers: { user_id: "none" } })
  ]
  yield* world.customers(twenty.map((id) => ({ id, email: `${id}@example.com` })))
  yield* world.members("Buyers", twenty)
  return {
    /** How many are on the list. */
    size: Effect.map(Clock.currentTimeMillis, (now) => sandbox.state(now).lists[0]?.members.length),
    sync: world.sync(activations),
    /** The next sync, after the cadence of six hours. */
    later: Effect.andThen(TestClock.adjust("7 hours"), world.sync(activations))
  }
})

const delivered = Effect.map(past(undefined, 10), (syncs) => syncs.map((sync) => sync.delivered))

describeEveryStore("Google", (store) => {
  for (const errorCounts of [true, false]) {
    const how = errorCounts ? "with counts" : "without counts"
    it.effect(`R35 R33 of twenty members seven are missing, ${how}: the next sync sends them`, () =>
      inNewYear(store)((world) =>
        Effect.gen(function* () {
          const recordFault = (arrival: number, record: number) => (arrival === 1 && record < 7 ? internal : undefined)
          const { later, size, sync } = yield* connected(world, { recordFault, errorCounts })
          assert.include(Summary.inWords(yield* sync), "ads/buyers: 20 accepted, not confirmed yet.")
          yield* later
          assert.deepStrictEqual(yield* delivered, [20, errorCounts ? 13 : 0])
          assert.strictEqual(Summary.verdict(yield* later), 0)
          assert.strictEqual(yield* size, 20)
        })
      )
    )
  }

  it.effect("R35 R33 five that stay in when twenty are removed are out after the next sync", () =>
    inNewYear(store)((world) =>
      Effect.gen(function* () {
        const recordFault = (arrival: number, record: number) => (arrival === 2 && record < 5 ? internal : undefined)
        const { later, size, sync } = yield* connected(world, { recordFault })
        yield* sync
        yield* world.members("Buyers", [])
        yield* later
        yield* later
        assert.strictEqual(yield* size, 5)
        yield* later
        assert.strictEqual(yield* size, 0)
      })
    )
  )

  it.effect("R35 R33 what the data is at fault for is reported, and not sent again", () =>
    inNewYear(store)((world) =>
      Effect.gen(function* () {
        const { later, size, sync } = yield* connected(world, {
          recordFault: (_, record) => (record < 7 ? invalidFormat : undefined)
        })
        yield* sync
        const answered = yield* later
        assert.strictEqual(Summary.verdict(answered), 4)
        assert.include(Summary.inWords(answered), `ads/buyers: 7 not confirmed by the vendor: ${invalidFormat}.`)
        yield* later
        assert.deepStrictEqual([yield* delivered, yield* size], [[13], 13])
      })
    )
  )

  it.effect("R35 R33 an upload that failed whole through Google's fault is sent again until it succeeds", () =>
    inNewYear(store)((world) =>
      Effect.gen(function* () {
        const jobFault = (arrival: number) => (arrival <= 5 ? internal : undefined)
        const { later, size, sync } = yield* connected(world, { jobFault })
        yield* sync
        for (let i = 0; i < 6; i++) yield* later
        assert.strictEqual(yield* size, 20)
      })
    )
  )
})
