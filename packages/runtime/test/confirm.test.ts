import { Activation } from "@tributary/core/runtime"
import { assert, it } from "@effect/vitest"
import { Console, Effect } from "effect"
import { AskedOperator } from "../src/cli/Confirm.ts"
import { removeEverybody } from "../src/cli/operate.ts"
import { describeStores } from "./support/stores.ts"
import { audience, inWorld, type World } from "./support/world.ts"
import { runIn } from "./support/inProcess.ts"

const id = "echo/vips"

/** Two people with three identifiers on a list, and an operator who types this; nobody where it is `undefined`. */
const run = Effect.fnUntraced(function* (
  world: World,
  verb: "empty" | "delete-list",
  typed: string | undefined,
  flags: { readonly yes?: boolean; readonly json?: boolean } = {}
) {
  yield* world.customers([{ id: "u1", email: "u1@example.com" }, { id: "u2" }])
  yield* world.members("vips", ["u1", "u2"])
  const activations = [Activation.list(audience("vips"), world.destination, { id })]
  yield* world.sync(activations)
  const said: Array<string> = []
  const asked: Array<string> = []
  const removed = yield* removeEverybody(verb, yield* world.activation(id), {
    activation: id,
    json: false,
    ...flags
  }).pipe(
    Effect.provideService(Console.Console, {
      ...(yield* Console.Console),
      log: (...texts: ReadonlyArray<unknown>) => void said.push(texts.join(" "))
    }),
    Effect.provideService(AskedOperator, {
      isThere: typed !== undefined,
      ask: (question) => Effect.sync(() => (asked.push(question), typed ?? ""))
    }),
    Effect.result
  )
  yield* world.sync(activations)
  return {
    refused: removed._tag === "Failure" ? removed.failure.message : undefined,
    said,
    asked,
    members: [...(world.vendor.state.lists.get("list1")?.members ?? [])]
  }
})

const everybody = ["user_id:u1", "email:u1@example.com", "user_id:u2"]

describeStores("R36 empty and delete-list", (store) => {
  it.effect("R36 empty shows whom it removes, and goes ahead once that is confirmed on the terminal", () =>
    inWorld(store)((world) =>
      Effect.gen(function* () {
        const { asked, members, refused, said } = yield* run(world, "empty", "y")
        assert.deepStrictEqual(asked, ["This removes 2 profiles (3 identifiers) from echo/vips. Continue? (y/N) "])
        assert.isUndefined(refused)
        assert.deepStrictEqual(said, [
          'The next sync removes 2 profiles (3 identifiers) from echo/vips. It stays empty until "tributary resume echo/vips".'
        ])
        assert.deepStrictEqual(members, [])
      })
    )
  )

  it.effect("R36 whatever else is typed does nothing", () =>
    inWorld(store)((world) =>
      Effect.gen(function* () {
        const { members, refused, said } = yield* run(world, "empty", "")
        assert.deepStrictEqual([refused, said], ["Nothing was done.", []])
        assert.sameMembers(members, everybody)
      })
    )
  )

  it.effect("R36 without a terminal and without --yes nothing is done, and it says how to confirm", () =>
    inWorld(store)((world) =>
      Effect.gen(function* () {
        const { asked, members, refused } = yield* run(world, "delete-list", undefined)
        assert.deepStrictEqual(asked, [])
        assert.strictEqual(
          refused,
          'This deletes the list of echo/vips, with 2 profiles (3 identifiers). Nothing was done. To confirm, run "tributary delete-list echo/vips --yes", or run it on a terminal.'
        )
        assert.sameMembers(members, everybody)
      })
    )
  )

  it.effect("R36 --yes asks nobody, and --json prints the counts", () =>
    inWorld(store)((world) =>
      Effect.gen(function* () {
        const { asked, members, said } = yield* run(world, "empty", undefined, { yes: true, json: true })
        assert.deepStrictEqual(asked, [])
        assert.deepStrictEqual(
          said.map((line) => JSON.parse(line)),
          [{ activation: id, done: "empty", profiles: 2, identifiers: 3 }]
        )
        assert.deepStrictEqual(members, [])
      })
    )
  )

  it("R36 both say in their help that a script has to confirm", async () => {
    for (const verb of ["empty", "delete-list"]) {
      const { code, stdout } = await runIn(process.cwd(), {}, [verb, "--help"])
      assert.strictEqual(code, 0)
      assert.include(stdout, "--yes")
    }
  })
})
