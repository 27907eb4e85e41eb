import { Activation, Ledger } from "@tributary/core/runtime"
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { resolve } from "../../src/config/Resolved.ts"
import { refreshComputation, refreshProfiles } from "../../src/engine/Refresh.ts"
import * as Space from "../../src/engine/Space.ts"
import { describeStores } from "../support/stores.ts"
import { audience, inWorld } from "../support/world.ts"

describeStores("R27 identifiers that move while they are told", (store) => {
  it.effect("R27 who got an address while its telling was in flight is looked at again once it is told", () =>
    inWorld(store)((world) =>
      Effect.gen(function* () {
        const ledger = yield* Ledger.Ledger
        const activations = [Activation.events(audience("Vips"), world.destination)]
        yield* world.customers([{ id: "u1", email: "a@example.com" }, { id: "u2" }])
        yield* world.sync(activations)
        yield* world.members("Vips", ["u1"])
        const space = yield* Effect.scoped(
          Effect.flatMap(Effect.fromResult(resolve(world.config(...activations))), (resolved) => Space.open(resolved))
        )
        const { resolved } = space
        yield* Effect.forEach(resolved.computations, (computation) =>
          refreshComputation(computation, { folder: ".", full: false })
        )
        const no = yield* world.activation("echo/vips")
        const [row] = yield* world.sql<{ epoch: bigint }>`select epoch from tributary.destination`
        const owner = { destination: "echo", epoch: row?.epoch ?? 0n }
        const request = { activations: [no], liveOnly: false, limit: 100 }
        const claim = Effect.flatMap(ledger.claim(owner, request), (taken) => Effect.fromOption(taken))
        const first = yield* claim
        const wanted = {
          identifierTypes: ["user_id", "email"],
          traits: false,
          users: false,
          reached: false,
          kinds: ["identify"],
          keys: {},
          joins: false
        } as const
        const { profiles } = yield* ledger.read(first, wanted)
        const address = { type: "email", value: "a@example.com" }
        const email = profiles[0]?.identifiers.find(({ type }) => type === "email")?.no ?? 0
        // The address moves to somebody who is not in the audience, and who is looked at before it was told.
        yield* world.customers([{ id: "u1" }, { id: "u2", email: "a@example.com" }])
        yield* Effect.forEach(resolved.profiles, (profiles) => refreshProfiles(profiles, { folder: ".", full: false }))
        const second = yield* claim
        assert.strictEqual(second.profiles.size, 1)
        yield* ledger.settle(second, { ...Ledger.nothingSettled, released: [...second.profiles] })
        yield* ledger.settle(first, {
          ...Ledger.nothingSettled,
          acknowledged: [{ activation: no, kind: "identify", identifier: email, of: address, sent: 1n, attempt: 1n }],
          released: [...first.profiles]
        })
        yield* world.sync(activations)
        assert.deepInclude(
          world.sent().map((message) => [message["identifier"], message["traits"]?.vips]),
          ["email:a@example.com", false]
        )
      })
    )
  )
})
