/**
 * Laws about what a plugin declares.
 *
 * @since 0.1.0
 */
import { Duration, Effect, Exit, Schema } from "effect"
import { contract } from "../../contract/Declaration.ts"
import type { Json } from "../../contract/Json.ts"
import { settingsOf } from "../../reference/Reference.ts"
import { baseUrl } from "../../contract/Setting.ts"
import { Broken, secretsOf } from "../Lab.ts"
import { expect, type Law, ofDeclaration } from "../Law.ts"

const home = "http://127.0.0.1:9"

const isEvery = (values: ReadonlyArray<string>) => values.length > 0 && new Set(values).size === values.length

/** Every leaf of an object, with its path. */
const leaves = (value: Json, path: ReadonlyArray<string> = []): ReadonlyArray<readonly [ReadonlyArray<string>, Json]> =>
  typeof value === "object" && value !== null && !Array.isArray(value)
    ? Object.entries(value).flatMap(([key, field]) => leaves(field, [...path, key]))
    : [[path, value]]

type Settings = Readonly<Record<string, Json>>

const isSettings = (value: Json | undefined): value is Settings =>
  typeof value === "object" && value !== null && !Array.isArray(value)

/** With another value in a place, or without it. */
const replaced = (
  settings: Settings,
  [key = "", ...rest]: ReadonlyArray<string>,
  value: Json | undefined
): Settings => {
  const inner = settings[key]
  if (rest.length > 0 && isSettings(inner)) return { ...settings, [key]: replaced(inner, rest, value) }
  const { [key]: _, ...others } = settings
  return value === undefined ? others : { ...others, [key]: value }
}

/** What would lead a request elsewhere if it were pasted into an address. */
const leading = [
  "evil.example/",
  "evil.example?",
  "evil.example#",
  "x@evil.example/",
  "evil.example\\",
  "evil.example:443/"
]

const hostOf = (address: string): string => (URL.canParse(address) ? new URL(address).hostname : "")

/**
 * @category laws
 * @since 0.1.0
 */
export const declared: ReadonlyArray<Law> = [
  ofDeclaration(
    "name",
    "A plugin has a name of lower-case letters, digits and hyphens, a title and a version.",
    (declaration) =>
      expect(
        /^[a-z][a-z0-9-]*$/.test(declaration.name) &&
          declaration.title.trim() !== "" &&
          declaration.version.trim() !== "",
        () =>
          `Its name is "${declaration.name}", its title "${declaration.title}", its version "${declaration.version}".`
      )
  ),
  ofDeclaration(
    "contract",
    "A plugin states the version of the contract that it was made for, and it is this one.",
    (declaration) =>
      expect(
        declaration.contract === contract,
        () => `It states ${declaration.contract}, and this kit tries version ${contract}.`
      )
  ),
  ofDeclaration(
    "forms",
    "A plugin has a form, calls and identifier types, and names each once.",
    ({ event, identifiers, list }) =>
      expect(
        (event !== undefined || list !== undefined) &&
          (event === undefined || isEvery(event.calls)) &&
          isEvery(identifiers),
        () => {
          return `Its calls are [${event?.calls.join(", ")}], its identifier types [${identifiers.join(", ")}].`
        }
      )
  ),
  ofDeclaration("batch", "A batch holds a whole number of items, one at least.", ({ event, list }) =>
    expect(
      [event?.batch, list?.batch].every(
        (batch) => batch === undefined || (Number.isInteger(batch.items) && batch.items >= 1 && (batch.bytes ?? 1) >= 1)
      ),
      () => `Its batches are ${JSON.stringify([event?.batch, list?.batch])}.`
    )
  ),
  ofDeclaration(
    "limits",
    "A limit is a whole number, one at least, in a window that passes, and on a path below the base address.",
    ({ event, limits: shared, list }) => {
      const limits = [...shared, ...(event?.limits ?? []), ...(list?.limits ?? [])]
      const bad = limits.find(
        (limit) =>
          !Number.isInteger(limit.count) ||
          limit.count < 1 ||
          (limit._tag !== "Concurrent" &&
            (!(limit.windowMillis > 0) || (limit.endpoint !== undefined && !/^([A-Z]+ )?\//.test(limit.endpoint))))
      )
      return expect(bad === undefined, () => `One of its limits is ${JSON.stringify(bad)}.`)
    }
  ),
  ofDeclaration("cadence", "A list's members are added again more seldom than the list is synced.", ({ list }) =>
    expect(list?.refreshAfter === undefined || Duration.isGreaterThan(list.refreshAfter, list.cadence), () => {
      return `Members are added again every ${Duration.format(list?.refreshAfter ?? Duration.zero)}, and the list is synced every ${Duration.format(list?.cadence ?? Duration.zero)}.`
    })
  ),
  ofDeclaration("described", "Every setting says what it is, for whoever fills it in.", (declaration) => {
    const silent = settingsOf(declaration).filter(({ description }) => description.trim() === "")
    return expect(silent.length === 0, () => {
      return `Nothing is said of ${silent.map(({ path }) => path.join(".")).join(", ")}: annotate it with a description.`
    })
  }),
  {
    name: "settings",
    sentence: "Settings that miss what is needed are refused with its place, and no secret is repeated.",
    concerns: () => true,
    check: Effect.fnUntraced(function* (subject, options) {
      const settings = (options.settings ?? options.sandbox().settings)(home)
      const bound = yield* Effect.option(subject.sandboxed("conformance", settings).bind)
      const secrets = bound._tag === "Some" ? secretsOf(settings, bound.value) : []
      let refusals = 0
      for (const [path] of leaves(settings)) {
        for (const wrong of [undefined, { wrong: ["thing"] }]) {
          const bad = replaced(settings, path, wrong)
          const result = yield* Effect.exit(subject.sandboxed("conformance", bad).bind)
          yield* expect(!Exit.hasDies(result), () => `Without "${path.join(".")}" the plugin throws.`)
          if (Exit.isSuccess(result)) continue
          refusals++
          const said = String(Exit.getCause(result))
          const sent = secrets.some((secret) => said.includes(secret))
          yield* expect(!sent, () => `Without "${path.join(".")}", the refusal repeats a secret.`)
          yield* expect(said.includes(path[0] ?? ""), () => `The refusal does not name "${path.join(".")}": ${said}`)
        }
      }
      yield* expect(refusals > 0, () => "Any settings are taken.")
    })
  },
  {
    name: "address",
    sentence:
      "Requests go over https, or to this machine, and no setting that is part of an address can lead them elsewhere.",
    concerns: () => true,
    check: Effect.fnUntraced(function* (subject, options) {
      const settings = (options.settings ?? options.sandbox().settings)(home)
      const addressOf = (changed: Settings) =>
        Effect.map(Effect.option(subject.sandboxed("conformance", changed).bind), (bound) =>
          bound._tag === "Some" ? bound.value.client.baseUrl : undefined
        )
      const usual = yield* addressOf(settings)
      if (usual === undefined) return yield* new Broken({ reason: "The sandbox's settings are refused." })
      yield* expect(Schema.is(baseUrl)(usual), () => `Requests go to ${usual}.`)
      for (const [path, value] of leaves(settings)) {
        // Without an address of its own, which leads wherever the operator says, the other settings make the address.
        const made = yield* addressOf(replaced(settings, path, undefined))
        const bases = made === undefined ? [settings] : [settings, replaced(settings, path, undefined)]
        for (const base of bases) {
          for (const [inner, was] of leaves(base)) {
            if (typeof was !== "string" || typeof value !== "string") continue
            for (const text of leading) {
              const address = yield* addressOf(replaced(base, inner, text))
              yield* expect(address === undefined || !hostOf(address).endsWith("evil.example"), () => {
                return `"${inner.join(".")}" set to "${text}" sends requests to ${address}.`
              })
            }
          }
        }
      }
    })
  }
]
